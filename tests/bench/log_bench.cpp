// How fast the embedded log takes durable appends, beside what the disk allows.
//
//   log_bench [--quick] [--json FILE]      in a folder below $TMPDIR
//
// The baseline appends the same bytes to a plain file, one fdatasync each or one per group.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <semaphore>

#include "common/engines/sqlite/log/sqlite_log.h"
#include "tests/bench/arguments.h"
#include "tests/bench/report.h"
#include "tests/support/temp_dir.h"

namespace {

using namespace mesh;
using Seconds = std::chrono::duration<double>;

constexpr auto kTopic = "analytics.events";

Record record(std::uint64_t n) {
  const auto user = std::to_string(n % 10'000);
  return Record{kTopic,
                "tenant-a/" + user,
                R"({"event_type":"page_view","metadata":{"page":"/a"},"user_id":")" + user + "\"}",
                {{"ce_id", "0194f7c2-8a10-7c3e-9f2b-6d1e5a7b3c4d"},
                 {"ce_type", "analytics.recorded"},
                 {"ce_tenantid", "tenant-a"},
                 {"ce_time", "2026-11-21T08:32:00.123Z"}}};
}

std::size_t size_of(const Record& r) {
  std::size_t size = r.key.size() + r.value->size();
  for (const auto& [name, value] : r.headers) size += name.size() + value.size();
  return size;
}

// Records per second.
double raw(const std::string& dir, Seconds time, int group, std::size_t bytes_each) {
  const std::string path = dir + "/raw";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const std::string block(bytes_each * static_cast<std::size_t>(group), 'x');
  const auto start = std::chrono::steady_clock::now();
  double records = 0;
  while (std::chrono::steady_clock::now() - start < time) {
    if (::write(fd, block.data(), block.size()) < 0 || ::fdatasync(fd) != 0) std::abort();
    records += group;
  }
  const Seconds took = std::chrono::steady_clock::now() - start;
  ::close(fd);
  ::unlink(path.c_str());
  return records / took.count();
}

// `threads` producers keep `in_flight` appends of `batch` records under way; records per second.
double appends(EventLog& log, Seconds time, int threads, int in_flight, int batch) {
  std::counting_semaphore<> slots(in_flight);
  std::atomic<std::int64_t> acknowledged{0}, failed{0};
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> producers;
  for (int t = 0; t < threads; ++t) {
    producers.emplace_back([&, t] {
      std::uint64_t n = static_cast<std::uint64_t>(t) * 1'000'000;
      while (std::chrono::steady_clock::now() - start < time) {
        std::vector<Record> records;
        for (int i = 0; i < batch; ++i) records.push_back(record(n++ * 7));
        slots.acquire();
        log.append(std::move(records), [&](Result<std::vector<Position>> done) {
          (done ? acknowledged : failed) += batch;
          slots.release();
        });
      }
    });
  }
  for (auto& producer : producers) producer.join();
  for (int i = 0; i < in_flight; ++i) slots.acquire();
  if (failed > 0) std::fprintf(stderr, "%lld FAILED\n", static_cast<long long>(failed));
  return static_cast<double>(acknowledged) /
         Seconds(std::chrono::steady_clock::now() - start).count();
}

double reads(EventLog& log) {
  const auto start = std::chrono::steady_clock::now();
  double records = 0;
  for (int partition = 0; partition < 8; ++partition) {
    std::int64_t next = 0;
    for (;;) {
      auto batch = log.read({kTopic, partition}, next, {});
      if (!batch) break;
      records += static_cast<double>(batch->records.size());
      next = batch->next;
      if (batch->at_end) break;
    }
  }
  return records / Seconds(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::parse_arguments(argc, argv);
  if (!arguments) return 2;
  const test::TempDir temp;
  const Seconds time(arguments->quick ? 0.5 : 3);
  const auto each = size_of(record(1234));

  std::atomic<int> commits{0};
  sqlite::LogOptions options;
  options.max_pending_bytes = 256 << 20;
  options.on_commit = [&](double, int) { ++commits; };
  auto log = sqlite::SqliteLog::open(temp.path(), options, system_clock());
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().to_string().c_str());
    return 1;
  }
  if (auto s = (*log)->ensure_topic({kTopic, TopicKind::activity, 8, {}, {}}); !s) return 1;

  bench::Report report;
  report.group("log", "durable appends of records of " + std::to_string(each) + " bytes",
               "the same bytes to a plain file, one fdatasync for as many records as one append");
  std::map<int, double> plain;
  for (const int group : {1, 32, 1000}) plain[group] = raw(temp.path(), time, group, each);
  for (const auto [threads, in_flight, batch] : {std::array{1, 1, 1},
                                                 {2, 64, 1},
                                                 {2, 256, 1},
                                                 {2, 1000, 1},
                                                 {8, 4000, 1},
                                                 {2, 16, 32},
                                                 {2, 4, 1000}}) {
    commits = 0;
    const double rate = appends(**log, time, threads, in_flight, batch);
    const auto name =
        "log/append-of-" + std::to_string(batch) + "/" + std::to_string(in_flight) + "-in-flight/";
    report.add({name + "records", rate, "1/s", plain[batch]});
    report.add({name + "commits", commits / time.count(), "1/s"});
  }
  report.add({"log/read-500-at-once/records", reads(**log), "1/s"});
  return arguments->json.empty() || report.write_json(arguments->json) ? 0 : 1;
}
