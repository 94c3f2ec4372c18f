#include "common/engines/sqlite/events/events_file.h"

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/events/documents.h"

namespace mesh::sqlite {
namespace {

// Tables of their own for what a scan reads of all documents of a tenant (the high bytes of codes)
// and for what it reads of some (their low bytes), which halves what is read. `terms` says which
// postings a document has, without which they would have to be looked for.
constexpr SchemaStep kEventsSchema[] = {{R"sql(
  CREATE TABLE numbers(
    type TEXT PRIMARY KEY,
    last INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE generations(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    number INTEGER NOT NULL,
    dimension INTEGER NOT NULL,
    embedder TEXT NOT NULL,
    model TEXT NOT NULL,
    serving INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,
    UNIQUE(type, number));
  CREATE TABLE partitions(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    generation INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    last INTEGER NOT NULL DEFAULT 0,
    documents INTEGER NOT NULL DEFAULT 0,
    length INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE(tenant, generation));
  CREATE INDEX partitions_of ON partitions(generation);
  CREATE TABLE topics(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE);
  CREATE TABLE documents(
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    fields BLOB NOT NULL,
    length INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    topic INTEGER NOT NULL,
    part INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    title TEXT NOT NULL,
    bytes INTEGER NOT NULL);
  CREATE UNIQUE INDEX documents_event ON documents(partition, event_id);
  CREATE INDEX documents_subject ON documents(partition, subject);
  CREATE INDEX documents_time ON documents(partition, time);
  CREATE INDEX documents_place ON documents(topic, part, offset);
  CREATE TABLE coarse(
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    scale REAL NOT NULL,
    high BLOB NOT NULL);
  CREATE TABLE fine(
    id INTEGER PRIMARY KEY,
    low BLOB NOT NULL,
    terms BLOB NOT NULL);
  CREATE TABLE postings(
    partition INTEGER NOT NULL,
    term INTEGER NOT NULL,
    document INTEGER NOT NULL,
    count INTEGER NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY(partition, term, document)) WITHOUT ROWID;
)sql"}};

constexpr int kPostingsOfADocument = 16;  // deleted for each document of a step

std::string event_generation_name(std::string_view type, int number) {
  return std::string(type) + "-" + std::to_string(number);
}

// Whether it serves; `not_found` where there is none.
Result<bool> is_serving(Database& db, std::string_view type, int number) {
  const auto serving = MESH_TRY(first_row(
      query(db, "SELECT serving FROM generations WHERE type=?1 AND number=?2 AND dropped=0", type,
            number),
      [](const Statement& row) { return row.integer(0) != 0; }));
  if (serving) return *serving;
  return fail(ErrorKind::not_found, "no index generation " + event_generation_name(type, number));
}

Result<std::vector<std::int64_t>> integers(Result<Statement> rows) {
  std::vector<std::int64_t> found;
  MESH_TRY(each_row(std::move(rows), [&](const Statement& row) -> Status {
    found.push_back(row.integer(0));
    return {};
  }));
  return found;
}

Result<std::vector<std::int64_t>> partitions_of_tenant(Database& db, const TenantId& tenant) {
  return integers(query(db, "SELECT id FROM partitions WHERE tenant=?1 ORDER BY id", tenant));
}

}  // namespace

KeyRange keys_of(std::int64_t partition) {
  return {partition << 32, (partition << 32) | 0xffffffff};
}

Status prepare_events_file(Database& db) { return migrate(db, kEventsSchema); }

Result<EventGeneration> insert_event_generation(Database& db, std::string_view type,
                                                const GenerationSpec& spec) {
  const auto number =
      MESH_TRY(first_row(query(db,
                               "INSERT INTO numbers VALUES(?1, 1)"
                               " ON CONFLICT(type) DO UPDATE SET last = last + 1 RETURNING last",
                               type),
                         [](const Statement& row) { return static_cast<int>(row.integer(0)); }));
  if (!number) return fail(ErrorKind::internal, "a generation got no number");
  MESH_TRY(execute(db,
                   "INSERT INTO generations(type, number, dimension, embedder, model)"
                   " VALUES(?1, ?2, ?3, ?4, ?5)",
                   type, *number, spec.dimension, spec.embedder, spec.model));
  return EventGeneration{
      std::string(type),
      {.name = event_generation_name(type, *number), .number = *number, .spec = spec}};
}

Status serve_event_generation(Database& db, std::string_view type, int number) {
  (void)MESH_TRY(is_serving(db, type, number));
  return execute(db,
                 "UPDATE generations SET serving = (number = ?2) WHERE type = ?1 AND dropped = 0",
                 type, number);
}

Status drop_event_generation(Database& db, std::string_view type, int number) {
  const auto serving = MESH_TRY(is_serving(db, type, number));
  if (serving) {
    return fail(ErrorKind::conflict, "index generation " + event_generation_name(type, number) +
                                         " serves searches: let another one serve first");
  }
  return execute(db, "UPDATE generations SET dropped = 1 WHERE type = ?1 AND number = ?2", type,
                 number);
}

Status drop_event_generations(Database& db, std::string_view type) {
  return execute(db, "UPDATE generations SET dropped = 1, serving = 0 WHERE type = ?1", type);
}

Result<bool> delete_dropped_events(Database& db, int limit) {
  const auto partition = MESH_TRY(
      first_row(query(db,
                      "SELECT p.id FROM generations g JOIN partitions p ON p.generation = g.id"
                      " WHERE g.dropped = 1 LIMIT 1"),
                [](const Statement& row) { return row.integer(0); }));
  if (!partition) {
    MESH_TRY(db.execute("DELETE FROM generations WHERE dropped = 1"));
    return false;
  }
  const int postings = limit * kPostingsOfADocument;
  MESH_TRY(execute(db,
                   "DELETE FROM postings WHERE partition = ?1 AND (term, document) IN"
                   " (SELECT term, document FROM postings WHERE partition = ?1"
                   "  ORDER BY term, document LIMIT ?2)",
                   *partition, postings));
  bool more = db.changes() == postings;
  const auto keys = keys_of(*partition);
  for (const char* sql : {"DELETE FROM documents WHERE id IN (SELECT id FROM documents"
                          " WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)",
                          "DELETE FROM coarse WHERE id IN (SELECT id FROM coarse"
                          " WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)",
                          "DELETE FROM fine WHERE id IN (SELECT id FROM fine"
                          " WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)"}) {
    MESH_TRY(execute(db, sql, keys.first, keys.last, limit));
    more |= db.changes() == limit;
  }
  if (!more) MESH_TRY(execute(db, "DELETE FROM partitions WHERE id = ?1", *partition));
  return true;
}

Result<std::vector<EventGeneration>> read_event_generations(Database& db) {
  std::vector<EventGeneration> all;
  MESH_TRY(each_row(
      query(db,
            "SELECT g.type, g.number, g.dimension, g.embedder, g.model, g.serving,"
            " coalesce(sum(p.documents), 0), count(p.id) FILTER (WHERE p.documents > 0),"
            " coalesce(sum(p.bytes), 0) FROM generations g LEFT JOIN partitions p"
            " ON p.generation = g.id WHERE g.dropped = 0 GROUP BY g.id ORDER BY g.type, g.number"),
      [&](const Statement& row) -> Status {
        const auto type = std::string(row.text(0));
        const int number = static_cast<int>(row.integer(1));
        all.push_back({type,
                       {.name = event_generation_name(type, number),
                        .number = number,
                        .spec = {static_cast<int>(row.integer(2)), std::string(row.text(3)),
                                 std::string(row.text(4))},
                        .serving = row.integer(5) != 0,
                        .vectors = row.integer(6),
                        .tenants = row.integer(7),
                        .bytes = static_cast<std::uint64_t>(row.integer(8))}});
        return {};
      }));
  return all;
}

Result<std::vector<EventSpec>> read_event_specs(Database& db) {
  std::vector<EventSpec> all;
  MESH_TRY(each_row(query(db,
                          "SELECT type, number, dimension, embedder, model, serving"
                          " FROM generations WHERE dropped = 0 ORDER BY type, number"),
                    [&](const Statement& row) -> Status {
                      all.push_back({std::string(row.text(0)),
                                     static_cast<int>(row.integer(1)),
                                     {static_cast<int>(row.integer(2)), std::string(row.text(3)),
                                      std::string(row.text(4))},
                                     row.integer(5) != 0});
                      return {};
                    }));
  return all;
}

Result<ErasedDocuments> erase_documents(Database& db, const Erasure& erasure, std::int64_t after,
                                        int limit) {
  const auto partitions = MESH_TRY(partitions_of_tenant(db, erasure.tenant));
  const auto before = erasure.before.value_or(Timestamp::max());
  ErasedDocuments erased;
  for (const auto partition : partitions) {
    const auto keys = keys_of(partition);
    if (keys.last <= after) continue;
    const auto first = std::max(keys.first, after + 1);
    const bool by_time = !erasure.subject && erasure.before;
    const auto found = MESH_TRY(integers(
        erasure.subject
            ? query(db,
                    "SELECT id FROM documents WHERE partition = ?1 AND subject = ?2 AND id >= ?3"
                    " AND time < ?4 ORDER BY id LIMIT ?5",
                    partition, *erasure.subject, first, before, limit)
        : by_time
            ? query(db,
                    "SELECT id FROM documents INDEXED BY documents_time"
                    " WHERE partition = ?1 AND time < ?2 ORDER BY time LIMIT ?3",
                    partition, before, limit)
            : query(db, "SELECT id FROM documents WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3",
                    first, keys.last, limit)));
    for (const auto id : found) MESH_TRY(erase_document(db, id));
    erased.count += static_cast<int>(found.size());
    limit -= static_cast<int>(found.size());
    if (limit > 0) continue;
    // In order of time the same partition is begun anew: what it had is gone.
    erased.next = by_time ? keys.first - 1 : found.back();
    return erased;
  }
  return erased;
}

Result<int> erase_documents_below(Database& db, const TopicPartition& partition,
                                  std::int64_t offset, int limit) {
  const auto found = MESH_TRY(integers(
      query(db,
            "SELECT id FROM documents WHERE topic = (SELECT id FROM topics WHERE name = ?1)"
            " AND part = ?2 AND offset < ?3 ORDER BY offset LIMIT ?4",
            partition.topic, partition.partition, offset, limit)));
  for (const auto id : found) MESH_TRY(erase_document(db, id));
  return static_cast<int>(found.size());
}

Status forget_empty_partitions(Database& db, const TenantId& tenant) {
  return execute(db, "DELETE FROM partitions WHERE tenant = ?1 AND documents = 0", tenant);
}

Result<KeptEvents> count_documents(Database& db, const TenantId& tenant,
                                   std::optional<std::string_view> subject) {
  const auto counted = MESH_TRY(first_row(
      subject ? query(db,
                      "SELECT count(*) FROM partitions p JOIN documents d ON d.partition = p.id"
                      " WHERE p.tenant = ?1 AND d.subject = ?2",
                      tenant, *subject)
              : query(db,
                      "SELECT count(*) FROM partitions p JOIN documents d ON d.partition = p.id"
                      " WHERE p.tenant = ?1",
                      tenant),
      [](const Statement& row) { return row.integer(0); }));
  return KeptEvents{counted.value_or(0)};
}

}  // namespace mesh::sqlite
