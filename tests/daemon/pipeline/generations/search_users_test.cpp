#include "daemon/pipeline/generations/search_users.h"

#include <gmock/gmock.h>

#include "common/engines/sqlite/points/embedded_index.h"
#include "tests/support/fake_engines.h"
#include "tests/support/temp_dir.h"

namespace mesh::pipeline {
namespace {

using Vector = std::vector<float>;

// Users whose scores by letters and by meaning are what they are planted with.
class SearchUsers : public testing::Test {
 protected:
  SearchUsers() {
    EXPECT_TRUE(index->create_generation({3, "two parts"}, 0));
    EXPECT_TRUE(index->serve(1, 0));
  }
  void plant(std::int64_t id, const std::string& name, float letters, float meaning) {
    const float rest = std::sqrt(1 - letters * letters - meaning * meaning);
    const VectorChange change{acme, id, 1, {letters, meaning, rest}, name + "@acme.dev", name, "e"};
    ASSERT_TRUE(index->apply(1, {&change, 1}));
  }
  Result<UsersFound> ask(QueryVectors query, float min_score = -1, int limit = 10) {
    return search_users(*index,
                        {acme, "two parts", SearchText("the lawn"), limit, min_score, generation},
                        std::move(query));
  }
  // The id of the first one, 0 where there is none, and whether letters answered.
  std::pair<std::int64_t, bool> answer(float min_score = -1, int limit = 10) {
    const auto found = ask({by_meaning, by_letters}, min_score, limit).value();
    EXPECT_LE(std::ssize(found.hits), limit);
    return {found.hits.empty() ? 0 : found.hits.front().user_id, found.by == by_letters};
  }

  const Vector by_meaning{0, 1, 0}, by_letters{1, 0, 0};
  const TenantId acme = TenantId::parse("acme").value();
  std::optional<int> generation;
  test::TempDir dir;
  std::unique_ptr<VectorIndex> index = sqlite::open_embedded_index(dir.path(), {}).value();
};

using Answer = std::pair<std::int64_t, bool>;

TEST_F(SearchUsers, AQueryOfOneVectorIsAskedByThat) {
  plant(1, "mower", 0.2F, 0.5F);
  const auto found = ask({by_letters, {}}).value();
  EXPECT_NEAR(found.hits.at(0).score, 0.2F, 0.01F);
  EXPECT_EQ(found.by, by_letters);
}

TEST_F(SearchUsers, LettersAnswerWhereTheyAreClearlyCloser) {
  plant(1, "mower", 0, 0.5F);
  plant(2, "law", 0.55F, 0);
  EXPECT_EQ(answer(), Answer(1, false));
  plant(3, "lawnn", 0.65F, 0);
  EXPECT_EQ(answer(), Answer(3, true));
  generation = 1;
  EXPECT_EQ(answer(), Answer(3, true));
}

TEST_F(SearchUsers, ABoundTakesHitsAwayAndNothingElse) {
  plant(1, "mower", 0, 0.5F);
  plant(2, "law", 0.55F, 0);
  for (const float bound : {0.4F, 0.52F, 0.9F}) {
    EXPECT_EQ(answer(bound), Answer(bound < 0.5F ? 1 : 0, false)) << bound;
  }
  plant(3, "lawnn", 0.65F, 0);
  EXPECT_EQ(answer(0.9F), Answer(0, true)) << "nobody is found, by letters";
}

TEST_F(SearchUsers, TheLimitDoesNotDecide) {
  plant(1, "the lawnmower", 0.1F, 0.3F);  // matches as a prefix, and stands first
  plant(2, "mower", 0, 0.7F);
  plant(3, "law", 0.5F, 0);
  for (const int limit : {1, 2, 10}) EXPECT_EQ(answer(-1, limit), Answer(1, false)) << limit;
}

TEST_F(SearchUsers, AUserOfThatNameIsFoundByLetters) {
  plant(1, "mower", 0, 0.9F);
  plant(2, "The Lawn", 0.1F, 0);
  EXPECT_EQ(answer(0.5F), Answer(2, true));
}

TEST_F(SearchUsers, WhereNobodyIsNobodyIsFound) { EXPECT_EQ(answer(), Answer(0, false)); }

TEST_F(SearchUsers, AnErrorOfTheIndexIsTheError) {
  generation = 7;
  EXPECT_EQ(ask({by_meaning, by_letters}).error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace mesh::pipeline
