#include "tests/bench/groups/groups.h"
#include "tests/bench/streams.h"

namespace mesh::bench {

void searchable(Bench& bench) {
  bench.report.group("searchable",
                     "from when a create is due until a search shows the user, at a fixed rate",
                     "from when it is due until it is answered (201)");
  for (const int rate : {500, 1'000}) {
    Meshd meshd;
    Stream stream{{}, static_cast<double>(rate), rate / 40, bench.seconds(20)};
    // Some tenants, so that the searches of the probe cost little beside the creates.
    for (int i = 0; i < 10; ++i) stream.tenants.push_back("tenant-" + std::to_string(i));
    const auto label = std::to_string(rate) + "-per-s";
    const auto seen = creates("create " + label, meshd, stream);
    add_latencies(bench, "searchable/" + label, seen.visible.latency, &seen.writes.latency);
  }
}

}  // namespace mesh::bench
