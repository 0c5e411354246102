// What is wrong with the database itself, with the clocks, and with what keeps it from opening.
#include "inspect/diagnosis_rules.h"
#include "inspect/sentence.h"

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace squid_mesh::inline v1 {
namespace {

using namespace std::chrono_literals;

constexpr microseconds slow_answer = 1s;
/// Less than that happens, and leases outlast it.
constexpr microseconds tolerable_skew = 1s;

struct cause {
  std::string_view sign;  ///< in the message
  std::string_view advice;
};

/// What libpq and the server say in English, and what it means.
constexpr std::array<cause, 9> causes{{
    {"could not translate host name", "The host's name is not known: look at the host in the URL, and at DNS."},
    {"password authentication failed", "The server refuses the user or the password: look at both in the URL."},
    {"no password supplied", "The server wants a password: put one into the URL, into PGPASSWORD or into ~/.pgpass."},
    {"no pg_hba.conf entry", "The server doesn't let this machine in: its pg_hba.conf has to have an entry for it."},
    {"does not exist",
     "The server is there, but not what the URL names: create the database or the role, or correct the URL."},
    {"onnection refused", "Nobody listens there: look at host and port in the URL, and whether the server runs."},
    {"No such file or directory",
     "Nobody listens on that socket: look at the path in the URL, and whether the server runs."},
    {"timeout expired", "The host doesn't answer: look at the network and at firewalls in between."},
    {"too many clients", "The server has no connection left: close some, or raise its max_connections."},
}};

std::string advice_about(const std::string& message) {
  for (const cause& each : causes) {
    if (message.find(each.sign) != std::string::npos) return std::string(each.advice);
  }
  return "Look at the URL, at the network, and whether the server runs.";
}

finding of_schema(const error& why) {
  finding found{.severity = severity::error,
                .check = why.kind,
                .subject = {},
                .summary = "The schema can't be used: " + why.message + "."};
  if (why.kind == "schema_missing") {
    found.advice = "Look whether it is the right database and schema. If it is, make the tables.";
    found.commands = {"squid-mesh migrate status", "squid-mesh migrate up"};
  } else if (why.kind == "schema_too_old") {
    found.advice = "Bring the schema up to date; running processes of the earlier version go on.";
    found.commands = {"squid-mesh migrate status", "squid-mesh migrate up"};
  } else if (why.kind == "schema_too_new") {
    found.advice = "Use the version of this program that goes with the newer one which has changed the database.";
  } else if (why.kind == "server_too_old") {
    found.advice = "Update the database server.";
  } else {
    found.advice = "Bring Oban's table up to date with Oban's own migrations; nothing here changes it.";
  }
  return found;
}

finding of_sqlite(const error& why) {
  finding found{.severity = severity::error,
                .check = "database_unreachable",
                .subject = {},
                .summary = "The database can't be used: " + why.message + "."};
  if (why.code == errc::not_found) {
    found.advice = "Look at the path. If the file is to be new, make it.";
    found.commands = {"squid-mesh migrate up"};
  } else if (why.kind == "sqlite_26") {
    found.advice = "The file is something else than a SQLite database, or is damaged: look at the path, or restore it.";
  } else if (why.kind == "sqlite_11") {
    found.advice = "The file is damaged: stop what works on it, and restore it from a backup.";
  } else if (why.kind == "sqlite_14") {
    found.advice = "Look whether the file's folder exists, and whether this user may read and write in it.";
  } else if (why.kind == "sqlite_8") {
    found.check = "database_read_only";
    found.advice = "Let this user write the file and its folder, or open it without mode=ro.";
  } else if (why.kind == "sqlite_5" || why.kind == "sqlite_6") {
    found.advice = "Another program has locked the file: end its transaction.";
  } else {
    found.advice = "Look at the file, its folder and the disk.";
  }
  return found;
}

void judge_clock(const health_reading& reading, findings& found) {
  const microseconds apart = std::chrono::abs(reading.clock_offset);
  if (apart > tolerable_skew) {
    found.push_back(
        {.severity = severity::warning,
         .check = "clock_skew",
         .subject = {},
         .summary = "This machine's clock is " + duration_text(apart) +
                    (reading.clock_offset.count() > 0 ? " behind" : " ahead of") + " the database server's.",
         .advice = "Processes correct for it, but times in other programs and logs disagree. Set the clock, by NTP.",
         .evidence = {{"offset_ms", reading.clock_offset / 1ms}}});
  }
  for (const node_record& node : reading.seen.nodes) {
    const microseconds ahead = node.beat_at - reading.now;
    if (ahead <= tolerable_skew) continue;
    found.push_back({.severity = severity::warning,
                     .check = "clock_skew",
                     .subject = node.node.name,
                     .summary = "The clock of process " + in_quotes(node.node.name) + " is " + duration_text(ahead) +
                                " ahead: its last heartbeat is in the future.",
                     .advice = "If it dies, that is noticed so much later. Set the clock of its machine, by NTP.",
                     .evidence = {{"node", node.node.id}, {"ahead_ms", ahead / 1ms}}});
  }
}

}  // namespace

void judge_database(const health_reading& reading, findings& found) {
  if (reading.server.is_read_only) {
    found.push_back(
        {.severity = severity::error,
         .check = "database_read_only",
         .subject = {},
         .summary = reading.server.product + " can be read, but not written: nothing goes on.",
         .advice = "Is it a standby, or set to be read-only? Connect to the primary, or let it be written."});
  }
  if (reading.answered_in > slow_answer) {
    found.push_back({.severity = severity::warning,
                     .check = "database_slow",
                     .subject = {},
                     .summary = reading.server.product + " took " + duration_text(reading.answered_in) + " to answer.",
                     .advice = "Look at its load, its disk, and the network in between.",
                     .evidence = {{"answered_in_ms", reading.answered_in / 1ms}}});
  }
  judge_clock(reading, found);
  if (!reading.is_notified) {
    found.push_back({.severity = severity::notice,
                     .check = "notifications_lost",
                     .subject = {},
                     .summary = "Notifications don't arrive: processes look for each other's work once in a while "
                                "(work_options::poll), by polling.",
                     .advice =
                         "Nothing gets lost; it only begins later. A pooler in transaction mode is the usual reason: "
                         "connect directly, or in session mode, where that matters."});
  }
}

diagnosis diagnose_failure(const error& why) {
  if (why.code == errc::schema_mismatch) return {.findings = {of_schema(why)}};
  if (why.kind.starts_with("sqlite_") || why.code == errc::not_found) return {.findings = {of_sqlite(why)}};
  finding found{.severity = severity::error,
                .check = "database_unreachable",
                .subject = {},
                .summary = "The database can't be reached: " + why.message + ".",
                .advice = why.code == errc::invalid_argument ? "Correct the URL." : advice_about(why.message)};
  return {.findings = {std::move(found)}};
}

}  // namespace squid_mesh::inline v1
