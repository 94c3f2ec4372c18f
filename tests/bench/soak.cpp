// A mixed load on a real meshd for a given time: does anything grow? See docs/testing.md.
//   soak [--minutes N] [--json FILE]
// Exit code 1 where something grew (tests/bench/soak/verdict.h says what and how much), or requests
// were not answered as they should be.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>

#include "tests/bench/soak/mix.h"
#include "tests/bench/soak/verdict.h"

namespace {

using namespace mesh::bench;

constexpr double kSampleMinutes = 0.25;
constexpr int kLeastSamples = 40;

// Old events go while the load runs, so that the log keeps its size too.
constexpr const char* kShortRetention = "log: {retention: {activity: {age: 2m}}}\n";

void add_rows(Report& report, const std::string& when, const Sample& sample) {
  report.add({"soak/" + when + "/resident", sample.memory.resident, "MB"});
  report.add({"soak/" + when + "/anonymous", sample.memory.anonymous, "MB"});
  report.add({"soak/" + when + "/page-caches", sample.caches, "MB"});
  report.add({"soak/" + when + "/heap-beside-them", sample.heap, "MB"});
  report.add({"soak/" + when + "/descriptors", static_cast<double>(sample.descriptors), ""});
  report.add({"soak/" + when + "/threads", static_cast<double>(sample.threads), ""});
  report.add({"soak/" + when + "/lag", static_cast<double>(sample.lag), ""});
  report.add({"soak/" + when + "/files", sample.files, "MB"});
  for (const auto& [kind, latency] : sample.latencies) {
    for (const auto& [label, share] : {std::pair{"p50", 0.5}, {"p99", 0.99}}) {
      report.add({"soak/" + when + "/" + kind + "/" + label,
                  static_cast<double>(latency.percentile(share)) / 1000, "ms"});
    }
  }
}

int soak(double minutes, const std::string& json) {
  Meshd meshd(config() + kShortRetention);
  Mix mix(meshd);
  meshd.await_idle();
  mix.start();
  const auto start = mesh::load::SteadyClock::now();
  const auto since = [&] {
    return mesh::load::Seconds(mesh::load::SteadyClock::now() - start).count() / 60;
  };
  const double every = std::min(kSampleMinutes, minutes / kLeastSamples);
  std::vector<Sample> samples;
  print_header();
  for (int n = 1; n * every <= minutes + 1e-9; ++n) {
    std::this_thread::sleep_for(mesh::load::Seconds((n * every - since()) * 60));
    Sample sample = take_sample(meshd);
    sample.minute = since();
    sample.latencies = mix.take_latencies();
    print(sample);
    samples.push_back(std::move(sample));
  }
  mix.stop();

  const Verdict verdict = judge(samples);
  Report report;
  report.group("soak", "the first sample, that at the end of the warm-up, the last", "");
  add_rows(report, "start", samples.front());
  add_rows(report, "warm", samples[verdict.warm]);
  add_rows(report, "end", samples.back());
  report.add({"soak/warm-up", samples[verdict.warm].minute, "min"});
  report.add({"soak/heap-slope", verdict.heap.per_minute, "MB/min"});
  report.add({"soak/anonymous-slope", verdict.anonymous.per_minute, "MB/min"});
  report.add({"soak/requests", static_cast<double>(mix.answered()), ""});
  if (!json.empty() && !report.write_json(json)) {
    std::fprintf(stderr, "soak: cannot write %s\n", json.c_str());
    return 1;
  }
  std::printf("\n");
  for (const auto& line : verdict.lines) std::printf("%s\n", line.c_str());
  for (const auto& [stream, what] : mix.failures()) {
    std::printf("FAILED: %s: %s\n", stream.c_str(), what.c_str());
  }
  return verdict.grew || !mix.failures().empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  double minutes = 10;
  std::string json;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--minutes" && i + 1 < argc) {
      minutes = std::atof(argv[++i]);
    } else if (word == "--json" && i + 1 < argc) {
      json = argv[++i];
    } else {
      minutes = 0;
    }
  }
  if (minutes <= 0) {
    std::fprintf(stderr, "usage: soak [--minutes N] [--json FILE]\n");
    return 2;
  }
  try {
    return soak(minutes, json);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "soak: %s\n", error.what());
    return 1;
  }
}
