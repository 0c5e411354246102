// A program of somebody who has installed the library: public headers and libraries alone.
#include <squid_mesh/error.hpp>
#include <squid_mesh/ids.hpp>

#include <cstdlib>
#include <iostream>

namespace sm = squid_mesh;

namespace {

sm::result<sm::run_id> read_id(const char* text) {
  const auto id = sm::run_id::parse(text);
  if (!id) return std::unexpected(sm::permanent("not an id"));
  return *id;
}

}  // namespace

int main() {
  const char* text = "0190163d-8694-739b-aea5-966c26f8ad91";
  const auto id = read_id(text);
  if (!id || to_string(*id) != text || read_id("no id").error().message != "not an id") return EXIT_FAILURE;
  std::cout << "squid_mesh works as a package: " << to_string(*id) << '\n';
  return EXIT_SUCCESS;
}
