#include "common/engines/sqlite/store/schema.h"

#include "common/engines/sqlite/core/migrate.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/email_keys.h"

namespace mesh::sqlite {
namespace {

// Names of tenants stand in one table only; rows and indexes elsewhere hold their number.
// last_user is the highest id ever given out, so that a removed user's id never comes back.
//
// outbox: AUTOINCREMENT, since an acknowledged (emptied) outbox must not begin at 1 again.
//
// idempotency: `position` rises with the time of storing, so the oldest are found without an index.
// user_id is that of the user whose data the answer holds, 0 where it holds none.
//
// activity: `subject` is the user (kind 0, analytics) or the researcher (kind 1, chemical), `label`
// the event type or the molecule.
constexpr std::string_view kTables = R"sql(
CREATE TABLE tenant_numbers(
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  last_user INTEGER NOT NULL DEFAULT 0);

CREATE TABLE users(
  tenant INTEGER NOT NULL,
  id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  email TEXT NOT NULL,
  email_key TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY(tenant, id)) WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_email ON users(tenant, email_key);

CREATE TABLE outbox(
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  record BLOB NOT NULL);

CREATE TABLE tenants(
  id TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  record TEXT) WITHOUT ROWID;

CREATE TABLE idempotency(
  position INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE(tenant, key));

CREATE TABLE tasks(
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  spec TEXT NOT NULL,
  checkpoint TEXT NOT NULL,
  result TEXT NOT NULL,
  done INTEGER NOT NULL,
  total INTEGER NOT NULL,
  error TEXT NOT NULL,
  cancel_requested INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX tasks_by_time ON tasks(created_at, id);

CREATE TABLE retries(
  pipeline TEXT NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  "offset" INTEGER NOT NULL,
  time INTEGER NOT NULL,
  record BLOB NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL,
  cause_class TEXT NOT NULL,
  cause TEXT NOT NULL,
  PRIMARY KEY(pipeline, topic, partition, "offset"));

CREATE TABLE activity_subjects(
  number INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  name TEXT NOT NULL,
  UNIQUE(tenant, kind, name));
CREATE TABLE activity_counts(
  subject INTEGER NOT NULL,
  label TEXT NOT NULL,
  events INTEGER NOT NULL,
  PRIMARY KEY(subject, label)) WITHOUT ROWID;
CREATE TABLE activity(
  position INTEGER PRIMARY KEY,
  tenant INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  source TEXT NOT NULL,
  event_id BLOB NOT NULL,
  subject INTEGER NOT NULL,
  label TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  processed_at INTEGER NOT NULL,
  data TEXT NOT NULL,
  properties TEXT NOT NULL);
CREATE UNIQUE INDEX activity_by_id ON activity(tenant, kind, source, event_id);
CREATE INDEX activity_by_subject ON activity(subject);

CREATE TABLE projection_offsets(
  kind INTEGER NOT NULL,
  topic TEXT NOT NULL,
  partition INTEGER NOT NULL,
  next INTEGER NOT NULL,
  PRIMARY KEY(kind, topic, partition)) WITHOUT ROWID;
)sql";

// JSON: [[name, value], …]; null for answers that were stored before.
constexpr std::string_view kAnswerHeaders = "ALTER TABLE idempotency ADD COLUMN headers TEXT";

// Newest first goes by when events happened. `event_time` is in milliseconds since 1970; of rows
// from before it follows from `timestamp`, which is an RFC 3339 text, and lies at most at
// processed_at, as for new ones.
constexpr std::string_view kActivityTime = R"sql(
ALTER TABLE activity ADD COLUMN event_time INTEGER NOT NULL DEFAULT 0;
UPDATE activity SET event_time=min(processed_at, coalesce(
  strftime('%s',upper(timestamp))*1000+substr(strftime('%f',upper(timestamp)),4), processed_at));
DROP INDEX activity_by_subject;
CREATE INDEX activity_by_subject ON activity(subject,event_time);
)sql";

// See email_keys.h.
constexpr std::string_view kAlike = R"sql(
CREATE TABLE users_alike(
  tenant INTEGER NOT NULL,
  email_key TEXT NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY(tenant, email_key, id)) WITHOUT ROWID;
)sql";

// See epoch_store.h.
constexpr std::string_view kEpochs = R"sql(
CREATE TABLE epochs(
  name TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL,
  body TEXT NOT NULL) WITHOUT ROWID;
)sql";

// `grain` and `kind` as in usage.h, `start` in milliseconds since 1970. usage_ids: of increments
// that were added, so that none is added twice.
constexpr std::string_view kUsage = R"sql(
CREATE TABLE usage_ids(
  tenant INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  recorded_at INTEGER NOT NULL,
  PRIMARY KEY(tenant, event_id)) WITHOUT ROWID;
CREATE INDEX usage_ids_by_time ON usage_ids(recorded_at);
CREATE TABLE usage(
  tenant INTEGER NOT NULL,
  grain INTEGER NOT NULL,
  start INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  amount INTEGER NOT NULL,
  PRIMARY KEY(tenant, grain, start, kind)) WITHOUT ROWID;
CREATE INDEX usage_by_start ON usage(grain, start);
)sql";

// See attempt.h.
constexpr std::string_view kAttempts =
    "ALTER TABLE retries ADD COLUMN history TEXT NOT NULL DEFAULT '[]'";

// Of tasks from before nobody knows.
constexpr std::string_view kTaskStarter =
    "ALTER TABLE tasks ADD COLUMN started_by TEXT NOT NULL DEFAULT ''";

// See key_store.h. `tenant` is the name, not its number: a key outlives the loss of the number,
// since without it nobody reads the tenant's records in the log. Answers of before with 201 hold
// a user.
constexpr std::string_view kErasure = R"sql(
CREATE TABLE tenant_keys(
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL UNIQUE,
  wrapped BLOB NOT NULL) WITHOUT ROWID;
ALTER TABLE idempotency ADD COLUMN user_id INTEGER NOT NULL DEFAULT 0;
UPDATE idempotency SET user_id=coalesce(json_extract(body,'$.id'),0)
  WHERE status=201 AND json_valid(body);
)sql";

}  // namespace

Status prepare_schema(Database& db) {
  constexpr SchemaStep kSteps[] = {{kTables},           {kAnswerHeaders}, {kActivityTime},
                                   {kAlike, fold_keys}, {kEpochs},        {kUsage},
                                   {kAttempts},         {kTaskStarter},   {kErasure}};
  static_assert(std::size(kSteps) == kStoreSchema);
  return migrate(db, kSteps);
}

Result<std::int64_t> tenant_number(Database& db, const TenantId& tenant) {
  auto known = MESH_TRY(first_row(query(db, "SELECT number FROM tenant_numbers WHERE id=?", tenant),
                                  [](const Statement& row) { return row.integer(0); }));
  if (known) return *known;
  MESH_TRY(execute(db, "INSERT INTO tenant_numbers(id) VALUES(?)", tenant));
  return db.last_insert_rowid();
}

}  // namespace mesh::sqlite
