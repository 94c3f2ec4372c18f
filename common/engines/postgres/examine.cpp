#include "common/engines/postgres/examine.h"

namespace mesh::postgres {
namespace {

constexpr OldestVersion kOldest{13, 0};

// One row: version, fsync, full_page_writes, the schema's own privilege, what lacks another, time.
constexpr const char* kLook = R"sql(
SELECT current_setting('server_version'), current_setting('fsync'),
  current_setting('full_page_writes'), has_schema_privilege(n.oid, 'USAGE'),
  (SELECT coalesce(string_agg(c.relname, ', ' ORDER BY c.relname), '') FROM pg_class c
   WHERE c.relnamespace = n.oid AND CASE
     WHEN c.relkind IN ('r', 'p') THEN NOT (has_table_privilege(c.oid, 'SELECT')
       AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
       AND has_table_privilege(c.oid, 'DELETE'))
     WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE')
     ELSE false END),
  (SELECT coalesce(string_agg(p.proname, ', ' ORDER BY p.proname), '') FROM pg_proc p
   WHERE p.pronamespace = n.oid AND NOT has_function_privilege(p.oid, 'EXECUTE')),
  (extract(epoch FROM clock_timestamp()) * 1000)::bigint
FROM pg_namespace n WHERE n.nspname = $1)sql";

ServerFinding permissions(const Rows& rows, const std::string& schema) {
  if (!rows.flag(0, 3)) {
    return {"permissions", false, "the role may not use schema " + schema,
            "GRANT USAGE ON SCHEMA " + schema + " to it"};
  }
  const std::string relations = rows.string(0, 4), functions = rows.string(0, 5);
  if (relations.empty() && functions.empty()) {
    return {"permissions", true, "the role may read and write schema " + schema, ""};
  }
  const std::string both =
      relations + (relations.empty() || functions.empty() ? "" : ", ") + functions;
  return {
      "permissions", false, "the role lacks rights in schema " + schema + ": " + both,
      "GRANT SELECT, INSERT, UPDATE, DELETE of its tables, USAGE of its sequences and EXECUTE of "
      "its functions to the role"};
}

ServerFinding settings(const Rows& rows) {
  for (const auto& [column, name] : {std::pair{1, "fsync"}, {2, "full_page_writes"}}) {
    if (rows.text(0, column) != "off") continue;
    return {"settings", false,
            std::string(name) + " is off: a crash of its machine loses what was acknowledged",
            std::string("set ") + name + " = on in postgresql.conf"};
  }
  return {"settings", true, "it keeps what it acknowledged", ""};
}

}  // namespace

std::vector<ServerFinding> examine(Pool& pool, Clock& clock) {
  const std::string& schema = pool.options().schema;
  Timestamp asked{}, answered{};
  const auto rows = pool.run(Repeat::read, [&](Session& session) {
    asked = clock.now();
    auto found = session.run(query(kLook, schema));
    answered = clock.now();
    return found;
  });
  if (!rows) {
    return {unseen("connection", rows.error(), "is it running, and does postgres.dsn lead to it?")};
  }
  if (rows->size() == 0) {
    return {{"permissions", false, "schema " + schema + " is not there",
             "was it dropped? restore it from a backup"}};
  }
  return {version_finding(rows->string(0, 0), kOldest), permissions(*rows, schema), settings(*rows),
          clock_finding(rows->time(0, 6), Duration{1}, asked, answered)};
}

}  // namespace mesh::postgres
