// A publish under an Idempotency-Key whose answer was lost, as by a crash behind the append.
#include "daemon/services/publish.h"

#include <gtest/gtest.h>

#include <future>

#include "common/engines/memory/memory_limiter.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/support/temp_dir.h"

namespace mesh::services {
namespace {

constexpr auto kTopic = "analytics.events";

// Finishes nothing while `losing`: what a crash between the append and the answer leaves.
class LosesAnswers final : public IdempotencyStore {
 public:
  explicit LosesAnswers(IdempotencyStore& store) : store_(store) {}
  Result<std::optional<StoredAnswer>> begin(const IdempotencyKey& key) override {
    return store_.begin(key);
  }
  void reserve(const IdempotencyKey& key, Timestamp at, std::function<void(Status)> done) override {
    store_.reserve(key, at, std::move(done));
  }
  Result<std::optional<Timestamp>> reserved(const IdempotencyKey& key) override {
    return store_.reserved(key);
  }
  void finish(const IdempotencyKey& key, StoredAnswer answer,
              std::function<void(Status)> done) override {
    if (losing) return done({});
    store_.finish(key, std::move(answer), std::move(done));
  }
  void release(const IdempotencyKey& key) override { store_.release(key); }
  bool losing = false;

 private:
  IdempotencyStore& store_;
};

class Publish : public ::testing::Test {
 protected:
  // As after a start.
  void open() {
    log_.reset(), store_.reset();
    log_ = sqlite::SqliteLog::open(dir_.path(), {.upkeep_interval = Duration(0)}, clock_).value();
    ASSERT_TRUE(log_->ensure_topic({kTopic, TopicKind::activity, 3, {}, {}}));
    store_ = sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
    idempotency_ = std::make_unique<LosesAnswers>(store_->idempotency());
    directory_ = std::make_unique<TenantDirectory>(store_->tenants(),
                                                   std::map<std::string, RatePolicy>{}, clock_);
    admission_ = std::make_unique<Admission>(*limiter_, *directory_, true, metrics_);
    routes_ = publish_routes(
        {*log_, *log_, *idempotency_, *directory_, *admission_, clock_, metrics_, usage_, {}});
  }
  http::Response post(const std::string& pattern, const std::string& body, const std::string& media,
                      const std::optional<std::string>& key) {
    auto request = std::make_shared<http::Request>();
    request->method = "POST";
    request->path = pattern;
    request->headers = {{"Content-Type", media}};
    if (key) request->headers.emplace_back("Idempotency-Key", *key);
    request->body = body;
    request->principal = Principal{};
    request->principal->tenant = TenantId::parse("acme").value();
    std::promise<http::Response> answer;
    for (const auto& route : routes_) {
      if (route.pattern == pattern) {
        route.handler(request,
                      http::Responder([&](http::Response r) { answer.set_value(std::move(r)); }));
      }
    }
    return answer.get_future().get();
  }
  http::Response lines(const std::optional<std::string>& key) {
    std::string body;
    for (const char* user : {"u1", "u2", "u3"}) {
      body += R"({"type":"analytics.recorded","data":{"user_id":")" + std::string(user) +
              "\",\"event_type\":\"view\"}}\n";
    }
    return post("/api/v1/events", body, "application/x-ndjson", key);
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

}  // namespace
}  // namespace mesh::services
