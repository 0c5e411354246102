// A run's payload: what is accepted, what is filled in, what is secret.
#pragma once

#include "base/redact.h"
#include "progress/run_state.h"

#include <squid_mesh/definition.hpp>
#include <squid_mesh/error.hpp>
#include <squid_mesh/time.hpp>

#include <cstddef>
#include <string>

namespace squid_mesh::inline v1 {

/// The payload as JSON text, with defaults filled in. `errc::invalid_payload` lists every problem by field: not an
/// object, fields that are missing, undeclared or of the wrong type, text that isn't UTF-8, more than `max_bytes`.
result<std::string> accept_payload(const definition::trigger& trigger, const json& payload, time_point now,
                                   std::size_t max_bytes);

/// What knows the secrets in a payload of this trigger.
redactor secrets_of(const definition& workflow, std::string_view trigger, const json& payload);

/// Adds what is secret in an input that a person has set: what replaces a secret is one.
void add_edited_secrets(redactor& secrets, const definition& workflow, std::string_view trigger, std::size_t step,
                        const json& input);

/// What knows the secrets of a run as it is now.
redactor secrets_of(const run_state& state, const run_record& run);

}  // namespace squid_mesh::inline v1
