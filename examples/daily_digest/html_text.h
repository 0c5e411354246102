// The plain text inside HTML, good enough for a digest.
#pragma once

#include <string>
#include <string_view>

namespace daily_digest {

/// Without tags, comments, scripts and styles; entities decoded; white space folded.
std::string html_to_text(std::string_view html);

/// Every run of white space as one space, none at the ends. The no-break space counts.
std::string fold_white_space(std::string_view text);

}  // namespace daily_digest
