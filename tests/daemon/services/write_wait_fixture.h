// What waits for writes, over the store of users and a log in memory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "common/engines/memory/memory_limiter.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/tasks/tasks.h"
#include "daemon/services/admin.h"
#include "daemon/services/publish.h"
#include "daemon/services/search.h"
#include "daemon/services/users.h"
#include "daemon/services/write_wait.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/temp_dir.h"

namespace mesh::services {
using pipeline::kAnalytics;
using pipeline::kUserIndex;

inline constexpr Duration kMost{25'000};
inline constexpr const char* kKey = "a key";

struct Asked {
  std::string method, pattern, body;
  http::HeaderList headers = {};
  std::vector<std::pair<std::string, std::string>> query = {};
  std::string media = "application/json";
  std::string tenant = "acme";  // empty: by the operator
};

template <typename T>
bool is_here(const std::future<T>& future) {
  return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

// An answer that may still be to come; gone() is what the server would call, and `work` is what a
// worker of its pool is to do.
struct Pending {
  std::future<http::Response> answer;
  std::function<void()> gone = [] {};
  std::atomic<bool> waits{false};  // for what it wrote
  std::future<std::function<void()>> work;

  bool here() const { return is_here(answer); }
};

class WriteWait : public ::testing::Test {
 protected:
  WriteWait() {
    for (const auto& reads : pipeline::kTopicGroups) log_.ensure(reads.topic, TopicKind::activity);
    log_.ensure("order.events", TopicKind::activity);
    (void)log_.ensure_group("analytics", {kAnalytics.topic});
    (void)log_.ensure_group("chemical", {pipeline::kChemical.topic});
    (void)log_.ensure_group("user-index-1", {kUserIndex.topic});
    (void)index_.create_generation({4, "fake/4"}, 0);
    (void)index_.serve(1, 0);
    log_.ensure("tenant.events", TopicKind::entity);
    relay();
    add(users_routes(store_->users(), store_->idempotency(), admission_, usage_, waits_));
    add(search_routes(serving_, index_, clock_, metrics_, usage_, waits_));
    add(publish_routes({log_,
                        log_,
                        store_->idempotency(),
                        directory_,
                        admission_,
                        clock_,
                        metrics_,
                        usage_,
                        waits_,
                        {}}));
    add(tenant_routes({store_->tenants(), directory_, *limiter_, waits_, quotas_, true}));
    add(log_routes({log_, log_, clock_, retries_, polls_, waits_, runner_,
                    [] { return std::vector<pipeline::PipelineStatus>{}; }}));
  }
  // With a tenant that may use types of its own.
  std::unique_ptr<sqlite::SqliteStore> open_store() {
    auto store = sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
    Tenant acme{.id = *TenantId::parse("acme"), .name = "Acme", .rate_limits = {}};
    acme.allow_unknown_types = true;
    EXPECT_TRUE(store->tenants().create(acme));
    return store;
  }
  void add(const http::RouteTable& table) {
    routes_.insert(routes_.end(), table.begin(), table.end());
  }

  std::shared_ptr<Pending> ask(const Asked& asked) {
    auto request = std::make_shared<http::Request>();
    request->method = asked.method;
    request->path = asked.pattern;
    request->path_params = {{"id", "1"}, {"tenant", "zeta"}};
    request->query = asked.query;
    request->headers = asked.headers;
    request->headers.emplace_back("Content-Type", asked.media);
    request->body = asked.body;
    request->principal = Principal{};
    if (!asked.tenant.empty()) request->principal->tenant = TenantId::parse(asked.tenant).value();
    auto pending = std::make_shared<Pending>();
    auto answer = std::make_shared<std::promise<http::Response>>();
    auto work = std::make_shared<std::promise<std::function<void()>>>();
    pending->answer = answer->get_future();
    pending->work = work->get_future();
    const http::Responder respond(
        [answer](http::Response response) { answer->set_value(std::move(response)); },
        [pending](std::function<void()> gone) {
          pending->gone = std::move(gone);
          pending->waits = true;
        },
        [work](std::function<void()> given) {
          work->set_value(std::move(given));
          return true;
        });
    for (const auto& route : routes_) {
      if (route.method == asked.method && route.pattern == asked.pattern)
        route.handler(request, respond);
    }
    EXPECT_TRUE(test::eventually([&] { return pending->waits || pending->here(); }));
    return pending;
  }
  http::Response answer(const Asked& asked) { return ask(asked)->answer.get(); }

  static Asked create(const std::string& email, http::HeaderList headers = {},
                      const std::string& ack = {}) {
    Asked asked{"POST", "/users/create", dump({{"email", email}, {"name", "U"}}),
                std::move(headers)};
    if (!ack.empty()) asked.query = {{"ack", ack}};
    return asked;
  }
  static Asked publish(const std::vector<std::string>& types, http::HeaderList headers = {},
                       const std::string& ack = {}) {
    Asked asked{"POST", "/api/v1/events", "", std::move(headers), {}, "application/x-ndjson"};
    for (const auto& type : types) {
      asked.body +=
          dump({{"type", type}, {"data", {{"user_id", "u"}, {"event_type", "e"}}}}) + "\n";
    }
    if (!ack.empty()) asked.query = {{"ack", ack}};
    return asked;
  }
  static std::string header(const http::Response& response, std::string_view name) {
    for (const auto& [known, value] : response.headers) {
      if (known == name) return value;
    }
    return {};
  }
  // Where a write is, which its tenant is shown sealed alone.
  static std::string place(const std::string& position) {
    return position == "~" ? position : Seal(kKey).open(position, "acme").value_or("not sealed");
  }
  static std::string place(const http::Response& response) {
    return place(header(response, "Mesh-Position"));
  }
  http::Response search(const std::string& position, const std::string& tenant = "acme") {
    Asked asked{"GET", "/ai/users/search", "", {}, {{"query", "u"}, {"min_position", position}}};
    asked.tenant = tenant;
    return answer(asked);
  }
  static Json pending_of(const http::Response& response) {
    const auto body = Json::parse(response.body);
    return body.contains("pending") ? body["pending"] : Json();
  }

  // As the relay does.
  void relay() {
    const auto entries = test::waiting(store_->outbox()).value();
    for (const auto& entry : entries) (void)log_.append_now(entry.record);
    EXPECT_TRUE(test::acknowledge(store_->outbox(), store_->leases(), test::sequences(entries)));
  }
  // The same, once the user with that address, and so what was asked for before, is stored.
  void relay(const std::string& email) {
    EXPECT_TRUE(test::eventually([&] {
      const auto entries = test::waiting(store_->outbox()).value();
      return std::ranges::any_of(entries, [&](const auto& entry) {
        return entry.record.value.value_or("").find(email) != std::string::npos;
      });
    }));
    relay();
  }
  // The group has done all that there is.
  void process(const char* group, const char* topic) {
    for (int p = 0; p < 2; ++p) {
      const TopicPartition at{topic, p};
      (void)log_.seek_group(group, {{at, log_.watermarks(at)->end}});
    }
  }
  void index() { process("user-index-1", kUserIndex.topic); }
  // While nobody is at work: progress takes what time moves during a look for the length of it, and
  // rests for longer the longer it was.
  void step(Duration by) {
    // The threads of the directory, the quotas, the polls and the progress.
    clock_.await_waiters(4);
    clock_.advance(by);
  }
  // Until it is there; time moves by less than any wait.
  template <typename T>
  bool comes(const std::future<T>& future) {
    for (int i = 0; i < 100 && !is_here(future); ++i) step(pipeline::Progress::kInterval);
    return test::eventually([&] { return is_here(future); });
  }
  // Until the progress of all that wait was looked at: they come before one more, which is seen.
  void look() {
    const std::string email = "look" + std::to_string(++looks_) + "@x.dev";
    const auto last = ask(create(email, {}, "log"));
    relay(email);
    ASSERT_TRUE(comes(last->answer));
  }
  http::Response after(const std::shared_ptr<Pending>& pending, Duration time) {
    constexpr Duration kStep{50};
    for (Duration passed{0}; passed < time; passed += kStep) step(std::min(kStep, time - passed));
    return pending->answer.get();
  }

  test::TempDir dir_;
  ManualClock clock_;
  Metrics metrics_;
  Usage usage_{clock_};
  std::unique_ptr<RateLimiter> limiter_ = memory::make_limiter(clock_);
  std::unique_ptr<sqlite::SqliteStore> store_ = open_store();
  TenantDirectory directory_{store_->tenants(), {}, clock_};
  QuotaKeeper quotas_{directory_,
                      [](const auto&, const auto&, auto) -> Result<QuotaUse> { return QuotaUse{}; },
                      usage_, clock_, metrics_};
  Admission admission_{*limiter_, directory_, true, clock_, metrics_};
  test::FakeEventLog log_{clock_};
  test::FakeRetryStore retries_;
  test::FakeEmbedder embedder_;
  test::FakeVectorIndex index_;
  test::FakeEmbedders embedders_{embedder_};
  pipeline::ServingEmbedder serving_{index_, embedders_, clock_};
  pipeline::Progress progress_{{store_->outbox(), log_, log_, retries_, index_}, clock_};
  LongPolls polls_{clock_, metrics_, 2};
  WriteWaits waits_{progress_, polls_, clock_, kMost, kKey};
  pipeline::TaskRunner runner_{store_->tasks(), log_, "one", clock_, metrics_};
  http::RouteTable routes_;
  int looks_ = 0;
};

}  // namespace mesh::services
