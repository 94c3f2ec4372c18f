#include "daemon/services/write_wait.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "common/engines/memory/memory_limiter.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/pipeline/groups.h"
#include "daemon/services/publish.h"
#include "daemon/services/search.h"
#include "daemon/services/users.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/temp_dir.h"

namespace mesh::services {
namespace {

using pipeline::kAnalytics;
using pipeline::kUserIndex;
using testing::HasSubstr;

constexpr Duration kMost{25'000};

struct Asked {
  std::string method, pattern, body;
  http::HeaderList headers = {};
  std::vector<std::pair<std::string, std::string>> query = {};
  std::string media = "application/json";
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
    add(search_routes(embedder_, index_, clock_, metrics_, usage_, waits_));
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
    request->path_params = {{"id", "1"}};
    request->query = asked.query;
    request->headers = asked.headers;
    request->headers.emplace_back("Content-Type", asked.media);
    request->body = asked.body;
    request->principal = Principal{};
    request->principal->tenant = TenantId::parse("acme").value();
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
  // The group has done all that there is.
  void process(const char* group, const char* topic) {
    for (int p = 0; p < 2; ++p) {
      const TopicPartition at{topic, p};
      (void)log_.seek_group(group, {{at, log_.watermarks(at)->end}});
    }
  }
  void index() { process("user-index-1", kUserIndex.topic); }
  // Until it is there; time moves by less than any wait.
  template <typename T>
  bool comes(const std::future<T>& future) {
    for (int i = 0; i < 100 && !is_here(future); ++i) {
      clock_.await_waiters(3);  // the threads of the directory, the polls and the progress
      clock_.advance(pipeline::Progress::kInterval);
    }
    return test::eventually([&] { return is_here(future); });
  }
  // Until the progress of all that wait was looked at: they come before one more, which is seen.
  void look() {
    const auto last = ask(create("look" + std::to_string(++looks_) + "@x.dev", {}, "log"));
    relay();
    ASSERT_TRUE(comes(last->answer));
  }
  http::Response after(const std::shared_ptr<Pending>& pending, Duration time) {
    clock_.advance(time);
    return pending->answer.get();
  }

  test::TempDir dir_;
  ManualClock clock_;
  Metrics metrics_;
  Usage usage_{clock_};
  std::unique_ptr<RateLimiter> limiter_ = memory::make_limiter(clock_);
  std::unique_ptr<sqlite::SqliteStore> store_ = open_store();
  TenantDirectory directory_{store_->tenants(), {}, clock_};
  Admission admission_{*limiter_, directory_, true, clock_, metrics_};
  test::FakeEventLog log_{clock_};
  test::FakeRetryStore retries_;
  test::FakeEmbedder embedder_;
  test::FakeVectorIndex index_;
  pipeline::Progress progress_{{store_->outbox(), log_, log_, retries_, index_}, clock_};
  LongPolls polls_{clock_, metrics_, 2};
  WriteWaits waits_{progress_, polls_, clock_, kMost};
  http::RouteTable routes_;
  int looks_ = 0;
};

TEST(PreferredWait, IsReadAsRfc7240HasIt) {
  const auto wait = [](std::vector<std::string> values) {
    http::Request request;
    for (auto& value : values) request.headers.emplace_back("prefer", std::move(value));
    return preferred_wait(request);
  };
  EXPECT_EQ(wait({"wait=10"}), 10);
  EXPECT_EQ(wait({"respond-async, WAIT = 5;foo=bar"}), 5);
  EXPECT_EQ(wait({"return=minimal", "wait=\"7\""}), 7);
  EXPECT_EQ(wait({"wait=3, wait=9"}), 3) << "the first counts";
  EXPECT_EQ(wait({"foo=\"a, wait=5\""}), std::nullopt) << "that is a text";
  for (const char* bad : {"wait", "wait=", "wait=-1", "wait=+1", "wait=abc", "wait=1.5", "await=5",
                          "wait=99999999999999999999", "\"wait=5", ""}) {
    EXPECT_EQ(wait({bad}), std::nullopt) << bad;
  }
}

TEST_F(WriteWait, EveryWriteTellsWhereItsEventsAre) {
  EXPECT_EQ(header(answer(create("a@x.dev")), "Mesh-Position"), "outbox~3~1");
  EXPECT_EQ(header(answer({"PATCH", "/users/{id}", R"({"name":"Al"})"}), "Mesh-Position"),
            "outbox~4~1");
  EXPECT_EQ(header(answer({"PATCH", "/users/{id}", R"({"name":"Al"})"}), "Mesh-Position"), "~")
      << "nothing changed";
  EXPECT_EQ(header(answer({"POST",
                           "/users/batch",
                           R"({"email":"b@x.dev","name":"B"})"
                           "\n"
                           R"({"email":"c@x.dev","name":"C"})",
                           {},
                           {},
                           "application/x-ndjson"}),
                   "Mesh-Position"),
            "outbox~6");
  EXPECT_EQ(header(answer({"DELETE", "/users/{id}", ""}), "Mesh-Position"), "outbox~7~1");
  EXPECT_THAT(header(answer(publish({"analytics.recorded"})), "Mesh-Position"),
              HasSubstr("analytics.events~"));
}

TEST_F(WriteWait, AUserIsAnsweredOnceSearchesFindIt) {
  const auto pending = ask(create("a@x.dev", {}, "searchable"));
  look();
  EXPECT_FALSE(pending->here()) << "it is in the log only";
  index();
  ASSERT_TRUE(comes(pending->answer));
  const auto response = pending->answer.get();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(Json::parse(response.body)["id"], 1);
  EXPECT_EQ(header(response, "Location"), "/users/1");
  EXPECT_EQ(header(response, "Preference-Applied"), "") << "it asked for no time";
}

TEST_F(WriteWait, AckLogWaitsForTheLogAlone) {
  const auto pending = ask(create("a@x.dev", {}, "log"));
  relay();
  ASSERT_TRUE(comes(pending->answer));
  EXPECT_EQ(pending->answer.get().status, 201);
}

TEST_F(WriteWait, WhatIsNotSeenInTimeIsAnsweredWith202AndWhatWasSeen) {
  auto pending = ask(create("a@x.dev", {{"Prefer", "wait=3"}}));
  const auto stored = after(pending, Duration{3'000});
  EXPECT_EQ(stored.status, 202);
  EXPECT_EQ(Json::parse(stored.body)["email"], "a@x.dev");
  EXPECT_EQ(pending_of(stored),
            Json({{"ack", "searchable"}, {"reached", "stored"}, {"position", "outbox~3~1"}}));
  EXPECT_EQ(header(stored, "Preference-Applied"), "wait=3");
  EXPECT_EQ(header(stored, "Location"), "/users/1");

  relay();
  pending = ask({"DELETE", "/users/{id}", "", {{"Prefer", "wait=99"}}});
  look();
  const auto removed = after(pending, kMost);
  EXPECT_EQ(removed.status, 202);
  EXPECT_EQ(Json::parse(removed.body).size(), 1u);
  EXPECT_EQ(pending_of(removed)["reached"], "log");
  EXPECT_EQ(header(removed, "Preference-Applied"), "wait=25") << "no longer than is configured";
  EXPECT_EQ(header(removed, "Content-Type"), "application/json");
}

TEST_F(WriteWait, ARepeatedRequestWaitsAsWell) {
  const auto keyed = create("a@x.dev", {{"Idempotency-Key", "k"}, {"Prefer", "wait=2"}});
  EXPECT_EQ(after(ask(keyed), Duration{2'000}).status, 202);
  const auto again = ask(keyed);
  look();
  EXPECT_FALSE(again->here());
  index();
  ASSERT_TRUE(comes(again->answer));
  const auto response = again->answer.get();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(header(response, "Idempotent-Replayed"), "true");
  EXPECT_EQ(header(response, "Mesh-Position"), "outbox~3~1");
}

TEST_F(WriteWait, ARepeatedBatchWaitsForWhatItWroteBefore) {
  const Asked batch{"POST",
                    "/users/batch",
                    R"({"email":"a@x.dev","name":"A"})",
                    {{"Idempotency-Key", "k"}, {"Prefer", "wait=2"}},
                    {},
                    "application/x-ndjson"};
  EXPECT_EQ(after(ask(batch), Duration{2'000}).status, 202);
  const auto again = ask(batch);
  look();
  EXPECT_FALSE(again->here());
  index();
  ASSERT_TRUE(comes(again->answer));
  const auto response = again->answer.get();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(header(response, "Mesh-Position"), "outbox~3");
}

TEST_F(WriteWait, WhatItsEventsNeverBecomeIsRefusedBeforeAnythingIsWritten) {
  const int appended = log_.append_calls();
  for (const auto& [asked, detail] : std::vector<std::pair<Asked, std::string>>{
           {create("a@x.dev", {}, "counted"), "\"counted\" is not log or searchable"},
           {create("a@x.dev", {}, "foo"), "\"foo\" is not log or searchable"},
           {publish({"analytics.recorded"}, {}, "searchable"),
            "\"searchable\" is not log or counted"},
           {publish({"analytics.recorded", "order.placed"}, {}, "counted"),
            "\"counted\" is not log; only some of these events are counted"},
           {publish({"order.placed"}, {}, "counted"),
            "\"counted\" is not log, which is all that events of these types become"}}) {
    const auto response = answer(asked);
    EXPECT_EQ(response.status, 400) << detail;
    EXPECT_EQ(Json::parse(response.body)["detail"], "query parameter ack: " + detail);
  }
  EXPECT_EQ(store_->outbox().size(), 0);
  EXPECT_EQ(log_.append_calls(), appended);
}

TEST_F(WriteWait, AMalformedPreferenceIsNone) {
  const auto response = answer(create("a@x.dev", {{"Prefer", "wait=-1"}}));
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(header(response, "Preference-Applied"), "");
}

TEST_F(WriteWait, EventsAreAnsweredOnceTheyAreCounted) {
  const auto pending = ask(publish({"analytics.recorded", "order.placed"}, {{"Prefer", "wait=9"}}));
  look();
  EXPECT_FALSE(pending->here());
  process("analytics", kAnalytics.topic);
  ASSERT_TRUE(comes(pending->answer));
  const auto response = pending->answer.get();
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(pending_of(response), Json());

  const auto late = after(ask(publish({"analytics.recorded"}, {}, "counted")), Duration{10'000});
  EXPECT_EQ(late.status, 202);
  EXPECT_EQ(Json::parse(late.body)["accepted"], 1);
  EXPECT_EQ(pending_of(late)["ack"], "counted");
  EXPECT_EQ(pending_of(late)["reached"], "log");
  EXPECT_EQ(answer(publish({"analytics.recorded"}, {}, "log")).status, 202) << "it is there";
}

TEST_F(WriteWait, AParkedEventIsNotCounted) {
  const auto pending = ask(publish({"analytics.recorded"}, {{"Prefer", "wait=4"}}));
  ParkedEvent parked;
  parked.record = log_.records(kAnalytics.topic).at(0);
  ASSERT_TRUE(retries_.park("analytics", {&parked, 1}));
  process("analytics", kAnalytics.topic);
  look();
  EXPECT_FALSE(pending->here());
  EXPECT_EQ(pending_of(after(pending, Duration{4'000}))["reached"], "log");
}

TEST_F(WriteWait, WhatIsDoneIsNeverAnsweredAsAFailure) {
  const auto first = ask(create("a@x.dev", {}, "searchable"));
  const auto second = ask(create("b@x.dev", {}, "searchable"));
  const auto third = answer(create("c@x.dev", {}, "searchable"));
  EXPECT_EQ(third.status, 202) << "no more may wait";
  first->gone();
  EXPECT_EQ(first->answer.get().status, 202) << "its client sends no more";
  polls_.stop();
  EXPECT_EQ(second->answer.get().status, 202) << "the process stops";
  EXPECT_EQ(answer(create("d@x.dev", {}, "searchable")).status, 202);
}

TEST_F(WriteWait, ASearchSeesTheWriteThatItNames) {
  const auto position = header(answer(create("a@x.dev")), "Mesh-Position");
  Asked asked{"GET", "/ai/users/search", "", {}, {{"query", "u"}, {"min_position", position}}};
  const auto pending = ask(asked);
  relay();
  index();
  ASSERT_TRUE(comes(pending->work));
  EXPECT_FALSE(pending->here()) << "no thread of its own searches";
  EXPECT_EQ(embedder_.calls(), 0);
  pending->work.get()();
  EXPECT_EQ(pending->answer.get().status, 200);
  EXPECT_EQ(answer(asked).status, 200) << "at once from then on";
  asked.query[1].second = "~";
  EXPECT_EQ(answer(asked).status, 200);
}

TEST_F(WriteWait, ASearchThatCannotSeeItInTimeSaysSo) {
  const auto position = header(answer(create("a@x.dev")), "Mesh-Position");
  const auto pending = ask({"GET",
                            "/ai/users/search",
                            "",
                            {{"Prefer", "wait=2"}},
                            {{"query", "u"}, {"min_position", position}}});
  const auto response = after(pending, Duration{2'000});
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header(response, "Retry-After"), "1");
  EXPECT_EQ(Json::parse(response.body)["detail"],
            "the search index has not reached min_position outbox~3~1 within 2s; try again");
  EXPECT_EQ(embedder_.calls(), 0);
}

TEST_F(WriteWait, APositionThatNoSearchReachesIsRefused) {
  for (const auto& [text, detail] :
       {std::pair{"analytics.events~1", "no search reads analytics.events"},
        {"user.events~0~0~1", "no such partition"},
        {"17", "\"17\" is not <topic>~<offset>~<offset>…"},
        {"", "\"\" is not <topic>~<offset>~<offset>…"}}) {
    const auto response =
        answer({"GET", "/ai/users/search", "", {}, {{"query", "u"}, {"min_position", text}}});
    EXPECT_EQ(response.status, 400) << text;
    EXPECT_EQ(Json::parse(response.body)["detail"],
              std::string("query parameter min_position: ") + detail +
                  "; take it from the Mesh-Position of an answer to a change of users");
  }
}

}  // namespace
}  // namespace mesh::services
