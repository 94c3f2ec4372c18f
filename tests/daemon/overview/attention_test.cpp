#include "daemon/overview/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mesh::overview {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Severity = Attention::Severity;

GroupSample group(std::string name = "analytics") {
  return {.group = std::move(name), .state = "running", .active = true};
}

Attention only(const AttentionInput& input) {
  const auto all = attention(input);
  EXPECT_EQ(all.size(), 1u) << dump(to_json(all), 2);
  return all.empty() ? Attention{} : all.front();
}

TEST(Attention, OfAMeshInOrderIsNone) {
  const services::Check fine{"disk", true, "10 GiB free", false};
  auto busy = group();
  busy.lag = 500;
  busy.lag_seconds = 3;
  Sample sample{.groups = {busy}, .letters = {{"order.events.dlq", 3, 0}}};
  const Sample before{.groups = {group()}};
  EXPECT_THAT(attention({sample, &before, {{fine}}, {{"0.1.0", 3}}}), IsEmpty())
      << "a little behind, and letters of days ago";
}

struct Case {
  const char* name;
  AttentionInput (*input)(Sample& now, Sample& before, std::vector<services::Check>& checks);
  Severity severity;
  const char* what;
  const char* why;
  const char* page;
  const char* next;
};

// Each state alone gives one entry.
const Case kCases[] = {
    {"AFailedCheck",
     [](Sample& now, Sample&, std::vector<services::Check>& checks) {
       checks = {{"log.db", false, "damaged (page 7)", false}};
       return AttentionInput{now, nullptr, checks};
     },
     Severity::critical, "log.db", "page 7", "#/configuration", "mesh doctor"},
    {"ACheckThatWarns",
     [](Sample& now, Sample&, std::vector<services::Check>& checks) {
       checks = {{"index", true, "it is built from the log", true}};
       return AttentionInput{now, nullptr, checks};
     },
     Severity::warning, "index", "built", "#/indexes", "mesh index list"},
    {"AnOpenBreaker",
     [](Sample& now, Sample&, std::vector<services::Check>&) {
       now.groups = {group()};
       now.groups[0].breaker = "open";
       now.groups[0].lag = 7;
       now.groups[0].last_error = "connection refused";
       return AttentionInput{now};
     },
     Severity::critical, "analytics is paused", "7 events behind", "#/pipelines/analytics",
     "mesh doctor"},
    {"APipelineThatStands",
     [](Sample& now, Sample&, std::vector<services::Check>&) {
       now.groups = {group()};
       now.groups[0].state = "failed";
       return AttentionInput{now};
     },
     Severity::critical, "analytics stands (failed)", "behind", "#/pipelines/analytics",
     "mesh groups describe analytics"},
    {"AGroupThatNobodyReadsWith",
     [](Sample& now, Sample&, std::vector<services::Check>&) {
       now.groups = {{.group = "chemical", .lag = 5, .lag_seconds = 90, .state = "inactive"}};
       return AttentionInput{now};
     },
     Severity::critical, "nothing reads with the group chemical", "1m30s", "#/pipelines/chemical",
     "mesh members"},
    {"AGroupThatFallsBehind",
     [](Sample& now, Sample& before, std::vector<services::Check>&) {
       now.groups = {group()};
       now.groups[0].lag = 70;
       now.groups[0].lag_seconds = 61;
       before.groups = {group()};
       before.groups[0].lag = 50;
       return AttentionInput{now, &before};
     },
     Severity::warning, "analytics falls behind", "20 events more than a minute ago",
     "#/pipelines/analytics", "mesh groups describe analytics"},
    {"ParkedEvents",
     [](Sample& now, Sample&, std::vector<services::Check>&) {
       now.groups = {group()};
       now.groups[0].parked = 1;
       return AttentionInput{now};
     },
     Severity::warning, "wait for another attempt", "1 event parked", "#/pipelines/analytics",
     "mesh groups describe analytics"},
    {"LettersOfTheLastHour",
     [](Sample& now, Sample&, std::vector<services::Check>&) {
       now.letters = {{"order.events.dlq", 12, 3}};
       return AttentionInput{now};
     },
     Severity::warning, "events of order.events died", "12 dead letters are not settled, 3 came",
     "#/dead-letters/order.events.dlq", "mesh dlq list order.events"},
    {"AFailedTask",
     [](Sample& now, Sample&, std::vector<services::Check>&) {
       now.failed = {{.id = "t-1", .kind = "rebuild", .error = "no room"}};
       return AttentionInput{now};
     },
     Severity::warning, "a task failed: rebuild", "no room", "#/tasks/t-1", "mesh tasks get t-1"},
    {"AnOutboxThatGrows",
     [](Sample& now, Sample& before, std::vector<services::Check>&) {
       now.outbox = 1'500;
       before.outbox = 300;
       return AttentionInput{now, &before};
     },
     Severity::warning, "the outbox grows", "1200 more than a minute ago", "#/pipelines",
     "mesh doctor"},
    {"MembersOfSeveralVersions",
     [](Sample& now, Sample&, std::vector<services::Check>&) {
       return AttentionInput{now, nullptr, {}, {{"0.1.0", 1}, {"0.2.0", 2}}};
     },
     Severity::warning, "several versions", "1 of 0.1.0, 2 of 0.2.0", "#/configuration",
     "mesh members"},
};

class EachState : public ::testing::TestWithParam<Case> {};

TEST_P(EachState, SaysWhatWhyWhereAndWhatNext) {
  Sample now, before;
  std::vector<services::Check> checks;
  const auto one = only(GetParam().input(now, before, checks));
  EXPECT_EQ(one.severity, GetParam().severity);
  EXPECT_THAT(one.what, HasSubstr(GetParam().what));
  EXPECT_THAT(one.why, HasSubstr(GetParam().why));
  EXPECT_EQ(one.page, GetParam().page);
  EXPECT_EQ(one.next, GetParam().next);
}

INSTANTIATE_TEST_SUITE_P(Attention, EachState, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(Attention, ABacklogThatShrinksIsNone) {
  auto shrinking = group();
  shrinking.lag = 40;
  shrinking.lag_seconds = 600;
  auto larger = shrinking;
  larger.lag = 90;
  const Sample now{.groups = {shrinking}}, before{.groups = {larger}};
  EXPECT_THAT(attention({now, &before}), IsEmpty());
  EXPECT_THAT(attention({now}), IsEmpty()) << "nothing is known of a minute ago";
}

TEST(Attention, WhatIsCriticalComesFirstAndTheOrderIsStable) {
  Sample now{.groups = {group("a"), group("b")}};
  now.groups[0].parked = 2;
  now.groups[1].state = "failed";
  const std::vector<services::Check> checks{{"index", true, "w", true},
                                            {"disk", false, "f", false}};
  std::vector<std::string> pages;
  for (const auto& one : attention({now, nullptr, checks})) pages.push_back(one.page);
  EXPECT_THAT(pages, ElementsAre("#/configuration", "#/pipelines/b", "#/indexes", "#/pipelines/a"));
  EXPECT_EQ(attention({now, nullptr, checks}), attention({now, nullptr, checks}));
}

TEST(Attention, ChecksOfPipelinesAreLeftToTheirGroups) {
  const std::vector<services::Check> checks{{"pipeline analytics", false, "lag 7", false}};
  const Sample now;
  EXPECT_THAT(attention({now, nullptr, checks}), IsEmpty());
}

TEST(Attention, TheOutboxIsToldOnce) {
  const Sample now{.outbox = 20'000}, before{.outbox = 10};
  const std::vector<services::Check> checks{{"outbox", true, "20000 events wait", true}};
  EXPECT_EQ(only({now, &before, checks}).what, "outbox is worth a look");
}

TEST(Attention, OfManyFailedTasksTheRestIsCounted) {
  Sample now;
  for (int i = 0; i < 8; ++i) now.failed.push_back({.id = std::to_string(i), .kind = "replay"});
  const auto all = attention({now});
  ASSERT_EQ(all.size(), kMostTasks + 1);
  EXPECT_EQ(all.front().page, "#/tasks/0") << "the newest";
  EXPECT_THAT(all.back().why, HasSubstr("3 beside these"));
}

}  // namespace
}  // namespace mesh::overview
