#include "common/engines/postgres/tenant_data.h"

#include <set>

#include "common/domain/header_codec.h"
#include "common/engines/postgres/activity.h"
#include "common/engines/postgres/stored_json.h"

namespace mesh::postgres {
namespace {

// Where the subject is no id. No user has it, since ids begin at 1, and 0 is that of an answer that
// holds no user.
constexpr std::int64_t kNoUser = -1;

// Of the outbox, whose keys are the mesh's own: all of the tenant, or the user's where a key means
// a user. Parameters: the key, and what the keys of the tenant's subjects begin with, or the
// topics.
#define MESH_OF_TENANT "(key=$1 OR substring(key FROM 1 FOR length($2))=$2)"
#define MESH_OF_USER "key=$1 AND topic=ANY($2)"
// Whose a parked record is, no column tells. The table is short while the mesh keeps up.
constexpr const char* kParked =
    "SELECT pipeline,topic,partition,\"offset\",key,value,headers FROM retries";
// Of activity_subjects. Parameters: the tenant; the kind and the name's key.
#define MESH_SUBJECTS "FROM activity_subjects s WHERE s.tenant=$1"
#define MESH_SUBJECT MESH_SUBJECTS " AND s.kind=$2 AND s.name_key=$3"
#define MESH_WITHOUT_EVENTS " AND NOT EXISTS(SELECT FROM activity a WHERE a.subject=s.number)"

std::vector<std::string> topics_of_users() {
  return {kTopicsOfUsers.begin(), kTopicsOfUsers.end()};
}

Query of_tenant(const char* sql, const TenantId& tenant) {
  return query(sql, Bytes{tenant.str()}, Bytes{key_of(tenant, {}) + "/"});
}

// The queries that count, in the order of the parts.
std::vector<Query> counts_of_user(const ErasureTarget& target) {
  const std::string key = key_of(target.tenant, *target.subject);
  const std::string name = subject_key(*target.subject);
  return {
      query("SELECT count(*) FROM users WHERE tenant=$1 AND id=$2", target.tenant,
            user_id_of(target).value_or(kNoUser)),
      query("SELECT count(*) FROM outbox WHERE " MESH_OF_USER, Bytes{key}, topics_of_users()),
      query("SELECT (SELECT count(*) FROM activity WHERE subject IN (SELECT s.number " MESH_SUBJECT
            ")) + (SELECT count(*) " MESH_SUBJECT MESH_WITHOUT_EVENTS ")",
            target.tenant, kAnalytics, Bytes{name}),
      query(kParked),
      query("SELECT count(*) FROM idempotency WHERE tenant=$1 AND user_id=$2", target.tenant,
            user_id_of(target).value_or(kNoUser)),
  };
}

std::vector<Query> counts_of_tenant(const TenantId& tenant) {
  return {
      query("SELECT count(*) FROM users WHERE tenant=$1", tenant),
      of_tenant("SELECT count(*) FROM outbox WHERE " MESH_OF_TENANT, tenant),
      query("SELECT (SELECT count(*) FROM activity WHERE tenant=$1)"
            " + (SELECT count(*) " MESH_SUBJECTS MESH_WITHOUT_EVENTS ")",
            tenant),
      query(kParked),
      query("SELECT count(*) FROM idempotency WHERE tenant=$1", tenant),
      query("SELECT count(*) FROM usage WHERE tenant=$1", tenant),
      query("SELECT count(*) FROM tenant_keys WHERE tenant=$1", tenant),
  };
}

constexpr std::string_view kRetries = "store/retries";
constexpr std::string_view kPlaces[] = {"store/users",   "store/outbox",      "store/activity",
                                        "store/retries", "store/idempotency", "store/usage",
                                        "store/keys"};

// As a change of users: the tenant's row first.
Query lock_tenant(const TenantId& tenant) {
  return query("SELECT 1 FROM tenants WHERE id=$1 FOR UPDATE", tenant);
}

// The last one tells how many went. Empty: the part cannot be erased.
std::vector<Query> removal(const ErasureTarget& target, std::string_view place, int limit) {
  const TenantId& tenant = target.tenant;
  const std::string key = key_of(tenant, target.subject.value_or("")), begin = tenant.str() + "/";
  if (place == "store/users") {
    if (target.subject) {
      return {lock_tenant(tenant), query("DELETE FROM users WHERE tenant=$1 AND id=$2", tenant,
                                         user_id_of(target).value_or(kNoUser))};
    }
    return {lock_tenant(tenant), query("DELETE FROM users WHERE ctid=ANY(ARRAY("
                                       "SELECT ctid FROM users WHERE tenant=$1 LIMIT $2))",
                                       tenant, limit)};
  }
  if (place == "store/outbox") {
    return {target.subject ? query("DELETE FROM outbox WHERE ctid=ANY(ARRAY(SELECT ctid FROM outbox"
                                   " WHERE " MESH_OF_USER " LIMIT $3 FOR UPDATE))",
                                   Bytes{key}, topics_of_users(), limit)
                           : query("DELETE FROM outbox WHERE ctid=ANY(ARRAY(SELECT ctid FROM outbox"
                                   " WHERE " MESH_OF_TENANT " LIMIT $3 FOR UPDATE))",
                                   Bytes{key}, Bytes{begin}, limit)};
  }
  if (place == "store/idempotency" && target.subject) {
    return {
        query("DELETE FROM idempotency WHERE ctid=ANY(ARRAY(SELECT ctid FROM idempotency"
              " WHERE tenant=$1 AND user_id=$2 LIMIT $3 FOR UPDATE))",
              tenant, user_id_of(target).value_or(kNoUser), limit)};
  }
  if (place == "store/idempotency") {
    return {
        query("DELETE FROM idempotency WHERE ctid=ANY(ARRAY(SELECT ctid FROM idempotency"
              " WHERE tenant=$1 LIMIT $2 FOR UPDATE))",
              tenant, limit)};
  }
  return {};
}

// Those of kParked that are the target's, at most `limit`.
Result<std::vector<int>> parked_of(const Rows& rows, const ErasureTarget& target, int limit) {
  std::vector<int> found;
  for (int i = 0; i < rows.size() && static_cast<int>(found.size()) < limit; ++i) {
    auto headers = decode_headers(rows.text(i, 6));
    if (!headers) return fail(damaged("a parked event"));
    auto value = rows.is_null(i, 5) ? std::nullopt : std::optional(rows.string(i, 5));
    const StoredRecord record{
        {rows.string(i, 1), 0, 0}, {}, rows.string(i, 4), std::move(value), std::move(*headers)};
    if (concerns(target, record)) found.push_back(i);
  }
  return found;
}

// What these events counted for; a subject goes with its last one.
std::vector<Query> remove_events(const std::vector<std::int64_t>& positions,
                                 const std::vector<std::int64_t>& subjects) {
  return {
      query("WITH gone AS (DELETE FROM activity WHERE position=ANY($1) RETURNING subject,label)"
            " UPDATE activity_counts c SET events=c.events-g.events FROM"
            " (SELECT subject,label,count(*) AS events FROM gone GROUP BY 1,2) g"
            " WHERE c.subject=g.subject AND c.label=g.label",
            positions),
      query("DELETE FROM activity_subjects s WHERE s.number=ANY($1)" MESH_WITHOUT_EVENTS, subjects),
      query("DELETE FROM activity_counts c WHERE c.subject=ANY($1) AND (c.events<=0 OR NOT"
            " EXISTS(SELECT FROM activity_subjects s WHERE s.number=c.subject))",
            subjects),
  };
}

}  // namespace

Result<std::vector<KeptPart>> Data::count(const ErasureTarget& target) {
  auto queries = target.subject ? counts_of_user(target) : counts_of_tenant(target.tenant);
  // One snapshot, so that what moves from one part to another is in one of them.
  queries.insert(queries.begin(), query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  queries.push_back(query("COMMIT"));
  const auto results =
      MESH_TRY(pool_.run(Repeat::read, [&](Session& session) { return session.run(queries); }));
  std::vector<KeptPart> parts;
  for (std::size_t i = 0; i + 2 < results.size(); ++i) {
    const Rows& rows = results[i + 1];
    const bool parked = kPlaces[i] == kRetries;
    const auto found = parked ? parked_of(rows, target, rows.size()) : Result<std::vector<int>>();
    if (!found) return fail(found.error());
    parts.push_back({std::string(kPlaces[i]),
                     parked ? static_cast<std::int64_t>(found->size()) : rows.integer(0, 0)});
    if (parts.back().place == "store/usage") parts.back().remains = kUsageRemains;
  }
  return parts;
}

Result<std::int64_t> Data::erase(const ErasureTarget& target, std::string_view place, int limit) {
  if (place == "store/activity") return erase_activity(target, limit);
  if (place == kRetries) return erase_retries(target, limit);
  const auto queries = removal(target, place, limit);
  if (queries.empty()) return not_erasable(target, place);
  const auto results =
      MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) { return session.run(queries); }));
  return results.back().changed();
}

// What is found is still the same when it is removed: a position is one record's for ever.
Result<std::int64_t> Data::erase_retries(const ErasureTarget& target, int limit) {
  const auto rows = MESH_TRY(
      pool_.run(Repeat::read, [&](Session& session) { return session.run(query(kParked)); }));
  const auto found = MESH_TRY(parked_of(rows, target, limit));
  if (found.empty()) return 0;
  std::vector<std::string> pipelines, topics;
  std::vector<std::int64_t> partitions, offsets;
  for (const int i : found) {
    pipelines.push_back(rows.string(i, 0));
    topics.push_back(rows.string(i, 1));
    partitions.push_back(rows.integer(i, 2));
    offsets.push_back(rows.integer(i, 3));
  }
  const auto gone = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(
        query("DELETE FROM retries r USING unnest($1,$2,$3,$4)"
              " AS p(pipeline,topic,partition,\"offset\")"
              " WHERE r.pipeline=p.pipeline AND r.topic=p.topic"
              " AND r.partition=p.partition AND r.\"offset\"=p.\"offset\"",
              pipelines, topics, partitions, offsets));
  }));
  return gone.changed();
}

// Names of subjects without events, of events whose ids were taken already, go last.
Result<std::int64_t> Data::erase_activity(const ErasureTarget& target, int limit) {
  const std::string name = subject_key(target.subject.value_or(""));
  const Query events =
      target.subject
          ? query(
                "SELECT position,subject FROM activity WHERE subject IN (SELECT "
                "s.number " MESH_SUBJECT ") LIMIT $4 FOR UPDATE",
                target.tenant, kAnalytics, Bytes{name}, limit)
          : query("SELECT position,subject FROM activity WHERE tenant=$1 LIMIT $2 FOR UPDATE",
                  target.tenant, limit);
  const Query bare =
      target.subject
          ? query(
                "DELETE FROM activity_subjects WHERE number=ANY(ARRAY(SELECT s.number " MESH_SUBJECT
                    MESH_WITHOUT_EVENTS " LIMIT $4))",
                target.tenant, kAnalytics, Bytes{name}, limit)
          : query(
                "DELETE FROM activity_subjects WHERE number=ANY(ARRAY(SELECT "
                "s.number " MESH_SUBJECTS MESH_WITHOUT_EVENTS " LIMIT $2))",
                target.tenant, limit);
  return pool_.run(Repeat::harmless, [&](Session& session) -> Result<std::int64_t> {
    const auto found = MESH_TRY(session.begin({events}));
    std::vector<std::int64_t> positions;
    std::set<std::int64_t> subjects;
    for (int i = 0; i < found.back().size(); ++i) {
      positions.push_back(found.back().integer(i, 0));
      subjects.insert(found.back().integer(i, 1));
    }
    if (positions.empty()) {
      const auto names = MESH_TRY(session.commit({bare}));
      return names.front().changed();
    }
    (void)MESH_TRY(session.commit(remove_events(positions, {subjects.begin(), subjects.end()})));
    return static_cast<std::int64_t>(positions.size());
  });
}

}  // namespace mesh::postgres
