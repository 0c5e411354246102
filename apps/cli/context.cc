#include "context.h"

#include "words.h"

#include <fstream>
#include <iostream>
#include <iterator>

namespace squid_mesh::cli {
namespace {

/// What to try where a database can't be opened as it is.
std::string hint_for(const error& why) {
  if (why.code == errc::not_found) return "check --database; `migrate up` makes a new one";
  if (why.kind == "schema_missing" || why.kind == "schema_too_old")
    return "`migrate up` does it; `migrate status` shows what";
  return why.code == errc::unavailable || why.code == errc::storage ? "`doctor` says more" : "";
}

}  // namespace

void refuse(std::string message, std::string hint) {
  throw failure{.reason = {.code = errc::invalid_argument, .message = std::move(message)}, .hint = std::move(hint)};
}

context::context(const command_line& host, const streams& io)
    : log(host.log), telemetry(host.telemetry), host_(host), io_(io) {
  if (log) return;
  log = [&err = io.err](level severity, std::string_view line) {
    if (severity >= level::warning) err << std::string(line) + "\n" << std::flush;
  };
}

std::string context::database_url() const {
  if (!given.database.empty()) return given.database;
  if (!host_.database.empty()) return host_.database;
  refuse("no database is given", "say --database URL, or set SQUID_MESH_DATABASE: sqlite:PATH or postgresql://...");
}

void context::migrate() const { must(mesh::open({.database = database_url()})); }

mesh& context::open(bool migrate) {
  if (mesh_) return *mesh_;
  auto opened =
      mesh::open({.database = database_url(), .migrate = migrate, .log = log, .telemetry = std::move(telemetry)});
  if (!opened) throw failure{.reason = opened.error(), .hint = hint_for(opened.error())};
  mesh_ = *std::move(opened);
  if (host_.set_up) must(host_.set_up(*mesh_));
  return *mesh_;
}

void context::print(const json& document) const {
  io_.out << document.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

void context::print(const table& rows) const { rows.print(io_.out, io_.on); }

void context::write_line(const std::string& line) const { io_.out << line << '\n'; }

void context::say_command(std::size_t indent, std::string_view command) const {
  constexpr std::string_view called = "squid-mesh ";
  std::string own(command);
  if (command.starts_with(called)) own = host_.program + " " + std::string(command.substr(called.size()));
  write_line(std::string(indent, ' ') + io_.on.painted(own, colour::blue));
}

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
           R"(quote it for the shell: '{"name": "value"}'; or say @FILE, or - for standard input)");
  }
}

run_id parse_run_id(const std::string& text) {
  const auto id = run_id::parse(text);
  if (!id) refuse("\"" + text + "\" is not the id of a run", "`runs list` shows them");
  return *id;
}

}  // namespace squid_mesh::cli
