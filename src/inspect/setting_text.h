// The settings of a definition and their values, in words.
#pragma once

#include <squid_mesh/definition_diff.hpp>

#include <string>

namespace squid_mesh::inline v1 {

/// Whether a setting is one value although it is an object: a condition, a default.
bool is_one_value(const std::string& setting);

/// `attempts` for `retry.max_attempts`; a setting without words is called by its place.
std::string setting_name(const std::string& setting);

/// A setting's value: `30 s`, `none`, `risk.score > 70`.
std::string setting_text(const std::string& setting, const json& value);

/// `reserve on ok to ship`
std::string transition_name(const json& transition);

/// What an element is, in a few words: `approval`, `0 3 * * * Etc/UTC`, `string, secret`.
std::string element_text(definition_element what, const json& element);

}  // namespace squid_mesh::inline v1
