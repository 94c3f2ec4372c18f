// Many users in one request, over the embedded store.
#include <gmock/gmock.h>

#include <future>

#include "common/engines/memory/memory_limiter.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "daemon/services/users.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/temp_dir.h"

namespace mesh::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class UsersBatch : public ::testing::Test {
 protected:
  http::Response call(const std::string& method, const std::string& pattern,
                      const std::string& body,
                      const std::vector<std::pair<std::string, std::string>>& query = {},
                      const std::string& key = {}) {
    auto request = std::make_shared<http::Request>();
    request->method = method;
    request->path = pattern;
    request->query = query;
    request->headers = {{"Content-Type", "application/x-ndjson"}};
    if (!key.empty()) request->headers.emplace_back("Idempotency-Key", key);
    if (pattern == "/users/{id}") request->path_params["id"] = "1";
    request->body = body;
    request->trace = trace_;
    request->principal = Principal{};
    request->principal->tenant = TenantId::parse("acme").value();
    std::promise<http::Response> answer;
    for (const auto& route : routes_) {
      if (route.pattern == pattern && route.method == method) {
        route.handler(request,
                      http::Responder([&](http::Response r) { answer.set_value(std::move(r)); }));
      }
    }
    return answer.get_future().get();
  }
  // "created 1", "failed 422" per line.
  std::vector<std::string> batch(const std::string& body,
                                 const std::vector<std::pair<std::string, std::string>>& query = {},
                                 const std::string& key = {}) {
    const auto answer = call("POST", "/users/batch", body, query, key);
    if (answer.status != 200) return {std::to_string(answer.status) + " " + answer.body};
    std::vector<std::string> results;
    const Json answered = Json::parse(answer.body);
    for (const Json& result : answered["results"]) {
      std::string text = result["outcome"].get<std::string>();
      for (const char* member : {"id", "status"}) {
        if (result.contains(member)) text += " " + result[member].dump();
      }
      results.push_back(text);
    }
    return results;
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    const auto users = store_->users().list(*TenantId::parse("acme"), 0, 100, {}).value();
    for (const auto& user : users)
      names.push_back(std::to_string(user.id) + " " + user.email + " " + user.name);
    return names;
  }
  static std::string line(const std::string& email, const std::string& name) {
    return dump({{"email", email}, {"name", name}}) + "\n";
  }

  TraceContext trace_;
  test::TempDir dir_;
  ManualClock clock_;
  Metrics metrics_;
  Usage usage_{clock_};
  std::unique_ptr<RateLimiter> limiter_ = memory::make_limiter(clock_);
  std::unique_ptr<sqlite::SqliteStore> store_ =
      sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
  TenantDirectory directory_{store_->tenants(),
                             std::map<std::string, RatePolicy>{{"users", {100, Duration{1000}, 9}}},
                             clock_};
  // The store has no users but those of this process.
  QuotaKeeper quotas_{directory_,
                      [](const auto&, const auto&, auto) -> Result<QuotaUse> { return QuotaUse{}; },
                      usage_, clock_, metrics_};
  Admission admission_{*limiter_, directory_, true, clock_, metrics_, &quotas_};
  test::FakeEventLog log_{clock_};
  test::FakeRetryStore retries_;
  test::FakeVectorIndex index_;
  pipeline::Progress progress_{{store_->outbox(), log_, log_, retries_, index_}, clock_};
  LongPolls polls_{clock_, metrics_, 10};
  WriteWaits waits_{progress_, polls_, clock_, Duration{25'000}, "a key"};
  http::RouteTable routes_ =
      users_routes(store_->users(), store_->idempotency(), admission_, usage_, waits_);
};

TEST_F(UsersBatch, IdsFollowTheLinesAndEachLineHasItsOutcome) {
  EXPECT_THAT(batch(line("c@b.c", "C") + "\n" + line("bad", "B") + line("a@b.c", "A") + "{\n" +
                    line("C@b.c", "again")),
              ElementsAre("created 1", "failed 422", "created 2", "failed 400", "existing 1"));
  EXPECT_THAT(names(), ElementsAre("1 c@b.c C", "2 a@b.c A"));
  const auto answer = call("POST", "/users/batch", "\n" + line("bad", "B"));
  const Json result = Json::parse(answer.body)["results"][0];
  EXPECT_EQ(result["line"], 2);
  EXPECT_EQ(result["errors"][0]["pointer"], "/email");
}

TEST_F(UsersBatch, ExistingUsersTakeTheirNewNameWhenAsked) {
  ASSERT_THAT(batch(line("a@b.c", "A") + line("b@b.c", "B")),
              ElementsAre("created 1", "created 2"));
  EXPECT_THAT(batch(line("A@b.c", "A") + line("b@b.c", "Bob") + line("b@b.c", "Bea") +
                        line("b@b.c", "Bea") + line("c@b.c", "C"),
                    {{"existing", "update"}}),
              ElementsAre("existing 1", "updated 2", "updated 2", "existing 2", "created 3"));
  EXPECT_THAT(names(), ElementsAre("1 a@b.c A", "2 b@b.c Bea", "3 c@b.c C"));
}

// Two users whom an older program told apart: which of them would take the name is a guess.
TEST_F(UsersBatch, AnAddressOfTwoUsersIsUpdatedForNeither) {
  ASSERT_THAT(batch(line("a@b.c", "A") + line("other@b.c", "B") + line("c@b.c", "C")),
              ElementsAre("created 1", "created 2", "created 3"));
  {
    auto db = sqlite::Database::open(dir_.path() + "/store.db", sqlite::Database::Mode::read_write)
                  .value();
    ASSERT_TRUE(db->execute("INSERT INTO users_alike(tenant,email_key,id) VALUES(1,'a@b.c',2)"));
  }
  const std::string lines = line("a@b.c", "New") + line("c@b.c", "Cy");
  for (const char* dry_run : {"true", "false"}) {
    EXPECT_THAT(batch(lines, {{"existing", "update"}, {"dry_run", dry_run}}),
                ElementsAre("failed 409", "updated 3"));
  }
  const auto answer = call("POST", "/users/batch", lines, {{"existing", "update"}});
  EXPECT_THAT(Json::parse(answer.body)["results"][0]["detail"], HasSubstr("ids 1, 2"));
  EXPECT_THAT(names(), ElementsAre("1 a@b.c A", "2 other@b.c B", "3 c@b.c Cy"));
  EXPECT_THAT(batch(line("a@b.c", "New")), ElementsAre("existing 1")) << "where nothing changes";
}

TEST_F(UsersBatch, TheEventsOfItsLinesCarryTheTraceOfTheRequest) {
  trace_ = *TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  trace_.add_state("vendor=1");
  ASSERT_THAT(batch(line("a@b.c", "A")), ElementsAre("created 1"));
  ASSERT_THAT(batch(line("a@b.c", "B"), {{"existing", "update"}}), ElementsAre("updated 1"));
  const auto events = test::waiting(store_->outbox()).value();
  ASSERT_EQ(events.size(), 2u);
  for (const auto& [sequence, record] : events) {
    EXPECT_EQ(find_header(record.headers, "traceparent"), trace_.traceparent());
    EXPECT_EQ(find_header(record.headers, "tracestate"), "vendor=1");
  }
}

TEST_F(UsersBatch, ADryRunTellsAndChangesNothing) {
  ASSERT_THAT(batch(line("a@b.c", "A")), ElementsAre("created 1"));
  EXPECT_THAT(batch(line("a@b.c", "B") + line("new@b.c", "N") + line("bad", "B"),
                    {{"existing", "update"}, {"dry_run", "true"}}, "k"),
              ElementsAre("updated 1", "created", "failed 422"));
  EXPECT_THAT(names(), ElementsAre("1 a@b.c A"));
  EXPECT_THAT(batch(line("new@b.c", "N"), {}, "k"), ElementsAre("created 2"))
      << "the key is not used up";
}

TEST_F(UsersBatch, ARepeatedRequestCreatesNothingTwiceAndAnotherKeyIsAnotherRequest) {
  const std::string body = line("a@b.c", "A") + line("b@b.c", "B");
  ASSERT_THAT(batch(body, {}, "run-1"), ElementsAre("created 1", "created 2"));
  EXPECT_THAT(batch(body, {}, "run-1"), ElementsAre("created 1", "created 2"));
  EXPECT_THAT(batch(body + line("c@b.c", "C"), {}, "run-1"),
              ElementsAre("created 1", "created 2", "created 3"))
      << "what was done before a crash in the middle is not done again";
  EXPECT_THAT(batch(line("x@b.c", "X"), {}, "run-1"), ElementsAre(HasSubstr("422 ")))
      << "another payload";
  ASSERT_EQ(call("DELETE", "/users/{id}", "").status, 204);
  EXPECT_THAT(batch(body, {}, "run-2"), ElementsAre("created 4", "existing 2"))
      << "the user is there again";
}

// The key of a line once was the key of another request too.
TEST_F(UsersBatch, AKeyOfABatchAndOneOfACreateAreNeverTheSame) {
  const auto create = [&](const std::string& email, const std::string& key) {
    return call("POST", "/users/create", line(email, "N"), {}, key);
  };
  ASSERT_THAT(batch(line("a@b.c", "A"), {}, "b"), ElementsAre("created 1"));
  const auto created = create("other@b.c", "b:1");
  EXPECT_EQ(created.status, 201) << created.body;
  ASSERT_EQ(create("c@b.c", "c:1").status, 201);
  EXPECT_THAT(batch(line("d@b.c", "D"), {}, "c"), ElementsAre("created 4"));
  EXPECT_EQ(create("x@b.c", "d\n1").status, 400) << "no client can send the key of a line";
}

TEST_F(UsersBatch, EveryLineCostsAUnit) {
  std::string body;
  for (int i = 0; i < 11; ++i) body += line(std::to_string(i) + "@b.c", "N");
  EXPECT_THAT(batch(body), ElementsAre(HasSubstr("413 "))) << "more than the limit ever allows";
  EXPECT_THAT(names(), ElementsAre());
}

TEST_F(UsersBatch, WhatAQuotaHasNoRoomForIsRefusedWholeButWhatWasDoneIsAnswered) {
  Tenant acme{.id = *TenantId::parse("acme"), .name = "Acme", .rate_limits = {}};
  acme.quotas = {{Quota::stored_users, 2}};
  ASSERT_TRUE(store_->tenants().create(acme));
  directory_.note_change(acme.id);
  const std::string two = line("a@b.c", "A") + line("b@b.c", "B");
  EXPECT_THAT(batch(two + line("c@b.c", "C")), ElementsAre(HasSubstr("429 ")));
  EXPECT_THAT(names(), ElementsAre());
  EXPECT_THAT(batch(two + line("bad", "B"), {}, "k"),
              ElementsAre("created 1", "created 2", "failed 422"));
  EXPECT_THAT(batch(line("c@b.c", "C")), ElementsAre(HasSubstr("stored_users")));
  // As a single one that is sent again: it once was refused, though nothing is left to create.
  EXPECT_THAT(batch(two + line("bad", "B"), {}, "k"),
              ElementsAre("created 1", "created 2", "failed 422"));
}

TEST_F(UsersBatch, AWrongRequestIsRefusedAsAWhole) {
  EXPECT_THAT(batch(R"({"email":"a@b.c","name":"A","tenantId":"globex"})"),
              ElementsAre(HasSubstr("403 ")));
  EXPECT_THAT(batch(line("a@b.c", "A"), {{"existing", "replace"}}), ElementsAre(HasSubstr("400 ")));
  EXPECT_THAT(batch(line("a@b.c", "A"), {{"dry_run", "1"}}), ElementsAre(HasSubstr("400 ")));
  EXPECT_THAT(batch(" \n"), ElementsAre(HasSubstr("400 ")));
  EXPECT_THAT(batch(line("a@b.c", "A"), {}, std::string(201, 'k')),
              ElementsAre(HasSubstr("at most 200 characters")));
  EXPECT_THAT(names(), ElementsAre());
}

TEST_F(UsersBatch, AMarkBeforeTheFirstLineDoesNotLoseIt) {
  EXPECT_THAT(batch("\xef\xbb\xbf" + line("a@b.c", "A")), ElementsAre("created 1"));
}

}  // namespace
}  // namespace mesh::services
