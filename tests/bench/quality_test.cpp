#include "tests/bench/quality.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/base/clock.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/openai/openai_embedder.h"
#include "common/engines/static_model/static_embedder.h"
#include "tests/bench/arguments.h"
#include "tests/support/fake_model.h"
#include "tests/support/manual_clock.h"
#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kDimension = 64;

const Column& column(const std::vector<Column>& columns, const std::string& name) {
  return *std::ranges::find(columns, name, &Column::name);
}

class QualityTest : public testing::Test {
 protected:
  QualityTest() { candidates_.letters = hashing::make_embedder(kDimension); }
  void TearDown() override { EXPECT_THAT(model_.complaints(), IsEmpty()); }

  // A server's model, which is the hashing embedder's.
  std::shared_ptr<Embedder> http() {
    test::FakeModel::Form form;
    form.dimension = kDimension;
    model_.form(form);
    openai::EmbedderOptions options;
    options.base_url = model_.base_url();
    options.api_key = test::FakeModel::kKey;
    options.model = test::FakeModel::kModel;
    options.dimension = kDimension;
    return openai::make_embedder(std::move(options), clock_);
  }
  // Of two words, each of which another intent's texts have.
  std::shared_ptr<Embedder> static_model() {
    EXPECT_TRUE(test::write_word_model(dir_.path(), {{"card", {1, 0}}, {"money", {0, 1}}}));
    return static_model::make_embedder(models::open_static_model(dir_.path()).value());
  }
  std::string intents() {
    std::string rows = "text,category\n";
    for (int i = 0; i < 15; ++i) {
      rows += "\"my card, number " + std::to_string(i) + "\",lost\n";
      rows += "money of day " + std::to_string(i) + ",topup\n";
    }
    test::write_text(dir_.file("intents.csv"), rows + "alone,once\n");
    return dir_.file("intents.csv");
  }

  test::TempDir dir_;
  ManualClock clock_;
  test::FakeModel model_;
  Candidates candidates_;
  Report report_;
};

TEST_F(QualityTest, AServersModelHasAColumnBesideTheOthers) {
  candidates_.http = http();
  candidates_.static_model = static_model();
  const std::vector<QuerySet> sets{name_queries(50, 3), address_queries(50, 3),
                                   intent_queries(intents()).value()};
  const auto columns = measure_quality(candidates_, sets, report_).value();
  std::vector<std::string> names;
  for (const auto& one : columns) names.push_back(one.name);
  EXPECT_THAT(names, ElementsAre("hashing", "static", "hybrid static", "http", "hybrid http"));
  for (std::size_t set = 0; set < sets.size(); ++set) {
    const auto letters = column(columns, "hashing").found[set].value();
    const auto asked = column(columns, "http").found[set].value();
    // Vectors that came over HTTP are the same.
    EXPECT_EQ(asked.first, letters.first) << sets[set].name;
    EXPECT_EQ(asked.five, letters.five) << sets[set].name;
    EXPECT_GT(letters.five, 0.5) << sets[set].name;
  }
  EXPECT_EQ(column(columns, "static").found[2]->first, 1) << "its two words tell the intents apart";
  EXPECT_GT(model_.requests(), 0);
  const auto table = quality_table(sets, columns);
  EXPECT_THAT(table, HasSubstr("hybrid http\n"));
  EXPECT_THAT(table, HasSubstr("intents hit@1"));
  EXPECT_THAT(table, testing::Not(HasSubstr(" -")));
}

TEST_F(QualityTest, WhatIsLeftOutHasNoFigures) {
  const std::vector<QuerySet> sets{name_queries(20, 1)};
  const auto columns = measure_quality(candidates_, sets, report_).value();
  EXPECT_TRUE(column(columns, "hashing").found[0]);
  EXPECT_FALSE(column(columns, "http").found[0]);
  EXPECT_FALSE(column(columns, "hybrid static").found[0]);
  EXPECT_THAT(quality_table(sets, columns), HasSubstr("      -"));
  EXPECT_EQ(model_.requests(), 0);
}

TEST_F(QualityTest, AServerThatFailsIsToldByName) {
  candidates_.http = http();
  test::FakeModel::Form form;
  form.refuses_all = true;
  model_.form(form);
  const auto columns = measure_quality(candidates_, {name_queries(20, 1)}, report_);
  ASSERT_FALSE(columns);
  EXPECT_THAT(columns.error().message, HasSubstr("http: "));
}

TEST_F(QualityTest, IntentsNeedFifteenTextsEach) {
  const auto set = intent_queries(intents()).value();
  EXPECT_EQ(set.documents.size(), 20u);
  EXPECT_EQ(set.queries.size(), 10u);
  EXPECT_EQ(set.documents.front(), "my card, number 0");
  test::write_text(dir_.file("few.csv"), "text,category\na,b\n");
  EXPECT_FALSE(intent_queries(dir_.file("few.csv")));
  EXPECT_FALSE(intent_queries(dir_.file("none.csv")));
}

TEST_F(QualityTest, RolesSayWhatIsSearchedAndWhatIsAsked) {
  std::string rows = "text,category,role\n";
  for (int i = 0; i < 12; ++i) {
    rows += "where is it " + std::to_string(i) + ",lost,query\n";
    rows += "my card " + std::to_string(i) + ",lost,document\n";
    if (i < 9) rows += "money,topup,document\nmore,topup,query\n";
  }
  test::write_text(dir_.file("roles.csv"), rows);
  const auto set = intent_queries(dir_.file("roles.csv")).value();
  EXPECT_EQ(set.documents.size(), 12u) << "topup has nine only";
  EXPECT_EQ(set.documents.back(), "my card 11");
  EXPECT_EQ(set.queries.size(), 12u);
  EXPECT_EQ(set.queries.front().text, "where is it 0");
  EXPECT_EQ(set.queries.front().begin, 0u);
  EXPECT_EQ(set.queries.front().end, 12u);
  test::write_text(dir_.file("roles.csv"), rows + "my card,lost,both\n");
  EXPECT_FALSE(intent_queries(dir_.file("roles.csv")));
}

TEST_F(QualityTest, EachDrawIsSearchedForItself) {
  std::string rows = "text,category,role,draw\n";
  for (const char* draw : {"0", "1"}) {
    for (int i = 0; i < 10; ++i) {
      rows +=
          std::string("my card,lost,document,") + draw + "\nwhere is it,lost,query," + draw + "\n";
    }
  }
  test::write_text(dir_.file("draws.csv"), rows);
  const auto set = intent_queries(dir_.file("draws.csv")).value();
  ASSERT_EQ(set.queries.size(), 20u);
  EXPECT_EQ(set.documents.size(), 20u);
  EXPECT_EQ(set.queries[0].end, 10u);
  EXPECT_EQ(set.queries[19].begin, 10u);
  EXPECT_EQ(set.queries[19].end, 20u);
}

Found found(const std::string& queries) {  // '+': finds it first
  Found made;
  for (const char query : queries) made.queries.push_back({query == '+', true});
  return made;
}

TEST(QualityPairs, WhatOnlyOneFindsCounts) {
  const auto first = &Found::Query::first;
  // Ten of ten coins fall to one side, either one, once in 512.
  const auto lost = paired(found("----------+-"), found("+++++++++++-"), first);
  EXPECT_EQ(lost.better, 0);
  EXPECT_EQ(lost.worse, 10);
  EXPECT_NEAR(lost.probability, 2 / 1024.0, 1e-12);
  EXPECT_TRUE(lost.loses());
  EXPECT_FALSE(paired(found("+++++++++++-"), found("----------+-"), first).loses()) << "wins";
  const auto chance = paired(found("+----"), found("-++++"), first);
  EXPECT_NEAR(chance.probability, 12 / 32.0, 1e-12) << "four of five or more: twice 6 of 32";
  EXPECT_FALSE(chance.loses());
  EXPECT_EQ(paired(found("+-"), found("+-"), first).probability, 1);
  EXPECT_EQ(paired(found("+-"), found("-+"), &Found::Query::five).worse, 0);
}

TEST(QualityPairs, APairStandsBesideItsBetterPart) {
  const auto of = [](double share, const std::string& queries) {
    Found made = found(queries);
    made.first = made.five = share;
    return std::optional(made);
  };
  const std::vector<QuerySet> sets{{"names", "", {}, {}}, {"intents", "", {}, {}}};
  const std::vector<Column> columns{{"hashing", {of(0.9, "+++++++++-"), of(0.1, "---------+")}},
                                    {"static", {of(0.1, "---------+"), of(0.9, "+++++++++-")}},
                                    {"hybrid static", {of(0.7, "+--------+"), of(1, "++++++++++")}},
                                    {"http", {{}, {}}},
                                    {"hybrid http", {{}, {}}}};
  EXPECT_EQ(pairs_table(sets, columns),
            "hybrid static      better of  better   worse       p\n"
            "names hit@1          hashing       1       8   0.039  loses\n"
            "names hit@5          hashing       0       0   1.000\n"
            "intents hit@1         static       1       0   1.000\n"
            "intents hit@5         static       0       0   1.000\n");
}

std::optional<Arguments> parsed(std::vector<std::string> words) {
  words.insert(words.begin(), "bench");
  std::vector<char*> raw;
  for (auto& word : words) raw.push_back(word.data());
  return parse_arguments(static_cast<int>(raw.size()), raw.data());
}

TEST(BenchArguments, AServersModelHasAnAddressAndAName) {
  const auto arguments = parsed({"--embedder-url", "http://localhost:1/v1", "--embedder-model", "m",
                                 "--embedder-dimension", "16"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->embedder_url, "http://localhost:1/v1");
  EXPECT_EQ(arguments->embedder_model, "m");
  EXPECT_EQ(arguments->embedder_dimension, 16);
  EXPECT_FALSE(parsed({"--embedder-url", "http://localhost:1/v1"}));
  EXPECT_FALSE(parsed({"--embedder-model", "m"}));
  EXPECT_FALSE(parsed({"--embedder-dimension", "0"}));
  EXPECT_FALSE(parsed({"--embedder-dimension", "many"}));
}

}  // namespace
}  // namespace mesh::bench
