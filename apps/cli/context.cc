#include "context.h"

#include "words.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace squid_mesh::cli {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

/// A path that was mistyped is not to become an empty database.
void check_is_there(const std::string& url) {
  if (!url.starts_with(sqlite_scheme)) return;
  const std::string path = url.substr(sqlite_scheme.size());
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return;
  throw failure{.reason = {.code = errc::not_found, .message = "there is no file " + path},
                .hint = "check --database; a program that works on the database creates it"};
}

/// A look at a database doesn't change its schema: the programs that work on it may be older.
std::string unmigrated(std::string url) {
  const bool is_postgres = url.starts_with("postgres");
  if (!is_postgres || url.find("migrate=") != std::string::npos) return url;
  return url + (url.find('?') == std::string::npos ? '?' : '&') + "migrate=no";
}

}  // namespace

void refuse(std::string message, std::string hint) {
  throw failure{.reason = {.code = errc::invalid_argument, .message = std::move(message)}, .hint = std::move(hint)};
}

std::string context::database_url() const {
  if (!given.database.empty()) return given.database;
  if (!host_.database.empty()) return host_.database;
  refuse("no database is given", "say --database URL, or set SQUID_MESH_DATABASE: sqlite:PATH or postgresql://...");
}

void context::migrate() const { must(mesh::open({.database = database_url()})); }

mesh& context::database() {
  if (mesh_) return *mesh_;
  std::string url = database_url();
  if (!host_.set_up) {
    check_is_there(url);
    url = unmigrated(std::move(url));
  }
  const auto log = [this](level severity, std::string_view line) {
    if (severity >= level::warning) note(std::string(line));
  };
  mesh_ = must(mesh::open({.database = url, .log = host_.log ? host_.log : log_sink(log)}));
  if (host_.set_up) must(host_.set_up(*mesh_));
  return *mesh_;
}

void context::print(const json& document) const {
  io_.out << document.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

void context::print(const table& rows) const { rows.print(io_.out, io_.on); }

void context::write_line(const std::string& line) const { io_.out << line << '\n'; }

void context::tell(const std::string& line, const json& document) const {
  as_json() ? print(document) : write_line(line);
}

void context::note(const std::string& line) const { io_.err << line << '\n'; }

progress context::show_progress(std::string what, std::size_t whole) const {
  return {io_.err, io_.on, std::move(what), whole};
}

bool context::confirms(const std::string& question, bool yes) const {
  if (yes) return true;
  if (!io_.on.can_be_asked) refuse(question + " Nobody is here to answer.", "say --yes");
  io_.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(io_.in, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string context::time(time_point at) const { return instant_text(at, given.utc); }

time_point context::now() { return std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now()); }

json context::read_json(const std::string& text, const std::string& option) const {
  std::string content = text;
  if (text == "-") {
    content.assign(std::istreambuf_iterator<char>(io_.in), {});
  } else if (text.starts_with('@')) {
    std::ifstream file(text.substr(1), std::ios::binary);
    if (!file) refuse(option + ": the file " + text.substr(1) + " can't be read");
    content.assign(std::istreambuf_iterator<char>(file), {});
  }
  try {
    return json::parse(content);
  } catch (const json::parse_error& e) {
    refuse(option + " is not JSON: byte " + std::to_string(e.byte) + " can't be there",
           "quote it for the shell: '{\"name\": \"value\"}'; or say @FILE, or - for standard input");
  }
}

run_id parse_run_id(const std::string& text) {
  const auto id = run_id::parse(text);
  if (!id) refuse("\"" + text + "\" is not the id of a run", "`runs list` shows them");
  return *id;
}

}  // namespace squid_mesh::cli
