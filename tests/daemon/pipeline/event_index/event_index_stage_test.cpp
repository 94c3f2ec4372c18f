#include "daemon/pipeline/event_index/event_index_stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/pipeline/events.h"
#include "tests/support/fake_engines.h"
#include "tests/support/hooked_event_index.h"

namespace mesh::pipeline {
namespace {

using namespace mesh::test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = StageResult::Outcome;

constexpr const char* kRecordedType = "analytics.recorded";

class EventIndexStageTest : public testing::Test {
 protected:
  EventIndexStageTest() { make(kRecordedType, embedder); }

  int make(const std::string& type, const Embedder& with) {
    const auto made = index.create(type, {with.dimension(), with.id()});
    EXPECT_TRUE(made && index.serve(type, made->info.number));
    return made->info.number;
  }
  static StageInput recorded(const std::string& id, const std::string& message,
                             const std::string& tenant_id = "acme") {
    static std::int64_t offset = 0;
    return {event_of(id, kRecordedType, tenant_id, "7",
                     {{"user_id", "7"},
                      {"event_type", "click"},
                      {"metadata", {{"country", "DE"}, {"message", message}}}}),
            {"analytics.events", 0, offset++}};
  }
  std::vector<StageResult> process(const std::vector<StageInput>& batch) {
    auto results = stage->process(batch, {});
    EXPECT_EQ(results.size(), batch.size());
    return results;
  }
  static std::vector<Outcome> outcomes(const std::vector<StageResult>& results) {
    std::vector<Outcome> all;
    for (const auto& one : results) all.push_back(one.outcome);
    return all;
  }
  std::set<std::string> found(const std::string& words, const std::string& tenant_id = "acme") {
    return index.found(tenant_id, kRecordedType, words);
  }

  HookedEventIndex index;
  FakeEmbedder embedder, other{"other/8", 8};
  FakeEmbedders embedders{embedder};
  std::optional<Error> records;  // of the tenants, that cannot be read
  SearchableOf searchable =
      [this](const TenantId&, std::string_view type) -> Result<std::shared_ptr<const Searchable>> {
    if (records) return fail(*records);
    const Searchable* const known = built_in_searchable(type);
    return known ? std::make_shared<const Searchable>(*known) : nullptr;
  };
  std::unique_ptr<Stage> stage = make_event_index_stage(index, embedders, searchable);
};

TEST_F(EventIndexStageTest, WhatIsSearchableIsFoundByItsTenantAlone) {
  EXPECT_THAT(outcomes(process({recorded("e1", "payment declined"),
                                recorded("e2", "payment accepted", "globex")})),
              ElementsAre(Outcome::done, Outcome::done));
  EXPECT_THAT(found("payment"), ElementsAre("e1"));
  EXPECT_THAT(found("payment", "globex"), ElementsAre("e2"));
}

TEST_F(EventIndexStageTest, ATenantPaysForAnEventUnlessNobodyHasAskedForIt) {
  process({recorded("e1", "payment declined")});
  EXPECT_EQ(embedder.billed(), 1);
  stage = make_event_index_stage(index, embedders, searchable, false);
  process({recorded("e2", "payment accepted")});
  EXPECT_EQ(embedder.billed(), 1);
  EXPECT_THAT(found("payment"), ElementsAre("e1", "e2"));
}

TEST_F(EventIndexStageTest, WhatItKeepsOfAnEvent) {
  process({recorded("e1", "payment declined")});
  const auto hits =
      index.search_words(tenant("acme"), {.type = kRecordedType}, terms_of("declined"), 10);
  ASSERT_EQ(hits->size(), 1u);
  const EventHit& hit = hits->front();
  EXPECT_EQ(hit.title, "click DE payment declined");
  EXPECT_EQ(hit.subject, "7") << "the events of a user are erased by it";
  EXPECT_EQ(hit.position.topic, "analytics.events");
  EXPECT_EQ(hit.fields.find("metadata.country")->second, FieldValue("DE"));
}

TEST_F(EventIndexStageTest, WhatIsNotSearchableIsDoneAndNotEmbedded) {
  StageInput own{event_of("o1", "order.placed", "acme", "o1", {{"text", "payment"}}), {}};
  StageInput no_json = recorded("e1", "x");
  no_json.event.data = "not JSON";
  StageInput no_text = recorded("e2", "x");
  no_text.event.data = R"({"user_id":"7"})";
  EXPECT_THAT(outcomes(process({own, no_json, no_text})),
              ElementsAre(Outcome::done, Outcome::done, Outcome::done));
  EXPECT_EQ(embedder.calls(), 0);
  EXPECT_EQ(index.kept(tenant("acme"), {})->documents, 0);
}

TEST_F(EventIndexStageTest, AnEventThatComesAgainIsThereOnce) {
  const auto event = recorded("e1", "payment declined");
  process({event});
  process({event});
  EXPECT_EQ(index.kept(tenant("acme"), {})->documents, 1);
}

TEST_F(EventIndexStageTest, OneThatIsRefusedForGoodDiesAlone) {
  embedder.refuse("poison", ErrorKind::unprocessable);
  const auto results = process(
      {recorded("e1", "payment one"), recorded("e2", "poison"), recorded("e3", "payment three")});
  EXPECT_THAT(outcomes(results), ElementsAre(Outcome::done, Outcome::dead, Outcome::done));
  EXPECT_EQ(results[1].cause_class, "index");
  EXPECT_THAT(results[1].cause, HasSubstr("cannot embed"));
  EXPECT_THAT(found("payment"), ElementsAre("e1", "e3"));
}

TEST_F(EventIndexStageTest, OneThatIsRefusedThisTimeIsTriedAgainAlone) {
  embedder.refuse("odd", ErrorKind::invalid);
  EXPECT_THAT(outcomes(process({recorded("e1", "odd"), recorded("e2", "payment")})),
              ElementsAre(Outcome::retry, Outcome::done));
}

TEST_F(EventIndexStageTest, AnEmbedderThatIsDownIsAnOutageOfWhatItWasAskedFor) {
  embedder.fail_next(1);
  StageInput own{event_of("o1", "order.placed", "acme", "o1", {{"text", "payment"}}), {}};
  EXPECT_THAT(outcomes(process({recorded("e1", "payment"), own})),
              ElementsAre(Outcome::outage, Outcome::done));
  EXPECT_EQ(embedder.calls(), 1) << "the others would meet the same";
}

TEST_F(EventIndexStageTest, AnIndexThatIsDownIsAnOutage) {
  index.fail_applies(1);
  EXPECT_THAT(outcomes(process({recorded("e1", "payment"), recorded("e2", "payment")})),
              ElementsAre(Outcome::outage, Outcome::outage));
}

TEST_F(EventIndexStageTest, RecordsOfTenantsThatCannotBeReadAreAnOutageOfAll) {
  records = Error{ErrorKind::unavailable, "the records were never read"};
  const auto results = process({recorded("e1", "payment"), recorded("e2", "payment")});
  EXPECT_THAT(outcomes(results), ElementsAre(Outcome::outage, Outcome::outage));
  EXPECT_THAT(results[1].cause, HasSubstr("never read"));
  EXPECT_EQ(embedder.calls(), 0);
}

TEST_F(EventIndexStageTest, EachGenerationOfTheTypeIsWritten) {
  embedders.add(other);
  const int second = make(kRecordedType, other);
  process({recorded("e1", "payment")});
  EXPECT_THAT(found("payment"), ElementsAre("e1"));
  ASSERT_TRUE(index.serve(kRecordedType, second - 1));
  EXPECT_THAT(found("payment"), ElementsAre("e1"));
}

TEST_F(EventIndexStageTest, GenerationsOfOtherTypesAreNotEmbeddedFor) {
  embedders.add(other);
  make("order.placed", other);
  process({recorded("e1", "payment")});
  EXPECT_EQ(other.calls(), 0);
}

TEST_F(EventIndexStageTest, AGenerationThatIsMadeBetweenTheLookAndTheWriteGetsTheEventToo) {
  embedders.add(other);
  index.before_apply([&] { make(kRecordedType, other); });
  EXPECT_THAT(outcomes(process({recorded("e1", "payment")})), ElementsAre(Outcome::done));
  EXPECT_EQ(other.calls(), 1);
  EXPECT_THAT(found("payment"), ElementsAre("e1")) << "the new one serves";
}

TEST_F(EventIndexStageTest, GenerationsThatAreMadeWithoutEndAreAnOutageAndNoRetry) {
  std::vector<std::unique_ptr<FakeEmbedder>> more;
  index.before_each_apply([&] {
    more.push_back(std::make_unique<FakeEmbedder>("more/" + std::to_string(more.size())));
    embedders.add(*more.back());
    make(kRecordedType, *more.back());
  });
  EXPECT_THAT(outcomes(process({recorded("e1", "payment")})), ElementsAre(Outcome::outage));
  EXPECT_EQ(more.size(), 3u);
}

TEST_F(EventIndexStageTest, AGenerationWhoseEmbedderCannotBeHadIsAnOutage) {
  make(kRecordedType, other);
  const auto results = process({recorded("e1", "payment")});
  EXPECT_THAT(outcomes(results), ElementsAre(Outcome::outage));
  EXPECT_THAT(results[0].cause, HasSubstr("other/8"));
}

TEST_F(EventIndexStageTest, WithoutGenerationsEventsAreDone) {
  ASSERT_EQ(index.serving("chemical.recorded"), 0);
  StageInput chemical{chemical_event("c1", "H2O"), {"chemical.events", 0, 0}};
  EXPECT_THAT(outcomes(process({chemical})), ElementsAre(Outcome::done));
  EXPECT_EQ(embedder.calls(), 0);
}

}  // namespace
}  // namespace mesh::pipeline
