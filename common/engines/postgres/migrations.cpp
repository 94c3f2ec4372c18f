#include "common/engines/postgres/migrations.h"

#include <algorithm>
#include <iterator>

#include "common/engines/postgres/errors.h"
#include "common/telemetry/log.h"

namespace mesh::postgres {
namespace {

// Texts that clients write are bytea where they may hold a NUL, which text cannot. Times are
// milliseconds since 1970. Names are compared byte by byte (COLLATE "C"), as the embedded store
// does.
//
// tenants: whoever changes users or the record of a tenant locks its row first, and those of
// several in the order of their ids. last_user is the highest id ever given out, so that a removed
// user's id never comes back. record is null of a tenant without one, or whose record was removed;
// version stays then.
//
// outbox: sequences are given out under the lock of the tenant's row, so those of one entity rise
// in the order of its changes.
//
// idempotency: code is null of a claim that has no note, 0 of a note, else the answer's. token and
// held_until are the claim's, 0 where there is none; holder is Pool::holder of its process. user_id
// is that of the user whose data the answer holds, 0 where it holds none.
//
// activity: subject is the user (kind 0, analytics) or the researcher (kind 1, chemical), label the
// event type or the molecule. An index takes 2,700 bytes at most, so what may be longer stands in
// it as a digest: event_key is one of source and id, name_key and label_key are where they have to
// be.
constexpr const char* kTables = R"sql(
CREATE FUNCTION mesh_now() RETURNS bigint LANGUAGE sql VOLATILE AS
  'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

CREATE TABLE tenants(
  id text COLLATE "C" PRIMARY KEY,
  last_user bigint NOT NULL DEFAULT 0,
  version bigint NOT NULL DEFAULT 0,
  record text);

CREATE TABLE users(
  tenant text COLLATE "C" NOT NULL,
  id bigint NOT NULL,
  version bigint NOT NULL,
  email text NOT NULL,
  email_key text COLLATE "C" NOT NULL,
  name text NOT NULL,
  PRIMARY KEY(tenant, id),
  CONSTRAINT users_by_email UNIQUE(tenant, email_key) DEFERRABLE INITIALLY IMMEDIATE);

CREATE SEQUENCE outbox_sequence;
CREATE TABLE outbox(
  sequence bigint PRIMARY KEY,
  topic text NOT NULL,
  key bytea NOT NULL,
  value bytea,
  headers bytea NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);

CREATE SEQUENCE lease_token;
CREATE TABLE leases(
  name text COLLATE "C" PRIMARY KEY,
  token bigint NOT NULL,
  holder text NOT NULL,
  held_until bigint NOT NULL);

CREATE TABLE members(
  id text COLLATE "C" PRIMARY KEY,
  member text NOT NULL,
  seen bigint NOT NULL,
  until bigint NOT NULL);

CREATE TABLE idempotency(
  tenant text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  fingerprint bytea NOT NULL,
  code integer,
  body bytea,
  headers text,
  created_at bigint NOT NULL,
  token bigint NOT NULL,
  holder bigint NOT NULL,
  held_until bigint NOT NULL,
  PRIMARY KEY(tenant, key));
CREATE INDEX idempotency_by_time ON idempotency(created_at);

CREATE TABLE tasks(
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL,
  state text NOT NULL,
  spec text NOT NULL,
  checkpoint text NOT NULL,
  result text NOT NULL,
  done bigint NOT NULL,
  total bigint NOT NULL,
  error text NOT NULL,
  cancel_requested boolean NOT NULL,
  created_at bigint NOT NULL,
  started_at bigint NOT NULL,
  finished_at bigint NOT NULL,
  holder text NOT NULL DEFAULT '',
  token bigint NOT NULL DEFAULT 0,
  held_until bigint NOT NULL DEFAULT 0);
CREATE INDEX tasks_by_time ON tasks(created_at, id);
CREATE INDEX tasks_unfinished ON tasks(created_at, id) WHERE state IN ('queued', 'running');

CREATE TABLE retry_owners(
  pipeline text COLLATE "C" NOT NULL,
  topic text COLLATE "C" NOT NULL,
  partition bigint NOT NULL,
  parker text,
  PRIMARY KEY(pipeline, topic, partition));
CREATE TABLE retries(
  pipeline text COLLATE "C" NOT NULL,
  topic text COLLATE "C" NOT NULL,
  partition bigint NOT NULL,
  "offset" bigint NOT NULL,
  time bigint NOT NULL,
  key bytea NOT NULL,
  value bytea,
  headers bytea NOT NULL,
  attempts bigint NOT NULL,
  next_attempt bigint NOT NULL,
  cause_class text NOT NULL,
  cause bytea NOT NULL,
  PRIMARY KEY(pipeline, topic, partition, "offset"));

CREATE TABLE activity_subjects(
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kind integer NOT NULL,
  name_key bytea NOT NULL,
  UNIQUE(tenant, kind, name_key));
CREATE TABLE activity_counts(
  subject bigint NOT NULL,
  label_key bytea NOT NULL,
  label bytea NOT NULL,
  events bigint NOT NULL,
  PRIMARY KEY(subject, label_key));
CREATE TABLE activity(
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  kind integer NOT NULL,
  event_key bytea NOT NULL,
  source bytea NOT NULL,
  event_id bytea NOT NULL,
  subject bigint NOT NULL,
  label bytea NOT NULL,
  timestamp bytea NOT NULL,
  processed_at bigint NOT NULL,
  event_time bigint NOT NULL,
  data text NOT NULL,
  properties text NOT NULL,
  UNIQUE(tenant, kind, event_key));
CREATE INDEX activity_by_subject ON activity(subject, event_time, position);
CREATE TABLE projection_offsets(
  kind integer NOT NULL,
  topic text COLLATE "C" NOT NULL,
  partition bigint NOT NULL,
  next bigint NOT NULL,
  PRIMARY KEY(kind, topic, partition));

CREATE TABLE epochs(
  name text COLLATE "C" PRIMARY KEY,
  epoch bigint NOT NULL,
  body bytea NOT NULL);
)sql";

// grain and kind as in usage.h, start in milliseconds since 1970. usage_ids: of increments that
// were added, so that none is added twice.
constexpr const char* kUsage = R"sql(
CREATE TABLE usage_ids(
  tenant text COLLATE "C" NOT NULL,
  event_id bytea NOT NULL,
  recorded_at bigint NOT NULL,
  PRIMARY KEY(tenant, event_id));
CREATE INDEX usage_ids_by_time ON usage_ids(recorded_at);
CREATE TABLE usage(
  tenant text COLLATE "C" NOT NULL,
  grain bigint NOT NULL,
  start bigint NOT NULL,
  kind bigint NOT NULL,
  amount bigint NOT NULL,
  PRIMARY KEY(tenant, grain, start, kind));
CREATE INDEX usage_by_start ON usage(grain, start);
)sql";

// See attempt.h.
constexpr const char* kAttempts =
    "ALTER TABLE retries ADD COLUMN history text NOT NULL DEFAULT '[]';";

// Of tasks from before nobody knows.
constexpr const char* kTaskStarter =
    "ALTER TABLE tasks ADD COLUMN started_by text NOT NULL DEFAULT '';";

// See key_store.h. Answers of before with 201 hold a user, whose id stands first.
constexpr const char* kErasure = R"sql(
CREATE TABLE tenant_keys(
  id text COLLATE "C" PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL UNIQUE,
  wrapped bytea NOT NULL);
ALTER TABLE idempotency ADD COLUMN user_id bigint NOT NULL DEFAULT 0;
UPDATE idempotency SET user_id=
  coalesce(substring(encode(body,'escape') FROM '^{"id":([0-9]{1,18}),')::bigint,0)
  WHERE code=201;
)sql";

// Append only: a database has gone through those that it has.
constexpr const char* kSteps[] = {kTables, kUsage, kAttempts, kTaskStarter, kErasure};
constexpr std::int64_t kNewest = std::size(kSteps);

// The version of the schema; 0 where there is none.
Result<std::int64_t> version_of(Session& session, const std::string& schema) {
  const auto exists = MESH_TRY(session.run(
      query("SELECT EXISTS(SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = "
            "'schema_versions')",
            schema)));
  if (!exists.flag(0, 0)) return 0;
  const auto found =
      MESH_TRY(session.run(query("SELECT coalesce(max(version), 0) FROM schema_versions")));
  return found.integer(0, 0);
}

Status check(std::int64_t version, const std::string& schema) {
  if (version <= kNewest) return {};
  return fail(ErrorKind::conflict,
              "the schema " + schema + " of PostgreSQL is of a newer meshd (step " +
                  std::to_string(version) + ", this one knows " + std::to_string(kNewest) +
                  "): start that one, or name another schema in postgres.schema");
}

}  // namespace

bool is_schema_name(const std::string& schema) {
  constexpr std::size_t kMost = 40;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !schema.empty() && schema.size() <= kMost && letter(schema.front()) &&
         std::ranges::all_of(schema, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::string migrations(const std::string& schema) {
  std::string sql =
      "BEGIN;\nSET LOCAL statement_timeout = 0;\nSET LOCAL client_min_messages = warning;\n"
      // One at a time, also those who make the schema.
      "SELECT pg_advisory_xact_lock(hashtext('mesh schema " +
      schema +
      "'));\n"
      "CREATE SCHEMA IF NOT EXISTS " +
      schema + ";\nSET LOCAL search_path = " + schema +
      ";\n"
      "CREATE TABLE IF NOT EXISTS schema_versions(\n"
      "  version bigint PRIMARY KEY,\n"
      "  applied_at timestamptz NOT NULL DEFAULT now());\n";
  std::int64_t version = 0;
  for (const char* step : kSteps) {
    const std::string number = std::to_string(++version);
    sql += "\n-- step " + number +
           "\nDO $step$ BEGIN\nIF EXISTS(SELECT FROM schema_versions WHERE version >= " + number +
           ") THEN RETURN; END IF;\n" + step + "\nINSERT INTO schema_versions(version) VALUES(" +
           number + ");\nEND $step$;\n";
  }
  return sql + "\nCOMMIT;\n";
}

Status migrate(Session& session, const std::string& schema) {
  const auto before = MESH_TRY(version_of(session, schema));
  MESH_TRY(check(before, schema));
  if (before == kNewest) return {};
  const Status made = session.run_script(migrations(schema));
  if (!made) {
    session.roll_back();
    return fail(made.error());
  }
  // Another process, of another program, may have been faster.
  const auto after = MESH_TRY(version_of(session, schema));
  MESH_TRY(check(after, schema));
  log::info("postgres: the schema is up to date", {{"schema", schema}, {"step", after}});
  return {};
}

Status insist_on_newest(Session& session, const std::string& schema) {
  const auto version = MESH_TRY(version_of(session, schema));
  MESH_TRY(check(version, schema));
  if (version == kNewest) return {};
  if (version == 0) {
    return fail(ErrorKind::not_found, "PostgreSQL has no mesh in the schema " + schema +
                                          ": does postgres.schema name the right one?");
  }
  return fail(ErrorKind::conflict, "the schema " + schema +
                                       " of PostgreSQL is of an older meshd (step " +
                                       std::to_string(version) + " of " + std::to_string(kNewest) +
                                       "): bring it up to date with `meshd --prepare`");
}

}  // namespace mesh::postgres
