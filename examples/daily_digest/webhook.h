// The receiving end of a Discord webhook, as strict as the real one.
#pragma once

#include <squid_mesh/json.hpp>

#include <optional>
#include <string>

namespace daily_digest {

/// What a webhook answers.
struct webhook_answer {
  int status = 204;
  squid_mesh::json body = nullptr;  ///< null: none
  std::optional<int> retry_after_seconds{};
};

/// Judges one message by its content type and body: 204, or 400 with an error of Discord's form.
webhook_answer judge_message(const std::string& content_type, const std::string& body);

}  // namespace daily_digest
