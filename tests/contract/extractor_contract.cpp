#include "tests/contract/extractor_contract.h"

#include <thread>
#include <vector>

namespace mesh::test {

namespace {

ChemicalEvent event_with(Json data) {
  return {.id = "019a0000-0000-7000-8000-000000000001",
          .tenant = TenantId::parse("acme").value(),
          .molecule_id = "aspirin",
          .researcher = "Dr. Jane Smith",
          .timestamp = "2026-11-21T08:32:00Z",
          .data = std::move(data),
          .llm_properties = Json::object()};
}

}  // namespace

Result<Json> ExtractorContract::extract(Json data) {
  const ChemicalEvent event = event_with(std::move(data));
  return extractor_->extract({&event, 1}).at(0);
}

TEST_P(ExtractorContract, EachOfManyGetsTheAnswerThatItWouldGetAlone) {
  std::vector<ChemicalEvent> events;
  for (const char* formula : {"H2O", "C9H8O4", "no formula", "NaCl"}) {
    events.push_back(event_with({{"formula", formula}}));
  }
  const auto together = extractor_->extract(events);
  ASSERT_EQ(together.size(), events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    ASSERT_TRUE(together[i]) << together[i].error().to_string();
    EXPECT_EQ(*together[i], extract(events[i].data).value()) << events[i].data;
  }
  EXPECT_TRUE(extractor_->extract({}).empty());
}

TEST_P(ExtractorContract, AnswersAnObjectThatNamesItsMethod) {
  const auto properties = extract({{"formula", "C9H8O4"}, {"yield", 0.93}});
  ASSERT_TRUE(properties) << properties.error().to_string();
  ASSERT_TRUE(properties->is_object());
  ASSERT_TRUE(properties->contains("method"));
  EXPECT_TRUE(properties->at("method").is_string());
}

TEST_P(ExtractorContract, SaysHowItCameToItsAnswerAndHowSureItIs) {
  const auto properties = extract({{"formula", "C9H8O4"}});
  ASSERT_TRUE(properties) << properties.error().to_string();
  const auto strategy = properties->at("strategy").get<std::string>();
  EXPECT_TRUE(strategy == "computed" || strategy == "model") << strategy;
  EXPECT_EQ(properties->contains("model"), strategy == "model");
  EXPECT_FALSE(properties->at("version").get<std::string>().empty());
  const auto confidence = properties->at("confidence").get<double>();
  EXPECT_GE(confidence, 0);
  EXPECT_LE(confidence, 1);
}

TEST_P(ExtractorContract, DataThatSaysNothingOfTheMoleculeIsFine) {
  for (const Json& data : {Json::object(), Json{{"temperature", 20}}}) {
    const auto properties = extract(data);
    ASSERT_TRUE(properties) << properties.error().to_string();
    EXPECT_TRUE(properties->is_object());
  }
}

TEST_P(ExtractorContract, ManyThreadsMayUseItAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) EXPECT_TRUE(extract({{"formula", "H2O"}}));
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace mesh::test
