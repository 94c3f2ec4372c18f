#include "cli/progress.h"

#include "cli/render/progress_line.h"

namespace mesh::cli {

constexpr Duration kRedraw{100};

Progress::Progress(std::ostream& err, bool enabled, int width, std::string label, Clock& clock)
    : err_(err), enabled_(enabled), width_(width), label_(std::move(label)), clock_(clock) {}

void Progress::update(std::int64_t done, std::int64_t total) {
  update(done, total, total > 0 ? static_cast<double>(done) / static_cast<double>(total) : -1);
}

void Progress::update(std::int64_t done, std::int64_t total, double fraction) {
  if (!enabled_) return;
  const auto now = clock_.steady();
  if (!begin_) {
    begin_ = now;
    // A task that was begun long ago: the rate is of what is seen of it.
    first_done_ = done;
    first_fraction_ = fraction;
  } else if (now < next_draw_) {
    return;
  }
  next_draw_ = now + kRedraw;
  ProgressState state{label_, fraction, done, total, 0, -1};
  const double seconds = std::chrono::duration<double>(now - *begin_).count();
  if (seconds > 0) {
    state.rate = static_cast<double>(done - first_done_) / seconds;
    // By the fraction, not the count: for a file nobody knows how many records remain.
    const double pace = (fraction - first_fraction_) / seconds;
    if (fraction >= 0 && pace > 0) state.remaining = (1 - fraction) / pace;
  }
  // The last column stays free: some terminals break the line when it is filled.
  err_ << "\r\x1b[K" << progress_line(state, width_ - 1) << std::flush;
  drawn_ = true;
}

void Progress::clear() {
  if (drawn_) err_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

}  // namespace mesh::cli
