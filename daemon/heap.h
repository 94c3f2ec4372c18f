// The allocator of the process: what it holds.
#pragma once

#include <cstddef>

namespace mesh {

// Bytes. Zero where a sanitizer's allocator stands in jemalloc's place.
struct Heap {
  std::size_t used = 0;  // handed out
  std::size_t kept = 0;  // resident besides: freed and not yet given back, rounding, bookkeeping
};
// Any thread; costs some ten microseconds.
Heap heap();

}  // namespace mesh
