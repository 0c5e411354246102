#include "storage/postgres/migrations.h"

#include "storage/postgres/sql_text.h"

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace squid_mesh::storage::postgres {
namespace {

constexpr int oldest_server = 140'000;
constexpr int oldest_oban = 12;

/// What is there.
struct present_schema {
  int server = 0;
  bool has_record = false;
  bool has_jobs = false;
  std::string oban_version;  ///< the comment on Oban's table
  bool jobs_fit = false;     ///< whether that has the columns that we use
};

constexpr std::string_view look_sql = R"sql(
SELECT current_setting('server_version_num')::int4, to_regclass('@squid_mesh_migrations') IS NOT NULL,
       to_regclass('@oban_jobs') IS NOT NULL,
       coalesce(obj_description(to_regclass('@oban_jobs'), 'pg_class'), ''),
       (SELECT count(*) FROM pg_attribute
        WHERE attrelid = to_regclass('@oban_jobs') AND NOT attisdropped
          AND attname IN ('id', 'state', 'queue', 'worker', 'args', 'errors', 'attempt', 'max_attempts', 'inserted_at',
                          'scheduled_at', 'attempted_at', 'completed_at', 'attempted_by', 'discarded_at', 'priority',
                          'tags', 'meta', 'cancelled_at')) = 18)sql";

// Not "IF NOT EXISTS", which only those may say who may create schemas, also where it is there.
constexpr std::string_view create_schema = R"sql(DO $$
BEGIN
  IF to_regnamespace('"{name}"') IS NULL THEN
    CREATE SCHEMA "{name}";
  END IF;
END
$$;
)sql";

constexpr std::string_view record_table =
    "CREATE TABLE IF NOT EXISTS @squid_mesh_migrations ("
    "version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());\n";

constexpr std::string_view version_sql = "SELECT coalesce(max(version), 0) FROM @squid_mesh_migrations";

std::unexpected<error> mismatch(const char* kind, std::string message) {
  return std::unexpected(error{.code = errc::schema_mismatch, .message = std::move(message), .kind = kind});
}

/// A transaction over several round trips; rolled back unless it was committed.
class transaction {
 public:
  explicit transaction(connection& database) : database_(database) { database_.run_script("BEGIN"); }
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction() {
    if (!done_) database_.roll_back();
  }
  void commit() {
    database_.run_script("COMMIT");
    done_ = true;
  }

 private:
  connection& database_;
  bool done_ = false;
};

present_schema look(connection& database, const schema& tables) {
  const rows found = database.run(statement(tables.spell(look_sql)));
  return {.server = static_cast<int>(found.integer(0, 0)),
          .has_record = found.boolean(0, 1),
          .has_jobs = found.boolean(0, 2),
          .oban_version = std::string(found.text(0, 3)),
          .jobs_fit = found.boolean(0, 4)};
}

int version_of(connection& database, const schema& tables, const present_schema& there) {
  if (!there.has_record) return 0;
  return static_cast<int>(database.run(statement(tables.spell(version_sql))).integer(0, 0));
}

/// Tables of Oban's may be shared from version 12 on. Oban for Python leaves no version; its columns tell.
result<void> check_oban(const present_schema& there, const schema& tables) {
  if (!there.has_jobs) return {};
  const std::string& text = there.oban_version;
  int version = 0;
  const bool is_number = std::from_chars(text.data(), text.data() + text.size(), version).ec == std::errc();
  if (is_number && version < oldest_oban) {
    return mismatch("oban_unsupported", "the table " + tables.name() + ".oban_jobs is of Oban's version " + text +
                                            ", and 12 is needed: migrate it with Oban's own migrations first");
  }
  if (!there.jobs_fit) {
    return mismatch("oban_unsupported",
                    "the table " + tables.name() + ".oban_jobs lacks columns that Oban's has from version 12 on");
  }
  return {};
}

/// The version of a schema that can be used, or brought up to date.
result<int> usable_version(connection& database, const schema& tables) {
  const present_schema there = look(database, tables);
  if (there.server < oldest_server) return mismatch("server_too_old", "PostgreSQL 14 or newer is needed");
  if (const auto shared = check_oban(there, tables); !shared) return std::unexpected(shared.error());
  return version_of(database, tables, there);
}

void apply_missing(connection& database, const schema& tables, int version) {
  for (const migration& next : all_migrations()) {
    if (next.version > version) database.run_script(script_of(next, tables));
  }
}

}  // namespace

std::string script_of(const migration& step, const schema& tables) {
  const bool is_first = step.version == all_migrations().front().version;
  return tables.spell((is_first ? fill_in(std::string(create_schema), "{name}", tables.name()) : "") +
                      std::string(record_table) + step.sql +
                      "\nINSERT INTO @squid_mesh_migrations (version, name) VALUES (" + std::to_string(step.version) +
                      ", '" + step.name + "');\n");
}

result<void> migrate(connection& database, const schema& tables, bool apply) {
  const int newest = all_migrations().back().version;
  const auto usable = usable_version(database, tables);
  if (!usable) return std::unexpected(usable.error());
  int version = *usable;
  if (version > newest) {
    return mismatch("schema_too_new", "the schema " + tables.name() + " has version " + std::to_string(version) +
                                          ", this library knows only up to " + std::to_string(newest) +
                                          ": update the program");
  }
  if (version == newest) return {};
  if (!apply) {
    return mismatch(version == 0 ? "schema_missing" : "schema_too_old",
                    "the schema " + tables.name() + " has version " + std::to_string(version) +
                        ", this library needs " + std::to_string(newest) + ": migrate it first");
  }

  transaction change(database);
  // Whoever comes second looks again when the first is done. For all schemas together: it is rare, and short.
  database.run(statement("SELECT pg_advisory_xact_lock(7346)"));
  apply_missing(database, tables, version_of(database, tables, look(database, tables)));
  change.commit();
  return {};
}

result<int> read_version(const target& where) {
  try {
    connection database(where.url, purpose::queries);
    return usable_version(database, where.tables);
  } catch (const failure& why) {
    return std::unexpected(to_error(why, false));
  }
}

}  // namespace squid_mesh::storage::postgres
