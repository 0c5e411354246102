#include "storage/postgres/connection.h"

#include "base/hash.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

/// A server that says nothing for so long is taken for lost: no statement of ours takes more than a moment.
constexpr std::chrono::seconds answer_deadline{30};

/// Prepared statements keep their plans, which may have been made while the tables were small. For statements that
/// know their rows by key, an index is right whatever the size.
constexpr const char* batch_options =
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
    " -c plan_cache_mode=force_generic_plan";

/// Says whether our options have reached the session: poolers refuse or drop them.
constexpr const char* direct_option = " -c squid_mesh.direct=on";

const char* safe(const char* text) { return text == nullptr ? "" : text; }

/// libpq's messages are lines; ours are parts of sentences.
std::string one_line(std::string message) {
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.pop_back();
  for (char& c : message) {
    if (c == '\n') c = ' ';
  }
  return message;
}

/// The URL as libpq's keywords with our own defaults.
std::map<std::string, std::string> keywords_of(const std::string& url) {
  char* problem = nullptr;
  PQconninfoOption* const parsed = PQconninfoParse(url.c_str(), &problem);
  if (parsed == nullptr) {
    const std::string message = one_line(safe(problem));
    PQfreemem(problem);
    throw failure(failure::kind::unreachable, "", "the database URL can't be read: " + message);
  }
  std::map<std::string, std::string> keywords{{"application_name", "squid_mesh"},
                                              {"client_encoding", "UTF8"},
                                              {"connect_timeout", "5"},
                                              {"tcp_user_timeout", "10000"}};
  for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) keywords[option->keyword] = option->val;
  }
  PQconninfoFree(parsed);
  return keywords;
}

PGconn* connect_with(const std::map<std::string, std::string>& keywords) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectdbParams(names.data(), values.data(), 0);
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  for (const std::string_view beginning : beginnings) {
    if (text.starts_with(beginning)) return true;
  }
  return false;
}

}  // namespace

failure refusal_in(const PGresult* result) {
  const std::string sqlstate = safe(PQresultErrorField(result, PG_DIAG_SQLSTATE));
  std::string message = one_line(safe(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
  if (message.empty()) message = one_line(safe(PQresultErrorMessage(result)));
  const std::string detail = one_line(safe(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL)));
  if (!detail.empty()) message += " (" + detail + ")";
  // libpq makes up a result of its own where it gets none, sometimes before it calls the connection bad. A server's
  // answer has a SQLSTATE.
  return {!sqlstate.empty() ? failure::kind::refused : failure::kind::lost, sqlstate, "PostgreSQL: " + message};
}

error to_error(const failure& why, bool writing) {
  error made{.code = errc::storage, .message = why.what()};
  if (!why.sqlstate().empty()) made.kind = "sqlstate_" + why.sqlstate();
  if (why.is() == failure::kind::lost && writing) {
    made.code = errc::in_doubt;
  } else if (why.is() != failure::kind::refused ||
             // Serialisation and deadlocks, missing resources, interventions of an operator, a lock that wasn't free,
             // a standby that can't write, and a pooler's session that doesn't know what another one has prepared.
             starts_with_any(why.sqlstate(), {"40", "53", "57", "55P03", "25006", "26000", "42P05", "08"})) {
    made.code = errc::unavailable;
    made.retryable = true;
  } else if (starts_with_any(why.sqlstate(), {"21", "22", "23"})) {
    made.code = errc::invalid_argument;
  }
  return made;
}

statement::statement(std::string text)
    : text_(std::move(text)), name_("squid_mesh_" + sha256_hex(text_).substr(0, 24)) {}

connection::connection(const std::string& url, purpose use) {
  connect(url, use);
  PQsetnonblocking(handle_.get(), 1);
  PQsetNoticeProcessor(handle_.get(), [](void*, const char*) {}, nullptr);
  PQenterPipelineMode(handle_.get());
  learn_session();
}

void connection::connect(const std::string& url, purpose use) {
  auto keywords = keywords_of(url);
  const std::string hosts_options = keywords["options"];
  keywords["options"] = hosts_options + direct_option + (use == purpose::batches ? batch_options : "");
  handle_.reset(connect_with(keywords));
  if (!is_open() && std::string_view(PQerrorMessage(handle_.get())).find("startup parameter") != std::string::npos) {
    pooled_ = true;
    keywords["options"] = hosts_options;
    handle_.reset(connect_with(keywords));
  }
  if (!is_open()) throw last_failure(failure::kind::unreachable);
}

/// Asks which session this is, unprepared: it isn't known yet whether the session stays ours.
void connection::learn_session() {
  static const statement who(
      "SELECT pg_backend_pid(), (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()),"
      " coalesce(current_setting('squid_mesh.direct', true), '') = 'on'");
  const bool refused_options = std::exchange(pooled_, true);
  const rows found = run(who);
  pooled_ = refused_options || !found.boolean(0, 2);
  if (!pooled_) session_ = {.pid = static_cast<int>(found.integer(0, 0)), .since = found.time(0, 1)};
}

failure connection::last_failure(failure::kind is) const {
  const std::string message = one_line(safe(PQerrorMessage(handle_.get())));
  return {is, "", message.empty() ? "the connection to the database is lost" : message};
}

rows connection::run(const statement& sql, parameters values) {
  const request only{.sql = &sql, .values = std::move(values)};
  auto answers = run(std::span(&only, 1));
  if (answers.front().refusal) throw failure(*answers.front().refusal);
  return std::move(answers.front().found);
}

std::vector<answer> connection::run(std::span<const request> requests) {
  std::vector<answer> answers(requests.size());
  std::size_t confirmed = 0;
  try {
    const auto expected = send(requests);
    receive(expected, answers, confirmed);
  } catch (const failure& lost) {
    broken_ = true;
    for (answer& unconfirmed : std::span(answers).subspan(confirmed)) {
      if (!unconfirmed.refusal) unconfirmed.refusal = lost;
    }
  }
  return answers;
}

// -- Sending

std::vector<connection::sent> connection::send(std::span<const request> requests) {
  std::vector<sent> expected;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const statement& sql = *requests[i].sql;
    if (!pooled_ && !prepared_.contains(sql.name()) &&
        std::ranges::none_of(expected, [&](const sent& e) { return e.prepares == &sql; })) {
      if (PQsendPrepare(handle_.get(), sql.name().c_str(), sql.text().c_str(), 0, nullptr) == 0) fail_lost();
      expected.push_back({.prepares = &sql, .request = i});
    }
    send_one(requests[i]);
    const bool ends = requests[i].ends_transaction || i + 1 == requests.size();
    expected.push_back({.request = i, .ends_transaction = ends});
    if (ends && PQpipelineSync(handle_.get()) == 0) fail_lost();
  }
  flush();
  return expected;
}

void connection::send_one(const request& what) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& value : what.values.values()) {
    values.push_back(value ? value->data() : nullptr);
    lengths.push_back(value ? static_cast<int>(value->size()) : 0);
    formats.push_back(1);
  }
  const int count = static_cast<int>(values.size());
  const int done = pooled_ ? PQsendQueryParams(handle_.get(), what.sql->text().c_str(), count, nullptr, values.data(),
                                               lengths.data(), formats.data(), 1)
                           : PQsendQueryPrepared(handle_.get(), what.sql->name().c_str(), count, values.data(),
                                                 lengths.data(), formats.data(), 1);
  if (done == 0) fail_lost();
}

/// Reads while it writes: a server whose answers nobody takes stops reading.
void connection::flush() {
  while (true) {
    const int left = PQflush(handle_.get());
    if (left < 0) fail_lost();
    if (left == 0) return;
    wait(POLLIN | POLLOUT);
    if (PQconsumeInput(handle_.get()) == 0) fail_lost();
  }
}

void connection::wait(short events) const {
  pollfd socket{.fd = PQsocket(handle_.get()), .events = events, .revents = 0};
  const auto deadline = std::chrono::steady_clock::now() + answer_deadline;
  while (true) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = left.count() > 0 ? poll(&socket, 1, static_cast<int>(left.count())) : 0;
    if (ready > 0) return;
    if (ready < 0 && errno == EINTR) continue;
    throw failure(failure::kind::lost, "", "the database has not answered in time");
  }
}

void connection::fail_lost() const { throw last_failure(failure::kind::lost); }

// -- Receiving

/// The next result of the pipeline; nothing at the end of one request's results.
PGresult* connection::next_result() {
  while (PQisBusy(handle_.get()) == 1) {
    wait(POLLIN);
    if (PQconsumeInput(handle_.get()) == 0) fail_lost();
  }
  PGresult* const next = PQgetResult(handle_.get());
  if (next == nullptr && PQstatus(handle_.get()) != CONNECTION_OK) fail_lost();
  return next;
}

failure connection::answered_refusal(const rows& found) {
  failure why = refusal_in(found.get());
  if (why.is() == failure::kind::lost) throw failure(why);
  // Another session answers than the one that prepared the statement.
  if (why.sqlstate() == "26000" || why.sqlstate() == "42P05") pooled_ = true;
  return why;
}

void connection::receive(const std::vector<sent>& expected, std::vector<answer>& answers, std::size_t& confirmed) {
  for (const sent& next : expected) {
    // One refused request is the end of its whole transaction.
    const auto refuse = [&](const failure& why) {
      for (std::size_t i = confirmed; i <= next.request; ++i) answers[i].refusal = why;
    };
    rows found(next_result());
    if (found.status() == PGRES_FATAL_ERROR) {
      refuse(answered_refusal(found));
    } else if (found.status() == PGRES_PIPELINE_ABORTED) {
      if (next.request > confirmed) refuse(*answers[confirmed].refusal);
    } else if (next.prepares != nullptr) {
      prepared_.insert(next.prepares->name());
    } else {
      answers[next.request].found = std::move(found);
    }
    while (PGresult* const more = next_result()) PQclear(more);
    if (!next.ends_transaction) continue;
    while (true) {
      const rows end(next_result());
      if (end.status() == PGRES_PIPELINE_SYNC) break;
      // The server has refused to commit.
      if (end.status() == PGRES_FATAL_ERROR) refuse(answered_refusal(end));
    }
    confirmed = next.request + 1;
  }
}

// -- Besides the pipeline

PGconn* connection::lend() {
  PQexitPipelineMode(handle_.get());
  PQsetnonblocking(handle_.get(), 0);
  return handle_.get();
}

void connection::take_back() {
  PQsetnonblocking(handle_.get(), 1);
  // It refuses where something is still going on.
  if (PQenterPipelineMode(handle_.get()) == 0) broken_ = true;
}

void connection::run_script(const std::string& text) {
  const bool lent = PQpipelineStatus(handle_.get()) == PQ_PIPELINE_OFF;
  if (!lent) PQexitPipelineMode(handle_.get());
  const rows done(PQexec(handle_.get(), text.c_str()));
  if (!lent) PQenterPipelineMode(handle_.get());
  if (done.status() == PGRES_COMMAND_OK || done.status() == PGRES_TUPLES_OK) return;
  const failure why = refusal_in(done.get());
  if (why.is() == failure::kind::lost) broken_ = true;
  throw failure(why);
}

void connection::roll_back() noexcept {
  try {
    run_script("ROLLBACK");
  } catch (const std::exception&) {
    broken_ = true;  // Whatever is left of the transaction ends with the connection.
  }
}

std::vector<std::string> connection::take_notifications() {
  if (PQconsumeInput(handle_.get()) == 0) {
    broken_ = true;
    fail_lost();
  }
  std::vector<std::string> payloads;
  while (PGnotify* const next = PQnotifies(handle_.get())) {
    payloads.emplace_back(next->extra);
    PQfreemem(next);
  }
  return payloads;
}

}  // namespace squid_mesh::storage::postgres
