// The text of a progress bar. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace mesh::cli {

struct ProgressState {
  std::string label;       // "replay"
  double fraction = -1;    // 0…1; below 0: unknown, then no bar and no remaining time
  std::int64_t count = 0;  // units done
  std::int64_t total = 0;  // units; 0: unknown
  double rate = 0;         // units per second
  double remaining = -1;   // seconds; below 0: unknown
};

// "replay  [=======>      ]  45%  12,345/27,000  3,200/s  00:04 left", at most `width` columns.
std::string progress_line(const ProgressState& state, int width);

}  // namespace mesh::cli
