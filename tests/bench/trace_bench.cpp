// How long it takes to find where an event is, in a large embedded log.
//
//   trace_bench [--quick] [--json FILE]      in a folder below $TMPDIR: 10 M events take some 5 GB
//
// The events are of four topics, at the rate at which the log takes them, so that the time in an id
// narrows the search as little as it ever does.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <semaphore>

#include "common/base/ids.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/pipeline/trace/trace.h"
#include "tests/bench/arguments.h"
#include "tests/bench/report.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace mesh;
using Millis = std::chrono::duration<double, std::milli>;

constexpr const char* kTopics[] = {"analytics.events", "chemical.events", "order.events",
                                   "visit.events"};
constexpr int kBatch = 1'000;

Record record(const char* topic, std::int64_t n, std::string id) {
  const auto user = std::to_string(n % 10'000);
  return {topic,
          "acme/" + user,
          R"({"event_type":"page_view","metadata":{"page":"/a"},"user_id":")" + user + "\"}",
          {{"ce_specversion", "1.0"},
           {"ce_id", std::move(id)},
           {"ce_type", "analytics.recorded"},
           {"ce_source", "/bench"},
           {"ce_tenantid", "acme"},
           {"ce_subject", user}}};
}

// Appends `count` events; every some thousandth id.
std::vector<std::string> fill(EventLog& log, std::int64_t count) {
  std::vector<std::string> sample;
  std::counting_semaphore<> slots(8);
  for (std::int64_t n = 0; n < count; n += kBatch) {
    std::vector<Record> records;
    for (int i = 0; i < kBatch; ++i) {
      auto id = new_uuid_v7(system_clock().now());
      if (i == 500 && n % (count / 500 + 1) < kBatch) sample.push_back(id);
      records.push_back(record(kTopics[(n / kBatch) % std::size(kTopics)], n + i, std::move(id)));
    }
    slots.acquire();
    log.append(std::move(records), [&](const Result<std::vector<Position>>& done) {
      if (!done) std::abort();
      slots.release();
    });
  }
  for (int i = 0; i < 8; ++i) slots.acquire();
  return sample;
}

double at(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::parse_arguments(argc, argv);
  if (!arguments) return 2;
  const test::TempDir temp;
  const std::int64_t count = arguments->quick ? 500'000 : 10'000'000;
  auto log = sqlite::SqliteLog::open(temp.path(), {}, system_clock()).value();
  auto store = sqlite::SqliteStore::open(temp.path(), {}, system_clock()).value();
  auto index = sqlite::open_embedded_index(temp.path(), {}).value();
  auto embedder = hashing::make_embedder(384);
  for (const char* topic : kTopics) {
    if (!log->ensure_topic({topic, TopicKind::activity, 8, {}, {}})) return 1;
  }
  const auto sample = fill(*log, count);
  const pipeline::TracePorts ports{*log,          *log,      store->outbox(),    store->retries(),
                                   *index,        *embedder, store->analytics(), store->chemical(),
                                   system_clock()};
  bench::Report report;
  report.group("trace", std::to_string(sample.size()) + " events of " + std::to_string(count),
               "the bound of an interactive answer, 200 ms");
  std::vector<double> took;
  std::int64_t read = 0;
  for (const auto& id : sample) {
    const auto start = std::chrono::steady_clock::now();
    const auto found = pipeline::trace_event(ports, {id});
    if (!found) {
      std::fprintf(stderr, "%s\n", found.error().to_string().c_str());
      return 1;
    }
    took.push_back(Millis(std::chrono::steady_clock::now() - start).count());
    read += found->search.records;
  }
  std::ranges::sort(took);
  report.add({"trace/own-id/p50", at(took, 0.5), "ms", 200.0});
  report.add({"trace/own-id/p99", at(took, 0.99), "ms", 200.0});
  report.add({"trace/own-id/records-read",
              static_cast<double>(read) / static_cast<double>(sample.size()), "1"});
  const auto start = std::chrono::steady_clock::now();
  (void)pipeline::trace_event(ports, {"no-such-event"});
  report.add(
      {"trace/unknown-foreign-id", Millis(std::chrono::steady_clock::now() - start).count(), "ms"});
  return arguments->json.empty() || report.write_json(arguments->json) ? 0 : 1;
}
