#include <atomic>
#include <thread>

#include "common/base/ids.h"
#include "common/engines/kafka/log_impl.h"
#include "tests/contract/log_import_contract.h"
#include "tests/support/eventually.h"
#include "tests/support/kafka_server.h"

namespace mesh::test {
namespace {

// The system's, but that steady time jumps when it is told to: so the silence of a member passes.
class JumpingClock final : public Clock {
 public:
  Timestamp now() const override { return system_clock().now(); }
  SteadyTime steady() const override { return system_clock().steady() + Duration(jumped_); }
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                  SteadyTime deadline, const std::function<bool()>& ready) override {
    if (deadline == SteadyTime::max()) {
      cv.wait(lock, ready);
      return true;
    }
    return system_clock().wait_until(lock, cv, deadline - Duration(jumped_), ready);
  }
  void jump(Duration by) { jumped_ += by.count(); }

 private:
  std::atomic<Duration::rep> jumped_{0};
};

class KafkaLogHost final : public EventLogHost {
 public:
  KafkaLogHost() { reopen(); }
  EventLog& log() override { return *log_; }
  LogAdmin& admin() override { return *log_; }
  LogImport& import() override { return *log_; }
  void reopen() override {
    log_.reset();
    kafka::KafkaOptions options;
    options.brokers = {KafkaServer::shared().address()};
    options.prefix = prefix_;
    options.request_timeout = Duration(20'000);
    options.heartbeat = Duration(50);
    options.max_pause = kMaxPause;
    log_ = std::make_unique<kafka::KafkaLogImpl>(options, clock_);
    const auto opened = log_->open();
    EXPECT_TRUE(opened) << opened.error().to_string();
  }
  Timestamp now() override { return clock_.now(); }
  void let_time_pass() override {
    const auto before = now();
    EXPECT_TRUE(eventually([&] { return now() > before; }));
  }
  void let_session_pass() override { clock_.jump(kMaxPause); }
  void let_half_session_pass() override { clock_.jump(kMaxPause / 2); }

  bool alters_topics() override { return false; }
  bool tells_bytes() override { return false; }
  bool silent_members_leave() override { return true; }
  Duration turn() override { return Duration(2'000); }
  std::size_t turmoil() override { return 300; }  // a change of hands takes half a second
  void settle() override {
    EXPECT_TRUE(eventually([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the broker needs the processor
      return log_->shared_out();
    }));
  }

 private:
  // Longer than a test takes, though the machine be slow: only jumps end it.
  static constexpr Duration kMaxPause{3'600'000};

  const std::string prefix_ = random_hex(4) + ".";
  JumpingClock clock_;
  std::unique_ptr<kafka::KafkaLogImpl> log_;
};

std::unique_ptr<EventLogHost> make_kafka_log_host() {
  if (!KafkaServer::installed()) return nullptr;
  return std::make_unique<KafkaLogHost>();
}

INSTANTIATE_TEST_SUITE_P(Kafka, EventLogContract, testing::Values(&make_kafka_log_host));
INSTANTIATE_TEST_SUITE_P(Kafka, LogImportContract, testing::Values(&make_kafka_log_host));

}  // namespace
}  // namespace mesh::test
