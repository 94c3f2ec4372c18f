#include "common/engines/vectors/codes.h"

#include <cmath>
#include <limits>

#include "tests/common/engines/vectors/vectors.h"

namespace mesh::vectors {
namespace {

using test::Random;
using test::random_unit;

TEST(Codes, FineScoresAreCosinesToFourDigits) {
  Random random(1);
  for (const int dimension : {1, 3, 64, 100, 384, 1536}) {
    for (int i = 0; i < 20; ++i) {
      const auto a = random_unit(random, dimension);
      const auto b = random_unit(random, dimension);
      const auto query = Query::make(a).value();
      const auto code = encode(b).value();
      ASSERT_EQ(code.size(), code_bytes(dimension));
      EXPECT_NEAR(query.fine_score(view_code(code, dimension)), test::dot(a, b), 3e-5);
    }
  }
}

TEST(Codes, CoarseScoresStayWithinTheMargin) {
  Random random(2);
  for (int i = 0; i < 500; ++i) {
    const auto a = random_unit(random, 384);
    const auto b = random_unit(random, 384);
    const auto query = Query::make(a).value();
    const auto code = encode(b).value();
    const auto view = view_code(code, 384);
    std::int32_t dots = 0;
    dot_rows(reinterpret_cast<const std::uint8_t*>(view.high.data()), 384, 1, query.code(), &dots);
    const float coarse = query.coarse_score(view.scale, dots);
    EXPECT_NEAR(coarse, test::dot(a, b), query.margin(view.scale));
    EXPECT_LT(query.margin(view.scale), 0.01);
  }
}

TEST(Codes, AStoredVectorsLengthIsForgottenAndAQuerysWeighs) {
  Random random(3);
  const auto unit = random_unit(random, 100);
  auto longer = unit;
  for (auto& v : longer) v *= 1000;
  EXPECT_EQ(encode(unit).value().substr(4), encode(longer).value().substr(4));
  EXPECT_EQ(Query::make(longer)->fine_score(view_code(*encode(unit), 100)), 1) << "no more";
  const auto other = random_unit(random, 100);
  for (const double length : {1e-6, 0.3, 1.4}) {
    auto asked = unit;
    for (auto& v : asked) v *= static_cast<float>(length);
    const auto query = Query::make(asked).value();
    EXPECT_NEAR(query.fine_score(view_code(*encode(other), 100)), length * test::dot(unit, other),
                3e-5 * length);
    EXPECT_NEAR(query.cosine_of(0.2F), 0.2 / length, 1e-5 / length);
    EXPECT_EQ(query.margin(0.01F), Query::make(unit)->margin(0.01F));
  }
}

TEST(Codes, AScoreNeverLeavesTheRangeOfCosines) {
  Random random(4);
  for (int i = 0; i < 200; ++i) {
    const auto vector = random_unit(random, 33);
    const float score = Query::make(vector)->fine_score(view_code(*encode(vector), 33));
    EXPECT_LE(score, 1.0F);
    EXPECT_GT(score, 0.9999F);
  }
}

TEST(Codes, TheZeroVectorScoresZero) {
  const std::vector<float> zero(10), one{1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(Query::make(one)->fine_score(view_code(*encode(zero), 10)), 0);
  EXPECT_EQ(Query::make(zero)->fine_score(view_code(*encode(one), 10)), 0);
}

TEST(Codes, WhatIsNotANumberIsInvalid) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> vector{1, bad};
    EXPECT_EQ(encode(vector).error().kind, ErrorKind::invalid);
    EXPECT_EQ(Query::make(vector).error().kind, ErrorKind::invalid);
  }
}

}  // namespace
}  // namespace mesh::vectors
