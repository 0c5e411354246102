// A feed as a message for a Discord webhook.
#pragma once

#include "feed.h"

#include <string_view>

namespace daily_digest {

/// The newest items of a feed as one message, within Discord's limits. The same feed and day give the same message.
squid_mesh::json build_digest_message(const feed& from, std::string_view posted_on);

}  // namespace daily_digest
