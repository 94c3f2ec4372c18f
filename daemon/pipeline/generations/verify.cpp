#include "daemon/pipeline/generations/verify.h"

#include <algorithm>
#include <set>

#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/stages/user_change.h"

namespace mesh::pipeline {
namespace {

constexpr int kPage = 1'000;
constexpr std::size_t kExamples = 20;

using UserKey = std::pair<TenantId, std::int64_t>;
struct Expected {
  std::int64_t version = 0;
  bool deleted = false;
};
using Users = std::map<UserKey, Expected>;  // by tenant, then id
// Takes up what the log holds from `next` on, and moves `next`.
Status read_users(EventLog& log, LogAdmin& admin, const std::vector<std::string>& topics,
                  Offsets& next, const std::function<void(const UserKey&, Expected)>& use) {
  const auto to = MESH_TRY(ends(log, admin, topics));
  for (const auto& [partition, end] : to) {
    MESH_TRY(scan(log, partition, next[partition], end, [&](std::vector<StoredRecord>& records) {
      for (const StoredRecord& record : records) {
        const auto event = from_record(record);
        if (!event || !is_user_event(*event)) continue;
        const auto change = user_change(*event);
        if (!change) continue;  // dead for the pipeline, too
        use({event->tenant, change->user_id}, {event->sequence, change->deleted});
      }
      return true;
    }));
    next[partition] = end;
  }
  return {};
}

Result<std::map<std::int64_t, std::int64_t>> versions_in(VectorIndex& index, int generation,
                                                         const TenantId& tenant) {
  std::map<std::int64_t, std::int64_t> versions;
  for (std::int64_t after = 0;;) {
    auto page = MESH_TRY(index.scan(generation, tenant, after, kPage));
    for (const IndexedUser& user : page) versions[user.user_id] = user.version;
    if (page.size() < kPage) return versions;
    after = page.back().user_id;
  }
}

struct Difference {
  UserKey user;
  const char* kind;  // "missing", "extra", "stale"
};

void compare(const TenantId& tenant, Users::const_iterator from, Users::const_iterator to,
             const std::map<std::int64_t, std::int64_t>& found,
             std::vector<Difference>& differences, VerifyReport& report) {
  std::set<std::int64_t> alive;
  for (auto at = from; at != to; ++at) {
    const auto& [key, expected] = *at;
    if (expected.deleted) continue;
    ++report.expected;
    alive.insert(key.second);
    const auto in_index = found.find(key.second);
    if (in_index == found.end()) {
      differences.push_back({key, "missing"});
    } else if (in_index->second != expected.version) {
      differences.push_back({key, "stale"});
    }
  }
  for (const auto& [id, version] : found) {
    if (!alive.contains(id)) differences.push_back({{tenant, id}, "extra"});
  }
  report.found += static_cast<std::int64_t>(found.size());
}

Result<std::int64_t> vectors_of(VectorIndex& index, int number) {
  const auto all = MESH_TRY(index.generations());
  const auto at = std::ranges::find(all, number, &GenerationInfo::number);
  if (at != all.end()) return at->vectors;
  return fail(ErrorKind::not_found, "no index generation " + std::to_string(number));
}

}  // namespace

Json to_json(const VerifyReport& report) {
  return {{"log_events", report.log_events}, {"expected", report.expected}, {"found", report.found},
          {"missing", report.missing},       {"extra", report.extra},       {"stale", report.stale},
          {"examples", report.examples}};
}

Result<VerifyReport> verify_generation(EventLog& log, LogAdmin& admin, VectorIndex& index,
                                       const GenerationInfo& generation,
                                       const std::vector<std::string>& topics) {
  VerifyReport report;
  Users users;
  Offsets next;
  MESH_TRY(read_users(log, admin, topics, next, [&](const UserKey& key, Expected state) {
    ++report.log_events;
    Expected& known = users[key];
    // The log may hold an older state behind a newer one; the index keeps the highest version, too.
    if (state.version >= known.version) known = state;
  }));

  // Gathered and not counted yet: which users changed meanwhile is known only at the end.
  std::vector<Difference> differences;
  for (auto from = users.begin(); from != users.end();) {
    const TenantId tenant = from->first.first;
    auto to = from;
    while (to != users.end() && to->first.first == tenant) ++to;
    // A tenant at a time: the index is never in memory as a whole beside the log's users.
    auto found = MESH_TRY(versions_in(index, generation.number, tenant));
    compare(tenant, from, to, found, differences, report);
    from = to;
  }

  // After what was read of it, and before the log is looked at for changes meanwhile.
  const auto vectors = MESH_TRY(vectors_of(index, generation.number));

  // A user that changed while the index was read is neither right nor wrong.
  std::set<UserKey> changed;
  MESH_TRY(read_users(log, admin, topics, next,
                      [&](const UserKey& key, Expected) { changed.insert(key); }));
  for (const Difference& difference : differences) {
    if (changed.contains(difference.user)) continue;
    const std::string_view kind = difference.kind;
    (kind == "missing" ? report.missing : kind == "extra" ? report.extra : report.stale) += 1;
    if (report.examples.size() < kExamples) {
      report.examples.push_back(difference.user.first.str() + "/" +
                                std::to_string(difference.user.second) + " " + difference.kind);
    }
  }
  // The index cannot be asked for tenants that the log does not know; their vectors are counted.
  const std::int64_t unknown = vectors - report.found;
  // The two counts are of different times, so they say something only where nothing changed.
  if (changed.empty() && unknown > 0) {
    report.extra += unknown;
    report.found += unknown;
    if (report.examples.size() < kExamples) {
      report.examples.push_back(std::to_string(unknown) +
                                " vectors of tenants that the log does not hold");
    }
  }
  return report;
}

}  // namespace mesh::pipeline
