// How long it takes to find where an event is, in a large embedded log.
//
//   trace_bench [--quick] [--json FILE]      in a folder below $TMPDIR: 10 M events take some 5 GB;
//                                            --quick: 500,000
//
// The events are of four topics, at the rate at which the log takes them, so that the time in an id
// narrows the search as little as it ever does. All is compared with reading the log once, which is
// what a search without that time comes to.
#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <span>

#include "common/base/ids.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/pipeline/trace/trace.h"
#include "tests/bench/arguments.h"
#include "tests/bench/report.h"
#include "tests/support/fake_engines.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace mesh;
using Millis = std::chrono::duration<double, std::milli>;

constexpr const char* kTopics[] = {"analytics.events", "chemical.events", "order.events",
                                   "visit.events"};
constexpr int kPartitions = 8;
constexpr int kBatch = 1'000;
constexpr int kSamples = 500;
constexpr auto kForeign = "order-4711";  // of one event, in the middle

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

// Appends `count` events; the ids of some of them, evenly spread, the oldest first.
std::vector<std::string> fill(EventLog& log, std::int64_t count) {
  std::vector<std::string> sample;
  std::counting_semaphore<> slots(8);
  for (std::int64_t n = 0; n < count; n += kBatch) {
    std::vector<Record> records;
    for (int i = 0; i < kBatch; ++i) {
      auto id = new_uuid_v7(system_clock().now());
      if (i == 500 && n % (count / kSamples + 1) < kBatch) sample.push_back(id);
      if (n + i == count / 2) id = kForeign;
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

double millis_since(std::chrono::steady_clock::time_point start) {
  return Millis(std::chrono::steady_clock::now() - start).count();
}

// Milliseconds of reading every record once.
double read_all(EventLog& log, std::int64_t count) {
  const auto start = std::chrono::steady_clock::now();
  std::int64_t records = 0;
  for (const char* topic : kTopics) {
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
      std::int64_t next = 0;
      for (bool at_end = false; !at_end;) {
        const auto batch = log.read({topic, partition}, next, {.max_records = kBatch}).value();
        records += std::ssize(batch.records);
        next = batch.next;
        at_end = batch.at_end;
      }
    }
  }
  if (records != count) std::abort();
  return millis_since(start);
}

double at(const std::vector<double>& sorted, double part) {
  return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
}

// Rows name/p50, name/p99 and name/records-read. All of the ids are in the log.
void add_found(bench::Report& report, const pipeline::TracePorts& ports, const std::string& name,
               std::span<const std::string> ids, double whole) {
  std::vector<double> took;
  std::int64_t read = 0;
  for (const auto& id : ids) {
    const auto start = std::chrono::steady_clock::now();
    const auto trace = pipeline::trace_event(ports, {id});
    took.push_back(millis_since(start));
    if (!trace) {
      std::fprintf(stderr, "%s: %s\n", name.c_str(), trace.error().to_string().c_str());
      std::exit(1);
    }
    read += trace->search.records;
  }
  std::ranges::sort(took);
  report.add({name + "/p50", at(took, 0.5), "ms", whole});
  report.add({name + "/p99", at(took, 0.99), "ms", whole});
  report.add({name + "/records-read",
              static_cast<double>(read) / static_cast<double>(std::ssize(ids)), "1"});
}

// One row; what became of the search goes to stderr.
void add_one(bench::Report& report, const pipeline::TracePorts& ports, const std::string& name,
             const std::string& id, double whole) {
  const auto start = std::chrono::steady_clock::now();
  const auto trace = pipeline::trace_event(ports, {id});
  const double took = millis_since(start);
  const auto became =
      trace ? "found in " + pipeline::where_searched(trace->search) : trace.error().to_string();
  std::fprintf(stderr, "%s: %s\n", name.c_str(), became.c_str());
  report.add({name, took, "ms", whole});
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
  test::FakeEmbedders embedders(*embedder);
  for (const char* topic : kTopics) {
    if (!log->ensure_topic({topic, TopicKind::activity, kPartitions, {}, {}})) return 1;
  }
  const auto sample = fill(*log, count);
  const pipeline::TracePorts ports{*log,          *log,      store->outbox(),    store->retries(),
                                   *index,        embedders, store->analytics(), store->chemical(),
                                   system_clock()};
  const double whole = read_all(*log, count);
  bench::Report report;
  report.group("trace", "an event of " + std::to_string(count) + "; the aim is 200 ms",
               "reading the whole log once");
  const std::span<const std::string> ids = sample;
  const auto fifth = ids.size() / 5;
  add_found(report, ports, "trace/beginning", ids.first(fifth), whole);
  add_found(report, ports, "trace/middle", ids.subspan(2 * fifth, fifth), whole);
  add_found(report, ports, "trace/end", ids.last(fifth), whole);
  const auto middle = uuid_v7_time(ids[ids.size() / 2]).value();
  add_one(report, ports, "trace/unknown-id", new_uuid_v7(middle), whole);
  add_one(report, ports, "trace/foreign-id", kForeign, whole);
  add_one(report, ports, "trace/unknown-foreign-id", "no-such-event", whole);
  return arguments->json.empty() || report.write_json(arguments->json) ? 0 : 1;
}
