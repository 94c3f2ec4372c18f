#include "common/engines/postgres/transfer.h"

#include <algorithm>

namespace mesh::postgres {
namespace {

// Parameters of `select` are the keys and the limit, of `insert` the columns, an array each.
struct TableSql {
  std::string_view name;
  const char* select;
  const char* insert;
};

constexpr TableSql kTables[] = {
    {stored::kTenants,
     "SELECT id,last_user,version,record FROM tenants WHERE id>$1 ORDER BY id LIMIT $2",
     "INSERT INTO tenants(id,last_user,version,record)"
     " SELECT id,last_user,version,convert_from(record,'UTF8')"
     " FROM unnest($1,$2,$3,$4) AS r(id,last_user,version,record) ORDER BY id"
     " ON CONFLICT(id) DO UPDATE SET last_user=excluded.last_user,version=excluded.version,"
     "record=excluded.record"},
    {stored::kUsers,
     "SELECT tenant,id,version,email,email_key,name FROM users WHERE (tenant,id)>($1,$2)"
     " ORDER BY tenant,id LIMIT $3",
     "INSERT INTO users(tenant,id,version,email,email_key,name)"
     " SELECT * FROM unnest($1,$2,$3,$4,$5,$6)"
     " ON CONFLICT(tenant,id) DO UPDATE SET version=excluded.version,email=excluded.email,"
     "email_key=excluded.email_key,name=excluded.name"},
    // A claim without a note is of a process that is gone, and of no use to others.
    {stored::kIdempotency,
     "SELECT tenant,key,fingerprint,code,coalesce(body,''),coalesce(headers,''),created_at,"
     "user_id FROM idempotency WHERE (tenant,key)>($1,$2) AND code IS NOT NULL ORDER BY tenant,key"
     " LIMIT $3",
     "INSERT INTO idempotency(tenant,key,fingerprint,code,body,headers,created_at,user_id,token,"
     "holder,held_until) SELECT r.*,0,0,0 FROM unnest($1,$2,$3,$4,$5,$6,$7,$8) AS r"
     " ON CONFLICT(tenant,key) DO UPDATE SET fingerprint=excluded.fingerprint,code=excluded.code,"
     "body=excluded.body,headers=excluded.headers,created_at=excluded.created_at,"
     "user_id=excluded.user_id"},
    {stored::kTasks,
     "SELECT id,kind,state,spec,checkpoint,result,done,total,error,cancel_requested::integer,"
     "created_at,started_at,finished_at,started_by FROM tasks WHERE id>$1 ORDER BY id LIMIT $2",
     "INSERT INTO tasks(id,kind,state,spec,checkpoint,result,done,total,error,cancel_requested,"
     "created_at,started_at,finished_at,started_by) SELECT id,kind,state,spec,checkpoint,result,"
     "done,total,error,cancelled=1,created_at,started_at,finished_at,started_by"
     " FROM unnest($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14) AS r(id,kind,state,spec,"
     "checkpoint,result,done,total,error,cancelled,created_at,started_at,finished_at,started_by)"
     " ON CONFLICT(id) DO UPDATE SET state=excluded.state,checkpoint=excluded.checkpoint,"
     "result=excluded.result,done=excluded.done,total=excluded.total,error=excluded.error,"
     "cancel_requested=excluded.cancel_requested,started_at=excluded.started_at,"
     "finished_at=excluded.finished_at"},
    {stored::kOutbox,
     "SELECT sequence,topic,key,value,headers FROM outbox WHERE sequence>$1 ORDER BY sequence"
     " LIMIT $2",
     "INSERT INTO outbox(sequence,topic,key,value,headers) SELECT * FROM unnest($1,$2,$3,$4,$5)"
     " ON CONFLICT(sequence) DO UPDATE SET topic=excluded.topic,key=excluded.key,"
     "value=excluded.value,headers=excluded.headers"},
    {stored::kActivity,
     "SELECT a.position,a.kind,a.tenant,a.source,a.event_id,s.name_key,a.label,a.timestamp,"
     "a.processed_at,a.event_time,a.data,a.properties FROM activity a"
     " JOIN activity_subjects s ON s.number=a.subject WHERE a.position>$1 ORDER BY a.position"
     " LIMIT $2",
     nullptr},
    {stored::kUsage,
     "SELECT tenant,grain,start,kind,amount FROM usage WHERE "
     "(tenant,grain,start,kind)>($1,$2,$3,$4)"
     " ORDER BY tenant,grain,start,kind LIMIT $5",
     "INSERT INTO usage(tenant,grain,start,kind,amount) SELECT * FROM unnest($1,$2,$3,$4,$5)"
     " ON CONFLICT(tenant,grain,start,kind) DO UPDATE SET amount=excluded.amount"},
    {stored::kUsageIds,
     "SELECT tenant,event_id,recorded_at FROM usage_ids WHERE (tenant,event_id)>($1,$2)"
     " ORDER BY tenant,event_id LIMIT $3",
     "INSERT INTO usage_ids(tenant,event_id,recorded_at) SELECT * FROM unnest($1,$2,$3)"
     " ON CONFLICT(tenant,event_id) DO UPDATE SET recorded_at=excluded.recorded_at"},
    {stored::kKeys, "SELECT id,tenant,wrapped FROM tenant_keys WHERE id>$1 ORDER BY id LIMIT $2",
     "INSERT INTO tenant_keys(id,tenant,wrapped) SELECT * FROM unnest($1,$2,$3)"
     " ON CONFLICT(tenant) DO UPDATE SET id=excluded.id,wrapped=excluded.wrapped"},
    {stored::kOffsets,
     "SELECT kind,topic,partition,next FROM projection_offsets"
     " WHERE (kind,topic,partition)>($1,$2,$3) ORDER BY kind,topic,partition LIMIT $4",
     "INSERT INTO projection_offsets(kind,topic,partition,next) SELECT * FROM unnest($1,$2,$3,$4)"
     " ON CONFLICT(kind,topic,partition) DO UPDATE SET next=excluded.next"},
    {stored::kRetries,
     "SELECT pipeline,topic,partition,\"offset\",time,key,value,headers,attempts,next_attempt,"
     "cause_class,cause,history FROM retries WHERE "
     "(pipeline,topic,partition,\"offset\")>($1,$2,$3,$4)"
     " ORDER BY pipeline,topic,partition,\"offset\" LIMIT $5",
     "INSERT INTO retries(pipeline,topic,partition,\"offset\",time,key,value,headers,attempts,"
     "next_attempt,cause_class,cause,history) SELECT * FROM"
     " unnest($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)"
     " ON CONFLICT(pipeline,topic,partition,\"offset\") DO UPDATE SET time=excluded.time,"
     "key=excluded.key,value=excluded.value,headers=excluded.headers,attempts=excluded.attempts,"
     "next_attempt=excluded.next_attempt,cause_class=excluded.cause_class,cause=excluded.cause,"
     "history=excluded.history"},
};

const TableSql& sql_of(const StoredTable& table) {
  return *std::ranges::find(kTables, table.name, &TableSql::name);
}

// `i`-th column of all rows, as an array.
void add_column(Params& params, std::span<const StoredRow> rows, std::size_t i,
                StoredColumn::Type type) {
  switch (type) {
    case StoredColumn::integer: {
      std::vector<std::int64_t> all;
      for (const StoredRow& row : rows) all.push_back(integer(row[i]));
      return params.add(all);
    }
    case StoredColumn::text: {
      std::vector<std::string> all;
      for (const StoredRow& row : rows) all.push_back(text(row[i]));
      return params.add(all);
    }
    case StoredColumn::bytes: {
      BytesList all;
      for (const StoredRow& row : rows) all.items.push_back(text(row[i]));
      return params.add(all);
    }
    case StoredColumn::maybe_text:
    case StoredColumn::maybe_bytes: {
      MaybeBytesList all;
      for (const StoredRow& row : rows) {
        const auto* bytes = std::get_if<std::string>(&row[i]);
        all.items.push_back(bytes == nullptr ? std::nullopt : std::optional(*bytes));
      }
      return params.add(all);
    }
  }
}

void add_key(Params& params, const Cell& cell, StoredColumn::Type type) {
  if (type == StoredColumn::integer) return params.add(integer(cell));
  if (type == StoredColumn::bytes) return params.add(Bytes{text(cell)});
  params.add(text(cell));
}

Result<StoredRow> row_of(const StoredTable& table, const Rows& rows, int i) {
  StoredRow row;
  for (int column = 0; column < std::ssize(table.columns); ++column) {
    const auto type = table.columns[static_cast<std::size_t>(column)].type;
    if (rows.is_null(i, column)) {
      row.emplace_back();
    } else if (type == StoredColumn::integer) {
      row.emplace_back(rows.integer(i, column));
    } else {
      row.emplace_back(rows.string(i, column));
    }
  }
  if (table.name != stored::kActivity) return row;
  const std::string& subject = text(row[*table.find("subject")]);
  if (!subject.starts_with('\0')) return row;
  return fail(ErrorKind::unprocessable,
              "tenant " + text(row[*table.find("tenant")]) +
                  " has events of a user or researcher whose name is longer than 1,000 bytes, "
                  "of which the database keeps a digest alone: it cannot be moved");
}

}  // namespace

Result<std::vector<StoredRow>> Transfer::read(const StoredTable& table, const StoredRow& after,
                                              int limit) {
  Params params;
  for (std::size_t i = 0; i < table.keys; ++i) add_key(params, after[i], table.columns[i].type);
  params.add(limit);
  const Query query{sql_of(table).select, std::move(params)};
  const auto found =
      MESH_TRY(pool_.run(Repeat::read, [&](Session& session) { return session.run(query); }));
  std::vector<StoredRow> rows;
  for (int i = 0; i < found.size(); ++i) rows.push_back(MESH_TRY(row_of(table, found, i)));
  return rows;
}

Status Transfer::write(const StoredTable& table, std::span<const StoredRow> rows) {
  if (rows.empty()) return {};
  if (table.name == stored::kActivity) {
    const auto events = MESH_TRY(activity_of(rows));
    MESH_TRY(analytics_.record(events.analytics, {}));
    return chemical_.record(events.chemical, {});
  }
  Params params;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    add_column(params, rows, i, table.columns[i].type);
  }
  std::vector<Query> queries{{sql_of(table).insert, std::move(params)}};
  if (table.name == stored::kOutbox) {
    // What is given out from now on lies beyond.
    queries.push_back(
        query("SELECT setval('outbox_sequence',greatest(nextval('outbox_sequence'),$1))",
              integer(rows.back()[0])));
  }
  (void)MESH_TRY(
      pool_.run(Repeat::harmless, [&](Session& session) { return session.run(queries); }));
  return {};
}

}  // namespace mesh::postgres
