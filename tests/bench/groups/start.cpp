#include <fstream>

#include "tests/bench/dataset.h"
#include "tests/bench/groups/groups.h"

namespace mesh::bench {
namespace {

// The fastest of some starts over the same folder.
void starts(Bench& bench, const std::string& name, const std::string& data_dir,
            std::optional<double> empty) {
  double best = 0;
  Memory memory;
  for (int round = 0; round < bench.rounds(); ++round) {
    Meshd meshd(data_dir, config());
    if (best == 0 || meshd.ready_after() < best) best = meshd.ready_after();
    memory = memory_of(meshd->pid());
    Bench::progress(name + ": ready after " + std::to_string(meshd.ready_after()) + " s");
  }
  bench.report.add({"start/" + name + "/ready", best, "s", empty});
  bench.report.add({"start/" + name + "/resident", memory.resident, "MB"});
  bench.report.add({"start/" + name + "/anonymous", memory.anonymous, "MB"});
}

}  // namespace

void start(Bench& bench) {
  bench.report.group("start", "from the start of the process to READY=1; files in the page cache",
                     "reading vectors.db from the page cache");
  const test::TempDir dir;
  starts(bench, "empty", dir.file("empty"), {});
  const std::uint64_t users = bench.quick ? 100'000 : 1'000'000;
  const std::string data = dir.file("data");
  const double indexed = index_users(data, {{"acme", users}});
  bench.report.add({"start/indexing-rate", static_cast<double>(users) / indexed, "1/s"});
  for (const char* file : {"log.db", "store.db", "vectors.db"}) {
    bench.report.add({"start/" + std::to_string(users) + "-users/" + file,
                      static_cast<double>(std::filesystem::file_size(data + "/" + file)) / 1e6,
                      "MB"});
  }
  const auto begin = load::SteadyClock::now();
  {
    std::ifstream file(data + "/vectors.db", std::ios::binary);
    std::vector<char> buffer(1 << 20);
    while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()))) {
    }
  }
  const double read = load::Seconds(load::SteadyClock::now() - begin).count();
  starts(bench, std::to_string(users) + "-users", data, read);
}

}  // namespace mesh::bench
