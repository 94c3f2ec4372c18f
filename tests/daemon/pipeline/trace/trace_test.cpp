#include "daemon/pipeline/trace/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/ids.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/dead_letters/dead_letter_record.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/trace/trace_json.h"
#include "tests/daemon/pipeline/events.h"
#include "tests/support/fake_engines.h"
#include "tests/support/fake_event_log.h"
#include "tests/support/fake_outbox.h"
#include "tests/support/fake_stores.h"
#include "tests/support/manual_clock.h"

namespace mesh::pipeline {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TraceTest : public ::testing::Test {
 protected:
  TraceTest() {
    for (const auto& reads : kTopicGroups) {
      log_.ensure(reads.topic, TopicKind::activity);
      log_.ensure(dead_letter_topic(reads.topic), TopicKind::activity);
    }
    log_.ensure("order.events", TopicKind::activity);
    (void)log_.ensure_group("analytics", {kAnalytics.topic});
    (void)log_.ensure_group("user-index-1", {kUserIndex.topic});
    (void)index_.create_generation({4, "fake/4"}, 0);
    (void)index_.serve(1, 0);
  }

  // Not new_uuid_v7: what it gave before in this process, of a later time, goes before the clock.
  std::string id_of_now() { return uuid_v7_of(clock_.now(), "event " + std::to_string(++ids_)); }
  Position append(const Event& event) { return log_.append_now(to_record(event)); }
  Event clicked(const std::string& id, const std::string& user = "7") {
    Event event = test::analytics_event(id, user);
    event.extensions = {{std::string(accepted::kBy), "user:ada"},
                        {std::string(accepted::kRequestId), "req-1"}};
    return event;
  }
  void commit(const std::string& group, const Position& at) {
    (void)log_.seek_group(group, {{{at.topic, at.partition}, at.offset + 1}});
  }
  StoredRecord record(const Position& at) { return record_at(log_, at).value().value(); }
  // An hour after it died; where it went back to.
  Position redrive(const Position& letter) {
    const auto stored = record(letter);
    clock_.advance(Duration{3'600'000});
    const auto back =
        log_.append_now({"analytics.events", stored.key, stored.value,
                         with_history(without_death(stored.headers), stored, kRedrivenFrom)});
    log_.append_now(marker_of(stored, 2));
    return back;
  }
  void park(const std::string& group, const Position& at, int attempts) {
    ParkedEvent event{record(at), attempts, clock_.now() + Duration{30'000}, "store", "no answer"};
    for (int n = 0; n < attempts; ++n) {
      event.history = with_attempt(
          event.history, {clock_.now(), std::chrono::microseconds{1'500}, "store", "no answer"});
    }
    (void)retries_.park({group, "one"}, {&event, 1});
  }
  Position bury(const std::string& group, const Position& at) {
    return log_.append_now(dead_letter_record(
        record(at), {group,
                     "acme",
                     3,
                     "schema",
                     "no event_type",
                     clock_.now(),
                     {{clock_.now(), std::chrono::microseconds{9}, "schema", "no event_type"}}}));
  }
  Result<Trace> trace(const std::string& id, const std::string& tenant = {}) {
    return trace_event(ports_, {id, tenant});
  }
  static const PipelineTrace& of(const Trace& trace, const std::string& pipeline) {
    const auto at = std::ranges::find(trace.pipelines, pipeline, &PipelineTrace::pipeline);
    EXPECT_NE(at, trace.pipelines.end()) << pipeline;
    return *at;
  }

  int ids_ = 0;
  ManualClock clock_;
  test::FakeEventLog log_{clock_};
  test::FakeLeaseStore leases_{clock_};
  test::FakeOutbox outbox_{leases_, clock_};
  test::FakeRetryStore retries_;
  test::FakeVectorIndex index_;
  test::FakeEmbedder embedder_;
  test::FakeEmbedders embedders_{embedder_};
  test::FakeAnalyticsStore analytics_;
  test::FakeChemicalStore chemical_;
  const TracePorts ports_{log_,       log_,       outbox_,   retries_, index_,
                          embedders_, analytics_, chemical_, clock_};
};

TEST_F(TraceTest, AnEventThatNobodyHasDoneWaitsBehindThoseBeforeIt) {
  const std::string id = id_of_now();
  for (int n = 0; n < 3; ++n) append(clicked("before-" + std::to_string(n)));
  append(clicked(id));
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::pending);
  EXPECT_EQ(of(found, "analytics").behind, 3);
  const Json json = to_json(found);
  EXPECT_EQ(json["accepted"]["by"], "user:ada");
  EXPECT_EQ(json["accepted"]["request_id"], "req-1");
  EXPECT_EQ(json["log"]["topic"], "analytics.events");
  EXPECT_THAT(json["text"], HasSubstr("3 events"));
}

TEST_F(TraceTest, ACountedEventIsDoneSinceItsRowIsThere) {
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  AnalyticsEvent row{id, "test", test::tenant("acme"), "7", "click", "", Json::object()};
  row.processed_at = clock_.now() + Duration{40};
  ASSERT_TRUE(analytics_.record({&row, 1}, {}));
  // Beyond what its group has committed: a flood of another tenant's may be before it.
  EXPECT_EQ(trace(id)->state, TraceState::done);
  commit("analytics", at);
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::done);
  EXPECT_EQ(of(found, "analytics").effect->since, row.processed_at);
}

TEST_F(TraceTest, WhatWasPassedOverIsDoneAndSaidNotToBeCounted) {
  const std::string id = id_of_now();
  commit("analytics", append(clicked(id)));
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::done);
  EXPECT_THAT(to_json(found)["text"], HasSubstr("not counted"));
}

TEST_F(TraceTest, ARetryTellsItsAttempts) {
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  park("analytics", at, 12);
  commit("analytics", at);
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::retrying);
  const auto& one = of(found, "analytics");
  EXPECT_EQ(one.attempts, 12);
  EXPECT_EQ(one.history.size(), kKeptAttempts);
  EXPECT_EQ(one.next_attempt, clock_.now() + Duration{30'000});
  const Json json = tenant_json(found);
  EXPECT_EQ(json["status"], "retrying");
  EXPECT_EQ(json["cause_class"], "store");
  EXPECT_FALSE(json.contains("cause")) << "it is for operators";
}

TEST_F(TraceTest, WhatIsParkedBehindItsKeyWaitsForThat) {
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  park("analytics", at, 0);
  commit("analytics", at);
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::pending);
  EXPECT_TRUE(of(found, "analytics").behind_its_key);
}

TEST_F(TraceTest, ADeadEventNamesItsLetterAndCause) {
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  const auto letter = bury("analytics", at);
  commit("analytics", at);
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::dead);
  const auto& one = of(found, "analytics");
  EXPECT_EQ(one.letter->position, letter);
  EXPECT_EQ(one.cause, "no event_type");
  EXPECT_EQ(one.history.size(), 1u);
}

TEST_F(TraceTest, ARedrivenEventIsFollowedToWhereItStandsNow) {
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  const auto letter = bury("analytics", at);
  const auto back = redrive(letter);
  commit("analytics", at);
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::pending);
  EXPECT_EQ(found.record->position, back);
  ASSERT_EQ(found.redriven.size(), 1u);
  EXPECT_EQ(found.redriven[0].position, letter);
}

// As where a group went back over it.
TEST_F(TraceTest, AnEventThatDiedTwiceAtOnePlaceStandsWhereItWentBackLast) {
  const auto at = append(clicked(id_of_now()));
  Position back, letter;
  for (int n = 0; n < 2; ++n) {
    letter = bury("analytics", at);
    back = redrive(letter);
  }
  std::int64_t left = kMaxLetters;
  const auto standing = follow_redrives(log_, log_, record(at), left).value();
  EXPECT_EQ(standing.record.position, back);
  ASSERT_EQ(standing.redriven.size(), 1u);
  EXPECT_EQ(standing.redriven[0].position, letter);
}

TEST_F(TraceTest, AnEventThatWasRedrivenTwiceStandsWhereItWentBackLast) {
  const auto first = append(clicked(id_of_now()));
  Position at = first;
  for (int n = 0; n < 2; ++n) {
    at = redrive(bury("analytics", at));
  }
  std::int64_t left = kMaxLetters;
  const auto standing = follow_redrives(log_, log_, record(first), left).value();
  EXPECT_EQ(standing.record.position, at);
  EXPECT_EQ(standing.redriven.size(), 2u);
  EXPECT_TRUE(standing.whole);
  EXPECT_LT(left, kMaxLetters);
  left = 1;
  EXPECT_FALSE(follow_redrives(log_, log_, record(first), left)->whole);
}

TEST_F(TraceTest, AnEventWhoseLetterWasPurgedStaysDead) {
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  log_.append_now(marker_of(record(bury("analytics", at)), 2));
  commit("analytics", at);
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::dead);
  EXPECT_THAT(to_json(found)["text"], HasSubstr("no event_type (the letter was settled)"));
}

TEST_F(TraceTest, WhereTheRecordsThatMayBeReadAreUsedUpNothingIsDone) {
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  bury("analytics", at);
  commit("analytics", at);
  // A look that brings nothing counts, too, so which bound cuts off what depends on the log.
  bool any_cut_off = false;
  for (std::int64_t records = 1; records <= 6; ++records) {
    const auto found = trace_event(ports_, {id}, {.records = records});
    if (!found) continue;
    EXPECT_NE(found->state, TraceState::done) << records;
    any_cut_off = any_cut_off || !found->search.whole;
  }
  EXPECT_TRUE(any_cut_off);
}

TEST_F(TraceTest, TheIndexShowsWhatItsGroupMissed) {
  const std::string id = id_of_now();
  Event event = test::user_event("updated", 7, 2);
  event.id = id;
  const auto at = append(event);
  commit("user-index-1", at);
  index_.plant(1, {"acme", 7}, {.version = 1});
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::pending);
  EXPECT_THAT(to_json(found)["text"], HasSubstr("not yet at version 2"));
}

TEST_F(TraceTest, AnotherProgramsGroupHasItsPositionAloneAndIsTheOperators) {
  (void)log_.ensure_group("theirs", {kAnalytics.topic});
  const std::string id = id_of_now();
  const auto at = append(clicked(id));
  AnalyticsEvent row{id, "test", test::tenant("acme"), "7", "click", "", Json::object()};
  ASSERT_TRUE(analytics_.record({&row, 1}, {}));
  const auto found = trace(id).value();
  EXPECT_EQ(of(found, "theirs").state, TraceState::pending);
  EXPECT_FALSE(of(found, "theirs").effect);
  commit("theirs", at);
  EXPECT_EQ(of(trace(id).value(), "theirs").state, TraceState::done);
  const auto own = trace_event(ports_, {id}, kTenantBounds).value();
  EXPECT_EQ(own.pipelines.size(), 1u);
}

TEST_F(TraceTest, ATopicOfDeadLettersIsRefused) {
  const auto refused = trace_event(ports_, {"any", {}, dead_letter_topic("analytics.events")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("name the source topic"));
}

TEST_F(TraceTest, AChangeThatHasNotLeftTheOutboxIsFoundThere) {
  const std::string id = id_of_now();
  Event event = test::user_event("created", 7, 1);
  outbox_.add({to_record(test::user_event("created", 6, 1))});
  event.id = id;
  outbox_.add({to_record(event)});
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::pending);
  EXPECT_EQ(found.outbox->ahead, 1);
  EXPECT_THAT(to_json(found)["text"], HasSubstr("outbox"));
}

TEST_F(TraceTest, AUsersEventIsSearchableOnceTheServingGenerationHasItsVersion) {
  const std::string id = id_of_now();
  Event event = test::user_event("updated", 7, 2);
  event.id = id;
  append(event);
  (void)index_.create_generation({4, "fake/4"}, 0);  // one that is being built
  (void)log_.ensure_group("user-index-2", {kUserIndex.topic});
  index_.plant(1, {"acme", 7}, {.version = 1});
  EXPECT_EQ(trace(id)->state, TraceState::pending);
  index_.plant(1, {"acme", 7}, {.version = 2});
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::done) << "whatever the one that is built has done";
  EXPECT_EQ(of(found, "user-index-2").state, TraceState::pending);
  EXPECT_FALSE(of(found, "user-index-2").serves);
  EXPECT_EQ(of(found, "user-index-1").effect->version, 2);
}

TEST_F(TraceTest, ARemovalIsDoneOnceItsGroupIsPastIt) {
  const std::string id = id_of_now();
  Event event = test::user_event("deleted", 7, 3);
  event.id = id;
  const auto at = append(event);
  EXPECT_EQ(trace(id)->state, TraceState::pending);
  commit("user-index-1", at);
  const auto found = trace(id).value();
  EXPECT_EQ(found.state, TraceState::done);
  EXPECT_EQ(to_json(found)["text"], "the user is removed");
}

TEST_F(TraceTest, OneGenerationsLetterIsThatOfAll) {
  const std::string id = id_of_now();
  Event event = test::user_event("created", 7, 1);
  event.id = id;
  const auto at = append(event);
  bury("user-index-2", at);
  commit("user-index-1", at);
  EXPECT_EQ(trace(id)->state, TraceState::dead);
}

TEST_F(TraceTest, OfATopicThatNoPipelineReadsTheLogIsTheEnd) {
  const std::string id = id_of_now();
  append(test::event_of(id, "order.placed", "acme", "1", {{"n", 1}}));
  EXPECT_EQ(trace(id)->state, TraceState::done);
}

TEST_F(TraceTest, AnotherTenantsEventIsNotFound) {
  const std::string id = id_of_now();
  append(clicked(id));
  EXPECT_EQ(trace(id, "globex").error().kind, ErrorKind::not_found);
  EXPECT_TRUE(trace(id, "acme"));
}

// --- where it is looked for

TEST_F(TraceTest, TheTimeInTheIdNarrowsTheSearch) {
  for (int n = 0; n < 500; ++n) {
    append(clicked("before-" + std::to_string(n)));
    clock_.advance(Duration{1'000});
  }
  const std::string id = id_of_now();
  append(clicked(id));
  for (int n = 0; n < 500; ++n) {
    clock_.advance(Duration{1'000});
    append(clicked("behind-" + std::to_string(n)));
  }
  EXPECT_LE(trace(id)->search.records, 3);
}

TEST_F(TraceTest, AClockThatIsWrongOrALongWaitWidensTheSearch) {
  // Made by a clock that is ahead of the log's by half an hour, and one that is behind it by days.
  for (const Duration off : {Duration{1'800'000}, Duration{-200'000'000}}) {
    const std::string id = new_uuid_v7(clock_.now() + off);
    append(clicked(id));
    EXPECT_TRUE(trace(id)) << off.count();
  }
}

TEST_F(TraceTest, AForeignIdIsLookedForFromTheNewestOnAndABoundMakesThatShort) {
  for (int n = 0; n < 2'500; ++n) append(clicked("old-" + std::to_string(n), std::to_string(n)));
  clock_.advance(Duration{7'200'000});
  append(clicked("order-1"));
  EXPECT_EQ(trace("order-1")->search.records, 1);
  EXPECT_TRUE(trace("old-3"));
  const EventQuery hinted{"old-3", {}, "analytics.events", "@-1h"};
  const auto missed = trace_event(ports_, hinted);
  ASSERT_FALSE(missed);
  EXPECT_THAT(missed.error().message, HasSubstr("1 records"));
  const EventQuery elsewhere{"order-1", {}, "order.events"};
  EXPECT_FALSE(trace_event(ports_, elsewhere));
}

TEST_F(TraceTest, ASearchHasABoundAndSaysSo) {
  for (int n = 0; n < 3'000; ++n) append(clicked("old-" + std::to_string(n), std::to_string(n)));
  const auto missed = trace_event(ports_, {"none"}, {.records = 2'000});
  ASSERT_FALSE(missed);
  EXPECT_THAT(missed.error().message, HasSubstr("the most that one search reads"));
  EXPECT_THAT(trace_event(ports_, {"none"}).error().message, Not(HasSubstr("the most")));
}

TEST_F(TraceTest, AnotherProducersEventIsFoundByTheIdThatItsPlaceGivesIt) {
  const auto at = log_.append_now({"analytics.events",
                                   "acme/7",
                                   R"({"tenantId":"acme","user_id":"7","event_type":"click"})",
                                   {}});
  const auto event = from_record(record(at)).value();
  EXPECT_TRUE(trace(event.id, "acme"));
  EXPECT_FALSE(trace(event.id, "globex"));
}

TEST_F(TraceTest, ARecordThatCannotBeReadIsTracedByItsHeaders) {
  const auto at = log_.append_now({"analytics.events",
                                   "acme/7",
                                   "{}",
                                   {{"ce_id", "bad-1"},
                                    {"ce_type", "analytics.recorded"},
                                    {"ce_specversion", "9"},
                                    {"ce_tenantid", "acme"}}});
  bury("analytics", at);
  EXPECT_EQ(trace("bad-1")->state, TraceState::dead);
}

}  // namespace
}  // namespace mesh::pipeline
