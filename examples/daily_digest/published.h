// The dates of feeds.
#pragma once

#include <string>

namespace daily_digest {

/// An RFC 822 date (RSS) or an RFC 3339 one (Atom) as `2026-11-22T09:00:00Z`; empty where it is neither.
std::string to_iso_utc(const std::string& text);

}  // namespace daily_digest
