// How fast the embedded log takes durable appends, beside what the disk allows.
//
//   log_bench [FOLDER] [SECONDS]
//
// The baseline appends the same bytes to a plain file, one fdatasync each or one per group.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <semaphore>

#include "common/engines/sqlite/log/sqlite_log.h"
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

void report(const char* what, double records, double bytes_each, Seconds took) {
  std::printf("%-44s %10.0f records/s %8.1f MB/s\n", what, records / took.count(),
              records * bytes_each / took.count() / 1e6);
  std::fflush(stdout);
}

void raw(const std::string& dir, Seconds time, int group, std::size_t bytes_each) {
  const std::string path = dir + "/raw";
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const std::string block(bytes_each * static_cast<std::size_t>(group), 'x');
  const auto start = std::chrono::steady_clock::now();
  double records = 0;
  while (std::chrono::steady_clock::now() - start < time) {
    if (::write(fd, block.data(), block.size()) < 0 || ::fdatasync(fd) != 0) std::abort();
    records += group;
  }
  report(("plain file, fdatasync per " + std::to_string(group)).c_str(), records,
         static_cast<double>(bytes_each), std::chrono::steady_clock::now() - start);
  ::close(fd);
  ::unlink(path.c_str());
}

// `threads` producers keep `in_flight` appends of `batch` records under way.
void appends(EventLog& log, Seconds time, int threads, int in_flight, int batch, std::size_t each) {
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
  const auto name = "append of " + std::to_string(batch) + ", " + std::to_string(in_flight) +
                    " in flight, " + std::to_string(threads) + " threads";
  report(name.c_str(), static_cast<double>(acknowledged), static_cast<double>(each),
         std::chrono::steady_clock::now() - start);
  if (failed > 0) std::printf("  FAILED: %lld\n", static_cast<long long>(failed));
}

void reads(EventLog& log) {
  const auto start = std::chrono::steady_clock::now();
  double records = 0, bytes = 0;
  for (int partition = 0; partition < 8; ++partition) {
    std::int64_t next = 0;
    for (;;) {
      auto batch = log.read({kTopic, partition}, next, {});
      if (!batch || batch->empty()) break;
      for (const auto& r : *batch) bytes += static_cast<double>(r.value->size());
      records += static_cast<double>(batch->size());
      next = batch->back().position.offset + 1;
    }
  }
  report("read from the start, 500 at once", records, bytes / std::max(records, 1.0),
         std::chrono::steady_clock::now() - start);
}

}  // namespace

int main(int argc, char** argv) {
  test::TempDir temp;
  const std::string dir = argc > 1 ? argv[1] : temp.path();
  const Seconds time(argc > 2 ? std::atof(argv[2]) : 3.0);
  const auto each = size_of(record(1234));
  std::printf("records of %zu bytes in %s\n", each, dir.c_str());
  raw(dir, time, 1, each);
  raw(dir, time, 32, each);
  raw(dir, time, 1000, each);

  std::atomic<int> commits{0};
  sqlite::LogOptions options;
  options.max_pending_bytes = 256 << 20;
  options.on_commit = [&](double, int) { ++commits; };
  auto log = sqlite::SqliteLog::open(dir, options, system_clock());
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().to_string().c_str());
    return 1;
  }
  if (auto s = (*log)->ensure_topic({kTopic, TopicKind::activity, 8, {}, {}}); !s) return 1;
  appends(**log, time, 1, 1, 1, each);
  for (const auto [threads, in_flight, batch] :
       {std::array{2, 64, 1}, {2, 256, 1}, {2, 1000, 1}, {8, 4000, 1}, {2, 16, 32}, {2, 4, 1000}}) {
    commits = 0;
    appends(**log, time, threads, in_flight, batch, each);
    std::printf("  %.0f commits/s, WAL %.1f MB\n", commits / time.count(),
                static_cast<double>(std::filesystem::file_size(dir + "/log.db-wal")) / 1e6);
  }
  reads(**log);
  return 0;
}
