#include "daemon/migration/row_copy.h"

#include <limits>

#include "common/domain/header_codec.h"
#include "daemon/migration/moved_record.h"
#include "daemon/migration/sums.h"
#include "daemon/pipeline/groups.h"

namespace mesh::migration {
namespace {

// Rows of most tables may be large: an answer, a parked event.
int chunk_of(const StoredTable& table) { return table.name == stored::kActivity ? 1'000 : 100; }

// Of the place where they were made: migrations, and what the index's pipelines have parked, whose
// events are read again.
bool stays(const StoredTable& table, const StoredRow& row) {
  if (table.name == stored::kTasks) return text(row[*table.find("kind")]) == kTaskKind;
  return table.name == stored::kRetries &&
         pipeline::is_of_index(text(row[*table.find("pipeline")]));
}

// Calls `use` with all rows, in chunks, but for tasks that are migrations: those are of the place
// where they were made.
template <typename Use>
Status each_chunk(StoreTransfer& from, const StoredTable& table, Use use) {
  StoredRow after = table.before_first;
  for (;;) {
    auto rows = MESH_TRY(from.read(table, after, chunk_of(table)));
    if (rows.empty()) return {};
    after = rows.back();
    std::erase_if(rows, [&](const StoredRow& row) { return stays(table, row); });
    MESH_TRY(use(std::move(rows)));
  }
}

// Where the offset stands in rows that name one.
std::optional<std::size_t> offset_column(const StoredTable& table) {
  const auto offset = table.find("offset");
  return offset ? offset : table.find("next");
}

TopicPartition partition_of(const StoredTable& table, const StoredRow& row) {
  return {text(row[*table.find("topic")]),
          static_cast<std::int32_t>(integer(row[*table.find("partition")]))};
}

// Of an event that is parked, and whose record the log has no more: no offset of a record, another
// one for each, in the order of the records.
std::int64_t nowhere(std::int64_t offset) {
  if (offset < 0) return offset;  // it is already
  return std::numeric_limits<std::int64_t>::min() / 2 + offset;
}

// As the copy of its record in the log does.
void keep_identity(const StoredTable& table, StoredRow& row) {
  auto& headers = row[*table.find("headers")];
  auto decoded = decode_headers(text(headers));
  const auto* value = std::get_if<std::string>(&row[*table.find("value")]);
  if (!decoded || value == nullptr) return;
  const auto at = partition_of(table, row);
  StoredRecord record{{at.topic, at.partition, integer(row[*table.find("offset")])},
                      Timestamp(Duration(integer(row[*table.find("time")]))),
                      text(row[*table.find("key")]),
                      *value,
                      std::move(*decoded)};
  migration::keep_identity(record, StoredRecord(record));
  headers = encode_headers(record.headers);
}

void move(const StoredTable& table, const Places& places, StoredRow& row) {
  const auto column = offset_column(table);
  if (!column) return;
  if (table.name == stored::kRetries) keep_identity(table, row);
  const auto offset = integer(row[*column]);
  const auto place = places.find(partition_of(table, row), offset);
  const bool names_record = table.name == stored::kRetries;
  if (names_record && (!place || !place->exact)) {
    row[*column] = nowhere(offset);
  } else {
    row[*column] = place ? place->offset : std::int64_t{0};
  }
}

void add(Sums& sums, const StoredTable& table, const StoredRow& row) {
  std::string item;
  for (std::size_t i = 0; i < row.size(); ++i) {
    // Each store numbers them by itself.
    if (table.columns[i].name == "position") continue;
    if (const auto* number = std::get_if<std::int64_t>(&row[i])) {
      put(item, *number);
    } else if (const auto* bytes = std::get_if<std::string>(&row[i])) {
      put(item, *bytes);
    } else {
      item += "- ";
    }
  }
  const auto tenant =
      table.name == stored::kTenants ? std::optional<std::size_t>(0) : table.find("tenant");
  sums.add(tenant ? std::string_view(text(row[*tenant])) : std::string_view(), item);
}

}  // namespace

Status want_places(StoreTransfer& from, Places& places) {
  for (const StoredTable& table : stored_tables()) {
    const auto column = offset_column(table);
    if (column) {
      MESH_TRY(each_chunk(from, table, [&](const std::vector<StoredRow>& rows) -> Status {
        for (const auto& row : rows) {
          places.want(partition_of(table, row), integer(row[*column]));
        }
        return {};
      }));
    }
    if (table.name != stored::kTasks) continue;
    MESH_TRY(each_chunk(from, table, [&](const std::vector<StoredRow>& rows) -> Status {
      for (const auto& row : rows) {
        const auto& state = text(row[*table.find("state")]);
        if (state != "queued" && state != "running") continue;
        return fail(ErrorKind::conflict,
                    "task " + text(row[0]) + " (" + text(row[1]) +
                        ") of the engines to be left has not ended: start meshd on them, and wait "
                        "for it or `mesh tasks cancel` it");
      }
      return {};
    }));
  }
  return {};
}

Status insist_on_empty(StoreTransfer& to) {
  for (const StoredTable& table : stored_tables()) {
    MESH_TRY(each_chunk(to, table, [&](const std::vector<StoredRow>& rows) -> Status {
      if (rows.empty()) return {};
      return fail(ErrorKind::conflict, "the stores to be filled have rows in " +
                                           std::string(table.name) +
                                           " already: a migration begins with empty ones");
    }));
  }
  return {};
}

Status copy_rows(StoreTransfer& from, StoreTransfer& to, const Places& places, Journal& journal) {
  for (const StoredTable& table : stored_tables()) {
    MESH_TRY(each_chunk(from, table, [&](std::vector<StoredRow> rows) -> Status {
      for (StoredRow& row : rows) move(table, places, row);
      MESH_TRY(to.write(table, rows));
      journal.advance("copying " + std::string(table.name), 0);
      return {};
    }));
  }
  return {};
}

Result<Json> verify_rows(StoreTransfer& from, StoreTransfer& to, const Places& places,
                         Journal& journal) {
  Json all = Json::array();
  for (const StoredTable& table : stored_tables()) {
    Sums wanted, found;
    MESH_TRY(each_chunk(from, table, [&](std::vector<StoredRow> rows) -> Status {
      for (StoredRow& row : rows) {
        move(table, places, row);
        add(wanted, table, row);
      }
      return {};
    }));
    MESH_TRY(each_chunk(to, table, [&](const std::vector<StoredRow>& rows) -> Status {
      for (const StoredRow& row : rows) add(found, table, row);
      return {};
    }));
    journal.advance("comparing " + std::string(table.name), 0);
    all.push_back({{"name", table.name},
                   {"count", wanted.count()},
                   {"tenants", wanted.tenants()},
                   {"state", wanted.compare(found)}});
  }
  return all;
}

}  // namespace mesh::migration
