// What a service manager is told, by a socket that the test reads.
#include "daemon/notify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "common/base/fd.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/store/schema.h"
#include "daemon/backup.h"
#include "daemon/engines.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

class Notify : public testing::Test {
 protected:
  ~Notify() override {
    for (const auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  // `name` as in $NOTIFY_SOCKET.
  void listen(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(name.size(), sizeof(address.sun_path));
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    socket_ = Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ASSERT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
              0)
        << std::strerror(errno);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  std::vector<std::string> told() {
    std::vector<std::string> all;
    std::array<char, 1024> bytes{};
    for (;;) {
      const auto size = recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (size < 0) return all;
      all.emplace_back(bytes.data(), static_cast<std::size_t>(size));
    }
  }

  test::TempDir dir_;
  Fd socket_;
};

TEST_F(Notify, EachStateIsADatagram) {
  for (const auto& name : {dir_.file("socket"), "@mesh-" + std::to_string(getpid())}) {
    listen(name);
    notify_service_manager("READY=1");
    notify_service_manager("STOPPING=1");
    EXPECT_THAT(told(), ElementsAre("READY=1", "STOPPING=1")) << name;
  }
}

TEST_F(Notify, AReloadHasItsTime) {
  listen(dir_.file("socket"));
  notify_reloading();
  EXPECT_THAT(told(), ElementsAre(testing::MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+")));
}

TEST_F(Notify, WithoutSomebodyWhoListensNothingHappens) {
  notify_service_manager("READY=1");
  setenv("NOTIFY_SOCKET", dir_.file("nobody").c_str(), 1);
  notify_service_manager("READY=1");
  setenv("NOTIFY_SOCKET", "", 1);
  notify_service_manager("READY=1");
  setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
  notify_service_manager("READY=1");
}

TEST_F(Notify, TheWatchdogIsFedTwiceInItsTime) {
  EXPECT_FALSE(watchdog_interval());
  setenv("WATCHDOG_USEC", "30000000", 1);
  EXPECT_EQ(watchdog_interval(), Duration{15'000});
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(watchdog_interval(), Duration{15'000});
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(watchdog_interval()) << "it is another process's";
}

// A start that first makes a backup, which may take longer than the manager lets it.
class NotifyOfUpgrade : public Notify {
 protected:
  // Each look at the time is so much later than the one before.
  struct Passing final : Clock {
    explicit Passing(Duration step) : step_(step) {}
    Timestamp now() const override { return manual_.now(); }
    SteadyTime steady() const override {
      manual_.advance(step_);
      return manual_.steady();
    }
    bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& changed,
                    SteadyTime deadline, const std::function<bool()>& ready) override {
      return manual_.wait_until(lock, changed, deadline, ready);
    }
    mutable ManualClock manual_;
    const Duration step_;
  };

  NotifyOfUpgrade() {
    config_.data_dir = dir_.file("data");
    ManualClock clock;
    Metrics metrics;
    Usage usage(clock);
    Engines::open(
        config_, [](const Error&) {}, clock, metrics, usage)
        .value()
        ->close();
  }
  void make_old() {
    const auto path = config_.data_dir + "/store.db";
    auto db = sqlite::Database::open(path, sqlite::Database::Mode::read_write).value();
    ASSERT_TRUE(db->execute("PRAGMA user_version = " + std::to_string(sqlite::kStoreSchema - 1)));
  }
  std::vector<std::string> told_while_upgrading(Duration step) {
    Passing clock(step);
    const auto made = back_up_before_upgrade(config_, "1.2.3", clock);
    EXPECT_TRUE(made) << made.error().to_string();
    return told();
  }

  config::Config config_;
};

TEST_F(NotifyOfUpgrade, TheBackupAsksForTimeWhileItIsMade) {
  make_old();
  listen(dir_.file("socket"));
  const auto all = told_while_upgrading(Duration{5'000});
  EXPECT_GT(all.size(), 1u) << "also later on";
  EXPECT_THAT(all, Each("EXTEND_TIMEOUT_USEC=600000000"));
}

TEST_F(NotifyOfUpgrade, AQuickBackupAsksOnce) {
  make_old();
  listen(dir_.file("socket"));
  EXPECT_THAT(told_while_upgrading(Duration{0}), ElementsAre("EXTEND_TIMEOUT_USEC=600000000"));
}

TEST_F(NotifyOfUpgrade, WithoutAnUpgradeNothingIsAskedFor) {
  listen(dir_.file("socket"));
  EXPECT_THAT(told_while_upgrading(Duration{1'000}), IsEmpty());
}

}  // namespace
}  // namespace mesh
