#include "common/domain/activity.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

const TenantId kActivityTenant = TenantId::parse("acme").value();

AnalyticsEvent click() {
  return {.id = "e1",
          .tenant = kActivityTenant,
          .user_id = "u1",
          .event_type = "click",
          .timestamp = "2026-11-21T08:32:00Z",
          .metadata = {{"page", "/"}},
          .processed_at = Timestamp{std::chrono::milliseconds{1}}};
}

ChemicalEvent aspirin() {
  return {.id = "e2",
          .tenant = kActivityTenant,
          .molecule_id = "m1",
          .researcher = "Dr. Jane Smith",
          .timestamp = "2026-11-21T08:32:00Z",
          .data = {{"formula", "C9H8O4"}},
          .llm_properties = {{"method", "computed"}},
          .processed_at = Timestamp{}};
}

TEST(Activity, AnAnalyticsEventHasTheFieldsOfTheContract) {
  EXPECT_EQ(dump(to_json(click())),
            R"({"id":"e1","user_id":"u1","event_type":"click","timestamp":"2026-11-21T08:32:00Z",)"
            R"("metadata":{"page":"/"},"processed_at":"1970-01-01T00:00:00.001Z"})");
  EXPECT_FALSE(to_json(click(), false).contains("user_id"));
}

TEST(Activity, AChemicalEventHasTheFieldsOfTheContract) {
  EXPECT_EQ(dump(to_json(aspirin())),
            R"({"id":"e2","molecule_id":"m1","researcher":"Dr. Jane Smith",)"
            R"("data":{"formula":"C9H8O4"},"timestamp":"2026-11-21T08:32:00Z",)"
            R"("llm_properties":{"method":"computed"},"processed_at":"1970-01-01T00:00:00.000Z"})");
  EXPECT_FALSE(to_json(aspirin(), false).contains("researcher"));
}

TEST(Activity, ObjectsThatWereNeverSetReadAsEmptyOnes) {
  auto analytics = click();
  analytics.metadata = nullptr;
  EXPECT_EQ(to_json(analytics)["metadata"], Json::object());
  auto chemical = aspirin();
  chemical.llm_properties = nullptr;
  EXPECT_EQ(to_json(chemical)["llm_properties"], Json::object());
}

TEST(Activity, SummariesHaveTheFieldsOfTheContract) {
  const AnalyticsSummary analytics{"u1", 3, {{"click", 2}, {"view", 1}}, {click()}};
  const auto json = to_json(analytics);
  EXPECT_EQ(dump(json["event_types"]), R"({"click":2,"view":1})");
  EXPECT_EQ(json["total_events"], 3);
  EXPECT_EQ(json["recent_events"].size(), 1u);
  EXPECT_FALSE(json["recent_events"][0].contains("user_id"));

  const ResearcherSummary researcher{"Dr. Jane Smith", 5, {"m1", "m2"}, {aspirin()}};
  const auto other = to_json(researcher);
  EXPECT_EQ(other["unique_molecules"], 2);
  EXPECT_EQ(dump(other["molecules_list"]), R"(["m1","m2"])");
  EXPECT_EQ(other["total_experiments"], 5);
  EXPECT_FALSE(other["recent_experiments"][0].contains("researcher"));
}

TEST(Activity, EmptySummariesHaveEmptyListsNotNulls) {
  EXPECT_EQ(dump(to_json(AnalyticsSummary{"u", 0, {}, {}})),
            R"({"user_id":"u","total_events":0,"event_types":{},"recent_events":[]})");
  EXPECT_EQ(dump(to_json(ResearcherSummary{"r", 0, {}, {}})),
            R"({"researcher":"r","total_experiments":0,"unique_molecules":0,"molecules_list":[],)"
            R"("recent_experiments":[]})");
}

TEST(Activity, WhatTheClientWroteIsShownAsItWasWritten) {
  auto event = click();
  event.metadata = raw_json(R"({"price":1.10,"n":12345678901234567890123})");
  EXPECT_NE(dump(to_json(event)).find(R"("metadata":{"price":1.10,"n":12345678901234567890123})"),
            std::string::npos);
}

}  // namespace
}  // namespace mesh
