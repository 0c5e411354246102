// Which databases a benchmark measures, as its command line says.
#pragma once

#include "places.h"
#include "temporary_directory.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace squid_mesh::bench {

class databases {
 public:
  /// Adds `--database`, `--postgres` and `--directory`.
  void add_options(CLI::App& app);
  /// Once the options are parsed: fills in what they leave out. Throws where they lack what they need.
  void complete();

  /// `sqlite`, `postgres`.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::unique_ptr<place> new_place(const std::string& name) const;
  [[nodiscard]] std::unique_ptr<postgres_place> new_postgres_place() const;

 private:
  std::vector<std::string> names_;
  std::string postgres_;
  std::string directory_;
  std::optional<temporary_directory> temporary_;
};

/// Runs a program, and says what it has thrown.
int run_guarded(int (*program)(int argc, char** argv), int argc, char** argv);

}  // namespace squid_mesh::bench
