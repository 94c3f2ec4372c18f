#include "tests/contract/event_index_contract.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numbers>
#include <random>

namespace mesh::test {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

namespace {

// Unit length, in the plane of the first two axes: the cosine of two of them is that of the angles'
// difference.
std::vector<float> at_angle(double degrees, int dimension = 8) {
  std::vector<float> vector(static_cast<std::size_t>(dimension), 0.0F);
  vector[0] = static_cast<float>(std::cos(degrees * std::numbers::pi / 180));
  vector[1] = static_cast<float>(std::sin(degrees * std::numbers::pi / 180));
  return vector;
}

std::vector<std::string> ids_of(const std::vector<EventHit>& hits) {
  std::vector<std::string> ids;
  for (const auto& hit : hits) ids.push_back(hit.event_id);
  return ids;
}

EventScope filtered(EventFilter filter) {
  return {.type = "order.placed", .filter = std::move(filter), .from = {}, .to = {}};
}

}  // namespace

TenantId event_tenant(const std::string& text) { return TenantId::parse(text).value(); }
Timestamp second(int number) { return Timestamp{std::chrono::seconds{number}}; }

EventDocument event(const std::string& tenant, int number, double degrees,
                    const std::string& text) {
  return {.tenant = event_tenant(tenant),
          .type = "order.placed",
          .event_id = "e" + std::to_string(number),
          .subject = "s" + std::to_string(number % 3),
          .position = {"order.events", 0, number},
          .time = second(number),
          .title = "title of " + std::to_string(number),
          .fields = {{"number", static_cast<double>(number)},
                     {"parity", number % 2 == 0 ? "even" : "odd"}},
          .terms = terms_of(text),
          .vectors = {{"test-embedder", at_angle(degrees)}}};
}

int EventIndexContract::make_generation(const std::string& type, const std::string& embedder,
                                        int dimension) {
  const auto made = index().create(type, {.dimension = dimension, .embedder = embedder});
  EXPECT_TRUE(made) << made.error().to_string();
  return made ? made->info.number : 0;
}

int EventIndexContract::make_serving_generation(const std::string& type) {
  const int number = make_generation(type);
  EXPECT_TRUE(index().serve(type, number));
  return number;
}

void EventIndexContract::apply(std::vector<EventDocument> documents) {
  const auto applied = index().apply(documents);
  ASSERT_TRUE(applied) << applied.error().to_string();
}

std::vector<EventHit> EventIndexContract::near(const std::string& tenant, double degrees,
                                               EventScope scope, int k, float min_score) {
  const auto query = at_angle(degrees);
  const auto hits =
      index().search_vectors(event_tenant(tenant), scope, {query, kEmbedder}, k, min_score);
  EXPECT_TRUE(hits) << hits.error().to_string();
  return hits.value_or(std::vector<EventHit>{});
}
EventIndexContract::Ids EventIndexContract::near_ids(const std::string& tenant, double degrees,
                                                     EventScope scope, int k, float min_score) {
  return ids_of(near(tenant, degrees, std::move(scope), k, min_score));
}

std::vector<EventHit> EventIndexContract::words(const std::string& tenant, const std::string& query,
                                                EventScope scope, int k) {
  const auto hits = index().search_words(event_tenant(tenant), scope, terms_of(query), k);
  EXPECT_TRUE(hits) << hits.error().to_string();
  return hits.value_or(std::vector<EventHit>{});
}
EventIndexContract::Ids EventIndexContract::word_ids(const std::string& tenant,
                                                     const std::string& query, EventScope scope,
                                                     int k) {
  return ids_of(words(tenant, query, std::move(scope), k));
}

std::int64_t EventIndexContract::kept(const std::string& tenant,
                                      std::optional<std::string_view> subject) {
  const auto found = index().kept(event_tenant(tenant), subject);
  EXPECT_TRUE(found) << found.error().to_string();
  return found ? found->documents : -1;
}

GenerationInfo EventIndexContract::info(int generation, const std::string& type) {
  const auto all = index().generations();
  EXPECT_TRUE(all) << all.error().to_string();
  for (const auto& one : all.value_or(std::vector<EventGeneration>{})) {
    if (one.type == type && one.info.number == generation) return one.info;
  }
  return {};
}

TEST_P(EventIndexContract, AnEventIsFoundAsItWasWritten) {
  make_serving_generation();
  auto document = event("acme", 7, 0, "a blue chair");
  document.fields = {{"country", "DE"}, {"tag", "a"}, {"tag", "b"}, {"total", 12.5}};
  document.title = "Ein Stuhl f\u00fcr \u6771\u4eac \U0001f600";
  apply({document});
  for (const auto& hits : {near("acme", 60), words("acme", "chair")}) {
    ASSERT_EQ(hits.size(), 1u);
    EXPECT_EQ(hits[0].event_id, "e7");
    EXPECT_EQ(hits[0].subject, "s1");
    EXPECT_EQ(hits[0].position, (Position{"order.events", 0, 7}));
    EXPECT_EQ(hits[0].time, second(7));
    EXPECT_EQ(hits[0].title, document.title);
    EXPECT_EQ(hits[0].fields, document.fields);
  }
  EXPECT_NEAR(near("acme", 60)[0].score, 0.5, 1e-4);
}

TEST_P(EventIndexContract, VectorsAreRankedByTheirProductAndCutAtTheLeast) {
  make_serving_generation();
  apply({event("acme", 1, 90), event("acme", 2, 10), event("acme", 3, 40), event("acme", 4, 180)});
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e2", "e3", "e1", "e4"));
  EXPECT_THAT(near_ids("acme", 0, {kType}, 2), ElementsAre("e2", "e3"));
  EXPECT_THAT(near_ids("acme", 0, {kType}, 100, 0.5F), ElementsAre("e2", "e3"));
  EXPECT_THAT(near_ids("acme", 0, {kType}, 0), IsEmpty());
  EXPECT_THAT(near_ids("acme", 0, {kType}, 100, 1.1F), IsEmpty());
}

TEST_P(EventIndexContract, AQueryOfAnotherLengthScalesTheScore) {
  make_serving_generation();
  apply({event("acme", 1, 0), event("acme", 2, 60)});
  auto query = at_angle(0);
  for (auto& v : query) v *= 0.5F;
  const auto hits =
      index().search_vectors(event_tenant("acme"), {kType}, {query, kEmbedder}, 10, 0.3F).value();
  ASSERT_EQ(hits.size(), 1u) << "0.25 is less than 0.3";
  EXPECT_NEAR(hits[0].score, 0.5, 1e-4);
}

TEST_P(EventIndexContract, TiesAreByNewest) {
  make_serving_generation();
  std::vector<EventDocument> documents;
  // Written in another order than they happened.
  for (const int number : {5, 1, 9, 3, 7, 2, 8, 4, 6}) {
    documents.push_back(event("acme", number, 30, "same words"));
  }
  apply(documents);
  EXPECT_THAT(near_ids("acme", 0, {kType}, 4), ElementsAre("e9", "e8", "e7", "e6"));
  EXPECT_THAT(word_ids("acme", "words", {kType}, 4), ElementsAre("e9", "e8", "e7", "e6"));
}

TEST_P(EventIndexContract, WordsAreRankedByBm25) {
  make_serving_generation();
  apply({event("acme", 1, 0, "red chair"), event("acme", 2, 0, "red table"),
         event("acme", 3, 0, "blue chair chair chair"), event("acme", 4, 0, "a lamp"),
         event("acme", 5, 0, "red red carpet of the very long kind that nobody buys")});
  EXPECT_THAT(word_ids("acme", "chair"), ElementsAre("e3", "e1"));
  EXPECT_THAT(word_ids("acme", "red chair")[0], "e1") << "has both";
  EXPECT_THAT(word_ids("acme", "red chair"), UnorderedElementsAre("e1", "e2", "e3", "e5"));
  EXPECT_THAT(word_ids("acme", "CHAIR \u00e9", {kType}, 1), ElementsAre("e3"));
  EXPECT_THAT(word_ids("acme", "sofa"), IsEmpty());
  EXPECT_THAT(word_ids("acme", ""), IsEmpty());
  // 5 documents of 2, 2, 4, 2 and 11 words; two of them with "chair".
  const auto hits = words("acme", "chair");
  EXPECT_NEAR(hits[0].score, score_of(5, 2, 3, 4, 21 / 5.0), 1e-5);
  EXPECT_NEAR(hits[1].score, score_of(5, 2, 1, 2, 21 / 5.0), 1e-5);
}

TEST_P(EventIndexContract, AnotherTenantOrTypeChangesNoScore) {
  if (!counts_tenants_apart()) GTEST_SKIP() << "its server counts words of all tenants together";
  make_serving_generation();
  make_serving_generation("order.sent");
  apply({event("acme", 1, 0, "red chair"), event("acme", 2, 0, "red table")});
  const auto before = words("acme", "chair");
  std::vector<EventDocument> others;
  for (int number = 10; number < 40; ++number) {
    others.push_back(event("globex", number, 0, "chair chair chair and more words"));
    others.push_back(event("acme", number, 0, "chair"));
    others.back().type = "order.sent";
  }
  apply(others);
  const auto after = words("acme", "chair");
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].score, before[0].score);
}

TEST_P(EventIndexContract, TenantsAreApartThoughTheirEventsHaveTheSameIds) {
  make_serving_generation();
  apply({event("acme", 1, 0, "acme secret"), event("globex", 1, 0, "globex secret"),
         event("globex", 2, 0, "globex secret")});
  EXPECT_EQ(near("acme", 0).size(), 1u);
  EXPECT_EQ(words("acme", "secret").size(), 1u);
  EXPECT_THAT(word_ids("acme", "globex"), IsEmpty());
  EXPECT_THAT(near_ids("globex", 0), ElementsAre("e2", "e1"));
  EXPECT_THAT(near_ids("initech", 0), IsEmpty());
  EXPECT_THAT(word_ids("initech", "secret"), IsEmpty());
  ASSERT_TRUE(index().erase(event_tenant("globex"), {}, {}));
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e1"));
}

TEST_P(EventIndexContract, AnEventThatComesAgainTakesItsOwnPlace) {
  const int generation = make_serving_generation();
  const auto document = event("acme", 1, 0, "red chair");
  apply({document, document});
  apply({document});
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e1"));
  EXPECT_EQ(info(generation).vectors, 1);
  const auto score = words("acme", "chair")[0].score;
  EXPECT_NEAR(score, score_of(1, 1, 1, 2, 2), 1e-5) << "counted once";
  auto other = event("acme", 1, 90, "blue table");
  other.fields = {{"parity", "none"}};
  apply({other});
  EXPECT_THAT(word_ids("acme", "chair"), IsEmpty());
  EXPECT_THAT(word_ids("acme", "table"), ElementsAre("e1"));
  EXPECT_NEAR(near("acme", 90)[0].score, 1, 1e-4);
  EXPECT_EQ(near("acme", 90)[0].fields, other.fields);
  EXPECT_EQ(info(generation).vectors, 1);
}

TEST_P(EventIndexContract, EveryOperatorFilters) {
  make_serving_generation();
  std::vector<EventDocument> documents;
  for (int number = 1; number <= 6; ++number) documents.push_back(event("acme", number, 0));
  documents[0].fields.emplace("tag", "a");
  documents[0].fields.emplace("tag", "b");
  documents[1].fields.emplace("tag", "b");
  apply(documents);
  using Op = Condition::Op;
  const std::vector<std::pair<EventFilter, Ids>> cases{
      {{{"parity", Op::equal, {"even"}}}, {"e6", "e4", "e2"}},
      {{{"parity", Op::unequal, {"even"}}}, {"e5", "e3", "e1"}},
      {{{"parity", Op::equal, {"odd", "even"}}}, {"e6", "e5", "e4", "e3", "e2", "e1"}},
      {{{"number", Op::equal, {2.0, 5.0}}}, {"e5", "e2"}},
      {{{"number", Op::less, {3.0}}}, {"e2", "e1"}},
      {{{"number", Op::at_most, {3.0}}}, {"e3", "e2", "e1"}},
      {{{"number", Op::greater, {4.0}}}, {"e6", "e5"}},
      {{{"number", Op::at_least, {4.0}}}, {"e6", "e5", "e4"}},
      {{{"number", Op::at_least, {2.0}}, {"parity", Op::equal, {"odd"}}}, {"e5", "e3"}},
      {{{"tag", Op::equal, {"b"}}}, {"e2", "e1"}},
      {{{"tag", Op::equal, {"a"}}}, {"e1"}},
      {{{"tag", Op::unequal, {"a"}}}, {"e6", "e5", "e4", "e3", "e2"}},
      {{{"number", Op::equal, {"2"}}}, {}},
      {{{"none", Op::equal, {"x"}}}, {}},
      {{{"none", Op::unequal, {"x"}}}, {"e6", "e5", "e4", "e3", "e2", "e1"}}};
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(near_ids("acme", 0, filtered(cases[i].first)), cases[i].second);
    EXPECT_EQ(word_ids("acme", "plain", filtered(cases[i].first)), cases[i].second);
  }
}

// A filter is asked of all events, and not of the best k alone.
TEST_P(EventIndexContract, AFilterFindsWhatIsFarFromTheBest) {
  make_serving_generation();
  std::vector<EventDocument> documents;
  for (int number = 1; number <= 1'500; ++number) {
    documents.push_back(event("acme", number, number * 0.1, "word word word"));
  }
  documents.push_back(event("acme", 2'000, 170, "one word among very many others that are here"));
  documents.back().fields = {{"rare", "yes"}};
  apply(documents);
  const auto scope = filtered({{"rare", Condition::Op::equal, {"yes"}}});
  EXPECT_THAT(near_ids("acme", 0, scope, 3), ElementsAre("e2000"));
  EXPECT_THAT(word_ids("acme", "word", scope, 3), ElementsAre("e2000"));
}

TEST_P(EventIndexContract, TimesAreFromOneUpToAnother) {
  make_serving_generation();
  std::vector<EventDocument> documents;
  for (int number = 1; number <= 5; ++number) documents.push_back(event("acme", number, 0));
  apply(documents);
  EventScope scope{kType};
  scope.from = second(2);
  EXPECT_THAT(near_ids("acme", 0, scope), ElementsAre("e5", "e4", "e3", "e2"));
  scope.to = second(4);
  EXPECT_THAT(near_ids("acme", 0, scope), ElementsAre("e3", "e2"));
  EXPECT_THAT(word_ids("acme", "plain", scope), ElementsAre("e3", "e2"));
  scope.filter = {{"parity", Condition::Op::equal, {"odd"}}};
  EXPECT_THAT(near_ids("acme", 0, scope), ElementsAre("e3"));
  EXPECT_THAT(word_ids("acme", "plain", scope), ElementsAre("e3"));
  scope.from.reset();
  EXPECT_THAT(word_ids("acme", "plain", scope), ElementsAre("e3", "e1"));
  scope.to = second(1);
  EXPECT_THAT(near_ids("acme", 0, scope), IsEmpty());
}

TEST_P(EventIndexContract, TextsOfAnySizeAndScriptAreFound) {
  make_serving_generation();
  std::string big;
  for (std::size_t i = 0; i < kMaxTerms + 10; ++i) big += "word" + std::to_string(i) + " ";
  apply({event("acme", 1, 0, big), event("acme", 2, 0, "\u6771\u4eac\u30bf\u30ef\u30fc"),
         event("acme", 3, 0, "caf\u00e9 \U0001f600"), event("acme", 4, 0, "")});
  EXPECT_THAT(word_ids("acme", "word1999"), ElementsAre("e1"));
  EXPECT_THAT(word_ids("acme", "\u4eac"), ElementsAre("e2"));
  EXPECT_THAT(word_ids("acme", "CAFE"), ElementsAre("e3"));
  EXPECT_THAT(word_ids("acme", "\U0001f600"), ElementsAre("e3"));
  EXPECT_EQ(near("acme", 0).size(), 4u);
}

TEST_P(EventIndexContract, AnEventWithoutFeaturesIsFoundByNothingButAZeroScore) {
  make_serving_generation();
  auto document = event("acme", 1, 0, "");
  document.vectors[kEmbedder] = std::vector<float>(kDimension, 0.0F);
  apply({document, event("acme", 2, 0)});
  EXPECT_THAT(near_ids("acme", 0, {kType}, 10, 0.1F), ElementsAre("e2"));
  EXPECT_EQ(near("acme", 0)[1].score, 0);
}

TEST_P(EventIndexContract, GenerationsAreNumberedByType) {
  EXPECT_EQ(make_generation(), 1);
  EXPECT_EQ(make_generation(), 2);
  EXPECT_EQ(make_generation("order.sent"), 1);
  const auto all = index().generations().value();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].info.name, "order.placed-1");
  EXPECT_EQ(all[1].info.name, "order.placed-2");
  EXPECT_EQ(all[2].type, "order.sent");
  EXPECT_EQ(all[0].info.spec.embedder, kEmbedder);
  EXPECT_EQ(all[0].info.spec.dimension, kDimension);
  EXPECT_FALSE(all[0].info.serving);
}

TEST_P(EventIndexContract, ANumberIsNotGivenTwice) {
  ASSERT_EQ(make_generation(), 1);
  ASSERT_TRUE(index().drop(kType, 1));
  EXPECT_EQ(make_generation(), 2);
  reopen();
  ASSERT_TRUE(index().drop(kType, 2));
  EXPECT_EQ(make_generation(), 3);
}

TEST_P(EventIndexContract, OneGenerationOfATypeServes) {
  const int first = make_serving_generation();
  const int sent = make_serving_generation("order.sent");
  const int second_one = make_generation();
  apply({event("acme", 1, 0)});
  EXPECT_EQ(info(first).vectors, 1);
  EXPECT_EQ(info(second_one).vectors, 1) << "what is being filled misses nothing";
  EXPECT_EQ(info(first).tenants, 1);
  EXPECT_GT(info(first).bytes, 0u);
  ASSERT_TRUE(index().serve(kType, second_one));
  EXPECT_FALSE(info(first).serving);
  EXPECT_TRUE(info(second_one).serving);
  EXPECT_TRUE(info(sent, "order.sent").serving) << "of another type";
  EXPECT_EQ(near("acme", 0).size(), 1u);
}

TEST_P(EventIndexContract, WithoutAServingGenerationNothingIsFound) {
  EXPECT_THAT(near_ids("acme", 0), IsEmpty());
  apply({event("acme", 1, 0)});
  make_generation();
  EXPECT_THAT(near_ids("acme", 0), IsEmpty());
  apply({event("acme", 1, 0)});
  EXPECT_THAT(near_ids("acme", 0), IsEmpty());
  EXPECT_THAT(word_ids("acme", "plain"), IsEmpty());
}

TEST_P(EventIndexContract, WhatIsNotThereCannotServeOrBeDropped) {
  EXPECT_EQ(index().serve(kType, 1).error().kind, ErrorKind::not_found);
  EXPECT_EQ(index().drop(kType, 1).error().kind, ErrorKind::not_found);
  const int serving = make_serving_generation();
  EXPECT_EQ(index().drop(kType, serving).error().kind, ErrorKind::conflict);
  EXPECT_EQ(index().drop("order.sent", serving).error().kind, ErrorKind::not_found);
  const int other = make_generation();
  apply({event("acme", 1, 0)});
  ASSERT_TRUE(index().drop(kType, other));
  EXPECT_EQ(index().drop(kType, other).error().kind, ErrorKind::not_found);
  EXPECT_EQ(near("acme", 0).size(), 1u);
  EXPECT_EQ(index().generations()->size(), 1u);
}

TEST_P(EventIndexContract, SpecsAreThoseOfTheGenerations) {
  make_generation("order.sent", "other-embedder", 4);
  make_serving_generation();
  make_generation();
  const auto specs = index().specs().value();
  const auto all = index().generations().value();
  ASSERT_EQ(specs.size(), all.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    EXPECT_EQ(specs[i].type, all[i].type);
    EXPECT_EQ(specs[i].number, all[i].info.number);
    EXPECT_EQ(specs[i].spec.embedder, all[i].info.spec.embedder);
    EXPECT_EQ(specs[i].spec.dimension, all[i].info.spec.dimension);
    EXPECT_EQ(specs[i].serving, all[i].info.serving);
  }
}

TEST_P(EventIndexContract, ATypeThatIsForgottenBeginsAnewBehindItsNumbers) {
  ASSERT_EQ(make_serving_generation(), 1);
  const int sent = make_serving_generation("order.sent");
  ASSERT_EQ(make_generation(), 2);
  apply({event("acme", 1, 0)});
  ASSERT_TRUE(index().forget(kType));
  ASSERT_TRUE(index().forget(kType));
  ASSERT_TRUE(index().forget("order.none"));
  EXPECT_THAT(near_ids("acme", 0), IsEmpty());
  EXPECT_EQ(index().specs()->size(), 1u);
  EXPECT_TRUE(info(sent, "order.sent").serving) << "of another type";
  reopen();
  EXPECT_THAT(word_ids("acme", "plain"), IsEmpty());
  EXPECT_EQ(make_serving_generation(), 3);
  EXPECT_THAT(near_ids("acme", 0), IsEmpty());
  apply({event("acme", 1, 0)});
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e1"));
}

TEST_P(EventIndexContract, ADimensionOutOfRangeIsInvalid) {
  EXPECT_EQ(index().create(kType, {.dimension = 0, .embedder = kEmbedder}).error().kind,
            ErrorKind::invalid);
  EXPECT_EQ(index().create("", {.dimension = 8, .embedder = kEmbedder}).error().kind,
            ErrorKind::invalid);
}

TEST_P(EventIndexContract, GenerationsOfTwoEmbeddersAreWrittenAtOnce) {
  const int first = make_serving_generation();
  const int other = make_generation(kType, "other-embedder", 4);
  auto document = event("acme", 1, 0, "red chair");
  document.vectors["other-embedder"] = at_angle(90, 4);
  apply({document});
  EXPECT_EQ(info(first).vectors, 1);
  EXPECT_EQ(info(other).vectors, 1);
  EXPECT_EQ(near("acme", 0).size(), 1u);
  ASSERT_TRUE(index().serve(kType, other));
  const auto old_query = at_angle(0);
  EXPECT_EQ(index()
                .search_vectors(event_tenant("acme"), {kType}, {old_query, kEmbedder}, 1, -1)
                .error()
                .kind,
            ErrorKind::unavailable);
  EXPECT_EQ(index()
                .search_vectors(event_tenant("acme"), {kType}, {old_query, "other-embedder"}, 1, -1)
                .error()
                .kind,
            ErrorKind::invalid);
  const auto query = at_angle(90, 4);
  const auto hits =
      index().search_vectors(event_tenant("acme"), {kType}, {query, "other-embedder"}, 1, 0.9F);
  ASSERT_TRUE(hits) << hits.error().to_string();
  EXPECT_EQ(hits->size(), 1u);
  EXPECT_EQ(words("acme", "chair").size(), 1u);
}

TEST_P(EventIndexContract, AnEmbedderThatAnEventHasNoVectorOfIsAConflictAndNothingIsWritten) {
  const int first = make_serving_generation();
  make_generation(kType, "other-embedder", 4);
  auto whole = event("acme", 1, 0);
  whole.vectors["other-embedder"] = at_angle(0, 4);
  const std::vector<EventDocument> documents{whole, event("acme", 2, 0)};
  EXPECT_EQ(index().apply(documents).error().kind, ErrorKind::conflict);
  EXPECT_EQ(info(first).vectors, 0);
  EXPECT_THAT(near_ids("acme", 0), IsEmpty());
  apply({whole});
  EXPECT_EQ(info(first).vectors, 1);
}

TEST_P(EventIndexContract, AVectorOfAnotherDimensionOrWithoutNumbersIsInvalid) {
  const int generation = make_serving_generation();
  auto wrong = event("acme", 1, 0);
  wrong.vectors[kEmbedder] = at_angle(0, 4);
  EXPECT_EQ(index().apply({&wrong, 1}).error().kind, ErrorKind::invalid);
  wrong.vectors[kEmbedder] = std::vector<float>(kDimension, std::nanf(""));
  EXPECT_EQ(index().apply({&wrong, 1}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(info(generation).vectors, 0);
}

TEST_P(EventIndexContract, WhatTheLogNoLongerHoldsGoesOfAllTenants) {
  const int generation = make_serving_generation();
  make_generation();
  std::vector<EventDocument> documents;
  for (int number = 1; number <= 600; ++number) {
    documents.push_back(event(number % 2 == 0 ? "acme" : "globex", number, 0));
  }
  documents.push_back(event("acme", 1'000, 0));
  documents.back().position = {"order.events", 1, 5};
  documents.push_back(event("acme", 1'001, 0));
  documents.back().position = {"other.events", 0, 5};
  apply(documents);
  ASSERT_TRUE(index().erase_below({"order.events", 0}, 599));
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e1001", "e1000", "e600"));
  EXPECT_THAT(near_ids("globex", 0), ElementsAre("e599"));
  EXPECT_THAT(word_ids("globex", "plain"), ElementsAre("e599"));
  // Of one document, or of the four that are left of all tenants.
  const double left = counts_tenants_apart() ? 1 : 4;
  if (!counts_what_is_gone()) {
    EXPECT_NEAR(words("globex", "plain")[0].score, score_of(left, left, 1, 1, 1), 1e-5);
  }
  EXPECT_EQ(info(generation).vectors, 4);
  EXPECT_EQ(kept("acme"), 6) << "three in each of two generations";
  ASSERT_TRUE(index().erase_below({"order.events", 7}, 599));
  ASSERT_TRUE(index().erase_below({"none.events", 0}, 599));
  EXPECT_EQ(info(generation).vectors, 4);
}

TEST_P(EventIndexContract, ATenantOrOneOfItsSubjectsIsErased) {
  const int generation = make_serving_generation();
  std::vector<EventDocument> documents;
  for (int number = 1; number <= 900; ++number) documents.push_back(event("acme", number, 0));
  documents.push_back(event("globex", 3, 0));
  apply(documents);
  EXPECT_EQ(kept("acme"), 900);
  EXPECT_EQ(kept("acme", "s0"), 300);
  ASSERT_TRUE(index().erase(event_tenant("acme"), "s0", {}));
  EXPECT_EQ(kept("acme", "s0"), 0);
  EXPECT_EQ(kept("acme"), 600);
  EXPECT_EQ(kept("globex", "s0"), 1);
  EXPECT_EQ(near("acme", 0, {kType}, 1'000).size(), 600u);
  EXPECT_EQ(words("acme", "plain", {kType}, 1'000).size(), 600u);
  ASSERT_TRUE(index().erase(event_tenant("acme"), {}, {}));
  EXPECT_EQ(kept("acme"), 0);
  EXPECT_THAT(near_ids("acme", 0), IsEmpty());
  EXPECT_THAT(word_ids("acme", "plain"), IsEmpty());
  EXPECT_EQ(info(generation).vectors, 1);
  EXPECT_EQ(info(generation).tenants, 1);
  ASSERT_TRUE(index().erase(event_tenant("initech"), {}, {})) << "one that has none is no error";
  apply({event("acme", 1, 0)});
  EXPECT_EQ(near("acme", 0).size(), 1u) << "what comes later is taken";
}

TEST_P(EventIndexContract, WhatHappenedBeforeATimeIsErased) {
  make_serving_generation();
  std::vector<EventDocument> documents;
  for (int number = 1; number <= 700; ++number) documents.push_back(event("acme", number, 0));
  apply(documents);
  ASSERT_TRUE(index().erase(event_tenant("acme"), {}, second(698)));
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e700", "e699", "e698"));
  ASSERT_TRUE(index().erase(event_tenant("acme"), "s0", second(700)));
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e700", "e698"));
}

TEST_P(EventIndexContract, ARestartKeepsAll) {
  const int generation = make_serving_generation();
  apply({event("acme", 1, 0, "red chair"), event("acme", 2, 90, "blue table")});
  ASSERT_TRUE(index().erase(event_tenant("acme"), "s2", {}));
  const auto before = info(generation);
  reopen();
  EXPECT_TRUE(info(generation).serving);
  EXPECT_EQ(info(generation).vectors, before.vectors);
  EXPECT_EQ(info(generation).bytes, before.bytes);
  EXPECT_THAT(near_ids("acme", 0), ElementsAre("e1"));
  EXPECT_THAT(word_ids("acme", "chair"), ElementsAre("e1"));
  EXPECT_THAT(word_ids("acme", "table"), IsEmpty());
  EXPECT_EQ(near("acme", 0)[0].fields, event("acme", 1, 0).fields);
}

// What an index must hold, by brute force.
TEST_P(EventIndexContract, EverySearchAnswersWhatBruteForceDoes) {
  make_serving_generation();
  std::mt19937 random(7);
  const auto any = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const std::vector<std::string> vocabulary{"red", "blue", "chair", "table", "lamp", "sofa", "bed"};
  std::map<std::string, EventDocument> model;
  for (int round = 0; round < 25; ++round) {
    std::vector<EventDocument> batch;
    for (int i = 0; i < 30; ++i) {
      std::string text;
      for (int n = any(6); n >= 0; --n) text += vocabulary[static_cast<std::size_t>(any(7))] + " ";
      batch.push_back(event("acme", any(200), any(3'600) * 0.1, text));
    }
    apply(batch);
    for (const auto& one : batch) model.insert_or_assign(one.event_id, one);
    if (any(4) == 0) {
      const auto before = second(any(60));
      ASSERT_TRUE(index().erase(event_tenant("acme"), "s1", before));
      std::erase_if(model, [&](const auto& entry) {
        return entry.second.subject == "s1" && entry.second.time < before;
      });
    }
    if (any(8) == 0) reopen();
    EventScope scope{kType};
    if (any(2) == 0) scope.filter = {{"parity", Condition::Op::equal, {"odd"}}};
    if (any(3) == 0) scope.from = second(any(100));
    const double degrees = any(360);
    const auto query = at_angle(degrees);
    const auto asked = terms_of(vocabulary[static_cast<std::size_t>(any(7))] + " red");
    double length = 0;
    for (const auto& [id, one] : model) length += one.terms.length;
    std::vector<double> products, scores;
    for (const auto& [id, one] : model) {
      double score = 0;
      for (const auto& term : asked.terms) {
        double with = 0, count = 0;
        for (const auto& [other_id, other] : model) {
          for (const auto& has : other.terms.terms) {
            with += has.id == term.id ? 1 : 0;
            if (has.id == term.id && other_id == id) count = has.count;
          }
        }
        score += score_of(static_cast<double>(model.size()), with, count, one.terms.length,
                          length / static_cast<double>(model.size()));
      }
      if (!holds(scope.filter, one.fields) || (scope.from && one.time < *scope.from)) continue;
      double product = 0;
      for (std::size_t i = 0; i < query.size(); ++i) {
        product += static_cast<double>(query[i]) * one.vectors.at(kEmbedder)[i];
      }
      products.push_back(product);
      if (score > 0) scores.push_back(score);
    }
    const auto compare = [](std::vector<double> want, const std::vector<EventHit>& hits,
                            bool scores_are_known) {
      std::ranges::sort(want, std::greater<>());
      if (want.size() > 20) want.resize(20);
      ASSERT_EQ(hits.size(), want.size());
      if (!scores_are_known) return;
      for (std::size_t i = 0; i < hits.size(); ++i) EXPECT_NEAR(hits[i].score, want[i], 1e-4) << i;
    };
    compare(products, near("acme", degrees, scope, 20), true);
    compare(scores, index().search_words(event_tenant("acme"), scope, asked, 20).value(),
            !counts_what_is_gone());
  }
}

}  // namespace mesh::test
