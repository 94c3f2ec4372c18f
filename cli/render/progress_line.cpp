#include "cli/render/progress_line.h"

#include <algorithm>
#include <cmath>

#include "cli/render/number.h"
#include "cli/render/width.h"

namespace mesh::cli {

std::string progress_line(const ProgressState& state, int width) {
  std::string tail;
  if (state.fraction >= 0) {
    const auto percent = percent_text(state.fraction);
    // Four columns, so that the line does not jump at 10% and 100%.
    tail += std::string(4 - std::min<std::size_t>(4, percent.size()), ' ') + percent + "  ";
  }
  tail += with_thousands(state.count);
  if (state.total > 0) tail += "/" + with_thousands(state.total);
  if (state.rate > 0) tail += "  " + rate_text(state.rate) + "/s";
  if (state.remaining >= 0) tail += "  " + clock_text(state.remaining) + " left";
  std::string head = state.label + "  ";
  // The bar gives way first: numbers say more. Four columns are its brackets and the gap.
  const int room = std::min(40, width - display_width(head) - display_width(tail) - 4);
  if (state.fraction >= 0 && room >= 10) {
    const int full = static_cast<int>(std::clamp(state.fraction, 0.0, 1.0) * room);
    std::string bar(static_cast<std::size_t>(full), '=');
    if (full < room) bar += '>';
    bar.resize(static_cast<std::size_t>(room), ' ');
    head += "[" + bar + "]  ";
  }
  return truncate(head + tail, width);
}

}  // namespace mesh::cli
