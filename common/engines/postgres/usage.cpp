#include "common/engines/postgres/usage.h"

#include <algorithm>
#include <set>

#include "common/engines/postgres/activity.h"

namespace mesh::postgres {
namespace {

constexpr std::int64_t kRowsOfPart = 10'000;  // of stored()

// Goes at one call: so few that none takes long, and more than the call adds, so that what is old
// does not pile up.
std::int64_t most_removed(std::size_t increments) {
  return static_cast<std::int64_t>(1'000 + 2 * kUsageKinds * increments);
}

tl::unexpected<Error> ended_count() {
  return fail(ErrorKind::unavailable, "the count of what is stored was ended");
}

// An increment each, and an amount each.
struct Columns {
  std::vector<std::string> tenants, of_tenants;
  BytesList ids, of_ids;
  std::vector<std::int64_t> grains, starts, kinds, amounts;

  void add(const UsageIncrement& increment) {
    tenants.push_back(increment.tenant.str());
    ids.items.push_back(increment.id);
    for (const UsageGrain grain : kUsageGrains) {
      for (std::size_t i = 0; i < kUsageKinds; ++i) {
        if (increment.amounts.of[i] == 0) continue;
        of_tenants.push_back(increment.tenant.str());
        of_ids.items.push_back(increment.id);
        grains.push_back(static_cast<std::int64_t>(grain));
        starts.push_back(start_of(grain, increment.period_start).time_since_epoch().count());
        kinds.push_back(static_cast<std::int64_t>(i));
        amounts.push_back(increment.amounts.of[i]);
      }
    }
  }
};

std::vector<std::int64_t> levels() {
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < kUsageKinds; ++i) {
    if (is_level(static_cast<UsageKind>(i))) all.push_back(static_cast<std::int64_t>(i));
  }
  return all;
}

// Rows are written in an order, so that batches side by side do not wait for each other in a ring.
std::vector<Query> add_queries(const Columns& rows, Timestamp now) {
  return {
      query("INSERT INTO tenants(id) SELECT DISTINCT unnest($1) COLLATE \"C\" ORDER BY 1"
            " ON CONFLICT DO NOTHING",
            rows.tenants),
      // An increment that was recorded before makes no row, and must not count twice.
      query("WITH fresh AS (INSERT INTO usage_ids(tenant,event_id,recorded_at)"
            "   SELECT tenant,event_id,$3 FROM unnest($1,$2) AS i(tenant,event_id)"
            "   ORDER BY tenant COLLATE \"C\",event_id ON CONFLICT DO NOTHING"
            "   RETURNING tenant,event_id)"
            " INSERT INTO usage AS u(tenant,grain,start,kind,amount)"
            " SELECT f.tenant,grain,start,kind,"
            "   CASE WHEN kind=ANY($10) THEN max(amount) ELSE sum(amount)::bigint END"
            " FROM unnest($4,$5,$6,$7,$8,$9) AS a(tenant,event_id,grain,start,kind,amount)"
            " JOIN fresh f ON f.tenant=a.tenant AND f.event_id=a.event_id"
            " GROUP BY 1,2,3,4 ORDER BY 1,2,3,4"
            " ON CONFLICT(tenant,grain,start,kind) DO UPDATE SET amount=CASE"
            "   WHEN excluded.kind=ANY($10) THEN greatest(u.amount,excluded.amount)"
            "   ELSE u.amount+excluded.amount END",
            rows.tenants, rows.ids, now, rows.of_tenants, rows.of_ids, rows.grains, rows.starts,
            rows.kinds, rows.amounts, levels()),
  };
}

// What another process removes at the same time is left to it.
void add_removals(std::vector<Query>& queries, Timestamp now, std::int64_t most) {
  queries.push_back(
      query("DELETE FROM usage_ids WHERE ctid=ANY(ARRAY(SELECT ctid FROM usage_ids"
            " WHERE recorded_at<$1 ORDER BY recorded_at LIMIT $2"
            " FOR UPDATE SKIP LOCKED))",
            now - kUsageIdsKept, most));
  for (const UsageGrain grain : kUsageGrains) {
    const auto keep = kept(grain);
    if (!keep) continue;
    queries.push_back(
        query("DELETE FROM usage WHERE ctid=ANY(ARRAY(SELECT ctid FROM usage"
              " WHERE grain=$1 AND start<$2 LIMIT $3 FOR UPDATE SKIP LOCKED))",
              grain, now - *keep, most));
  }
}

}  // namespace

Status Usage::record(std::span<const UsageIncrement> increments, const Through& through,
                     Timestamp now) {
  if (increments.empty() && through.empty()) return {};
  std::vector<Query> queries;
  if (!increments.empty()) {
    Columns rows;
    // The statement adds what it finds under an id, so that each may stand there once.
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (const UsageIncrement& increment : increments) {
      if (seen.emplace(increment.tenant.str(), increment.id).second) rows.add(increment);
    }
    queries = add_queries(rows, now);
  }
  add_removals(queries, now, most_removed(increments.size()));
  if (!through.empty()) queries.push_back(offsets_query(kUsageOffsets, through));
  // One transaction of one round trip. What is recorded twice counts once.
  (void)MESH_TRY(
      pool_.run(Repeat::harmless, [&](Session& session) { return session.run(queries); }));
  return {};
}

Result<UsageAmounts> Usage::used(const TenantId& tenant, Timestamp since) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT kind,amount FROM usage WHERE tenant=$1 AND grain=$2 AND start>=$3", tenant,
              UsageGrain::day, start_of(UsageGrain::day, since)));
  }));
  UsageAmounts amounts;
  for (int i = 0; i < rows.size(); ++i)
    amounts.add(usage_of_kind(rows.integer(i, 0), rows.integer(i, 1)));
  return amounts;
}

Result<std::vector<UsageTotal>> Usage::totals(const UsageQuery& wanted, int limit) {
  UsageTotals totals(limit);
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    const int most = totals.most_rows();
    return session.run(
        wanted.tenant
            ? query("SELECT tenant,start,kind,amount FROM usage WHERE tenant=$1 AND grain=$2"
                    " AND start>=$3 AND start<$4 ORDER BY start,kind LIMIT $5",
                    *wanted.tenant, wanted.grain, wanted.since, wanted.until, most)
            : query("SELECT tenant,start,kind,amount FROM usage WHERE grain=$1"
                    " AND start>=$2 AND start<$3 ORDER BY start,tenant,kind LIMIT $4",
                    wanted.grain, wanted.since, wanted.until, most));
  }));
  for (int i = 0; i < rows.size(); ++i) {
    MESH_TRY(totals.add(rows.text(i, 0), rows.time(i, 1), rows.integer(i, 2), rows.integer(i, 3)));
  }
  return totals.take();
}

Result<std::vector<UsageSum>> Usage::sums(const UsageQuery& wanted, int limit) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    const auto kinds = static_cast<std::int64_t>(kUsageKinds);
    const auto most = static_cast<std::int64_t>(limit) + 1;
    // A kind that this program does not know is nothing.
    return session.run(
        wanted.tenant
            ? query("SELECT tenant,kind,CASE WHEN kind=ANY($7) THEN max(amount)"
                    " ELSE sum(amount)::bigint END FROM usage WHERE tenant=$1 AND grain=$2"
                    " AND start>=$3 AND start<$4 AND kind<$5"
                    " GROUP BY tenant,kind ORDER BY kind LIMIT $6",
                    *wanted.tenant, wanted.grain, wanted.since, wanted.until, kinds, most, levels())
            : query("SELECT tenant,kind,CASE WHEN kind=ANY($6) THEN max(amount)"
                    " ELSE sum(amount)::bigint END FROM usage WHERE grain=$1"
                    " AND start>=$2 AND start<$3 AND kind<$4"
                    " GROUP BY tenant,kind ORDER BY tenant,kind LIMIT $5",
                    wanted.grain, wanted.since, wanted.until, kinds, most, levels()));
  }));
  std::vector<UsageSum> sums;
  for (int i = 0; i < rows.size(); ++i) {
    sums.push_back(MESH_TRY(usage_sum(rows.text(i, 0), rows.integer(i, 1), rows.integer(i, 2))));
  }
  if (std::ssize(sums) > limit) return fail(too_many_sums(limit));
  return sums;
}

Result<std::map<TenantId, Stored>> Usage::stored(const std::function<bool()>& go_on) {
  std::map<TenantId, Stored> all;
  // In parts, each within the time that a statement may take.
  MESH_TRY(add_users(go_on, all));
  MESH_TRY(add_events(go_on, all));
  return all;
}

Status Usage::add_users(const std::function<bool()>& go_on, std::map<TenantId, Stored>& all) {
  std::string tenant;
  for (std::int64_t id = 0;;) {
    if (!go_on()) return ended_count();
    const auto users = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
      return session.run(
          query("SELECT tenant,count(*),sum(bytes)::bigint,max(id) FROM (SELECT tenant,id,"
                "octet_length(email)+octet_length(name) AS bytes FROM users"
                " WHERE (tenant,id)>($1,$2) ORDER BY tenant,id LIMIT $3) AS part"
                " GROUP BY tenant ORDER BY tenant",
                tenant, id, kRowsOfPart));
    }));
    for (int i = 0; i < users.size(); ++i) {
      Stored& stored = all[MESH_TRY(TenantId::parse(users.text(i, 0)))];
      stored.users += users.integer(i, 1);
      stored.bytes += users.integer(i, 2);
    }
    if (users.size() == 0) return {};
    tenant = users.string(users.size() - 1, 0);
    id = users.integer(users.size() - 1, 3);
  }
}

Status Usage::add_events(const std::function<bool()>& go_on, std::map<TenantId, Stored>& all) {
  for (std::int64_t after = -1, last = 0;; after = last) {
    if (!go_on()) return ended_count();
    last = after;
    const auto events = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
      return session.run(
          query("SELECT tenant,sum(octet_length(data)+octet_length(properties)),max(position)"
                " FROM (SELECT position,tenant,data,properties FROM activity WHERE position>$1"
                " ORDER BY position LIMIT $2) AS part GROUP BY tenant",
                after, kRowsOfPart));
    }));
    for (int i = 0; i < events.size(); ++i) {
      const auto tenant = MESH_TRY(TenantId::parse(events.text(i, 0)));
      all[tenant].bytes += events.integer(i, 1);
      last = std::max(last, events.integer(i, 2));
    }
    if (last == after) return {};
  }
}

}  // namespace mesh::postgres
