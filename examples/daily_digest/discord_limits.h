// What Discord accepts in a message: the sender and the receiver of the example hold to the same numbers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace daily_digest::discord {

inline constexpr std::size_t max_content = 2'000;
inline constexpr std::size_t max_embeds = 10;
inline constexpr std::size_t max_title = 256;
inline constexpr std::size_t max_description = 4'096;
inline constexpr std::size_t max_footer = 2'048;
inline constexpr std::size_t max_url = 2'048;
/// Titles, descriptions and footers of all embeds of a message together.
inline constexpr std::size_t max_embed_text = 6'000;

/// A text's length in UTF-16 code units: no way of counting characters gives more.
std::size_t length(std::string_view utf8);

/// The text, or as much of it as fits with an ellipsis, never ending inside a character.
std::string shortened(std::string_view utf8, std::size_t max_length);

/// Whether a text is an http or https URL that an embed may carry.
bool is_link(std::string_view text);

}  // namespace daily_digest::discord
