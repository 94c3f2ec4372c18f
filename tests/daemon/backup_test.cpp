// What monitoring sees of backups.
#include "daemon/backup.h"

#include <gtest/gtest.h>

#include <future>

#include "daemon/engines.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

class LastBackup : public testing::Test {
 protected:
  ~LastBackup() override {
    runner_.stop();
    engines_->close();
  }
  // What /metrics shows of a start on this store.
  std::optional<double> after_a_start() {
    Metrics metrics;
    EXPECT_TRUE(show_last_backup(config_, engines_->ports().tasks, metrics));
    return shown(metrics);
  }
  static std::optional<double> shown(Metrics& metrics) {
    const std::string text = metrics.expose(),
                      name = "\nmesh_backup_last_success_timestamp_seconds ";
    const auto at = text.find(name);
    if (at == std::string::npos) return {};
    return std::stod(text.substr(at + name.size()));
  }
  double now() const {
    return std::chrono::duration<double>(clock_.now().time_since_epoch()).count();
  }
  Task::State back_up(const std::string& folder) {
    const auto task = runner_.submit("backup", {{"path", folder}}, 0, "anna").value();
    std::promise<void> told;
    const auto watch = runner_.watch(task.id, [&] { told.set_value(); });
    told.get_future().wait();
    return engines_->ports().tasks.get(task.id)->state;
  }
  static config::Config of(std::string data_dir) {
    config::Config config;
    config.data_dir = std::move(data_dir);
    return config;
  }

  test::TempDir dir_;
  ManualClock clock_;
  Metrics metrics_;
  Usage usage_{clock_};
  config::Config config_ = of(dir_.file("data"));
  std::unique_ptr<Engines> engines_ = Engines::open(
                                          config_, [](const Error&) {}, clock_, metrics_, usage_)
                                          .value();
  pipeline::TaskRunner runner_{engines_->ports().tasks, engines_->ports().log, "one", clock_,
                               metrics_};
};

TEST_F(LastBackup, IsShownWithTheTimeWhenItBeganAlsoAfterARestart) {
  EXPECT_EQ(after_a_start(), 0) << "there is none";
  runner_.define("backup", backup_work(config_.data_dir, "1.2.3", clock_, metrics_));
  runner_.start();
  const double first = now();
  ASSERT_EQ(back_up(dir_.file("one")), Task::State::done);
  EXPECT_EQ(shown(metrics_), first);
  clock_.advance(std::chrono::hours(24));
  ASSERT_EQ(back_up(dir_.file("one")), Task::State::failed) << "the folder is not empty";
  EXPECT_EQ(shown(metrics_), first);
  EXPECT_EQ(after_a_start(), first);
  ASSERT_EQ(back_up(dir_.file("two")), Task::State::done);
  EXPECT_EQ(shown(metrics_), now());
  EXPECT_EQ(after_a_start(), now());
}

TEST_F(LastBackup, IsNotShownWhereAServerHoldsTheData) {
  config_.store.engine = "postgres";
  EXPECT_EQ(after_a_start(), std::nullopt);
}

}  // namespace
}  // namespace mesh
