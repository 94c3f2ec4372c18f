#include "common/engines/sqlite/points/points_file.h"

#include <cstring>
#include <limits>

#include "common/base/ids.h"
#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/vectors/codes.h"

namespace mesh::sqlite {
namespace {

// Points lie in the order in which they are loaded: by partition, then user. A removed point stays
// as a row without a code, so that an older change that comes late finds the newer version.
constexpr SchemaStep kSchema[] = {{R"sql(
  CREATE TABLE generations(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    dimension INTEGER NOT NULL,
    embedder TEXT NOT NULL,
    serving INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE partitions(
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    UNIQUE(generation, tenant));
  CREATE TABLE points(
    partition INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    code BLOB,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY(partition, user_id)) WITHOUT ROWID;
)sql"},
                                  {R"sql(
  CREATE TABLE keeper(epoch INTEGER NOT NULL);
  INSERT INTO keeper VALUES(0);
)sql"},
                                  {R"sql(
  ALTER TABLE generations ADD COLUMN model TEXT NOT NULL DEFAULT '';
  ALTER TABLE generations ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;
)sql"}};

void append_integer(std::string& bytes, std::int64_t value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  bytes.append(raw, sizeof raw);
}

void append_text(std::string& bytes, std::string_view text) {
  append_integer(bytes, static_cast<std::int64_t>(text.size()));
  bytes += text;
}

// Over everything a row says; lengths included, so that bytes cannot wander between columns.
std::int64_t checksum_of(std::int64_t partition, const StoredPoint& point,
                         std::string_view event_id) {
  thread_local std::string bytes;
  bytes.clear();
  append_integer(bytes, partition);
  append_integer(bytes, point.user_id);
  append_integer(bytes, point.version);
  append_text(bytes, point.code);
  append_text(bytes, point.email);
  append_text(bytes, point.name);
  append_text(bytes, event_id);
  return static_cast<std::int64_t>(stable_hash(bytes));
}

// Columns user_id, version, checksum, code, email, name, event_id.
Result<StoredPoint> checked_point(const Statement& row, std::int64_t partition, int dimension) {
  const StoredPoint point{row.integer(0), row.integer(1), row.text(3), row.text(4), row.text(5)};
  const bool removed = row.is_null(3);
  if (checksum_of(partition, point, row.text(6)) != row.integer(2) ||
      (!removed && point.code.size() != vectors::code_bytes(dimension))) {
    return fail(damaged_file("vectors.db", "the checksum of partition " +
                                               std::to_string(partition) + ", user " +
                                               std::to_string(point.user_id) + " fails"));
  }
  return point;
}

Result<std::int64_t> partition_of(Database& db, int generation, std::string_view tenant) {
  {
    auto find = MESH_TRY(db.prepare("SELECT id FROM partitions WHERE generation=?1 AND tenant=?2"));
    find.bind(1, std::int64_t{generation}).bind_text(2, tenant);
    auto row = MESH_TRY(find.step());
    if (row) return find.integer(0);
  }
  auto add = MESH_TRY(db.prepare("INSERT INTO partitions(generation, tenant) VALUES(?1, ?2)"));
  MESH_TRY(add.bind(1, std::int64_t{generation}).bind_text(2, tenant).run());
  return db.last_insert_rowid();
}

}  // namespace

Status prepare_points_file(Database& db) { return migrate(db, kSchema); }

Result<std::int64_t> read_epoch(Database& db) {
  auto find = MESH_TRY(db.prepare("SELECT epoch FROM keeper"));
  auto row = MESH_TRY(find.step());
  if (!row) return fail(damaged_file("vectors.db", "the epoch of its generations is gone"));
  return find.integer(0);
}

Result<std::int64_t> raise_epoch(Database& db) {
  MESH_TRY(db.execute("UPDATE keeper SET epoch = epoch + 1"));
  return read_epoch(db);
}

Result<int> insert_generation(Database& db, const GenerationSpec& spec) {
  auto add = MESH_TRY(db.prepare(
      "INSERT INTO generations(dimension, embedder, model, shadow) VALUES(?1, ?2, ?3, ?4)"));
  add.bind(1, std::int64_t{spec.dimension})
      .bind_text(2, spec.embedder)
      .bind_text(3, spec.model)
      .bind(4, std::int64_t{spec.shadow});
  MESH_TRY(add.run());
  return static_cast<int>(db.last_insert_rowid());
}

Result<GenerationState> read_generation_state(Database& db, int number) {
  auto find =
      MESH_TRY(db.prepare("SELECT serving FROM generations WHERE number = ?1 AND dropped = 0"));
  auto row = MESH_TRY(find.bind(1, std::int64_t{number}).step());
  if (!row) return GenerationState::missing;
  return find.integer(0) != 0 ? GenerationState::serving : GenerationState::idle;
}

Status store_serving(Database& db, int number) {
  auto flip =
      MESH_TRY(db.prepare("UPDATE generations SET serving = (number = ?1),"
                          " shadow = (shadow AND number <> ?1) WHERE dropped = 0"));
  return flip.bind(1, std::int64_t{number}).run();
}

Status mark_dropped(Database& db, int number) {
  auto mark = MESH_TRY(db.prepare("UPDATE generations SET dropped = 1 WHERE number = ?1"));
  return mark.bind(1, std::int64_t{number}).run();
}

Result<bool> delete_dropped(Database& db, int limit) {
  std::int64_t partition = 0;
  {
    auto find = MESH_TRY(
        db.prepare("SELECT p.id FROM generations g JOIN partitions p ON p.generation = g.number"
                   " WHERE g.dropped = 1 LIMIT 1"));
    auto row = MESH_TRY(find.step());
    if (!row) {
      MESH_TRY(db.execute("DELETE FROM generations WHERE dropped = 1"));
      return false;
    }
    partition = find.integer(0);
  }
  auto erase = MESH_TRY(
      db.prepare("DELETE FROM points WHERE partition = ?1 AND user_id IN"
                 " (SELECT user_id FROM points WHERE partition = ?1 ORDER BY user_id LIMIT ?2)"));
  MESH_TRY(erase.bind(1, partition).bind(2, std::int64_t{limit}).run());
  if (db.changes() == limit) return true;
  auto forget = MESH_TRY(db.prepare("DELETE FROM partitions WHERE id = ?1"));
  MESH_TRY(forget.bind(1, partition).run());
  return true;
}

Status write_point(Database& db, int generation, PointChange& change) {
  auto partition = MESH_TRY(partition_of(db, generation, change.tenant));
  change.partition = partition;
  const StoredPoint point{change.user_id, change.version, change.code, change.email, change.name};
  // Equal versions overwrite: events of other producers carry none, and the order of the log
  // decides among them.
  auto put = MESH_TRY(db.prepare(
      "INSERT INTO points VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
      " ON CONFLICT(partition, user_id) DO UPDATE SET version = excluded.version,"
      " checksum = excluded.checksum, code = excluded.code, email = excluded.email,"
      " name = excluded.name, event_id = excluded.event_id WHERE excluded.version >= version"));
  put.bind(1, partition)
      .bind(2, change.user_id)
      .bind(3, change.version)
      .bind(4, checksum_of(partition, point, change.event_id))
      .bind_text(6, change.email)
      .bind_text(7, change.name)
      .bind_text(8, change.event_id);
  if (change.code.empty()) {
    put.bind_null(5);
  } else {
    put.bind_blob(5, change.code);
  }
  MESH_TRY(put.run());
  change.effective = db.changes() == 1;
  return {};
}

// Every user is one from the lowest to the highest.
#define MESH_POINTS_OF                                                                        \
  "FROM points WHERE partition = (SELECT id FROM partitions WHERE generation = ?1 AND tenant" \
  " = ?2) AND user_id BETWEEN ?3 AND ?4"

Result<KeptPoints> count_points(Database& db, int generation, std::string_view tenant,
                                std::optional<std::int64_t> user_id) {
  auto count = MESH_TRY(db.prepare("SELECT count(code),count(*) " MESH_POINTS_OF));
  count.bind(1, std::int64_t{generation})
      .bind_text(2, tenant)
      .bind(3, user_id.value_or(std::numeric_limits<std::int64_t>::min()))
      .bind(4, user_id.value_or(std::numeric_limits<std::int64_t>::max()));
  (void)MESH_TRY(count.step());
  return KeptPoints{count.integer(0), count.integer(1) - count.integer(0)};
}

Result<std::vector<std::int64_t>> delete_points(Database& db, int generation,
                                                std::string_view tenant,
                                                std::optional<std::int64_t> user_id, int limit) {
  auto rows = MESH_TRY(
      db.prepare("SELECT partition, user_id " MESH_POINTS_OF " ORDER BY user_id LIMIT ?5"));
  rows.bind(1, std::int64_t{generation})
      .bind_text(2, tenant)
      .bind(3, user_id.value_or(std::numeric_limits<std::int64_t>::min()))
      .bind(4, user_id.value_or(std::numeric_limits<std::int64_t>::max()))
      .bind(5, std::int64_t{limit});
  std::vector<std::int64_t> users;
  std::int64_t partition = 0;
  for (;;) {
    const auto row = MESH_TRY(rows.step());
    if (!row) break;
    partition = rows.integer(0);
    users.push_back(rows.integer(1));
  }
  auto erase = MESH_TRY(db.prepare("DELETE FROM points WHERE partition = ?1 AND user_id = ?2"));
  for (const auto user : users) MESH_TRY(erase.bind(1, partition).bind(2, user).run());
  return users;
}

Result<std::vector<StoredGeneration>> read_generations(Database& db) {
  auto rows = MESH_TRY(
      db.prepare("SELECT number, dimension, embedder, serving, model, shadow FROM generations"
                 " WHERE dropped = 0 ORDER BY number"));
  std::vector<StoredGeneration> generations;
  for (;;) {
    auto row = MESH_TRY(rows.step());
    if (!row) return generations;
    generations.push_back({static_cast<int>(rows.integer(0)),
                           {static_cast<int>(rows.integer(1)), std::string(rows.text(2)),
                            std::string(rows.text(4)), rows.integer(5) != 0},
                           rows.integer(3) != 0});
  }
}

Result<std::vector<StoredPartition>> read_partitions(Database& db) {
  auto rows = MESH_TRY(db.prepare(
      "SELECT p.id, p.generation, p.tenant FROM partitions p"
      " JOIN generations g ON g.number = p.generation WHERE g.dropped = 0 ORDER BY p.id"));
  std::vector<StoredPartition> partitions;
  for (;;) {
    auto row = MESH_TRY(rows.step());
    if (!row) return partitions;
    auto tenant = TenantId::parse(rows.text(2));
    if (!tenant) {
      return fail(damaged_file(
          "vectors.db", "partition " + std::to_string(rows.integer(0)) + " names no tenant"));
    }
    partitions.push_back({rows.integer(0), static_cast<int>(rows.integer(1)), std::move(*tenant)});
  }
}

Status read_points(Database& db, std::int64_t partition, int dimension,
                   const std::function<void(const StoredPoint&)>& each) {
  auto rows = MESH_TRY(
      db.prepare("SELECT user_id, version, checksum, code, email, name, event_id FROM points"
                 " WHERE partition = ?1 ORDER BY user_id"));
  rows.bind(1, partition);
  for (;;) {
    auto row = MESH_TRY(rows.step());
    if (!row) return {};
    const auto point = MESH_TRY(checked_point(rows, partition, dimension));
    if (!point.code.empty()) each(point);
  }
}

Result<bool> read_point(Database& db, std::int64_t partition, int dimension, std::int64_t user_id,
                        const std::function<void(const StoredPoint&)>& use) {
  auto find = MESH_TRY(
      db.prepare("SELECT user_id, version, checksum, code, email, name, event_id FROM points"
                 " WHERE partition = ?1 AND user_id = ?2"));
  find.bind(1, partition).bind(2, user_id);
  auto row = MESH_TRY(find.step());
  if (!row) return false;
  auto point = MESH_TRY(checked_point(find, partition, dimension));
  if (point.code.empty()) return false;
  use(point);
  return true;
}

Result<std::vector<IndexedUser>> read_users(Database& db, int generation, std::string_view tenant,
                                            std::int64_t after, int limit) {
  auto rows = MESH_TRY(db.prepare(
      "SELECT user_id, version, email, name, event_id FROM points"
      " WHERE partition = (SELECT id FROM partitions WHERE generation = ?1 AND tenant = ?2)"
      " AND user_id > ?3 AND code IS NOT NULL ORDER BY user_id LIMIT ?4"));
  rows.bind(1, std::int64_t{generation}).bind_text(2, tenant).bind(3, after);
  rows.bind(4, std::int64_t{limit});
  std::vector<IndexedUser> users;
  for (;;) {
    auto row = MESH_TRY(rows.step());
    if (!row) return users;
    users.push_back({rows.integer(0), rows.integer(1), std::string(rows.text(2)),
                     std::string(rows.text(3)), std::string(rows.text(4))});
  }
}

}  // namespace mesh::sqlite
