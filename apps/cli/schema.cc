// The database's schema.
#include "commands.h"
#include "words.h"

#include <memory>
#include <string>

namespace squid_mesh::cli {
namespace {

json to_document(const schema_status& status) {
  return {{"present", status.present},
          {"wanted", status.wanted},
          {"missing", status.missing},
          {"up_to_date", status.is_up_to_date()}};
}

void migrate_up(context& with) {
  const schema_status before = must(inspect_schema(with.database_url()));
  with.migrate();
  json document = to_document(must(inspect_schema(with.database_url())));
  document["applied"] = before.missing;
  with.tell(before.missing.empty() ? "The schema is up to date."
                                   : fmt::format("The schema is up to date: version {}, {} applied.", before.wanted,
                                                 count_text(before.missing.size(), "migration")),
            document);
}

void show_status(context& with) {
  const schema_status status = must(inspect_schema(with.database_url()));
  if (with.as_json()) {
    with.print(to_document(status));
  } else {
    with.say("The database has version {}, this program wants {}.", status.present, status.wanted);
    for (const std::string& each : status.missing) with.say("  `migrate up` would apply {}", each);
    if (status.present > status.wanted) with.say("A newer program has migrated it: this one can't use it.");
    if (status.is_up_to_date()) with.say("The schema is up to date.");
  }
  if (status.is_up_to_date()) return;
  throw early_exit{status.present > status.wanted ? exit_code::unavailable : exit_code::failed};
}

void print_sql(context& with, int from) {
  const auto all = must(list_schema_migrations(with.database_url()));
  json documents = json::array();
  for (const schema_migration& each : all) {
    if (each.version <= from) continue;
    if (with.as_json()) {
      documents.push_back({{"version", each.version}, {"name", each.name}, {"sql", each.sql}});
    } else {
      with.say("-- Migration {} of Squid Mesh: {}\n\n{}", each.version, each.name, each.sql);
    }
  }
  if (with.as_json()) with.print({{"migrations", documents}});
}

}  // namespace

void add_schema(CLI::App& app, context& with) {
  CLI::App& group = *app.add_subcommand("migrate", "The database's schema; alone, the same as `migrate up`");
  group.require_subcommand(0, 1);
  group.add_subcommand("up", "Make the schema, or bring it up to date; makes a SQLite file that isn't there")
      ->callback([&with] { migrate_up(with); });
  group
      .add_subcommand(
          "status",
          "Say which version the database has and which one is wanted; the exit code is 0 where they are the "
          "same, 1 where migrations are missing, 5 where the database is newer")
      ->callback([&with] { show_status(with); });
  CLI::App& print =
      *group.add_subcommand("print", "Print the SQL of the migrations, for tools of your own; connects to nothing");
  auto from = std::make_shared<int>(0);
  print.add_option("--after", *from, "Only those after this version")->check(CLI::NonNegativeNumber);
  print.callback([&with, from] { print_sql(with, *from); });
  // Of CLI11, a command's callback comes after those of what is below it.
  group.callback([&group, &with] {
    if (group.get_subcommands().empty()) migrate_up(with);
  });
}

}  // namespace squid_mesh::cli
