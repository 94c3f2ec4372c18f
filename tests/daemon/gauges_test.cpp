// A scrape waits for no engine.
#include "daemon/gauges.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "tests/support/eventually.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

using test::eventually;

// The embedded engines, of which one asks a server that may hang.
class Hanging final : public Engines {
 public:
  explicit Hanging(std::unique_ptr<Engines> engines) : engines_(std::move(engines)) {}
  void hang(bool hangs) {
    std::lock_guard lock(mutex_);
    hangs_ = hangs;
    changed_.notify_all();
  }
  void await_hanging() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_; });
  }

  const Ports& ports() const override { return engines_->ports(); }
  std::vector<services::Check> checks() const override { return {}; }
  std::vector<ExaminedServer> examine() const override { return {}; }
  void set_gauges(Metrics& metrics) const override {
    std::unique_lock lock(mutex_);
    waiting_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !hangs_; });
    waiting_ = false;
    metrics.gauge("mesh_samples", "Taken so far.").set(++samples_);
  }
  void close() override { engines_->close(); }

 private:
  const std::unique_ptr<Engines> engines_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool hangs_ = false;
  mutable bool waiting_ = false;
  mutable int samples_ = 0;
};

TEST(Gauges, TellOfTheFileSystemOfDataDir) {
  test::TempDir dir;
  ManualClock clock;
  Metrics metrics;
  Usage usage(clock);
  config::Config config;
  config.data_dir = dir.file("data");
  const auto engines = Engines::open(
                           config, [](const Error&) {}, clock, metrics, usage)
                           .value();
  engines->set_gauges(metrics);
  const auto value = [shown = metrics.expose()](const std::string& name) {
    const auto at = shown.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(shown.substr(at + name.size() + 2));
  };
  EXPECT_GT(value("mesh_data_dir_available_bytes"), 0);
  EXPECT_EQ(value("mesh_data_dir_size_bytes"),
            static_cast<double>(std::filesystem::space(dir.path()).capacity));
  engines->close();
}

TEST(Gauges, AreSampledBesideTheScrape) {
  test::TempDir dir;
  ManualClock clock;
  Metrics metrics;
  Usage usage(clock);
  config::Config config;
  config.data_dir = dir.file("data");
  auto opened = Engines::open(
      config, [](const Error&) {}, clock, metrics, usage);
  ASSERT_TRUE(opened) << opened.error().to_string();
  Hanging engines(std::move(*opened));
  http::Server server({}, {}, clock, metrics);
  const int others = 1;  // the log's upkeep waits by the clock too
  Gauges gauges(metrics, usage, engines, server, clock);
  metrics.on_collect([&] { gauges.collect(); });
  const auto shows = [&](const std::string& line) {
    return metrics.expose().find("\n" + line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(shows("mesh_samples 1")) << "before anybody may scrape";
  EXPECT_TRUE(shows("mesh_outbox_events 0"));
  EXPECT_TRUE(shows("mesh_engines_sample_age_seconds 0"));
  EXPECT_TRUE(shows("mesh_http_buffered_bytes 0"));
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_virtual_memory_bytes", "process_open_fds", "process_max_fds",
                           "process_start_time_seconds"}) {
    const std::string text = metrics.expose();
    const auto line = text.find("\n" + std::string(name) + " ");
    ASSERT_NE(line, std::string::npos) << name;
    EXPECT_GT(std::strtod(text.c_str() + line + 2 + std::strlen(name), nullptr), 0) << name;
  }

  clock.await_waiters(others + 1);
  engines.hang(true);
  clock.advance(Gauges::kPeriod);
  engines.await_hanging();
  clock.advance(std::chrono::seconds(7));
  EXPECT_TRUE(shows("mesh_samples 1")) << "what was seen last";
  EXPECT_TRUE(shows("mesh_engines_sample_age_seconds 12")) << "and how old it is";
  engines.hang(false);
  EXPECT_TRUE(eventually([&] { return shows("mesh_samples 2"); }));
  EXPECT_TRUE(eventually([&] { return shows("mesh_engines_sample_age_seconds 0"); }));
  gauges.stop();
  gauges.stop();
  clock.advance(10 * Gauges::kPeriod);
  EXPECT_TRUE(shows("mesh_samples 2"));
  engines.close();
}

}  // namespace
}  // namespace mesh
