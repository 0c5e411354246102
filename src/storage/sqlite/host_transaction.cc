// The public side of transactions on SQLite.
#include <squid_mesh/sqlite.hpp>

#include <stdexcept>
#include <string>

namespace squid_mesh::inline v1::sqlite {

sqlite3* connection(step_context& context) {
  auto* const within = dynamic_cast<connection_transaction*>(context.transaction());
  if (within == nullptr) {
    throw std::logic_error("step " + std::string(context.step()) +
                           " is not declared transactional, or the database is not SQLite");
  }
  return within->connection();
}

}  // namespace squid_mesh::inline v1::sqlite
