#include "daemon/heap.h"

#ifdef MESH_JEMALLOC

#include <jemalloc/jemalloc.h>

#include <cstdint>

// Read by jemalloc when the process starts: freed memory goes back to the system after some seconds
// also where nothing more is allocated, by one thread.
extern "C" {
const char* malloc_conf = "background_thread:true,max_background_threads:1";
}

namespace mesh {
namespace {

std::size_t statistic(const char* name) {
  std::size_t value = 0, size = sizeof value;
  // A name that this jemalloc does not have shows 0, rather than end a scrape.
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

}  // namespace

Heap heap() {
  std::uint64_t epoch = 1;
  mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch);  // the statistics are of this moment
  const auto used = statistic("stats.allocated");
  const auto resident = statistic("stats.resident");
  return {used, resident > used ? resident - used : 0};
}

}  // namespace mesh

#else

namespace mesh {

Heap heap() { return {}; }

}  // namespace mesh

#endif
