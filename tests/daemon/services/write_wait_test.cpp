#include "tests/daemon/services/write_wait_fixture.h"

namespace mesh::services {
namespace {

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

// Sequences and offsets are of all tenants: two of one's own would tell what others wrote between.

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
  relay("a@x.dev");
  ASSERT_TRUE(comes(pending->answer));
  EXPECT_EQ(pending->answer.get().status, 201);
}

TEST_F(WriteWait, WhatIsNotSeenInTimeIsAnsweredWith202AndWhatWasSeen) {
  auto pending = ask(create("a@x.dev", {{"Prefer", "wait=3"}}));
  const auto stored = after(pending, Duration{3'000});
  EXPECT_EQ(stored.status, 202);
  EXPECT_EQ(Json::parse(stored.body)["email"], "a@x.dev");
  EXPECT_EQ(pending_of(stored), Json({{"ack", "searchable"},
                                      {"reached", "stored"},
                                      {"position", header(stored, "Mesh-Position")}}));
  EXPECT_EQ(place(stored), "outbox~3~1");
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
  EXPECT_EQ(place(response), "outbox~3~1");
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
  EXPECT_EQ(place(response), "outbox~3~1");
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
  ASSERT_TRUE(retries_.park({"analytics", "one"}, {&parked, 1}));
  process("analytics", kAnalytics.topic);
  look();
  EXPECT_FALSE(pending->here());
  EXPECT_EQ(pending_of(after(pending, Duration{4'000}))["reached"], "log");
}

// One event in retry is no reason that none of its tenant is seen to be counted.

TEST_F(WriteWait, AnEventParkedBeforeARequestDoesNotHoldItUp) {
  answer(publish({"analytics.recorded"}));
  ParkedEvent parked;
  parked.record = log_.records(kAnalytics.topic).at(0);
  ASSERT_TRUE(retries_.park({"analytics", "one"}, {&parked, 1}));
  const auto waits = ask(publish({"analytics.recorded"}, {}, "counted"));
  process("analytics", kAnalytics.topic);
  ASSERT_TRUE(comes(waits->answer));
  EXPECT_EQ(pending_of(waits->answer.get()), Json());
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

}  // namespace
}  // namespace mesh::services
