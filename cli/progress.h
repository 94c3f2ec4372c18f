// A progress bar on stderr, drawn at most ten times a second; nothing where it is switched off.
// The library indicators is not in Debian 12.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "common/base/clock.h"

namespace mesh::cli {

// One thread at a time.
class Progress {
 public:
  Progress(std::ostream& err, bool enabled, int width, std::string label, Clock& clock);
  ~Progress() { clear(); }

  // `total` 0: unknown. The rate is that of the time since the first update.
  void update(std::int64_t done, std::int64_t total);
  // Where the share done is known by other means than the count.
  void update(std::int64_t done, std::int64_t total, double fraction);
  // Removes the line, so that other text can be written.
  void clear();

 private:
  std::ostream& err_;
  const bool enabled_;
  const int width_;
  const std::string label_;
  Clock& clock_;
  bool drawn_ = false;
  std::optional<SteadyTime> begin_;
  SteadyTime next_draw_{};
  std::int64_t first_done_ = 0;
  double first_fraction_ = 0;
};

}  // namespace mesh::cli
