// Search over events and standing queries, with the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/receipt_keys.h"
#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::eventually;
using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;
using Ids = std::vector<std::string>;

constexpr const char* kOrders = R"(kind: tenant
id: acme
name: Acme
types:
  order.placed:
    type: object
search:
  order.placed: {text: '{title}', fields: {country: keyword, total: number}}
)";

class EventSearch : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()) << daemon_.errors(); }

  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(dir_.file(name)) << text;
    return dir_.file(name);
  }
  void publish(const std::string& id, const std::string& type, const Json& data,
               const std::string& tenant = "acme", const std::string& time = {}) {
    Json event{
        {"specversion", "1.0"}, {"id", id}, {"source", "/shop"}, {"type", type}, {"data", data}};
    if (!time.empty()) event["time"] = time;
    const auto answer =
        daemon_.call("publisher", "POST", "/api/v1/events", tenant + ":me", dump(event),
                     {{"Content-Type", "application/cloudevents+json"}});
    ASSERT_EQ(answer.status, 202) << answer.body;
  }
  void record(const std::string& id, const std::string& message, const std::string& country = "DE",
              const std::string& tenant = "acme", const std::string& time = {}) {
    publish(id, "analytics.recorded",
            {{"user_id", "7"},
             {"event_type", "error"},
             {"metadata", {{"country", country}, {"message", message}}}},
            tenant, time);
  }
  void place(const std::string& id, const std::string& title, double total) {
    publish(id, "order.placed", {{"title", title}, {"country", "DE"}, {"total", total}});
  }
  // What the tool finds.
  Ids found(std::vector<std::string> words, const std::string& tenant = "acme") {
    words.insert(words.begin(), "search");
    words.insert(words.end(), {"--tenant", tenant, "-o", "json"});
    const Outcome done = daemon_.mesh(words);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    Ids ids;
    const Json rows = Json::parse(done.out, nullptr, false);
    for (const auto& one : rows) ids.push_back(one["event_id"]);
    return ids;
  }
  Ids recorded(std::vector<std::string> words, const std::string& tenant = "acme") {
    words.insert(words.end(), {"--type", "analytics.recorded"});
    return found(std::move(words), tenant);
  }
  // Until then its type may have no index yet, which is no answer.
  bool comes(const std::string& id, std::vector<std::string> words) {
    words.insert(words.begin(), "search");
    words.insert(words.end(), {"--tenant", "acme", "-o", "json"});
    return eventually([&] {
      const Outcome done = daemon_.mesh(words);
      return done.exit_code == 0 && done.out.find("\"" + id + "\"") != std::string::npos;
    });
  }
  Json generations() {
    const Outcome listed = daemon_.mesh({"index", "events", "-o", "json"});
    EXPECT_EQ(listed.exit_code, 0) << listed.err;
    return Json::parse(listed.out, nullptr, false);
  }
  int serving(const std::string& type) {
    for (const auto& one : generations()) {
      if (one["type"] == type && one["serving"] == true) return one["number"];
    }
    return 0;
  }
  std::string metrics() { return daemon_.call("gateway", "GET", "/metrics", "").body; }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data"),
                 "tenants: {receipt_key_file: " + file("key.pem", test::kReceiptKey) + "}\n"};
};

TEST_F(EventSearch, FindsWhatAnEventSaysInOtherWords) {
  record("e1", "payment declined at checkout");
  record("e2", "payment declined at checkout", "FR");
  record("e3", "newsletter opened");
  daemon_.await_idle();
  EXPECT_THAT(recorded({"checkout fails", "--filter", "country=DE"}), ElementsAre("e1"));
  EXPECT_THAT(recorded({"checkout fails"}), UnorderedElementsAre("e1", "e2"));
  const Outcome table = daemon_.mesh({"search", "--type", "analytics.recorded", "checkout fails",
                                      "--tenant", "acme", "--filter", "country=DE"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("error DE payment declined at checkout"));
}

TEST_F(EventSearch, AnotherTenantSeesNothing) {
  record("e1", "payment declined at checkout");
  record("g1", "payment declined at checkout", "DE", "globex");
  daemon_.await_idle();
  EXPECT_THAT(recorded({"checkout fails"}), ElementsAre("e1"));
  EXPECT_THAT(recorded({"checkout fails"}, "globex"), ElementsAre("g1"));
  ASSERT_EQ(daemon_.mesh({"tenants", "create", "initech"}).exit_code, 0);
  EXPECT_THAT(recorded({"checkout fails"}, "initech"), IsEmpty());
}

TEST_F(EventSearch, TimesBoundWhatIsFound) {
  record("old", "payment declined", "DE", "acme", "2026-01-01T08:00:00Z");
  record("new", "payment declined", "DE", "acme", "2026-02-01T08:00:00Z");
  daemon_.await_idle();
  EXPECT_THAT(recorded({"payment", "--from", "2026-01-15T00:00:00Z"}), ElementsAre("new"));
  EXPECT_THAT(recorded({"payment", "--to", "2026-01-15T00:00:00Z"}), ElementsAre("old"));
  EXPECT_THAT(
      recorded({"payment", "--from", "2026-01-01T08:00:00Z", "--to", "2026-02-01T08:00:00Z"}),
      ElementsAre("old"))
      << "from is in, to is not";
}

TEST_F(EventSearch, WhatDoesNotReadIsRefusedWithWhatIsWrong) {
  record("e1", "payment declined");
  const auto refusal = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"search", "x", "--tenant", "acme"});
    const Outcome done = daemon_.mesh(words);
    EXPECT_NE(done.exit_code, 0) << done.out;
    return done.err;
  };
  const std::string type = "analytics.recorded";
  EXPECT_THAT(refusal({"--type", type, "--filter", "country"}), HasSubstr("has no operator"));
  EXPECT_THAT(refusal({"--type", type, "--filter", "event_type>x"}), HasSubstr("a keyword"));
  EXPECT_THAT(refusal({"--type", type, "--from", "yesterday"}), HasSubstr("from"));
  EXPECT_THAT(refusal({"--type", "order.placed"}), HasSubstr("are not searchable"));
  EXPECT_THAT(refusal({"--filter", "country=DE"}), HasSubstr("name their type with --type"));
}

TEST_F(EventSearch, AnOwnTypeIsFoundOnceItsRecordSaysWhatOfItIs) {
  const Outcome applied = daemon_.mesh({"apply", "-f", file("acme.yaml", kOrders), "--yes"});
  ASSERT_EQ(applied.exit_code, 0) << applied.err;
  place("o1", "a red lamp", 12);
  place("o2", "a red chair", 8);
  ASSERT_TRUE(comes("o1", {"lamp", "--type", "order.placed"}));
  ASSERT_TRUE(comes("o2", {"chair", "--type", "order.placed"}));
  EXPECT_THAT(found({"red", "--type", "order.placed", "--filter", "total>=10"}), ElementsAre("o1"));
  EXPECT_THAT(
      found({"red", "--type", "order.placed", "--filter", "country=DE", "--filter", "total<10"}),
      ElementsAre("o2"));
}

TEST_F(EventSearch, ATypeIsRebuiltByAModelOfMeaningsAndRolledBack) {
  const std::string model = dir_.file("model");
  ASSERT_TRUE(test::write_word_model(model, {{"declined", {1, 0.1f, 0, 0}},
                                             {"fails", {1, 0, 0.1f, 0}},
                                             {"newsletter", {0, 0, 1, 0.1f}}}));
  record("e1", "declined");
  record("e2", "newsletter");
  daemon_.await_idle();
  EXPECT_THAT(recorded({"fails"}), IsEmpty()) << "no letter of it is there";
  const Outcome built = daemon_.mesh({"index", "rebuild-events", "analytics.recorded", "--embedder",
                                      "static", "--model", model, "--no-progress"});
  ASSERT_EQ(built.exit_code, 0) << built.out << built.err;
  EXPECT_EQ(serving("analytics.recorded"), 2);
  EXPECT_THAT(recorded({"fails"}), ElementsAre("e1"));
  record("e3", "declined");
  EXPECT_TRUE(comes("e3", {"fails", "--type", "analytics.recorded"}));

  const Outcome back = daemon_.mesh({"index", "rollback-events", "analytics.recorded"});
  ASSERT_EQ(back.exit_code, 0) << back.err;
  EXPECT_EQ(serving("analytics.recorded"), 1);
  EXPECT_THAT(recorded({"fails"}), IsEmpty());
  EXPECT_THAT(recorded({"declined"}), IsSupersetOf({"e1", "e3"}))
      << "both were written to meanwhile";
  EXPECT_EQ(daemon_.mesh({"index", "rebuild-events", "nobody.searches"}).exit_code, 3);
}

TEST_F(EventSearch, ARestartKeepsTheIndex) {
  record("e1", "payment declined");
  daemon_.await_idle();
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_TRUE(daemon_.start()) << daemon_.errors();
  EXPECT_THAT(recorded({"payment"}), ElementsAre("e1"));
  EXPECT_EQ(serving("analytics.recorded"), 1);
}

TEST_F(EventSearch, AWatchIsToldOfWhatIsPublishedMeanwhileUntilCtrlC) {
  record("before", "payment fails");
  const std::string pid_file = dir_.file("pid"), lines = dir_.file("lines");
  auto tool = std::async(std::launch::async, [&] {
    return run({"/bin/sh", "-c",
                "echo $$ >" + pid_file + "; exec " MESH_BIN_DIR "/mesh watch \"payment fails\"" +
                    " --tenant acme --min-score 0.5 --data-dir " + daemon_.data_dir() + " >" +
                    lines});
  });
  ASSERT_TRUE(eventually([&] { return metrics().find("mesh_watches 1") != std::string::npos; }));
  record("g1", "payment fails", "DE", "globex");
  record("other", "a newsletter was opened");
  record("e1", "payment fails");
  const auto told = [&] {
    std::ifstream stream(lines);
    return std::string{std::istreambuf_iterator<char>(stream), {}};
  };
  EXPECT_TRUE(eventually([&] { return told().find('\n') != std::string::npos; }));
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  ASSERT_GT(pid, 0);
  ASSERT_EQ(::kill(pid, SIGINT), 0);
  const Outcome ended = tool.get();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(told(), HasSubstr("error DE payment fails"));
  const std::string all = told();
  EXPECT_EQ(std::ranges::count(all, '\n'), 1) << all;
  EXPECT_TRUE(eventually([&] { return metrics().find("mesh_watches 0") != std::string::npos; }));
}

TEST_F(EventSearch, APurgeOfATenantTakesItsEventsOut) {
  record("e1", "payment declined");
  record("g1", "payment declined", "DE", "globex");
  daemon_.await_idle();
  const Outcome plan = daemon_.mesh({"tenants", "purge", "acme", "--dry-run"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  EXPECT_THAT(plan.out, ContainsRegex("index/events +1"));
  const auto receipt = dir_.file("receipt.json");
  const Outcome purged =
      daemon_.mesh({"tenants", "purge", "acme", "--confirm", "acme", "--receipt", receipt});
  ASSERT_EQ(purged.exit_code, 0) << purged.out << purged.err;
  EXPECT_EQ(daemon_.mesh({"verify-receipt", receipt}).exit_code, 0);
  EXPECT_THAT(recorded({"payment"}, "globex"), ElementsAre("g1"));
  for (const auto& one : generations()) {
    if (one["type"] != "analytics.recorded") continue;
    EXPECT_EQ(one["events"], 1);
  }
}

TEST_F(EventSearch, APurgeOfAUserTakesItsEventsOut) {
  record("e1", "payment declined");
  publish("e2", "analytics.recorded",
          {{"user_id", "8"}, {"event_type", "error"}, {"metadata", {{"message", "payment"}}}});
  const auto user = daemon_.call("users", "POST", "/users/create", "acme:a",
                                 R"({"email":"a@acme.dev","name":"A"})");
  ASSERT_EQ(user.status, 201) << user.body;
  daemon_.await_idle();
  const Outcome purged = daemon_.mesh({"users", "purge", "acme", "7", "--confirm", "acme/7",
                                       "--receipt", dir_.file("receipt.json")});
  ASSERT_EQ(purged.exit_code, 0) << purged.out << purged.err;
  EXPECT_THAT(purged.out, ContainsRegex("index/events +1 +0"));
  EXPECT_THAT(recorded({"payment"}), ElementsAre("e2"));
}

}  // namespace
}  // namespace mesh::e2e
