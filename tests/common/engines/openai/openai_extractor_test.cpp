#include "common/engines/openai/openai_extractor.h"

#include <gmock/gmock.h>

#include "common/engines/computed/computed_extractor.h"
#include "common/engines/openai/properties.h"
#include "tests/support/fake_model.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::openai {
namespace {

using std::chrono::seconds;
using test::FakeModel;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

ChemicalEvent event_of(const std::string& formula, const std::string& tenant = "acme") {
  ChemicalEvent event{.tenant = TenantId::parse(tenant).value()};
  event.molecule_id = "molecule-1";
  event.researcher = "Dr. Jane Smith";
  event.data = {{"formula", formula}, {"yield", 0.93}};
  return event;
}

class OpenAiExtractorTest : public testing::Test {
 protected:
  using Form = FakeModel::Form;

  OpenAiExtractorTest() {
    options.base_url = model.base_url();
    options.api_key = FakeModel::kKey;
    options.model = FakeModel::kModel;
    options.on_tokens = [this](const TenantId& tenant, std::uint64_t count) {
      std::lock_guard lock(mutex);
      tokens[tenant.str()] += count;
    };
    extractor = make_extractor(options, clock);
  }
  void TearDown() override { EXPECT_THAT(model.complaints(), IsEmpty()); }

  std::vector<Result<Json>> extract(const std::vector<ChemicalEvent>& events) {
    return extractor->extract(events);
  }
  Result<Json> extract(const std::string& formula) { return extract({event_of(formula)}).at(0); }
  // The next answer's content.
  static test::ScriptedAnswer says(const std::string& content, const char* finish = "stop") {
    return {200,
            dump({{"choices",
                   Json::array({{{"finish_reason", finish}, {"message", {{"content", content}}}}})},
                  {"usage", {{"total_tokens", 7}}}}),
            {}};
  }

  FakeModel model;
  ManualClock clock;
  ExtractorOptions options;
  std::mutex mutex;
  std::map<std::string, std::uint64_t> tokens;  // by tenant; guarded by mutex
  std::unique_ptr<OpenAiExtractor> extractor;
};

TEST_F(OpenAiExtractorTest, TheFieldsAreThoseOfTheComputedOnes) {
  const auto event = event_of("C9H8O4");
  const auto computed = computed::make_extractor()->extract({&event, 1}).at(0).value();
  const auto properties = extract("C9H8O4").value();
  for (const auto& [name, value] : properties.items()) {
    if (name != "method") {
      EXPECT_EQ(value, computed.at(name)) << name;
    }
  }
  EXPECT_EQ(properties.at("method"), "openai:fake-1");
  EXPECT_EQ(properties.at("atom_count"), 21);
  EXPECT_EQ(properties.at("element_count"), 3);
  EXPECT_FALSE(properties.contains("charge")) << "what is not known is left out";
}

TEST_F(OpenAiExtractorTest, TheModelSeesTheExperimentAndNobodysName) {
  ASSERT_TRUE(extract("H2O"));
  const std::string sent = dump(model.bodies().at(0));
  EXPECT_THAT(sent, AllOf(HasSubstr("molecule-1"), HasSubstr("H2O"), HasSubstr("0.93")));
  EXPECT_THAT(sent, AllOf(Not(HasSubstr("Jane")), Not(HasSubstr("acme"))));
}

TEST_F(OpenAiExtractorTest, ManyAreAskedForSomeAtATimeAndEachTenantPaysForItsOwn) {
  std::vector<ChemicalEvent> events;
  for (int i = 1; i <= 30; ++i) {
    events.push_back(event_of("C" + std::to_string(i) + "H4", i % 3 == 0 ? "globex" : "acme"));
  }
  const auto results = extract(events);
  ASSERT_EQ(results.size(), 30u);
  for (std::size_t i = 0; i < results.size(); ++i) {
    ASSERT_TRUE(results[i]) << results[i].error().to_string();
    EXPECT_EQ(results[i]->at("element_count"), 2);
    EXPECT_EQ(results[i]->at("atom_count"), i + 5);
  }
  EXPECT_EQ(model.requests(), 30);
  EXPECT_LE(model.connections(), options.max_in_flight);
  EXPECT_THAT(tokens, UnorderedElementsAre(Pair("acme", 2'000), Pair("globex", 1'000)));
}

TEST_F(OpenAiExtractorTest, ANewerModelIsAskedInItsDialectFromThenOn) {
  model.form({.newer = true});
  ASSERT_TRUE(extract("H2O"));
  EXPECT_EQ(model.requests(), 3);
  ASSERT_TRUE(extract("NaCl"));
  EXPECT_EQ(model.requests(), 4);
  const Json last = model.bodies().back();
  EXPECT_TRUE(last.contains("max_completion_tokens"));
  EXPECT_FALSE(last.contains("max_tokens"));
  EXPECT_FALSE(last.contains("temperature"));
}

TEST_F(OpenAiExtractorTest, AnAnswerThatIsCutOffOrOfAnotherFormIsAskedForOnceMore) {
  int carbons = 0;
  for (const char* bad : {"{\"formula\":\"H2", "It is water.", "[]", R"({"water":true})"}) {
    model.next(says(bad));
    EXPECT_TRUE(extract("C" + std::to_string(++carbons))) << bad;
  }
  model.next(says(R"({"formula":"H2O"})", "length"));
  EXPECT_TRUE(extract("H2O"));
  EXPECT_EQ(model.requests(), 10);
}

TEST_F(OpenAiExtractorTest, TwoBadAnswersAreTheEventsFaultWhereThePlainOneGetsAGoodOne) {
  model.next(says("{", "length"), 2);
  const auto properties = extract("H2O");
  ASSERT_FALSE(properties);
  EXPECT_EQ(properties.error().kind, ErrorKind::unprocessable);
  EXPECT_THAT(properties.error().message, HasSubstr("was cut off"));
  EXPECT_EQ(model.requests(), 3);
}

TEST_F(OpenAiExtractorTest, AfterAGoodAnswerNoPlainEventHasToBeAsked) {
  ASSERT_TRUE(extract("NaCl"));
  model.next(says("nonsense"), 2);
  EXPECT_EQ(extract("H2O").error().kind, ErrorKind::unprocessable);
  EXPECT_EQ(model.requests(), 3);
}

TEST_F(OpenAiExtractorTest, ASecondPassAsksForWhatHasNoAnswerYet) {
  const test::TempDir dir;
  options.cache_path = dir.file("cache.db");
  options.max_in_flight = 1;
  extractor = make_extractor(options, clock);
  const auto first = extract("H2O").value();
  model.next({503, "boom", {}});
  auto results = extract({event_of("CH4"), event_of("H2O")});
  EXPECT_FALSE(results[0]);
  EXPECT_EQ(results[1].value(), first) << "an answer that is kept needs no server";
  extractor.reset();
  extractor = make_extractor(options, clock);
  results = extract({event_of("CH4"), event_of("H2O")});
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].value(), first);
  EXPECT_EQ(model.requests(), 3);
  ASSERT_TRUE(extract({event_of("H2O", "globex")}).at(0));
  EXPECT_EQ(model.requests(), 4) << "no tenant finds another's";
}

TEST_F(OpenAiExtractorTest, AModelThatNeverGivesPropertiesIsAnOutageAndKillsNoEvent) {
  Form form;
  form.wrong = "I am a poet.";
  model.form(form);
  const auto properties = extract("H2O");
  ASSERT_FALSE(properties);
  EXPECT_EQ(properties.error().kind, ErrorKind::unavailable);
  EXPECT_THAT(properties.error().message, HasSubstr("openai.model"));
}

TEST_F(OpenAiExtractorTest, AnEventThatIsRefusedFailsAlone) {
  ASSERT_TRUE(extract("NaCl"));
  const auto results = extract({event_of("H2O"), event_of("too long"), event_of("CH4")});
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().kind, ErrorKind::unprocessable);
  EXPECT_TRUE(results[2]);
}

TEST_F(OpenAiExtractorTest, AnEventThatTheServerFailsAtIsTriedAgainAndHoldsNothingUp) {
  Form form;
  form.breaks_on = "poison";
  model.form(form);
  const auto results = extract({event_of("H2O"), event_of("poison"), event_of("CH4")});
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().kind, ErrorKind::internal) << "neither an outage nor dead at once";
  EXPECT_TRUE(results[2]);
}

TEST_F(OpenAiExtractorTest, AnEventThatTheServerFailsAtHoldsNothingUpAfterAnOutage) {
  Form form;
  form.breaks_on = "poison";
  model.form(form);
  model.next({503, "boom", {}}, 3);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(extract("H2O"));
  clock.advance(std::chrono::milliseconds(500));
  EXPECT_EQ(extract("poison").error().kind, ErrorKind::internal);
  EXPECT_TRUE(extract("H2O"));
}

TEST_F(OpenAiExtractorTest, AServerThatFailsAtAllIsAnOutage) {
  Form form;
  form.breaks_on = "formula";
  model.form(form);
  EXPECT_EQ(extract("H2O").error().kind, ErrorKind::unavailable);
}

TEST_F(OpenAiExtractorTest, AnOutageIsToldForAllThatWereNotAskedByThen) {
  options.max_in_flight = 1;
  extractor = make_extractor(options, clock);
  model.next({503, "boom", {}});
  const auto results = extract({event_of("H2O"), event_of("CH4"), event_of("NaCl")});
  for (const auto& result : results) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::unavailable);
  }
  EXPECT_EQ(model.requests(), 1);
  model.next({429, "", {{"Retry-After", "20"}}});
  EXPECT_EQ(extract("H2O").error().retry_after, seconds(20));
  EXPECT_TRUE(extractor->trouble());
}

TEST(ReadProperties, ContentIsReadFromPartsAndOutOfAFence) {
  const auto read = [](const Json& content) {
    const auto properties =
        read_properties({{"choices", Json::array({{{"message", {{"content", content}}}}})}}, "m");
    return properties ? dump(*properties) : properties.error();
  };
  const std::string water = R"({"formula":"H2O","charge":0,"note":null,"composition":[]})";
  const std::string expected = R"({"method":"m","formula":"H2O","charge":0})";
  EXPECT_EQ(read(water), expected);
  EXPECT_EQ(read("```json\n" + water + "\n```"), expected);
  EXPECT_EQ(read(Json::array({{{"type", "text"}, {"text", water}}})), expected);
  EXPECT_EQ(read(nullptr), "has no content");
  EXPECT_EQ(read(R"({"composition":[{"element":"H","count":2},{"element":"H","count":1}]})"),
            "names an element twice");
  EXPECT_EQ(read(R"({"composition":[{"element":"water","count":2}]})"),
            "names an element that is none");
  EXPECT_EQ(read(R"({"composition":[{"element":"H","count":-2}]})"),
            "counts atoms by what is no count");
  EXPECT_EQ(read(R"({"molecular_weight":-1})"), "has a molecular_weight that is none");
  EXPECT_EQ(read(R"({"charge":0.5})"), "has a charge that is none");
  EXPECT_EQ(read(R"({"formula":7})"), "has a formula that is no text");
}

TEST(ReadProperties, AnswersWithoutChoicesAndRefusalsAreNone) {
  const auto why = [](const char* answer) {
    return read_properties(Json::parse(answer), "m").error();
  };
  EXPECT_EQ(why("{}"), "has no choices");
  EXPECT_EQ(why(R"({"choices":[]})"), "has no choices");
  EXPECT_EQ(why(R"({"choices":[{}]})"), "has no message");
  EXPECT_EQ(why(R"({"choices":[{"message":{"content":null,"refusal":"no"}}]})"), "is a refusal");
}

}  // namespace
}  // namespace mesh::openai
