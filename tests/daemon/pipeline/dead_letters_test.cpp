#include <gtest/gtest.h>

#include <map>

#include "daemon/pipeline/dead_letter_record.h"
#include "daemon/pipeline/replay.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/fake_event_log.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;

class DeadLettersTest : public testing::Test {
 protected:
  DeadLettersTest() {
    for (const char* topic : {"analytics.events", "user.events"}) {
      const bool entity = std::string(topic) == "user.events";
      log.ensure(topic, entity ? TopicKind::entity : TopicKind::activity);
      log.ensure(dead_letter_topic(topic), TopicKind::activity);
    }
  }
  // The event is in the log and has died.
  StoredRecord die(const Event& event, const std::string& cause_class = "schema") {
    const Position position = log.append_now(to_record(event));
    const StoredRecord source = log.records(position.topic).back();
    log.append_now(dead_letter_record(
        source, {"some-pipeline", event.tenant.str(), 3, cause_class, "why", clock.now()}));
    clock.advance(Duration{1'000});
    return source;
  }
  std::vector<std::string> listed(const DeadLetterFilter& filter = {}, int limit = 100) {
    std::vector<std::string> ids;
    auto found = letters.list("analytics.events", filter, limit);
    EXPECT_TRUE(found);
    for (const auto& letter : *found) ids.push_back(letter.event ? letter.event->id : "?");
    return ids;
  }
  std::int64_t count(const std::string& topic = "analytics.events") {
    return letters.count(topic, {}).value();
  }
  FakeTaskContext context(Json spec) { return FakeTaskContext(std::move(spec), &clock); }
  static std::vector<std::string> event_ids(const std::vector<StoredRecord>& records) {
    std::vector<std::string> ids;
    for (const auto& record : records) ids.emplace_back(find_header(record.headers, "ce_id"));
    return ids;
  }

  ManualClock clock;
  FakeEventLog log{clock};
  DeadLetters letters{log, log, clock};
  using Ids = std::vector<std::string>;
};

TEST_F(DeadLettersTest, LettersAreListedNewestFirst) {
  for (const char* id : {"e1", "e2", "e3"}) die(analytics_event(id, id));
  EXPECT_EQ(listed(), (Ids{"e3", "e2", "e1"}));
  EXPECT_EQ(listed({}, 2), (Ids{"e3", "e2"}));
  EXPECT_EQ(count(), 3);
  EXPECT_EQ(count("analytics.events.dlq"), 3);
}

TEST_F(DeadLettersTest, EachUnsettledLetterIsVisitedNewestFirstUntilItIsEnough) {
  for (const char* id : {"e1", "e2", "e3"}) die(analytics_event(id, "ann"));
  for (const char* id : {"e4", "e5"}) die(analytics_event(id, "bob"));
  die(analytics_event("e6", "ann"), "engine");
  auto purged = context({{"topic", "analytics.events"}, {"id", "e2"}});
  ASSERT_TRUE(letters.purge(purged));
  std::map<std::string, Ids> visited;  // one key is in one partition
  auto visit = [&](const DeadLetter& letter) {
    visited[letter.key].push_back(letter.event->id);
    return true;
  };
  ASSERT_TRUE(letters.each("analytics.events", {{}, "schema", {}}, visit));
  ASSERT_EQ(visited.size(), 2u);
  EXPECT_EQ(visited.begin()->second, (Ids{"e3", "e1"}));
  EXPECT_EQ(visited.rbegin()->second, (Ids{"e5", "e4"}));
  int calls = 0;
  ASSERT_TRUE(letters.each("analytics.events", {}, [&](const DeadLetter&) { return ++calls < 1; }));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(letters.each("nothing.events", {}, visit).error().kind, ErrorKind::not_found);
}

TEST_F(DeadLettersTest, LettersAreFiltered) {
  die(analytics_event("e1", "ann", "acme"), "schema");
  die(analytics_event("e2", "ann", "globex"), "schema");
  die(analytics_event("e3", "ann", "acme"), "engine");
  EXPECT_EQ(listed({"acme", {}, {}}), (Ids{"e3", "e1"}));
  EXPECT_EQ(listed({"acme", "engine", {}}), (Ids{"e3"}));
  EXPECT_EQ(listed({{}, {}, "e2"}), (Ids{"e2"}));
  EXPECT_EQ(listed({"acme", {}, "e2"}), Ids{});
}

TEST_F(DeadLettersTest, ALetterTellsWhereItComesFromAndWhy) {
  const StoredRecord source = die(analytics_event("e1", "ann"));
  const auto found = letters.list("analytics.events", {}, 1);
  ASSERT_EQ(found->size(), 1u);
  const Json json = to_json(found->front());
  EXPECT_EQ(json.at("source"), to_string(source.position));
  EXPECT_EQ(json.at("attempts"), 3);
  EXPECT_EQ(json.at("cause_class"), "schema");
  EXPECT_EQ(json.at("cause"), "why");
  EXPECT_EQ(json.at("died_at"), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(json.at("event").at("data").at("user_id"), "ann");
}

TEST_F(DeadLettersTest, AnUndecodableLetterIsListedWithItsBytes) {
  log.append_now({"analytics.events", "k", "no JSON", {}});
  log.append_now(dead_letter_record(log.records("analytics.events").back(),
                                    {"p", "", 1, "decode", "why", clock.now()}));
  const auto found = letters.list("analytics.events", {}, 1);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_FALSE(found->front().event);
  EXPECT_EQ(to_json(found->front()).at("value"), "no JSON");
}

TEST_F(DeadLettersTest, AnUnknownTopicIsNotFound) {
  EXPECT_EQ(letters.list("nothing.events", {}, 1).error().kind, ErrorKind::not_found);
  auto work = context({{"topic", "nothing.events"}});
  EXPECT_EQ(letters.redrive(work).error().kind, ErrorKind::not_found);
}

TEST_F(DeadLettersTest, RedrivenEventsGoBackWithoutTheHeadersOfDeath) {
  const StoredRecord source = die(analytics_event("e1", "ann"));
  const Position letter = log.records("analytics.events.dlq").back().position;
  auto work = context({{"topic", "analytics.events"}});
  ASSERT_TRUE(letters.redrive(work));
  const auto records = log.records("analytics.events");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].key, source.key);
  EXPECT_EQ(records[1].value, source.value);
  Headers expected = source.headers;
  expected.emplace_back("mesh_redriven_from", to_string(letter));
  EXPECT_EQ(records[1].headers, expected);
  EXPECT_EQ(work.stored.result.at("redriven"), 1);
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(listed(), Ids{});
}

TEST_F(DeadLettersTest, OnlyMatchingLettersAreRedriven) {
  die(analytics_event("e1", "ann", "acme"));
  die(analytics_event("e2", "ann", "globex"));
  auto work = context({{"topic", "analytics.events"}, {"tenant", "globex"}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(event_ids(log.records("analytics.events")), (Ids{"e1", "e2", "e2"}));
  EXPECT_EQ(listed(), (Ids{"e1"}));
}

TEST_F(DeadLettersTest, AMisspeltFilterIsRefusedInsteadOfMeaningAll) {
  die(analytics_event("e1", "ann"));
  auto work = context({{"topic", "analytics.events"}, {"tennant", "acme"}});
  EXPECT_EQ(letters.purge(work).error().kind, ErrorKind::invalid);
  EXPECT_EQ(count(), 1);
}

TEST_F(DeadLettersTest, ARedriveThatCrashesAtAnyAppendRedrivesEachLetterOnce) {
  for (int n = 0; n < 450; ++n) die(analytics_event("e" + std::to_string(n), "ann"));
  std::optional<FakeTaskContext> work(context({{"topic", "analytics.events"}}));
  for (bool done = false; !done;) {
    // Killed after the next append, before the progress of it is stored.
    const Task stored = work->stored;
    int appends = 0;
    log.before_append([&](const auto&) { ++appends; });
    work->on_progress = [&] {
      if (appends > 0) work->stopped = true;
    };
    done = letters.redrive(*work).has_value();
    if (!stored.id.empty()) work->stored = stored;
    if (!done) work.emplace(work->resumed());
  }
  log.before_append({});
  EXPECT_EQ(log.records("analytics.events").size(), 900u);
  EXPECT_EQ(count(), 0);
}

TEST_F(DeadLettersTest, AFailedAppendNeitherRedrivesNorSettles) {
  die(analytics_event("e1", "ann"));
  auto work = context({{"topic", "analytics.events"}});
  log.fail_appends(1'000'000);
  work.on_pause = [&] { work.cancel(); };
  EXPECT_FALSE(letters.redrive(work));
  EXPECT_EQ(log.records("analytics.events").size(), 1u);
  EXPECT_EQ(count(), 1);
}

TEST_F(DeadLettersTest, WhatDiesAgainDuringARedriveIsLeftForTheNext) {
  die(analytics_event("e1", "ann"));
  auto work = context({{"topic", "analytics.events"}});
  work.on_progress = [&, again = false]() mutable {
    if (!std::exchange(again, true)) die(analytics_event("e2", "ann"));
  };
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(listed(), (Ids{"e2"}));
}

TEST_F(DeadLettersTest, APurgeSettlesWithoutSendingBack) {
  die(analytics_event("e1", "ann"), "schema");
  die(analytics_event("e2", "ann"), "engine");
  auto work = context({{"topic", "analytics.events.dlq"}, {"cause", "engine"}});
  ASSERT_TRUE(letters.purge(work));
  EXPECT_EQ(work.stored.result.at("purged"), 1);
  EXPECT_EQ(listed(), (Ids{"e1"}));
  EXPECT_EQ(log.records("analytics.events").size(), 2u);
}

TEST_F(DeadLettersTest, AnOlderStateOfAnEntityIsNotPutBehindANewerOne) {
  die(user_event("created", 1, 1));
  log.append_now(to_record(user_event("updated", 1, 2)));
  die(user_event("created", 2, 1));
  auto work = context({{"topic", "user.events"}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(work.stored.result.at("superseded"), 1);
  EXPECT_EQ(work.stored.result.at("redriven"), 1);
  EXPECT_EQ(event_ids(log.records("user.events")),
            (Ids{"acme-1-v1", "acme-1-v2", "acme-2-v1", "acme-2-v1"}));
  EXPECT_EQ(count("user.events"), 0);
}

// Compaction removed the event, since the user was removed, and then the removal.
TEST_F(DeadLettersTest, AStateThatTheLogDoesNotHoldAnyMoreDoesNotComeBack) {
  const StoredRecord created = die(user_event("created", 1, 1));
  const StoredRecord removed = die(user_event("deleted", 2, 2));
  log.drop(created.position);
  log.drop(removed.position);
  auto work = context({{"topic", "user.events"}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(work.stored.result.at("superseded"), 1);
  EXPECT_EQ(work.stored.result.at("redriven"), 1) << "a removal harms nobody";
  EXPECT_EQ(event_ids(log.records("user.events")).back(), "acme-2-v2");
  EXPECT_EQ(count("user.events"), 0);
}

TEST_F(DeadLettersTest, OfSeveralDeadStatesOfAnEntityOnlyTheNewestGoesBack) {
  die(user_event("created", 1, 1));
  die(user_event("updated", 1, 2));
  auto work = context({{"topic", "user.events"}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(event_ids(log.records("user.events")), (Ids{"acme-1-v1", "acme-1-v2", "acme-1-v2"}));
}

TEST_F(DeadLettersTest, ANewerStateThatComesDuringARedriveIsTheLastOfItsKeyAgain) {
  die(user_event("created", 1, 1));
  bool once = false;
  log.before_append([&](const std::vector<Record>&) {
    if (std::exchange(once, true)) return;
    log.append_now(to_record(user_event("updated", 1, 2)));
  });
  auto work = context({{"topic", "user.events"}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(event_ids(log.records("user.events")).back(), "acme-1-v2");
}

}  // namespace
}  // namespace mesh::pipeline
