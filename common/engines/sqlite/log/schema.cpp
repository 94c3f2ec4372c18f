#include "common/engines/sqlite/log/schema.h"

#include "common/engines/sqlite/core/migrate.h"

namespace mesh::sqlite {
namespace {

// A table per partition, with the offset as its rowid: an append then goes to the right edge of a
// b-tree, which SQLite fills page by page without moving rows. (In one table for all, appends would
// go to many places in the middle and split pages there.)
constexpr SchemaStep kSchema[] = {{R"(
  CREATE TABLE topics(
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, max_age INTEGER, max_bytes INTEGER
  ) WITHOUT ROWID;
  CREATE TABLE partitions(
    id INTEGER PRIMARY KEY, topic TEXT NOT NULL REFERENCES topics(name), number INTEGER NOT NULL,
    start INTEGER NOT NULL DEFAULT 0,            -- what upkeep did, in the transaction that did it
    gaps_to INTEGER NOT NULL DEFAULT 0,
    clean_to INTEGER NOT NULL DEFAULT 0,
    tombstone_due INTEGER NOT NULL DEFAULT 0,
    removed_records INTEGER NOT NULL DEFAULT 0,
    removed_bytes INTEGER NOT NULL DEFAULT 0,
    tail_end INTEGER NOT NULL DEFAULT 0,         -- the tail, for when every record is removed
    tail_total INTEGER NOT NULL DEFAULT 0,
    tail_time INTEGER NOT NULL DEFAULT 0,
    UNIQUE(topic, number)
  );
  CREATE TABLE group_offsets(
    name TEXT NOT NULL, partition INTEGER NOT NULL REFERENCES partitions(id),
    next INTEGER NOT NULL, PRIMARY KEY(name, partition)
  ) WITHOUT ROWID;
)"}};

}  // namespace

Status prepare_log(Database& db) {
  static_assert(std::size(kSchema) == kLogSchema);
  return migrate(db, kSchema);
}

}  // namespace mesh::sqlite
