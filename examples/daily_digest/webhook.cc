#include "webhook.h"

#include "discord_limits.h"

#include <string_view>

namespace daily_digest {
namespace {

using squid_mesh::json;

/// Discord's own codes.
constexpr int invalid_form_body = 50035;
constexpr int invalid_json = 50109;
constexpr int empty_message = 50006;

webhook_answer refusal(int code, const char* message) {
  return {.status = 400, .body = {{"message", message}, {"code", code}}};
}

/// Collects what is wrong, under Discord's paths such as `embeds.0.title`.
class form_check {
 public:
  void complain(const std::string& path, const std::string& code, const std::string& message) {
    errors_[path]["_errors"].push_back({{"code", code}, {"message", message}});
  }

  /// The length of an optional text of at most `max` characters.
  std::size_t text(const json& object, const char* key, const std::string& path, std::size_t max) {
    const auto value = object.find(key);
    if (value == object.end() || value->is_null()) return 0;
    if (!value->is_string()) {
      complain(path + key, "STRING_TYPE_CONVERT", "Could not interpret as string.");
      return 0;
    }
    const std::size_t length = discord::length(value->get_ref<const std::string&>());
    if (length > max) {
      complain(path + key, "BASE_TYPE_MAX_LENGTH", "Must be " + std::to_string(max) + " or fewer in length.");
    }
    return length;
  }

  void link(const json& object, const char* key, const std::string& path) {
    const auto value = object.find(key);
    if (value == object.end() || value->is_null()) return;
    if (!value->is_string() || !discord::is_link(value->get_ref<const std::string&>())) {
      complain(path + key, "URL_TYPE_INVALID_URL", "Not a well formed URL.");
    }
  }

  [[nodiscard]] webhook_answer answer() const {
    if (errors_.empty()) return {};
    webhook_answer refused = refusal(invalid_form_body, "Invalid Form Body");
    refused.body["errors"] = errors_;
    return refused;
  }

 private:
  json errors_ = json::object();
};

/// The length of an embed's text.
std::size_t check_embed(form_check& form, const json& embed, const std::string& path) {
  if (!embed.is_object()) {
    form.complain(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType.");
    return 0;
  }
  const std::size_t title = form.text(embed, "title", path + ".", discord::max_title);
  const std::size_t description = form.text(embed, "description", path + ".", discord::max_description);
  const json footer = embed.value("footer", json::object());
  const std::size_t footer_text =
      footer.is_object() ? form.text(footer, "text", path + ".footer.", discord::max_footer) : 0;
  form.link(embed, "url", path + ".");
  if (title + description == 0) form.complain(path, "BASE_TYPE_REQUIRED", "This embed is empty.");
  return title + description + footer_text;
}

void check_embeds(form_check& form, const json& embeds) {
  if (!embeds.is_array()) return form.complain("embeds", "LIST_TYPE_CONVERT", "Only iterables may be used.");
  if (embeds.size() > discord::max_embeds) {
    form.complain("embeds", "BASE_TYPE_BAD_LENGTH", "Must be 10 or fewer in length.");
  }
  std::size_t total = 0;
  for (std::size_t i = 0; i < embeds.size(); ++i) total += check_embed(form, embeds[i], "embeds." + std::to_string(i));
  if (total > discord::max_embed_text) {
    form.complain("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000.");
  }
}

}  // namespace

webhook_answer judge_message(const std::string& content_type, const std::string& body) {
  if (content_type.substr(0, content_type.find(';')) != "application/json") {
    return refusal(invalid_form_body, "Expected \"Content-Type\" header to be application/json.");
  }
  const json message = json::parse(body, nullptr, false);
  if (!message.is_object()) return refusal(invalid_json, "The request body contains invalid JSON.");
  form_check form;
  const std::size_t content = form.text(message, "content", "", discord::max_content);
  const json embeds = message.value("embeds", json::array());
  check_embeds(form, embeds);
  webhook_answer answer = form.answer();
  if (answer.status == 204 && content == 0 && embeds.empty()) {
    return refusal(empty_message, "Cannot send an empty message");
  }
  return answer;
}

}  // namespace daily_digest
