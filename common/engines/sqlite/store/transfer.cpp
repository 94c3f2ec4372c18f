#include "common/engines/sqlite/store/transfer.h"

#include <algorithm>

#include "common/domain/header_codec.h"
#include "common/domain/user.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/activity_table.h"
#include "common/engines/sqlite/store/email_keys.h"
#include "common/engines/sqlite/store/record_codec.h"
#include "common/engines/sqlite/store/schema.h"

namespace mesh::sqlite {
namespace {

// How a table's rows stand in the file. Parameters of `select` are the keys and the limit, of
// `insert` the columns.
struct TableSql {
  std::string_view name;
  std::string_view select, insert;
  bool record = false;  // key, value and headers are one column, an encoded record
};

constexpr TableSql kTables[] = {
    // Two tables; a tenant without a number, or without a record, is in one of them.
    {stored::kTenants,
     "SELECT i.id,coalesce(n.last_user,0),coalesce(t.version,0),t.record FROM"
     " (SELECT id FROM tenant_numbers WHERE id>?1 UNION SELECT id FROM tenants WHERE id>?1"
     "  ORDER BY id LIMIT ?2) i"
     " LEFT JOIN tenant_numbers n ON n.id=i.id LEFT JOIN tenants t ON t.id=i.id ORDER BY i.id",
     "INSERT INTO tenants(id,version,record) SELECT ?1,?3,?4 WHERE ?3>0"
     " ON CONFLICT(id) DO UPDATE SET version=excluded.version,record=excluded.record"},
    {stored::kUsers,
     "SELECT n.id,u.id,u.version,u.email,u.email_key,u.name FROM tenant_numbers n"
     " JOIN users u ON u.tenant=n.number WHERE (n.id,u.id)>(?,?) ORDER BY n.id,u.id LIMIT ?",
     "INSERT INTO users(tenant,id,version,email,email_key,name)"
     " VALUES((SELECT number FROM tenant_numbers WHERE id=?1),?2,?3,?4,?5,?6)"
     " ON CONFLICT(tenant,id) DO UPDATE SET version=excluded.version,email=excluded.email,"
     "email_key=excluded.email_key,name=excluded.name"},
    {stored::kIdempotency,
     "SELECT n.id,i.key,i.fingerprint,i.status,i.body,coalesce(i.headers,''),"
     "i.created_at,i.user_id FROM tenant_numbers n"
     " JOIN idempotency i ON i.tenant=n.number WHERE (n.id,i.key)>(?,?)"
     " ORDER BY n.id,i.key LIMIT ?",
     "INSERT INTO idempotency(tenant,key,fingerprint,status,body,headers,created_at,user_id)"
     " VALUES((SELECT number FROM tenant_numbers WHERE id=?1),?2,?3,?4,?5,?6,?7,?8)"
     " ON CONFLICT(tenant,key) DO UPDATE SET fingerprint=excluded.fingerprint,"
     "status=excluded.status,body=excluded.body,headers=excluded.headers,"
     "created_at=excluded.created_at,user_id=excluded.user_id"},
    {stored::kTasks,
     "SELECT id,kind,state,spec,checkpoint,result,done,total,error,cancel_requested,created_at,"
     "started_at,finished_at,started_by FROM tasks WHERE id>? ORDER BY id LIMIT ?",
     "INSERT OR REPLACE INTO tasks(id,kind,state,spec,checkpoint,result,done,total,error,"
     "cancel_requested,created_at,started_at,finished_at,started_by)"
     " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)"},
    // The topic is in the record.
    {stored::kOutbox,
     "SELECT sequence,'',record FROM outbox WHERE sequence>? ORDER BY sequence LIMIT ?",
     "INSERT OR REPLACE INTO outbox(sequence,record) VALUES(?1,?3)", true},
    {stored::kActivity,
     "SELECT a.position,a.kind,n.id,a.source,a.event_id,s.name,a.label,a.timestamp,a.processed_at,"
     "a.event_time,a.data,a.properties FROM activity a JOIN tenant_numbers n ON n.number=a.tenant"
     " JOIN activity_subjects s ON s.number=a.subject WHERE a.position>? ORDER BY a.position"
     " LIMIT ?",
     {}},
    {stored::kUsage,
     "SELECT n.id,u.grain,u.start,u.kind,u.amount FROM tenant_numbers n"
     " JOIN usage u ON u.tenant=n.number WHERE (n.id,u.grain,u.start,u.kind)>(?,?,?,?)"
     " ORDER BY n.id,u.grain,u.start,u.kind LIMIT ?",
     "INSERT OR REPLACE INTO usage(tenant,grain,start,kind,amount)"
     " VALUES((SELECT number FROM tenant_numbers WHERE id=?1),?2,?3,?4,?5)"},
    {stored::kUsageIds,
     "SELECT n.id,u.event_id,u.recorded_at FROM tenant_numbers n"
     " JOIN usage_ids u ON u.tenant=n.number WHERE (n.id,u.event_id)>(?,?)"
     " ORDER BY n.id,u.event_id LIMIT ?",
     "INSERT OR REPLACE INTO usage_ids(tenant,event_id,recorded_at)"
     " VALUES((SELECT number FROM tenant_numbers WHERE id=?1),?2,?3)"},
    {stored::kKeys, "SELECT id,tenant,wrapped FROM tenant_keys WHERE id>? ORDER BY id LIMIT ?",
     "INSERT OR REPLACE INTO tenant_keys(id,tenant,wrapped) VALUES(?,?,?)"},
    {stored::kOffsets,
     "SELECT kind,topic,partition,next FROM projection_offsets WHERE (kind,topic,partition)>(?,?,?)"
     " ORDER BY kind,topic,partition LIMIT ?",
     "INSERT OR REPLACE INTO projection_offsets(kind,topic,partition,next) VALUES(?,?,?,?)"},
    {stored::kRetries,
     "SELECT pipeline,topic,partition,\"offset\",time,record,attempts,next_attempt,cause_class,"
     "cause,history FROM retries WHERE (pipeline,topic,partition,\"offset\")>(?,?,?,?)"
     " ORDER BY pipeline,topic,partition,\"offset\" LIMIT ?",
     "INSERT OR REPLACE INTO retries(pipeline,topic,partition,\"offset\",time,record,attempts,"
     "next_attempt,cause_class,cause,history) VALUES(?,?,?,?,?,?,?,?,?,?,?)",
     true},
};

const TableSql& sql_of(const StoredTable& table) {
  return *std::ranges::find(kTables, table.name, &TableSql::name);
}

// Of the columns of a record, which stand together, the first one.
bool is_record(const TableSql& sql, const StoredColumn& column) {
  return sql.record && column.name == "key";
}
constexpr std::size_t kRecordColumns = 3;  // key, value, headers

Cell cell(const Statement& row, int column, StoredColumn::Type type) {
  if (row.is_null(column)) return {};
  if (type == StoredColumn::integer) return row.integer(column);
  return std::string(row.text(column));
}

Result<StoredRow> row_of(const StoredTable& table, const TableSql& sql, const Statement& from) {
  StoredRow row;
  for (int column = 0; row.size() < table.columns.size(); ++column) {
    const StoredColumn& next = table.columns[row.size()];
    if (!is_record(sql, next)) {
      row.push_back(cell(from, column, next.type));
      continue;
    }
    auto record = MESH_TRY(decode_record(from.text(column)));
    row[*table.find("topic")] = std::move(record.topic);
    row.emplace_back(std::move(record.key));
    row.push_back(record.value ? Cell(std::move(*record.value)) : Cell());
    row.emplace_back(encode_headers(record.headers));
  }
  if (table.name == stored::kActivity) {
    auto& id = row[*table.find("event_id")];
    id = unpack_id(text(id));
  }
  return row;
}

// `at`: the place of its key in the row.
Result<std::string> record_of(const StoredTable& table, const StoredRow& row, std::size_t at) {
  const auto headers = decode_headers(text(row[at + 2]));
  if (!headers) return fail(ErrorKind::corrupt, "the headers of a record cannot be read");
  const auto* value = std::get_if<std::string>(&row[at + 1]);
  return encode_record(text(row[*table.find("topic")]), text(row[at]),
                       value == nullptr ? std::nullopt : std::optional(*value), *headers);
}

void bind(Statement& statement, int index, const Cell& cell) {
  if (const auto* number = std::get_if<std::int64_t>(&cell)) {
    statement.bind(index, *number);
  } else if (const auto* bytes = std::get_if<std::string>(&cell)) {
    statement.bind_text(index, *bytes);
  } else {
    statement.bind_null(index);
  }
}

Status insert(Database& db, const StoredTable& table, const TableSql& sql, const StoredRow& row) {
  if (table.name == stored::kTenants) {
    MESH_TRY(execute(db,
                     "INSERT INTO tenant_numbers(id,last_user) VALUES(?,?)"
                     " ON CONFLICT(id) DO UPDATE SET last_user=excluded.last_user",
                     text(row[0]), integer(row[1])));
  }
  auto statement = MESH_TRY(db.prepare(sql.insert));
  std::string record;
  int index = 0;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!is_record(sql, table.columns[i])) {
      bind(statement, ++index, row[i]);
      continue;
    }
    record = MESH_TRY(record_of(table, row, i));
    statement.bind_blob(++index, record);
    i += kRecordColumns - 1;
  }
  return statement.run();
}

// A user whose address another one has as well: see email_keys.h.
Status keep_alike(Database& db, const StoredRow& user) {
  const auto &key = text(user[4]), address_key = email_key(text(user[3]));
  if (key == address_key) return {};
  const auto tenant =
      MESH_TRY(first_row(query(db, "SELECT number FROM tenant_numbers WHERE id=?", text(user[0])),
                         [](const Statement& row) { return row.integer(0); }));
  return tenant ? note_alike(db, *tenant, integer(user[1]), address_key) : Status{};
}

}  // namespace

Result<std::vector<StoredRow>> SqliteTransfer::read(const StoredTable& table,
                                                    const StoredRow& after, int limit) {
  const TableSql& sql = sql_of(table);
  return read_from(readers_, [&](Database& db) -> Result<std::vector<StoredRow>> {
    auto found = MESH_TRY(db.prepare(sql.select));
    int index = 0;
    for (std::size_t i = 0; i < table.keys; ++i) bind(found, ++index, after[i]);
    found.bind(++index, std::int64_t{limit});
    std::vector<StoredRow> rows;
    MESH_TRY(each_row(std::move(found), [&](const Statement& row) -> Status {
      rows.push_back(MESH_TRY(row_of(table, sql, row)));
      return {};
    }));
    return rows;
  });
}

Status SqliteTransfer::write(const StoredTable& table, std::span<const StoredRow> rows) {
  if (table.name == stored::kActivity) {
    const auto events = MESH_TRY(activity_of(rows));
    MESH_TRY(analytics_.record(events.analytics, {}));
    return chemical_.record(events.chemical, {});
  }
  return committer_.run([&](Database& db) -> Status {
    for (const StoredRow& row : rows) {
      MESH_TRY(insert(db, table, sql_of(table), row));
      if (table.name == stored::kUsers) MESH_TRY(keep_alike(db, row));
    }
    return {};
  });
}

}  // namespace mesh::sqlite
