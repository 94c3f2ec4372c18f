// How fast the embedded store takes changes: store_bench [--quick] [--json FILE], in a folder below
// $TMPDIR. Wall time tells what this machine does now; CPU time (all threads) what it costs, also
// on a busy machine.
#include <cstdio>
#include <ctime>
#include <semaphore>

#include "common/base/ids.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/bench/arguments.h"
#include "tests/bench/report.h"
#include "tests/support/outbox.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

bench::Report report;

class Stopwatch {
 public:
  void tell(const std::string& what, int count) const {
    const double wall =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double cpu = static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC;
    report.add({"store/" + what, count / wall, "1/s"});
    report.add({"store/" + what + "/cpu", cpu / count * 1e6, "us"});
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::clock_t cpu_ = std::clock();
};

std::vector<TenantId> make_tenants(int count) {
  std::vector<TenantId> tenants;
  for (int i = 0; i < count; ++i) tenants.push_back(*TenantId::parse("t" + std::to_string(i)));
  return tenants;
}

struct Creates {
  int in_flight = 1024;
  bool random_emails = false;  // each lands on another page of the e-mail index
  bool with_key = false;       // stores an answer with each
};

void creates(sqlite::SqliteStore& store, const std::vector<TenantId>& tenants, int users,
             const Creates& kind) {
  static int round = 0;
  const std::string prefix = "u" + std::to_string(++round) + "-";
  const int in_flight = kind.in_flight;
  std::counting_semaphore<1 << 20> slots(in_flight);
  std::atomic<int> failed{0};
  const Stopwatch watch;
  for (int i = 0; i < users; ++i) {
    slots.acquire();
    const TenantId& tenant = tenants[stable_hash(std::to_string(i)) % tenants.size()];
    std::string unique = kind.random_emails ? random_hex(4) : std::string();
    unique += prefix;
    unique += std::to_string(1'000'000 + i);
    ChangeContext context;
    if (kind.with_key) {
      const IdempotencyKey key{tenant, unique, "0123456789abcdef"};
      store.idempotency().begin(key, Duration{60'000}, false, [&](Result<Claim> claim) {
        context.claim = ClaimedKey{key, claim->token};
      });
      context.answer = [](const ChangedUser& user) {
        return StoredAnswer{201, to_json_text(user), {}};
      };
    }
    const auto claim = context.claim;
    store.users().create(tenant, {unique + "@example.com", "User " + unique}, std::move(context),
                         [&, claim](Result<ChangedUser> user) {
                           failed += !user;
                           if (claim)
                             store.idempotency().release(*claim, Effect::none, [](Status) {});
                           slots.release();
                         });
  }
  for (int i = 0; i < in_flight; ++i) slots.acquire();
  watch.tell(std::string("create/") + (kind.random_emails ? "random-e-mails/" : "") +
                 (kind.with_key ? "with-key/" : "") + std::to_string(in_flight) + "-in-flight",
             users);
  if (failed > 0) std::fprintf(stderr, "%d failed\n", failed.load());
}

void acknowledge_all(sqlite::SqliteStore& store) {
  const Stopwatch watch;
  const auto lease = store.leases().acquire("relay", "bench", std::chrono::hours(1)).value();
  const auto reader = store.outbox().open(*lease);
  int count = 0;
  while (true) {
    const auto entries = reader->next(1000);
    if (!entries || entries->empty()) break;
    count += static_cast<int>(entries->size());
    if (!test::acknowledge(*reader, test::sequences(*entries))) std::abort();
  }
  watch.tell("outbox/read-and-acknowledge", count);
}

void projections(sqlite::SqliteStore& store, const std::vector<TenantId>& tenants, int events,
                 int batch, int users_per_tenant) {
  const char* const types[] = {"page_view", "click", "login", "purchase"};
  std::vector<std::vector<AnalyticsEvent>> batches;
  for (int i = 0; i < events; ++i) {
    if (i % batch == 0) batches.emplace_back();
    const std::uint64_t hash = stable_hash(std::to_string(i));
    batches.back().push_back({new_uuid_v7(system_clock().now()),
                              "/bench",
                              tenants[hash % tenants.size()],
                              "user-" + std::to_string(hash / 7919 % users_per_tenant),
                              types[hash % 4],
                              "2026-01-01T00:00:00Z",
                              {{"page", "/home"}, {"duration_ms", i % 1000}},
                              system_clock().now()});
  }
  const Stopwatch watch;
  std::int64_t offset = 0;
  for (const auto& each : batches) {
    offset += batch;
    if (!store.analytics().record(each, {{{"analytics.events", 0}, offset}})) std::abort();
  }
  watch.tell("analytics/batches-of-" + std::to_string(batch) + "/" +
                 std::to_string(tenants.size()) + "x" + std::to_string(users_per_tenant) + "-users",
             events);
}

void reads(sqlite::SqliteStore& store, const std::vector<TenantId>& tenants, int count) {
  const Stopwatch watch;
  int found = 0;
  for (int i = 0; i < count; ++i) {
    const TenantId& tenant = tenants[static_cast<std::size_t>(i) % tenants.size()];
    found += store.users().get(tenant, 1).has_value();
  }
  watch.tell("get", found);
}

int run(int argc, char** argv) {
  const auto arguments = bench::parse_arguments(argc, argv);
  if (!arguments) return 2;
  const test::TempDir temp;
  const int users = arguments->quick ? 20'000 : 100'000;
  const auto tenants = make_tenants(100);
  auto store = sqlite::SqliteStore::open(temp.path(), {}, system_clock());
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().to_string().c_str());
    return 1;
  }
  report.group("store", "users, outbox and projections; wall time, and CPU time each", "");
  creates(**store, tenants, 2'000, {.in_flight = 1});
  for (const int in_flight : {64, 256, 1024, 4096}) {
    creates(**store, tenants, users, {.in_flight = in_flight});
  }
  creates(**store, tenants, users, {.with_key = true});
  creates(**store, tenants, users, {.random_emails = true});
  acknowledge_all(**store);
  reads(**store, tenants, users);
  projections(**store, make_tenants(10), users, 256, 100);
  projections(**store, make_tenants(10), users, 1000, 100);
  projections(**store, make_tenants(100), users, 256, 1000);
  return arguments->json.empty() || report.write_json(arguments->json) ? 0 : 1;
}

}  // namespace
}  // namespace mesh

int main(int argc, char** argv) { return mesh::run(argc, argv); }
