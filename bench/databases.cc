#include "databases.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>

namespace squid_mesh::bench {

void databases::add_options(CLI::App& app) {
  app.add_option("--database", names_, "Default: sqlite, and postgres where --postgres is given")
      ->check(CLI::IsMember({"sqlite", "postgres"}));
  app.add_option("--postgres", postgres_, "URL of a database in which schemas may be created and dropped");
  app.add_option("--directory", directory_, "Where to put SQLite's files; default: a new temporary one");
}

void databases::complete() {
  if (names_.empty()) {
    names_.emplace_back("sqlite");
    if (!postgres_.empty()) names_.emplace_back("postgres");
  }
  if (postgres_.empty() && std::ranges::count(names_, "postgres") > 0) {
    throw std::runtime_error("--database postgres needs --postgres URL");
  }
  if (directory_.empty()) directory_ = temporary_.emplace().path();
}

std::unique_ptr<place> databases::new_place(const std::string& name) const {
  if (name == "postgres") return new_postgres_place();
  return new_sqlite_place(directory_);
}

std::unique_ptr<postgres_place> databases::new_postgres_place() const {
  return std::make_unique<postgres_place>(postgres_);
}

int run_guarded(int (*program)(int argc, char** argv), int argc, char** argv) {
  try {
    return program(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}

}  // namespace squid_mesh::bench
