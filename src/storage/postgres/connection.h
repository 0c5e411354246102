// libpq with owners for what it hands out: one connection in pipeline mode, and its life.
#pragma once

#include "storage/postgres/wire.h"

#include <squid_mesh/error.hpp>

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace squid_mesh::storage::postgres {

/// What the server refused, or that it can't be reached any more.
class failure : public std::runtime_error {
 public:
  enum class kind {
    unreachable,  ///< no connection could be made: nothing was sent
    lost,         ///< the connection broke before the server confirmed the transaction
    refused,      ///< the server answered with an error, and the transaction was rolled back
  };
  failure(kind is, std::string sqlstate, const std::string& message)
      : std::runtime_error(message), is_(is), sqlstate_(std::move(sqlstate)) {}

  [[nodiscard]] kind is() const { return is_; }
  /// Five characters; empty where the server gave none.
  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }

 private:
  kind is_;
  std::string sqlstate_;
};

/// The error in a result, which the server answered or libpq made up for want of an answer.
failure refusal_in(const PGresult* result);

/// As the store reports it. `writing`: whether a lost connection leaves a write in doubt.
error to_error(const failure& why, bool writing);

/// A statement's text, and the name under which servers keep it prepared. The name is made from the text, so that
/// whoever shares a server's session through a pooler means the same by it.
class statement {
 public:
  explicit statement(std::string text);
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  std::string text_;
  std::string name_;
};

/// A statement with its parameters, as a part of a round trip.
struct request {
  const statement* sql = nullptr;
  parameters values{};
  /// Whether its transaction ends after it. Requests up to here are one transaction.
  bool ends_transaction = true;
};

/// The answer to one request.
struct answer {
  rows found{};
  std::optional<failure> refusal{};

  /// Its rows; throws the refusal.
  [[nodiscard]] const rows& value() const {
    if (refusal) throw failure(*refusal);
    return found;
  }
};

/// How a connection is set up, beside its URL.
enum class purpose {
  batches,  ///< plans follow indexes whatever the statistics say, and are kept
  queries,  ///< left to the planner
};

/// One open connection. Used by one thread at a time.
class connection {
 public:
  /// Throws `failure`.
  connection(const std::string& url, purpose use);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() = default;

  /// Sends all requests and waits for all answers: one round trip. Every transaction fails or succeeds alone. Never
  /// throws for what the server says: each answer has it.
  std::vector<answer> run(std::span<const request> requests);
  /// One request; throws its refusal.
  rows run(const statement& sql, parameters values = {});
  /// Statements without parameters or results, in one transaction; throws.
  void run_script(const std::string& text);

  /// Undoes what the open transaction has written. On a lost connection that has happened already.
  void roll_back() noexcept;

  /// The connection itself, in the state in which hosts expect one, until `take_back`. Only scripts may be run
  /// meanwhile.
  PGconn* lend();
  void take_back();

  [[nodiscard]] bool is_open() const { return !broken_ && PQstatus(handle_.get()) == CONNECTION_OK; }
  /// Whether a pooler stands between, which gives each transaction another session.
  [[nodiscard]] bool is_pooled() const { return pooled_; }

  /// Which session of the server this is, to be ended from elsewhere. Not through a pooler.
  struct identity {
    int pid = 0;
    time_point since{};
  };
  [[nodiscard]] const identity& session() const { return session_; }

  /// The payloads of notifications that have arrived, without waiting. Throws when the connection is lost.
  std::vector<std::string> take_notifications();

 private:
  /// What the server was asked, in order: each has its answer.
  struct sent {
    const statement* prepares = nullptr;  ///< set: to prepare it
    std::size_t request = 0;              ///< otherwise to run this one
    bool ends_transaction = false;
  };
  void connect(const std::string& url, purpose use);
  void learn_session();
  std::vector<sent> send(std::span<const request> requests);
  void send_one(const request& what);
  void flush();
  void wait(short events) const;
  PGresult* next_result();
  void receive(const std::vector<sent>& expected, std::vector<answer>& answers, std::size_t& confirmed);
  failure answered_refusal(const rows& found);
  [[nodiscard]] failure last_failure(failure::kind is) const;
  [[noreturn]] void fail_lost() const;

  struct closer {
    void operator()(PGconn* handle) const { PQfinish(handle); }
  };
  std::unique_ptr<PGconn, closer> handle_;
  bool broken_ = false;  ///< an answer was not waited for: what arrives now can't be told apart
  bool pooled_ = false;
  identity session_;
  std::unordered_set<std::string> prepared_;
};

}  // namespace squid_mesh::storage::postgres
