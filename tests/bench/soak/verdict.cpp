#include "tests/bench/soak/verdict.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mesh::bench {
namespace {

constexpr std::size_t kLeastSteadySamples = 8;  // of the steady phase

template <typename... Values>
std::string text(const char* format, Values... values) {
  char line[200];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

double heap_of(const Sample& sample) { return sample.heap; }
double anonymous_of(const Sample& sample) { return sample.memory.anonymous; }

}  // namespace

std::size_t end_of_warm_up(std::span<const Sample> samples) {
  const auto most = std::ranges::max_element(samples, {}, &Sample::caches);
  if (most == samples.end()) return 0;
  const auto filled = std::ranges::find_if(
      samples, [&](const Sample& sample) { return sample.caches >= kFilled * most->caches; });
  return static_cast<std::size_t>(filled - samples.begin());
}

Slope slope(std::span<const Sample> samples, double (*value)(const Sample&)) {
  std::vector<double> slopes;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    for (std::size_t j = i + 1; j < samples.size(); ++j) {
      slopes.push_back((value(samples[j]) - value(samples[i])) /
                       (samples[j].minute - samples[i].minute));
    }
  }
  if (slopes.empty()) return {};
  std::ranges::sort(slopes);
  // Sen 1968: the ranks of the interval from the variance of Kendall's S.
  const double n = static_cast<double>(samples.size()), all = static_cast<double>(slopes.size());
  const double reach = 1.96 * std::sqrt(n * (n - 1) * (2 * n + 5) / 18);
  const auto at = [&](double rank) {
    return slopes[static_cast<std::size_t>(std::clamp(rank, 0.0, all - 1))];
  };
  return {at(all / 2), at((all - reach) / 2), at((all + reach) / 2)};
}

Verdict judge(std::span<const Sample> samples) {
  Verdict verdict;
  verdict.warm = end_of_warm_up(samples);
  const auto steady = samples.subspan(verdict.warm);
  if (steady.size() < kLeastSteadySamples || verdict.warm > samples.size() / 2) {
    verdict.grew = true;
    verdict.lines.push_back(text(
        "page caches were filling up to minute %.1f: NOT STEADY for long enough, run it longer",
        samples.empty() ? 0 : samples[verdict.warm].minute));
    return verdict;
  }
  verdict.lines.push_back(text("warm-up: %.1f minutes, until the page caches held %.1f of %.1f MB",
                               steady.front().minute, steady.front().caches,
                               std::ranges::max_element(steady, {}, &Sample::caches)->caches));
  const auto memory = [&](const char* what, double (*value)(const Sample&)) {
    const Slope found = slope(steady, value);
    const bool grew = found.low > kMemoryTolerance;
    verdict.grew |= grew;
    verdict.lines.push_back(
        text("%s: %.1f MB, at the end %.1f MB, %+.2f MB a minute (%+.2f to %+.2f): %s "
             "(tolerance %.2f)",
             what, value(steady.front()), value(steady.back()), found.per_minute, found.low,
             found.high, grew ? "GREW" : "no growth", kMemoryTolerance));
    return found;
  };
  verdict.heap = memory("heap beside the page caches", heap_of);
  verdict.anonymous = memory("anonymous memory", anonymous_of);

  const std::size_t quarter = steady.size() / 4;
  const auto count = [&](const char* what, auto member, int tolerance) {
    const auto least = [&](std::span<const Sample> of) {
      return static_cast<long long>((*std::ranges::min_element(of, {}, member)).*member);
    };
    const auto before = least(steady.first(quarter)), after = least(steady.last(quarter));
    const bool grew = after > before + tolerance;
    verdict.grew |= grew;
    verdict.lines.push_back(text("%s: %lld, at the end %lld: %s (tolerance %d)", what, before,
                                 after, grew ? "GREW" : "no growth", tolerance));
  };
  count("descriptors", &Sample::descriptors, kDescriptorTolerance);
  count("threads", &Sample::threads, 0);
  count("lag", &Sample::lag, kLagTolerance);
  return verdict;
}

}  // namespace mesh::bench
