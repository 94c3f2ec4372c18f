#include "common/engines/sqlite/store/usage.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/activity_table.h"
#include "common/engines/sqlite/store/schema.h"

namespace mesh::sqlite {
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

// A grain's total of a tenant, by its number.
using Place = std::tuple<std::int64_t, UsageGrain, Timestamp>;

Status add(Database& db, const Place& place, const UsageAmounts& amounts) {
  const auto& [tenant, grain, start] = place;
  for (std::size_t i = 0; i < kUsageKinds; ++i) {
    if (amounts.of[i] == 0) continue;
    MESH_TRY(execute(db,
                     is_level(static_cast<UsageKind>(i))
                         ? "INSERT INTO usage(tenant,grain,start,kind,amount) VALUES(?,?,?,?,?)"
                           " ON CONFLICT DO UPDATE SET amount=max(amount,excluded.amount)"
                         : "INSERT INTO usage(tenant,grain,start,kind,amount) VALUES(?,?,?,?,?)"
                           " ON CONFLICT DO UPDATE SET amount=amount+excluded.amount",
                     tenant, static_cast<int>(grain), start, i, amounts.of[i]));
  }
  return {};
}

Status remove_old(Database& db, Timestamp now, std::int64_t most) {
  MESH_TRY(execute(db,
                   "DELETE FROM usage_ids WHERE (tenant,event_id) IN (SELECT tenant,event_id"
                   " FROM usage_ids WHERE recorded_at<? ORDER BY recorded_at LIMIT ?)",
                   now - kUsageIdsKept, most));
  for (const UsageGrain grain : kUsageGrains) {
    const auto keep = kept(grain);
    if (!keep) continue;
    MESH_TRY(execute(db,
                     "DELETE FROM usage WHERE (tenant,grain,start,kind) IN (SELECT"
                     " tenant,grain,start,kind FROM usage WHERE grain=? AND start<? LIMIT ?)",
                     static_cast<int>(grain), now - *keep, most));
  }
  return {};
}

}  // namespace

Status SqliteUsage::record(std::span<const UsageIncrement> increments, const Through& through,
                           Timestamp now) {
  if (increments.empty() && through.empty()) return {};
  return committer_.run([&](Database& db) -> Status {
    std::map<Place, UsageAmounts> totals;
    for (const UsageIncrement& increment : increments) {
      const auto tenant = MESH_TRY(tenant_number(db, increment.tenant));
      MESH_TRY(execute(db,
                       "INSERT INTO usage_ids(tenant,event_id,recorded_at) VALUES(?,?,?)"
                       " ON CONFLICT DO NOTHING",
                       tenant, increment.id, now));
      // It was recorded before.
      if (db.changes() == 0) continue;
      for (const UsageGrain grain : kUsageGrains) {
        totals[{tenant, grain, start_of(grain, increment.period_start)}].add(increment.amounts);
      }
    }
    for (const auto& [place, amounts] : totals) MESH_TRY(add(db, place, amounts));
    MESH_TRY(remove_old(db, now, most_removed(increments.size())));
    return move_offsets(db, kUsageOffsets, through);
  });
}

Result<UsageAmounts> SqliteUsage::used(const TenantId& tenant, Timestamp since) {
  return read_from(readers_, [&](Database& db) -> Result<UsageAmounts> {
    UsageAmounts amounts;
    MESH_TRY(
        each_row(query(db,
                       "SELECT kind,amount FROM usage WHERE tenant=" MESH_TENANT_NUMBER
                       " AND grain=? AND start>=?",
                       tenant, static_cast<int>(UsageGrain::day), start_of(UsageGrain::day, since)),
                 [&](const Statement& row) -> Status {
                   amounts.add(usage_of_kind(row.integer(0), row.integer(1)));
                   return {};
                 }));
    return amounts;
  });
}

Result<std::vector<UsageTotal>> SqliteUsage::totals(const UsageQuery& wanted, int limit) {
  return read_from(readers_, [&](Database& db) -> Result<std::vector<UsageTotal>> {
    UsageTotals totals(limit);
    const int rows = totals.most_rows(), grain = static_cast<int>(wanted.grain);
    auto found = wanted.tenant
                     ? query(db,
                             "SELECT n.id,u.start,u.kind,u.amount FROM tenant_numbers n"
                             " JOIN usage u ON u.tenant=n.number WHERE n.id=? AND u.grain=?"
                             " AND u.start>=? AND u.start<? ORDER BY u.start,u.kind LIMIT ?",
                             *wanted.tenant, grain, wanted.since, wanted.until, rows)
                     : query(db,
                             "SELECT n.id,u.start,u.kind,u.amount FROM usage u"
                             " JOIN tenant_numbers n ON n.number=u.tenant WHERE u.grain=?"
                             " AND u.start>=? AND u.start<? ORDER BY u.start,n.id,u.kind LIMIT ?",
                             grain, wanted.since, wanted.until, rows);
    MESH_TRY(each_row(std::move(found), [&](const Statement& row) {
      return totals.add(row.text(0), timestamp(row, 1), row.integer(2), row.integer(3));
    }));
    return totals.take();
  });
}

Result<std::vector<UsageSum>> SqliteUsage::sums(const UsageQuery& wanted, int limit) {
  return read_from(readers_, [&](Database& db) -> Result<std::vector<UsageSum>> {
    const int grain = static_cast<int>(wanted.grain), most = limit + 1;
    // A kind that this program does not know is nothing.
    auto found = wanted.tenant
                     ? query(db,
                             "SELECT n.id,u.kind,max(u.amount),sum(u.amount)"
                             " FROM tenant_numbers n JOIN usage u ON u.tenant=n.number WHERE n.id=?"
                             " AND u.grain=? AND u.start>=? AND u.start<? AND u.kind<?"
                             " GROUP BY u.kind ORDER BY u.kind LIMIT ?",
                             *wanted.tenant, grain, wanted.since, wanted.until, kUsageKinds, most)
                     : query(db,
                             "SELECT n.id,u.kind,max(u.amount),sum(u.amount) FROM usage u"
                             " JOIN tenant_numbers n ON n.number=u.tenant WHERE u.grain=?"
                             " AND u.start>=? AND u.start<? AND u.kind<?"
                             " GROUP BY n.id,u.kind ORDER BY n.id,u.kind LIMIT ?",
                             grain, wanted.since, wanted.until, kUsageKinds, most);
    std::vector<UsageSum> sums;
    MESH_TRY(each_row(std::move(found), [&](const Statement& row) -> Status {
      const bool level = is_level(static_cast<UsageKind>(row.integer(1)));
      sums.push_back(MESH_TRY(usage_sum(row.text(0), row.integer(1), row.integer(level ? 2 : 3))));
      return {};
    }));
    if (std::ssize(sums) > limit) return fail(too_many_sums(limit));
    return sums;
  });
}

Result<std::map<TenantId, Stored>> SqliteUsage::stored(const std::function<bool()>& go_on) {
  std::map<TenantId, Stored> all;
  // A statement of its own for each part: while one reads, the write-ahead log cannot begin anew.
  MESH_TRY(add_users(go_on, all));
  MESH_TRY(add_events(go_on, all));
  return all;
}

Status SqliteUsage::add_users(const std::function<bool()>& go_on, std::map<TenantId, Stored>& all) {
  using Key = std::pair<std::int64_t, std::int64_t>;  // a tenant's number, a user's id
  for (Key after, last;; after = last) {
    if (!go_on()) return ended_count();
    MESH_TRY(read_from(readers_, [&](Database& db) {
      return each_row(
          query(db,
                "SELECT n.id,p.users,p.bytes,p.tenant,p.last FROM (SELECT tenant,count(*) AS users,"
                "sum(bytes) AS bytes,max(id) AS last FROM (SELECT tenant,id,"
                "length(CAST(email AS BLOB))+length(CAST(name AS BLOB)) AS bytes FROM users"
                " WHERE (tenant,id)>(?,?) ORDER BY tenant,id LIMIT ?) GROUP BY tenant) p"
                " JOIN tenant_numbers n ON n.number=p.tenant",
                after.first, after.second, kRowsOfPart),
          [&](const Statement& row) -> Status {
            Stored& stored = all[MESH_TRY(TenantId::parse(row.text(0)))];
            stored.users += row.integer(1);
            stored.bytes += row.integer(2);
            last = std::max(last, Key(row.integer(3), row.integer(4)));
            return {};
          });
    }));
    if (last == after) return {};
  }
}

Status SqliteUsage::add_events(const std::function<bool()>& go_on,
                               std::map<TenantId, Stored>& all) {
  for (std::int64_t after = -1, last = 0;; after = last) {
    if (!go_on()) return ended_count();
    last = after;
    MESH_TRY(read_from(readers_, [&](Database& db) {
      return each_row(
          query(db,
                "SELECT n.id,p.bytes,p.last FROM (SELECT tenant,sum(bytes) AS bytes,"
                "max(position) AS last FROM (SELECT position,tenant,length(CAST(data AS BLOB))"
                "+length(CAST(properties AS BLOB)) AS bytes FROM activity WHERE position>?"
                " ORDER BY position LIMIT ?) GROUP BY tenant) p"
                " JOIN tenant_numbers n ON n.number=p.tenant",
                after, kRowsOfPart),
          [&](const Statement& row) -> Status {
            const auto tenant = MESH_TRY(TenantId::parse(row.text(0)));
            all[tenant].bytes += row.integer(1);
            last = std::max(last, row.integer(2));
            return {};
          });
    }));
    if (last == after) return {};
  }
}

}  // namespace mesh::sqlite
