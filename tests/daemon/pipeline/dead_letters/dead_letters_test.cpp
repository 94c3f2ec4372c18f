#include "daemon/pipeline/dead_letters/dead_letters.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <optional>
#include <thread>

#include "daemon/pipeline/consumer/lanes.h"
#include "daemon/pipeline/dead_letters/cause_groups.h"
#include "daemon/pipeline/dead_letters/dead_letter_record.h"
#include "daemon/pipeline/scan.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/daemon/pipeline/fake_task_context.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_leases.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

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
  FakeRetryStore retries;
  FakeLeaseStore leases{clock};
  FakeVectorIndex index;
  DeadLetters letters{LettersDeps{log, log, retries, leases, index, clock, "one"}};
  using Ids = std::vector<std::string>;
};

TEST_F(DeadLettersTest, LettersAreListedNewestFirst) {
  for (const char* id : {"e1", "e2", "e3"}) die(analytics_event(id, id));
  EXPECT_EQ(listed(), (Ids{"e3", "e2", "e1"}));
  EXPECT_EQ(listed({}, 2), (Ids{"e3", "e2"}));
  EXPECT_EQ(count(), 3);
  EXPECT_EQ(count("analytics.events.dlq"), 3);
}

// Records without a key lie in any partition, and so would the markers of their letters.
TEST_F(DeadLettersTest, LettersWithoutAKeyAreSettledAsOthersAre) {
  for (int n = 0; n < 9; ++n) {
    Record record = to_record(analytics_event("e" + std::to_string(n), "ann"));
    record.key.clear();
    const Position place = log.append_now(record);
    const auto died = record_at(log, place).value();
    log.append_now(dead_letter_record(*died, {"p", "acme", 3, "schema", "why", clock.now()}));
  }
  ASSERT_EQ(count(), 9);
  const Position newest = letters.list("analytics.events", {}, 1)->front().position;
  ASSERT_TRUE(letters.mend(newest, analytics_event("e9", "ann")));
  EXPECT_EQ(letters.mend(newest, analytics_event("e9", "ann")).error().kind, ErrorKind::conflict);
  EXPECT_EQ(count(), 8);
  auto one = context({{"topic", "analytics.events"}, {"cause", "schema"}, {"id", "e4"}});
  ASSERT_TRUE(letters.purge(one));
  EXPECT_EQ(count(), 7);
  auto rest = context({{"topic", "analytics.events"}, {"wait", 0}});
  ASSERT_TRUE(letters.redrive(rest));
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(rest.stored.result["redriven"], 7);
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

TEST_F(DeadLettersTest, LettersOfOneCauseAndTenantAreAGroup) {
  const auto die_of = [&](const char* id, const char* tenant, const char* cause) {
    log.append_now(to_record(analytics_event(id, "ann", tenant)));
    log.append_now(dead_letter_record(log.records("analytics.events").back(),
                                      {"p", tenant, 3, "schema", cause, clock.now()}));
    clock.advance(Duration{1'000});
  };
  die_of("e1", "acme", "user 17 is unknown");
  die_of("e2", "acme", "user 4 is unknown");
  die_of("e3", "globex", "user 5 is unknown");
  die_of("e4", "acme", "\"x\" is no number");
  CauseGroups groups;
  ASSERT_TRUE(letters.each("analytics.events", {}, [&](const DeadLetter& letter) {
    groups.add(letter);
    return true;
  }));
  const auto all = groups.largest(10);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(to_json(all[0]), (Json{{"topic", "analytics.events.dlq"},
                                   {"tenant", "acme"},
                                   {"fingerprint", all[0].fingerprint},
                                   {"cause_class", "schema"},
                                   {"cause", "user # is unknown"},
                                   {"letters", 2},
                                   {"first", "2026-01-01T00:00:00.000Z"},
                                   {"last", "2026-01-01T00:00:01.000Z"}}));
  EXPECT_EQ(groups.largest(1).size(), 1u);
  // The fingerprint is a cause to filter by, whatever the tenant.
  const std::string cause = all[0].fingerprint;
  EXPECT_EQ(listed({{}, cause, {}}), (Ids{"e3", "e2", "e1"}));
  EXPECT_EQ(letters.count("analytics.events", {"acme", cause, {}}).value(), 2);
  auto work = context({{"topic", "analytics.events"}, {"cause", cause}, {"tenant", "acme"}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(listed(), (Ids{"e4", "e3"}));
  EXPECT_EQ(letters.count("analytics.events", {{}, "000000000000", {}}).error().kind,
            ErrorKind::not_found);
}

TEST_F(DeadLettersTest, BeyondTheirBoundGroupsAreCountedTogether) {
  CauseGroups groups;
  DeadLetter letter;
  for (std::size_t n = 0; n < CauseGroups::kMost + 7; ++n) {
    letter.fingerprint = std::to_string(n);
    groups.add(letter);
  }
  const auto all = groups.largest(2 * CauseGroups::kMost);
  EXPECT_EQ(all.size(), CauseGroups::kMost + 1);
  EXPECT_EQ(all.front().fingerprint, "(others)");
  EXPECT_EQ(all.front().letters, 7);
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
  EXPECT_EQ(parse_json(dump(json))->at("event").at("data").at("user_id"), "ann");
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
  expected.emplace_back("mesh_redrives", "1");
  expected.emplace_back("mesh_attempts_before", "3");
  expected.emplace_back("mesh_first_died_at", "2026-01-01T00:00:00.000Z");
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
  EXPECT_EQ(letters.purge(work).error().kind, ErrorKind::unprocessable);
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

// Its letters were settled first, and nobody looked again.
TEST_F(DeadLettersTest, ARedriveThatEndedBeforeANewerStateWasLastPutsItThereWhenItGoesOn) {
  die(user_event("created", 1, 1));
  int events = 0;
  log.before_append([&](const std::vector<Record>& records) {
    if (records.front().topic != "user.events") return;
    ++events;
    if (events == 1) log.append_now(to_record(user_event("updated", 1, 2)));
    if (events == 3) log.fail_appends(1);  // behind the newer one, which was the second
  });
  auto work = context({{"topic", "user.events"}, {"wait", 0}});
  work.on_pause = [&] { work.stopped = true; };
  ASSERT_FALSE(letters.redrive(work));
  log.before_append(nullptr);
  EXPECT_EQ(event_ids(log.records("user.events")).back(), "acme-1-v1");
  auto next = work.resumed();
  ASSERT_TRUE(letters.redrive(next));
  EXPECT_EQ(event_ids(log.records("user.events")).back(), "acme-1-v2");
  EXPECT_EQ(count("user.events"), 0);
}

// A mistyped --cause counted 0 and succeeded.
TEST_F(DeadLettersTest, ACauseThatNoLetterHasIsAnErrorThatListsThoseThereAre) {
  die(analytics_event("e1", "ann", "acme"), "schema");
  die(analytics_event("e2", "ann", "acme"), "engine");
  die(analytics_event("e3", "ann", "globex"), "timeout");
  EXPECT_EQ(letters.count("analytics.events", {"acme", "schema", {}}).value(), 1);
  const auto slip = letters.count("analytics.events", {"acme", "schem", {}});
  ASSERT_FALSE(slip);
  EXPECT_EQ(slip.error().kind, ErrorKind::not_found);
  EXPECT_NE(slip.error().message.find("engine (1), schema (1)"), std::string::npos)
      << slip.error().message;
  EXPECT_EQ(letters.count("analytics.events", {{}, {}, "e9"}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(letters.count("user.events", {{}, "schema", {}}).value(), 0)
      << "where there are no letters at all there is nothing to do";
}

TEST_F(DeadLettersTest, AnEventIsShownInTheFormatOfCloudEventsAsItIsStored) {
  Event event = analytics_event("e1", "ann");
  event.extensions = {{"partitionkey", "p7"}};
  event.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  Record record = to_record(event);
  for (auto& [name, value] : record.headers) {
    if (name == "ce_time") value = "2026-05-28T22:26:40.123456789+02:00";
  }
  log.append_now(record);
  log.append_now(dead_letter_record(log.records("analytics.events").back(),
                                    {"p", "acme", 1, "schema", "why", clock.now()}));
  const Json shown = to_json(letters.list("analytics.events", {}, 1)->front()).at("event");
  EXPECT_EQ(dump(shown), dump({{"specversion", "1.0"},
                               {"id", "e1"},
                               {"type", "analytics.recorded"},
                               {"source", "test"},
                               {"time", "2026-05-28T22:26:40.123456789+02:00"},
                               {"subject", "ann"},
                               {"tenantid", "acme"},
                               {"datacontenttype", "application/json"},
                               {"traceparent", event.traceparent},
                               {"partitionkey", "p7"},
                               {"data", {{"user_id", "ann"}, {"event_type", "click"}}}}));
}

TEST_F(DeadLettersTest, TheContentTypeDecidesHowDataIsShown) {
  const auto shown = [&](const char* media, const std::string& data) {
    Event event = analytics_event("e1", "ann");
    event.content_type = media;
    event.data = data;
    log.append_now(dead_letter_record(
        {{"analytics.events", 0, 0}, clock.now(), "acme/ann", data, to_record(event).headers},
        {"p", "acme", 1, "schema", "why", clock.now()}));
    clock.advance(Duration{1});
    return to_json(letters.list("analytics.events", {}, 1)->front()).at("event");
  };
  EXPECT_EQ(dump(shown("application/json; charset=utf-8", "[1]").at("data")), "[1]");
  EXPECT_EQ(shown("text/plain", "[1]").at("data"), "[1]");
  EXPECT_EQ(shown("application/octet-stream", "\xff\x01").at("data_base64"), "/wE=");
  EXPECT_EQ(shown("application/json", "no JSON").at("data_base64"), "bm8gSlNPTg==");
}

// --- what becomes of redriven events ----------------------------------------------------------

class RedriveTest : public DeadLettersTest {
 protected:
  // A group that follows the topic and has processed what was there.
  void follow(const std::string& topic = "analytics.events") {
    consumer = log.open_consumer("analytics", {topic}, "m").value();
    pass();
  }
  // Commits all that is in the log.
  void pass() {
    Offsets next;
    for (const auto& [partition, at] : consumer->position()) {
      next[partition] = log.watermarks(partition)->end;
    }
    ASSERT_TRUE(consumer->commit(next));
  }
  // As the pipeline would: the letter of the newest record of that event.
  void die_again(const std::string& id) {
    StoredRecord newest;
    for (const auto& record : log.records("analytics.events")) {
      if (find_header(record.headers, "ce_id") == id) newest = record;
    }
    log.append_now(
        dead_letter_record(newest, {"some-pipeline", "acme", 2, "schema", "still", clock.now()}));
  }
  Json redrive(Json spec = {{"topic", "analytics.events"}}) {
    auto work = context(std::move(spec));
    work.on_pause = on_pause;
    EXPECT_TRUE(letters.redrive(work));
    pauses = work.pauses;
    return work.stored.result;
  }
  // All that is done is counted, too: the pipeline that counts is the group that follows.
  static Json counts(int redriven, int done, int died_again, int pending) {
    return {{"redriven", redriven}, {"done", done},       {"died_again", died_again},
            {"counted", done},      {"pending", pending}, {"superseded", 0},
            {"skipped", 0}};
  }

  std::unique_ptr<LogConsumer> consumer;
  std::function<void()> on_pause;
  int pauses = 0;
};

// It reported success as soon as the events were appended, though each of them died again.
TEST_F(RedriveTest, ItWaitsForTheOutcomeOfEachEvent) {
  for (const char* id : {"e1", "e2", "e3"}) die(analytics_event(id, id));
  follow();
  on_pause = [this, n = 0]() mutable {
    if (++n != 3) return;
    die_again("e2");
    pass();
  };
  EXPECT_EQ(redrive(), counts(3, 2, 1, 0));
  EXPECT_EQ(pauses, 3);
  EXPECT_EQ(listed(), (Ids{"e2"})) << "the old letter is settled, the new one is there";
}

TEST_F(RedriveTest, AParkedEventIsPendingThoughTheGroupIsPastIt) {
  die(analytics_event("e1", "ann"));
  follow();
  on_pause = [this, n = 0]() mutable {
    const StoredRecord redriven = log.records("analytics.events").back();
    if (++n == 1) {
      ASSERT_TRUE(
          retries.park({"analytics", "one"}, std::vector<ParkedEvent>{{redriven, 1, {}, {}, {}}}));
      pass();
    } else if (n == 4) {
      ASSERT_TRUE(retries.remove({"analytics", "one"}, std::vector<Position>{redriven.position}));
    }
  };
  EXPECT_EQ(redrive(), counts(1, 1, 0, 0));
  EXPECT_EQ(pauses, 4);
}

TEST_F(RedriveTest, WhatIsNotKnownAtTheEndOfTheBoundIsPending) {
  die(analytics_event("e1", "ann"));
  follow();
  const SteadyTime begin = clock.steady();
  EXPECT_EQ(redrive({{"topic", "analytics.events"}, {"wait", 10}}), counts(1, 0, 0, 1));
  EXPECT_EQ(clock.steady() - begin, std::chrono::seconds{10});
}

TEST_F(RedriveTest, EveryGroupThatFollowsTheTopicCounts) {
  die(analytics_event("e1", "ann"));
  follow();
  auto other = log.open_consumer("another", {"analytics.events"}, "m").value();
  auto unrelated = log.open_consumer("unrelated", {"user.events"}, "m").value();
  on_pause = [&, n = 0]() mutable {
    if (++n == 1) pass();
    if (n == 3) {
      Offsets next;
      for (const auto& [partition, at] : other->position()) {
        next[partition] = log.watermarks(partition)->end;
      }
      ASSERT_TRUE(other->commit(next));
    }
  };
  EXPECT_EQ(redrive(), counts(1, 1, 0, 0));
  EXPECT_EQ(pauses, 3);
}

// Another generation, or a group of somebody else, may be behind.
TEST_F(RedriveTest, WhatTheServingGenerationIsPastIsSearchable) {
  const auto epoch = index.take_over().value();
  ASSERT_TRUE(index.create_generation({}, epoch));
  ASSERT_TRUE(index.create_generation({}, epoch));
  ASSERT_TRUE(index.serve(2, epoch));
  die(user_event("created", 1, 1));
  auto serving = log.open_consumer("user-index-2", {"user.events"}, "m").value();
  auto behind = log.open_consumer("user-index-1", {"user.events"}, "m").value();
  on_pause = [&] {
    Offsets next;
    for (const auto& [partition, at] : serving->position()) {
      next[partition] = log.watermarks(partition)->end;
    }
    ASSERT_TRUE(serving->commit(next));
  };
  const Json result = redrive({{"topic", "user.events"}, {"wait", 5}});
  EXPECT_EQ(result.at("searchable"), 1);
  EXPECT_EQ(result.at("done"), 0);
  EXPECT_EQ(result.at("pending"), 1);
  EXPECT_FALSE(result.contains("counted"));
}

TEST_F(RedriveTest, WhatDiesAgainIsNotCounted) {
  die(analytics_event("e1", "ann"));
  follow();
  on_pause = [&] {
    die_again("e1");
    pass();
  };
  EXPECT_EQ(redrive().at("counted"), 0);
}

TEST_F(RedriveTest, ARateBoundsHowManyGoBackInASecond) {
  for (int n = 0; n < 25; ++n) die(analytics_event("e" + std::to_string(n), "ann"));
  const SteadyTime begin = clock.steady();
  std::vector<std::pair<Duration, std::size_t>> steps;  // time since the begin, events back by then
  on_pause = [&] {
    steps.emplace_back(std::chrono::duration_cast<Duration>(clock.steady() - begin),
                       log.records("analytics.events").size() - 25);
  };
  EXPECT_EQ(redrive({{"topic", "analytics.events"}, {"rate", 10}}).at("redriven"), 25);
  EXPECT_EQ(steps, (std::vector<std::pair<Duration, std::size_t>>{
                       {Duration{1'000}, 10}, {Duration{2'000}, 20}, {Duration{2'500}, 25}}));
}

// Each letter of a slow one was a read of its own, also those that do not match.
TEST_F(RedriveTest, ASlowOneReadsItsLettersTogether) {
  for (int n = 0; n < 60; ++n) die(analytics_event("e" + std::to_string(n), "ann"));
  die(analytics_event("last", "ann"), "engine");
  const int before = log.reads();
  const Json result =
      redrive({{"topic", "analytics.events"}, {"cause", "engine"}, {"rate", 1}, {"wait", 0}});
  EXPECT_EQ(result["redriven"], 1);
  EXPECT_LT(log.reads() - before, 60);
}

// It held up every other redrive and purge of the topic for as long as it waited.
TEST_F(RedriveTest, WhileItWaitsItIsInNobodysWay) {
  die(analytics_event("e1", "ann"));
  follow();
  auto first = context({{"topic", "analytics.events"}});
  first.on_pause = [&] { first.stopped = true; };
  EXPECT_EQ(letters.redrive(first).error().kind, ErrorKind::cancelled);
  first.stored.kind = "redrive";
  EXPECT_EQ(target_of(first.stored), "");
  EXPECT_TRUE(leases.list().value().empty());
}

TEST_F(RedriveTest, NobodyWaitsWhereNoGroupFollowsTheTopic) {
  die(analytics_event("e1", "ann"));
  EXPECT_EQ(redrive(), counts(1, 0, 0, 1));
  EXPECT_EQ(pauses, 0);
}

TEST_F(RedriveTest, ATaskThatIsCutShortWhileItWaitsGoesOnWaiting) {
  for (const char* id : {"e1", "e2"}) die(analytics_event(id, id));
  follow();
  auto first = context({{"topic", "analytics.events"}});
  first.on_pause = [&] { first.stopped = true; };
  EXPECT_EQ(letters.redrive(first).error().kind, ErrorKind::cancelled);
  die_again("e1");
  pass();
  auto second = first.resumed();
  ASSERT_TRUE(letters.redrive(second));
  EXPECT_EQ(second.stored.result, counts(2, 1, 1, 0));
  EXPECT_EQ(log.records("analytics.events").size(), 4u) << "nothing was redriven twice";
}

TEST_F(RedriveTest, ALetterKeepsItsHistoryOverRedrives) {
  die(analytics_event("e1", "ann"));
  follow();
  for (int n = 1; n <= 3; ++n) {
    clock.advance(std::chrono::hours{1});
    on_pause = [&] {
      die_again("e1");
      pass();
    };
    EXPECT_EQ(redrive(), counts(1, 0, 1, 0));
    const auto found = letters.list("analytics.events", {}, 10);
    ASSERT_EQ(found->size(), 1u) << "no pile of copies";
    const Json letter = to_json(found->front());
    EXPECT_EQ(letter.at("redrives"), n);
    EXPECT_EQ(letter.at("attempts"), 2);
    EXPECT_EQ(letter.at("attempts_before"), 3 + 2 * (n - 1));
    EXPECT_EQ(letter.at("first_died_at"), "2026-01-01T00:00:00.000Z");
    EXPECT_NE(letter.at("died_at"), letter.at("first_died_at"));
  }
}

// The append is given up and arrives all the same: it was made again, and counts once.
TEST_F(RedriveTest, AnAppendThatArrivesLateIsMadeAgainUnderItsId) {
  die(analytics_event("e1", "ann"));
  auto work = context({{"topic", "analytics.events"}});
  log.hold_appends();
  work.on_pause = [&] { log.release_appends(); };
  std::thread time([&] {
    clock.await_waiters(1);
    clock.advance(Duration{20'000});
  });
  ASSERT_TRUE(letters.redrive(work));
  time.join();
  EXPECT_EQ(event_ids(log.records("analytics.events")), (Ids{"e1", "e1", "e1"}));
  EXPECT_EQ(work.stored.result, counts(1, 0, 0, 1));
}

// What the log holds is enough for each letter to go back, and for none to be lost.
class CutRedriveTest : public RedriveTest {
 protected:
  static bool is_marker_append(const std::vector<Record>& records) {
    return !find_header(records.front().headers, dead_letter::kSettles).empty();
  }
  // The next append of markers, or of events, fails so.
  void fail_at(bool markers, std::function<void()> knob) {
    log.before_append([this, markers, knob](const auto& records) {
      if (is_marker_append(records) != markers) return;
      knob();
      log.before_append({});
    });
  }
  std::map<std::string, int> times(const std::string& topic) {
    std::map<std::string, int> times;
    for (const auto& id : event_ids(log.records(topic))) ++times[id];
    return times;
  }
};

TEST_F(CutRedriveTest, WhatDiesBetweenTheEventAndItsMarkerIsRedrivenAgain) {
  for (const char* id : {"e1", "e2", "e3"}) die(analytics_event(id, "ann"));
  auto work = context({{"topic", "analytics.events"}, {"wait", 0}});
  fail_at(true, [&] { log.fail_appends(1); });
  work.on_pause = [&] { work.stopped = true; };
  ASSERT_FALSE(letters.redrive(work));
  EXPECT_EQ(count(), 3) << "no letter is settled whose event may be missing";
  EXPECT_EQ(times("analytics.events"),
            (std::map<std::string, int>{{"e1", 2}, {"e2", 2}, {"e3", 2}}));
  auto next = work.resumed();
  ASSERT_TRUE(letters.redrive(next));
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(times("analytics.events"),
            (std::map<std::string, int>{{"e1", 3}, {"e2", 3}, {"e3", 3}}));
  EXPECT_EQ(next.stored.result.at("redriven"), 3) << "each letter once";
}

TEST_F(CutRedriveTest, AFailedMarkerIsWrittenAgainWithoutItsEvent) {
  die(analytics_event("e1", "ann"));
  auto work = context({{"topic", "analytics.events"}, {"wait", 0}});
  fail_at(true, [&] { log.fail_appends(1); });
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(times("analytics.events").at("e1"), 2);
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(work.stored.result.at("redriven"), 1);
}

TEST_F(CutRedriveTest, OfAnUncertainAppendNothingIsLostNorSettledTooEarly) {
  for (int arrived = 0; arrived < 8; ++arrived) {
    for (const bool markers : {false, true}) {
      const std::string suffix = std::to_string(arrived) + (markers ? "m" : "e");
      for (const char* id : {"a", "b", "c"}) die(analytics_event(id + suffix, "ann"));
      auto work = context({{"topic", "analytics.events"}, {"wait", 0}});
      fail_at(markers,
              [&] { log.tear_appends(1, [=](std::size_t n) { return (arrived >> n & 1) != 0; }); });
      ASSERT_TRUE(letters.redrive(work));
      EXPECT_EQ(count(), 0);
      EXPECT_EQ(work.stored.result.at("redriven"), 3) << suffix;
      const auto found = times("analytics.events");
      for (const char* id : {"a", "b", "c"}) {
        EXPECT_GE(found.at(id + suffix), 2) << id << suffix;
        if (markers) {
          EXPECT_EQ(found.at(id + suffix), 2) << id << suffix;
        }
      }
    }
  }
}

TEST_F(CutRedriveTest, APurgeCountsWhatATornAppendSettled) {
  for (const char* id : {"a", "b", "c"}) die(analytics_event(id, "ann"));
  log.tear_appends(1, [](std::size_t n) { return n == 1; });
  auto work = context({{"topic", "analytics.events"}});
  ASSERT_TRUE(letters.purge(work));
  EXPECT_EQ(count(), 0);
  EXPECT_EQ(work.stored.result.at("purged"), 3);
}

// Its own state behind the letter is no newer one.
TEST_F(CutRedriveTest, AnEntityWhoseStateIsBackAlreadyIsNotSuperseded) {
  die(user_event("created", 1, 1));
  auto work = context({{"topic", "user.events"}, {"wait", 0}});
  fail_at(true, [&] { log.fail_appends(1); });
  work.on_pause = [&] { work.stopped = true; };
  ASSERT_FALSE(letters.redrive(work));
  auto next = work.resumed();
  ASSERT_TRUE(letters.redrive(next));
  EXPECT_EQ(next.stored.result.at("superseded"), 0);
  EXPECT_EQ(next.stored.result.at("redriven"), 1);
  EXPECT_EQ(count("user.events"), 0);
  EXPECT_EQ(event_ids(log.records("user.events")), (Ids{"acme-1-v1", "acme-1-v1"}));
}

// Once one such letter failed the redrive of all.
TEST_F(CutRedriveTest, ALetterOfAPlaceThatIsNotThereIsSkippedAndTheOthersGoBack) {
  die(user_event("created", 1, 1));
  for (const auto& [partition, offset] : {std::pair{7, 0}, std::pair{-1, 0}, std::pair{0, -5}}) {
    const StoredRecord alive{{"user.events", partition, offset},
                             clock.now(),
                             "acme/9",
                             to_record(user_event("created", 9, 1)).value,
                             to_record(user_event("created", 9, 1)).headers};
    log.append_now(dead_letter_record(alive, {"p", "acme", 1, "schema", "why", clock.now()}));
  }
  const Position by_hand = log.records("user.events.dlq").back().position;
  auto work = context({{"topic", "user.events"}, {"wait", 0}});
  const auto done = letters.redrive(work);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(work.stored.result.at("redriven"), 1);
  EXPECT_EQ(work.stored.result.at("skipped"), 3);
  EXPECT_EQ(event_ids(log.records("user.events")), (Ids{"acme-1-v1", "acme-1-v1"}));
  EXPECT_EQ(count("user.events"), 3) << "they stay to be looked at, and can be purged";
  EXPECT_EQ(letters.mend(by_hand, user_event("created", 9, 1)).error().kind, ErrorKind::conflict);
}

// --- mending ------------------------------------------------------------------------------------

class MendTest : public DeadLettersTest {
 protected:
  Position letter() { return log.records("analytics.events.dlq").back().position; }
  static Event mended(const std::string& id = "e1", const std::string& user = "ann") {
    Event event = analytics_event(id, user);
    event.data = R"({"user_id":"ann","event_type":"mended"})";
    return event;
  }
};

TEST_F(MendTest, TheEditedEventGoesBackAndThenTheLetterIsSettled) {
  Record record = to_record(analytics_event("e1", "ann"));
  record.headers.emplace_back("x-team", "blue");
  log.append_now(record);
  log.append_now(dead_letter_record(log.records("analytics.events").back(),
                                    {"p", "acme", 3, "schema", "why", clock.now()}));
  const Position place = letter();
  const int before = log.append_calls();
  const auto done = letters.mend(place, mended());
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(log.append_calls(), before + 2);
  const StoredRecord back = log.records("analytics.events").back();
  EXPECT_EQ(back.position, done->position);
  EXPECT_EQ(back.value, mended().data);
  const auto header = [&](std::string_view name) { return find_header(back.headers, name); };
  EXPECT_EQ(header("x-team"), "blue");
  EXPECT_EQ(header("mesh_mended_from"), to_string(place));
  EXPECT_EQ(header("mesh_redrives"), "1");
  EXPECT_EQ(header("mesh_attempts_before"), "3");
  EXPECT_EQ(header("mesh_cause"), "");
  EXPECT_EQ(listed(), Ids{});
}

TEST_F(MendTest, ALetterThatCouldNotBeSettledIsMendedAgain) {
  die(analytics_event("e1", "ann"));
  die(user_event("created", 1, 1));
  for (const char* topic : {"analytics.events", "user.events"}) {
    const bool entity = std::string(topic) == "user.events";
    const Event event = entity ? user_event("created", 1, 1) : mended();
    const Position place = log.records(dead_letter_topic(topic)).back().position;
    int appends = 0;
    log.before_append([&](const auto&) {
      if (++appends == 2) log.fail_appends(1);
    });
    const auto cut = letters.mend(place, event);
    log.before_append({});
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().kind, ErrorKind::uncertain) << cut.error().to_string();
    EXPECT_EQ(count(topic), 1);
    const auto done = letters.mend(place, event);
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(count(topic), 0);
    EXPECT_EQ(log.records(topic).size(), 3u);
  }
}

TEST_F(MendTest, ALetterIsMendedOnce) {
  die(analytics_event("e1", "ann"));
  const Position place = letter();
  ASSERT_TRUE(letters.mend(place, mended()));
  const auto again = letters.mend(place, mended());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::conflict);
  EXPECT_EQ(log.records("analytics.events").size(), 2u);
}

TEST_F(MendTest, ALetterThatWasRedrivenIsNotMended) {
  die(analytics_event("e1", "ann"));
  const Position place = letter();
  auto work = context({{"topic", "analytics.events"}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(letters.mend(place, mended()).error().kind, ErrorKind::conflict);
  EXPECT_EQ(log.records("analytics.events").size(), 2u);
}

TEST_F(MendTest, OfManyAtOnceOneMends) {
  die(analytics_event("e1", "ann"));
  const Position place = letter();
  FakeLeaseStore turns{system_clock()};  // they wait for each other's
  DeadLetters timed{LettersDeps{log, log, retries, turns, index, system_clock(), "one"}};
  std::atomic<int> done = 0;
  std::vector<std::thread> threads;
  for (int n = 0; n < 8; ++n) {
    threads.emplace_back([&] { done += timed.mend(place, mended()).has_value() ? 1 : 0; });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(log.records("analytics.events").size(), 2u);
}

// Two processes over one log.
class TwoMendTest : public MendTest {
 protected:
  DeadLetters theirs{LettersDeps{log, log, retries, leases, index, clock, "other"}};
};

TEST_F(TwoMendTest, WhileOneRedrivesAnotherDoesNotMend) {
  die(analytics_event("e1", "ann"));
  const Position place = letter();
  std::promise<void> go;
  const auto until = go.get_future().share();
  std::atomic<bool> stands = false;
  log.before_append([&](const std::vector<Record>&) {
    if (!stands.exchange(true)) until.wait();
  });
  auto work = context({{"topic", "analytics.events"}, {"wait", 0}});
  std::thread redriving([&] { EXPECT_TRUE(letters.redrive(work)); });
  ASSERT_TRUE(eventually([&] { return stands.load(); }));
  std::optional<Result<Mended>> mending;
  std::thread other([&] { mending = theirs.mend(place, mended()); });
  clock.await_waiters(1);
  clock.advance(Duration{5'000});  // shorter than the redrive's turn may be
  other.join();
  EXPECT_EQ(mending->error().kind, ErrorKind::unavailable);
  EXPECT_TRUE(mending->error().retry_after.has_value());
  go.set_value();
  redriving.join();
  EXPECT_EQ(theirs.mend(place, mended()).error().kind, ErrorKind::conflict) << "it is settled";
  EXPECT_EQ(log.records("analytics.events").size(), 2u);
  EXPECT_EQ(work.stored.result["redriven"], 1);
}

// As by SIGSTOP, between its look at what is settled and the append.
TEST_F(TwoMendTest, ARedriveThatStoodStillSendsNothingThatAnotherHasMended) {
  die(analytics_event("e1", "ann"));
  const Position place = letter();
  leases.before_renewal([&] {
    clock.advance(Duration{60'000});
    EXPECT_TRUE(theirs.mend(place, mended()));
  });
  auto work = context({{"topic", "analytics.events"}, {"wait", 0}});
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_EQ(log.records("analytics.events").size(), 2u) << "the dead one and the mended one";
  EXPECT_EQ(work.stored.result["redriven"], 0);
}

TEST_F(TwoMendTest, BetweenTheTurnsOfALongRedriveAnotherMayMend) {
  for (int n = 0; n < 250; ++n) die(analytics_event("e" + std::to_string(n), "ann"));
  const Position last = letter();
  auto work = context({{"topic", "analytics.events"}, {"wait", 0}});
  work.on_progress = [&] { clock.advance(Duration{1'000}); };
  bool tried = false;
  work.on_pause = [&] {
    if (std::exchange(tried, true)) return;
    const auto answer = theirs.mend(last, mended());
    EXPECT_TRUE(answer) << answer.error().to_string();
  };
  ASSERT_TRUE(letters.redrive(work));
  EXPECT_TRUE(tried);
  EXPECT_EQ(work.stored.result["redriven"], 249);
}

TEST_F(MendTest, AnEventOfAnotherTenantOrTopicDoesNotTakeItsPlace) {
  die(analytics_event("e1", "ann"));
  Event other = mended();
  other.tenant = tenant("globex");
  EXPECT_EQ(letters.mend(letter(), other).error().fields.at(0).pointer, "/tenantid");
  EXPECT_EQ(letters.mend(letter(), chemical_event("e1", "m")).error().fields.at(0).pointer,
            "/type");
  EXPECT_EQ(listed(), (Ids{"e1"}));
}

TEST_F(MendTest, WhereThereIsNoLetterNothingIsMended) {
  die(analytics_event("e1", "ann"));
  const Position place = letter();
  ASSERT_TRUE(letters.mend(place, mended()));
  Position marker = place;
  ++marker.offset;
  for (const Position& at : {marker, Position{place.topic, place.partition, 99},
                             Position{place.topic, 99, 0}, Position{"none.events.dlq", 0, 0}}) {
    EXPECT_EQ(letters.mend(at, mended()).error().kind, ErrorKind::not_found) << to_string(at);
  }
}

TEST_F(MendTest, AStateOfAnEntityThatNothingHasOvertakenIsMended) {
  die(user_event("created", 1, 1));
  const Position place = log.records("user.events.dlq").back().position;
  Event event = user_event("created", 1, 1);
  event.data = R"({"id":1,"email":"mended@acme.dev","name":"M","tenantId":"acme"})";
  const auto done = letters.mend(place, event);
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(log.records("user.events").back().value, event.data);
  EXPECT_EQ(count("user.events"), 0);
}

TEST_F(MendTest, ANewerStateThatComesMeanwhileStaysTheLastOne) {
  die(user_event("created", 1, 1));
  const Position place = log.records("user.events.dlq").back().position;
  log.before_append([&](const std::vector<Record>& records) {
    if (records.front().topic != "user.events") return;
    log.before_append(nullptr);
    log.append_now(to_record(user_event("updated", 1, 2)));
  });
  ASSERT_TRUE(letters.mend(place, user_event("created", 1, 1)));
  EXPECT_EQ(find_header(log.records("user.events").back().headers, "ce_type"), "user.updated");
}

// Once the letter was settled first: nobody could mend it again, and an older state was the last.
TEST_F(MendTest, WhereTheNewestStateCannotBePutLastTheLetterIsNotSettled) {
  die(user_event("created", 1, 1));
  const Position place = log.records("user.events.dlq").back().position;
  int appends = 0;
  log.before_append([&](const auto&) {
    if (++appends == 1) log.append_now(to_record(user_event("updated", 1, 2)));
    if (appends == 3) log.fail_appends(1);
  });
  EXPECT_EQ(letters.mend(place, user_event("created", 1, 1)).error().kind, ErrorKind::uncertain);
  log.before_append({});
  EXPECT_EQ(count("user.events"), 1);
  EXPECT_EQ(find_header(log.records("user.events").back().headers, "ce_type"), "user.created");
  // Mended again, it is refused, and the newer state is the last one all the same.
  EXPECT_EQ(letters.mend(place, user_event("created", 1, 1)).error().kind, ErrorKind::conflict);
  EXPECT_EQ(find_header(log.records("user.events").back().headers, "ce_type"), "user.updated");
}

TEST_F(MendTest, AnEventThatCannotBeDecodedStaysOfItsEntity) {
  log.append_now({"user.events", "acme/9", "garbage", {}});
  log.append_now(dead_letter_record(log.records("user.events").back(),
                                    {"some-pipeline", "acme", 3, "decode", "why", clock.now()}));
  const Position place = log.records("user.events.dlq").back().position;
  EXPECT_EQ(letters.mend(place, user_event("created", 8, 1)).error().fields.at(0).pointer, "/data");
  EXPECT_TRUE(letters.mend(place, user_event("created", 9, 1)));
}

TEST_F(MendTest, AnOvertakenStateOfAnEntityIsNotMended) {
  die(user_event("created", 1, 1));
  const Position place = log.records("user.events.dlq").back().position;
  EXPECT_EQ(letters.mend(place, user_event("created", 2, 1)).error().kind,
            ErrorKind::unprocessable);
  EXPECT_EQ(letters.mend(place, user_event("created", 1, 9)).error().fields.at(0).pointer,
            "/sequence");
  log.append_now(to_record(user_event("updated", 1, 2)));
  EXPECT_EQ(letters.mend(place, user_event("created", 1, 1)).error().kind, ErrorKind::conflict);
  EXPECT_EQ(log.records("user.events").size(), 2u);
}

}  // namespace
}  // namespace mesh::pipeline
