// A publish under an Idempotency-Key whose answer was lost, as by a crash behind the append.
#include "daemon/services/publish.h"

#include <gtest/gtest.h>

#include <future>
#include <set>
#include <thread>

#include "common/engines/memory/memory_limiter.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/services/common.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::services {
namespace {

constexpr auto kTopic = "analytics.events";

// Finishes nothing while `losing`: what a crash between the append and the answer leaves.
class LosesAnswers final : public IdempotencyStore {
 public:
  explicit LosesAnswers(IdempotencyStore& store) : store_(store) {}
  void begin(const IdempotencyKey& key, Duration lease, bool durable,
             std::function<void(Result<Claim>)> done) override {
    store_.begin(key, lease, durable, std::move(done));
  }
  void finish(const ClaimedKey& claim, StoredAnswer answer,
              std::function<void(Status)> done) override {
    if (losing) return done({});
    store_.finish(claim, std::move(answer), std::move(done));
  }
  void release(const ClaimedKey& claim, Effect effect, std::function<void(Status)> done) override {
    store_.release(claim, effect, std::move(done));
  }
  bool losing = false;

 private:
  IdempotencyStore& store_;
};

class Publish : public ::testing::Test {
 protected:
  // As after a start.
  void open() {
    progress_.reset(), directory_.reset(), log_.reset(), store_.reset();
    log_ = sqlite::SqliteLog::open(dir_.path(), {.upkeep_interval = Duration(0)}, clock_).value();
    ASSERT_TRUE(log_->ensure_topic({kTopic, TopicKind::activity, 3, {}, {}}));
    open_over(*log_, *log_);
  }
  void open_over(EventLog& log, LogAdmin& admin) {
    progress_.reset(), directory_.reset(), store_.reset();  // both read the store beside requests
    store_ = sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
    idempotency_ = std::make_unique<LosesAnswers>(store_->idempotency());
    directory_ = std::make_unique<TenantDirectory>(store_->tenants(),
                                                   std::map<std::string, RatePolicy>{}, clock_);
    admission_ = std::make_unique<Admission>(*limiter_, *directory_, true, clock_, metrics_);
    progress_ = std::make_unique<pipeline::Progress>(
        pipeline::ProgressPorts{store_->outbox(), log, admin, store_->retries(), index_}, clock_);
    waits_ = std::make_unique<WriteWaits>(*progress_, polls_, clock_, Duration{25'000}, "a key");
    routes_ = publish_routes({log,
                              admin,
                              *idempotency_,
                              *directory_,
                              *admission_,
                              clock_,
                              metrics_,
                              usage_,
                              *waits_,
                              {}});
  }
  http::Response post(const std::string& pattern, const std::string& body, const std::string& media,
                      const std::optional<std::string>& key) {
    return send(pattern, body, media, key).get();
  }
  std::future<http::Response> send(const std::string& pattern, const std::string& body,
                                   const std::string& media,
                                   const std::optional<std::string>& key) {
    auto request = std::make_shared<http::Request>();
    request->method = "POST";
    request->path = pattern;
    request->headers = {{"Content-Type", media}};
    if (key) request->headers.emplace_back("Idempotency-Key", *key);
    request->body = body;
    request->principal = Principal{};
    request->principal->tenant = TenantId::parse("acme").value();
    auto answer = std::make_shared<std::promise<http::Response>>();
    for (const auto& route : routes_) {
      if (route.pattern == pattern) {
        route.handler(request, http::Responder([answer](http::Response r) {
                        answer->set_value(std::move(r));
                      }));
      }
    }
    return answer->get_future();
  }
  http::Response lines(const std::optional<std::string>& key) { return send_lines(key).get(); }
  std::future<http::Response> send_lines(const std::optional<std::string>& key) {
    std::string body;
    for (const char* user : {"u1", "u2", "u3"}) {
      body += R"({"type":"analytics.recorded","data":{"user_id":")" + std::string(user) +
              "\",\"event_type\":\"view\"}}\n";
    }
    return send("/api/v1/events", body, "application/x-ndjson", key);
  }
  std::vector<std::string> ids_in_log() {
    std::vector<std::string> ids;
    for (int partition = 0; partition < 3; ++partition) {
      const auto records = log_->read({kTopic, partition}, 0, {}).value().records;
      for (const auto& record : records) {
        ids.emplace_back(find_header(record.headers, "ce_id"));
      }
    }
    return ids;
  }

  test::TempDir dir_;
  ManualClock clock_;
  Metrics metrics_;
  Usage usage_{clock_};
  std::unique_ptr<RateLimiter> limiter_ = memory::make_limiter(clock_);
  std::unique_ptr<sqlite::SqliteLog> log_;
  std::unique_ptr<sqlite::SqliteStore> store_;
  test::FakeVectorIndex index_;
  std::unique_ptr<pipeline::Progress> progress_;
  LongPolls polls_{clock_, metrics_, 10};
  std::unique_ptr<WriteWaits> waits_;
  std::unique_ptr<LosesAnswers> idempotency_;
  std::unique_ptr<TenantDirectory> directory_;
  std::unique_ptr<Admission> admission_;
  http::RouteTable routes_;
};

TEST_F(Publish, AnAnswerLostBehindItsAppendIsGivenAgainWithoutASecondAppend) {
  open();
  idempotency_->losing = true;
  const auto first = lines("order-17");
  ASSERT_EQ(first.status, 202) << first.body;
  ASSERT_EQ(lines(std::nullopt).status, 202) << "others come behind it";
  open();
  clock_.advance(std::chrono::hours(1));
  const auto second = lines("order-17");
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(ids_in_log().size(), 6u);
  EXPECT_EQ(lines("order-17").body, first.body) << "now it is stored";
}

TEST_F(Publish, ARequestCutBeforeItsAppendIsDoneByTheNextTryUnderTheSameIds) {
  open();
  idempotency_->losing = true;
  const auto first = lines("order-17");
  // A folder with the note of the first try, and a log without its records.
  log_.reset(), store_.reset();
  for (const char* file : {"log.db", "log.db-wal", "log.db-shm"})
    std::filesystem::remove(dir_.file(file));
  open();
  const auto second = lines("order-17");
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(ids_in_log().size(), 3u);
}

TEST_F(Publish, AByteOrderMarkBeforeABodyIsPassedOver) {
  open();
  const std::string mark = "\xef\xbb\xbf", data = R"({"user_id":"u","event_type":"view"})";
  const std::string event =
      R"({"specversion":"1.0","id":"1","source":"s","type":"analytics.recorded","data":)" + data +
      "}";
  EXPECT_EQ(post("/api/v1/events/analytics", mark + data, "application/json", {}).status, 202);
  EXPECT_EQ(post("/api/v1/events", mark + event, "application/cloudevents+json", {}).status, 202);
  EXPECT_EQ(
      post("/api/v1/events", mark + "[" + event + "]", "application/cloudevents-batch+json", {})
          .status,
      202);
  const auto lines =
      post("/api/v1/events", mark + event + "\n" + mark + event + "\n", "application/x-ndjson", {});
  EXPECT_EQ(Json::parse(lines.body)["accepted"], 2) << lines.body;
  EXPECT_EQ(ids_in_log().size(), 5u);
  for (int partition = 0; partition < 3; ++partition) {
    const auto records = log_->read({kTopic, partition}, 0, {}).value().records;
    for (const auto& record : records) EXPECT_EQ(*record.value, data);
  }
}

TEST_F(Publish, ARefusedAppendLeavesNoReservation) {
  open();
  log_->close();
  EXPECT_EQ(post("/api/v1/events/analytics", R"({"user_id":"u","event_type":"view"})",
                 "application/json", "k")
                .status,
            503);
  open();
  EXPECT_EQ(post("/api/v1/events/analytics", R"({"user_id":"u","event_type":"view"})",
                 "application/json", "k")
                .status,
            202);
  EXPECT_EQ(ids_in_log().size(), 1u);
}

// --- over a log that cannot always tell what it took
// -----------------------------------------------

class PublishToARemoteLog : public Publish {
 protected:
  PublishToARemoteLog() {
    remote_.ensure(kTopic, TopicKind::activity, 3);
    open_over(remote_, remote_);
  }
  ~PublishToARemoteLog() override { routes_.clear(); }
  // As after a start of the publisher.
  void restart() {
    routes_.clear();
    open_over(remote_, remote_);
  }
  static bool is_uncertain(const http::Response& answer) {
    const bool later = std::ranges::find(answer.headers, "Retry-After", [](const auto& field) {
                         return field.first;
                       }) != answer.headers.end();
    return answer.status == 503 && later &&
           Json::parse(answer.body)["type"] == http::kUncertainProblem;
  }
  static std::set<std::string> answered(const http::Response& answer) {
    const Json body = Json::parse(answer.body);
    const auto ids = body.at("ids").get<std::vector<std::string>>();
    return {ids.begin(), ids.end()};
  }
  // What a consumer counts.
  std::set<std::string> counted() {
    std::set<std::string> ids;
    for (const auto& record : remote_.records(kTopic))
      ids.emplace(find_header(record.headers, "ce_id"));
    return ids;
  }
  std::size_t appended() { return remote_.records(kTopic).size(); }

  test::FakeEventLog remote_{clock_};
};

TEST_F(PublishToARemoteLog, AnUncertainAppendIsToldAsWhatItIs) {
  for (const auto& key : {std::optional<std::string>(), std::optional<std::string>("k")}) {
    remote_.tear_appends(1, [](std::size_t n) { return n == 0; });
    const auto answer = lines(key);
    EXPECT_TRUE(is_uncertain(answer)) << answer.status << " " << answer.body;
    EXPECT_NE(answer.body.find("Idempotency-Key"), std::string::npos) << answer.body;
  }
}

TEST_F(PublishToARemoteLog, ARepeatedRequestIsCountedOnceWhateverArrivedOfTheFirstTry) {
  std::set<std::string> all;
  for (int arrived = 0; arrived < 8; ++arrived) {
    for (const bool restarted : {false, true}) {
      const std::string key = std::to_string(arrived) + (restarted ? "r" : "");
      remote_.tear_appends(1, [=](std::size_t n) { return (arrived >> n & 1) != 0; });
      const std::size_t before = appended();
      ASSERT_TRUE(is_uncertain(lines(key)));
      clock_.advance(Duration{3'000});
      if (restarted) restart();
      const auto second = lines(key);
      ASSERT_EQ(second.status, 202) << second.body;
      EXPECT_EQ(answered(second).size(), 3u);
      all.merge(answered(second));
      EXPECT_EQ(counted(), all) << "arrived " << arrived;
      if (arrived == 7) {
        EXPECT_EQ(appended() - before, 3u) << "all of it was found";
      }
      EXPECT_EQ(lines(key).body, second.body);
    }
  }
}

TEST_F(PublishToARemoteLog, ARefusalBehindAnUncertainTryDoesNotForgetIt) {
  remote_.tear_appends(1, [](std::size_t n) { return n == 1; });
  ASSERT_TRUE(is_uncertain(lines("k")));
  remote_.fail_appends(1);
  EXPECT_EQ(lines("k").status, 503);
  clock_.advance(Duration{3'000});
  remote_.tear_appends(1, [](std::size_t n) { return n == 2; });
  ASSERT_TRUE(is_uncertain(lines("k")));
  const auto last = lines("k");
  ASSERT_EQ(last.status, 202);
  EXPECT_EQ(counted(), answered(last));
}

TEST_F(PublishToARemoteLog, ARefusedAppendIsBegunAnewByTheNextTry) {
  remote_.fail_appends(1);
  EXPECT_EQ(lines("k").status, 503);
  remote_.fail_reads(100);  // there is nothing to look for
  EXPECT_EQ(lines("k").status, 202);
  EXPECT_EQ(appended(), 3u);
}

TEST_F(PublishToARemoteLog, OfTwoRequestsOfOneKeyTheSecondIsAConflictWhileTheFirstIsUnderWay) {
  remote_.hold_appends();
  auto first = send_lines("k");
  while (remote_.held() == 0) std::this_thread::yield();
  EXPECT_EQ(lines("k").status, 409);
  remote_.release_appends();
  const auto answer = first.get();
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(lines("k").body, answer.body);
  EXPECT_EQ(appended(), 3u);
}

// The first is stopped beyond its lease, and goes on when the second has taken over.
TEST_F(PublishToARemoteLog, ARequestThatWasTakenOverIsCountedOnceAllTheSame) {
  remote_.hold_appends();
  auto first = send_lines("k");
  while (remote_.held() == 0) std::this_thread::yield();
  clock_.advance(kClaimLease);
  auto second = send_lines("k");
  while (remote_.held() == 1) std::this_thread::yield();
  remote_.release_appends();
  const auto answer = second.get();
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(first.get().body, answer.body);
  EXPECT_EQ(counted(), answered(answer));
  EXPECT_EQ(lines("k").body, answer.body);
}

TEST_F(PublishToARemoteLog, OfManyAtOnceUnderOneKeyOneAppends) {
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  std::atomic<int> accepted{0};
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&] {
      int status = 0;
      while (status != 202) {
        status = lines("k").status;
        ASSERT_TRUE(status == 202 || status == 409) << status;
      }
      ++accepted;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(accepted, kThreads);
  EXPECT_EQ(appended(), 3u);
}

}  // namespace
}  // namespace mesh::services
