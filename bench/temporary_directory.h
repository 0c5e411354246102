// A new directory that goes with everything in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace squid_mesh::bench {

class temporary_directory {
 public:
  temporary_directory() {
    if (mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary directory can be made");
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / "squid-mesh-bench.XXXXXX").string();
};

}  // namespace squid_mesh::bench
