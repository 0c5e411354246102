#include "storage/postgres/step_work.h"

#include "base/fault.h"

#include <squid_mesh/postgres.hpp>

#include <array>
#include <string>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

std::unexpected<error> conflict(std::string message) {
  return std::unexpected(error{.code = errc::conflict, .message = std::move(message)});
}

class step_work final : public unit_of_work {
 public:
  step_work(std::unique_ptr<work_pool::lease> held, commit_speller& speller)
      : held_(std::move(held)), database_(held_->to_server().get()), speller_(speller), face_(database_.lend()) {
    database_.run_script("BEGIN");
  }
  step_work(const step_work&) = delete;
  step_work& operator=(const step_work&) = delete;

  ~step_work() override {
    if (!ended_) database_.roll_back();
    database_.take_back();
  }

  transaction& hosts_side() override { return face_; }

  result<commit_outcome> commit(const squid_mesh::commit& what, time_point now) override {
    if (auto usable = check(); !usable) return std::unexpected(std::move(usable).error());
    try {
      return write(what, now);
    } catch (const failure& why) {
      return std::unexpected(to_error(why, true));
    } catch (const std::exception& why) {
      return std::unexpected(error{.code = errc::storage, .message = why.what()});
    }
  }

 private:
  /// Whether the handler has left the transaction as it found it.
  result<void> check() {
    switch (PQtransactionStatus(face_.connection())) {
      case PQTRANS_INTRANS:
        return {};
      case PQTRANS_INERROR:
        return conflict("a statement of the step has failed in its transaction, but the step says that it succeeded");
      case PQTRANS_UNKNOWN:
        return std::unexpected(
            error{.code = errc::unavailable, .message = "the connection was lost during the step", .retryable = true});
      default:
        return conflict("the step has ended the transaction, or left a statement running in it");
    }
  }

  result<commit_outcome> write(const squid_mesh::commit& what, time_point now) {
    const std::array<const squid_mesh::commit*, 1> only{&what};
    const wave alone = in_waves(only, trust::none).front();
    const request spelled = speller_.spell(alone, now);
    fault::point();
    const auto rows = face_.execute(spelled.sql->text(), spelled.values.values());
    if (!rows) return std::unexpected(rows.error());
    const auto& row = rows->at(0);
    std::vector<commit_outcome> outcomes(1);
    commit_speller::read(alone, {.applied = row.at(0), .changed = row.at(1), .ids = row.at(2)}, outcomes);
    fault::point();
    ended_ = true;
    database_.run_script(outcomes.front().applied ? "COMMIT" : "ROLLBACK");
    fault::point();
    return std::move(outcomes.front());
  }

  std::unique_ptr<work_pool::lease> held_;
  connection& database_;
  commit_speller& speller_;
  squid_mesh::postgres::connection_transaction face_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<unit_of_work> begin_work(work_pool& pool, commit_speller& speller) {
  return std::make_unique<step_work>(pool.borrow(), speller);
}

}  // namespace squid_mesh::storage::postgres
