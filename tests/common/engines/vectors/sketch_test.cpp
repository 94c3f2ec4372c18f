#include "common/engines/vectors/sketch.h"

#include <gtest/gtest.h>

#define HWY_WANT_AVX3_DL  // as sketch_kernels.cpp does: else the list of targets lacks it
#include <hwy/targets.h>

#include <cmath>

#include "common/engines/vectors/codes.h"
#include "tests/common/engines/vectors/vectors.h"

namespace mesh::vectors {
namespace {

using test::Random;

class SketchKernels : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};
INSTANTIATE_TEST_SUITE_P(EveryTarget, SketchKernels,
                         testing::ValuesIn(hwy::SupportedAndGeneratedTargets()));

double norm(const std::vector<float>& v) { return std::sqrt(test::dot(v, v)); }

TEST_P(SketchKernels, HadamardIsTheMatrixOfThatName) {
  for (const std::size_t window : {64U, 256U}) {
    Random random(window);
    const auto input = test::random_unit(random, static_cast<int>(window));
    std::vector<float> signs(window);
    for (auto& s : signs) s = random() % 2 == 0 ? 1.0F : -1.0F;
    auto got = input;
    hadamard(got.data(), window, signs.data());
    for (std::size_t row = 0; row < window; ++row) {
      double want = 0;
      for (std::size_t i = 0; i < window; ++i) {
        want += (std::popcount(row & i) % 2 == 0 ? 1 : -1) * signs[i] * input[i];
      }
      ASSERT_NEAR(got[row], want, 1e-4) << window << " " << row;
    }
  }
}

TEST_P(SketchKernels, ScoresAreWhatPlainArithmeticGives) {
  Random random(1);
  for (const std::size_t rows : {4U, 8U, 48U}) {
    constexpr std::size_t kBlocks = 3;
    const std::size_t block_bytes = (rows + sizeof(float)) * kSketchBlock;
    std::vector<std::uint8_t> blocks(kBlocks * block_bytes), tables(32 * rows);
    for (auto& byte : blocks) byte = static_cast<std::uint8_t>(random());
    for (auto& entry : tables) entry = static_cast<std::uint8_t>(random() % (kSketchLevels + 1));
    const auto factors = [&](std::size_t block) {
      return reinterpret_cast<float*>(blocks.data() + block * block_bytes + rows * kSketchBlock);
    };
    for (std::size_t i = 0; i < kBlocks * kSketchBlock; ++i) {
      factors(i / kSketchBlock)[i % kSketchBlock] = static_cast<float>(random() % 100) / 100;
    }
    std::vector<float> got(kBlocks * kSketchBlock), best(kBlocks);
    sketch_scores(blocks.data(), kBlocks, rows, tables.data(), -3, 0.5F, got.data(), best.data());
    for (std::size_t block = 0; block < kBlocks; ++block) {
      const float* scores = got.data() + block * kSketchBlock;
      for (std::size_t v = 0; v < kSketchBlock; ++v) {
        int sum = 0;
        for (std::size_t row = 0; row < rows; ++row) {
          const unsigned byte = blocks[block * block_bytes + row * kSketchBlock + sketch_column(v)];
          sum += tables[32 * row + byte % 16] + tables[32 * row + 16 + byte / 16];
        }
        ASSERT_NEAR(scores[v], factors(block)[v] * (-3 + 0.5F * static_cast<float>(sum)), 1e-3);
      }
      EXPECT_EQ(best[block], *std::max_element(scores, scores + kSketchBlock));
      const auto mask = sketch_mask(scores, scores[17]);
      for (std::size_t v = 0; v < kSketchBlock; ++v) {
        EXPECT_EQ((mask >> v & 1) != 0, scores[v] >= scores[17]) << v;
      }
    }
  }
}

TEST(SketchShape, RotationKeepsLengthsAndAnglesAndSpreadsASingleNumber) {
  for (const int dimension : {64, 100, 384, 1536}) {
    const SketchShape shape(dimension);
    Random random(3);
    auto a = test::random_unit(random, static_cast<int>(shape.length()));
    auto b = test::random_unit(random, static_cast<int>(shape.length()));
    const double before = test::dot(a, b);
    shape.rotate(a.data());
    shape.rotate(b.data());
    EXPECT_NEAR(norm(a), 1, 1e-5);
    EXPECT_NEAR(test::dot(a, b), before, 1e-5);
    for (std::size_t i = 0; i < shape.length(); i += 37) {
      std::vector<float> one(shape.length());
      one[i] = 1;
      shape.rotate(one.data());
      for (const float v : one) ASSERT_LT(std::abs(v), 0.6F) << dimension << " " << i;
    }
  }
}

// Vectors of one kind, their sketches and what is estimated of them.
class Estimates {
 public:
  Estimates(int dimension, std::vector<std::vector<float>> vectors)
      : shape_(dimension),
        pool_(Sketches::kPieceBlocks * shape_.block_bytes()),
        sketches_(shape_, pool_),
        vectors_(std::move(vectors)) {
    for (std::size_t slot = 0; slot < vectors_.size(); ++slot) {
      if (slot == sketches_.size()) sketches_.add_block();
      const auto code = encode(vectors_[slot]).value();
      const auto view = view_code(code, dimension);
      sketches_.write(static_cast<std::uint32_t>(slot),
                      reinterpret_cast<const std::uint8_t*>(view.high.data()), view.scale);
    }
  }
  // Of the vectors, the share that a search for all beyond a score near their own would lose.
  double lost(const std::vector<float>& query) const {
    const auto code = Query::make(query).value();
    const SketchQuery sketch(shape_, code.unit());
    Sketches::Survey survey;
    sketches_.survey(sketch, 0, survey);
    int lost = 0;
    for (std::size_t slot = 0; slot < vectors_.size(); ++slot) {
      const auto score = static_cast<float>(test::dot(query, vectors_[slot]));
      lost += survey.estimates[slot] < score - sketch.margin;
    }
    return lost / static_cast<double>(vectors_.size());
  }

 private:
  const SketchShape shape_;
  ChunkPool pool_;
  Sketches sketches_;
  const std::vector<std::vector<float>> vectors_;
};

TEST(Sketches, EstimatesFallShortByMoreThanTheMarginOnceInHundreds) {
  for (const int dimension : {16, 100, 384, 1536}) {
    Random random(7);
    std::vector<std::vector<float>> dense, sparse;
    for (int i = 0; i < 1024; ++i) {
      dense.push_back(test::random_unit(random, dimension));
      std::vector<float> few(static_cast<std::size_t>(dimension));
      for (int j = 0; j < 5; ++j) few[random() % few.size()] += 1;
      for (const double length = norm(few); auto& v : few) v /= static_cast<float>(length);
      sparse.push_back(std::move(few));
    }
    for (const auto* vectors : {&dense, &sparse}) {
      const Estimates estimates(dimension, *vectors);
      double lost = 0;
      for (int i = 0; i < 10; ++i) {
        lost += estimates.lost((*vectors)[static_cast<std::size_t>(i)]) +
                estimates.lost(test::random_unit(random, dimension));
      }
      EXPECT_LT(lost / 20, 0.005) << dimension << (vectors == &dense ? " dense" : " sparse");
    }
  }
}

TEST(Sketches, ASurveyTellsWhatTheBestReach) {
  constexpr int kSketchedDimension = 384;
  const SketchShape shape(kSketchedDimension);
  ChunkPool pool(Sketches::kPieceBlocks * shape.block_bytes());
  Sketches sketches(shape, pool);
  Random random(11);
  const auto query = test::random_unit(random, kSketchedDimension);
  const auto is_near = [](std::size_t slot) { return slot % 100 == 33; };  // 26 of them
  for (std::uint32_t slot = 0; slot < 40 * kSketchBlock; ++slot) {
    if (slot == sketches.size()) sketches.add_block();
    auto vector = test::random_unit(random, kSketchedDimension);
    for (std::size_t i = 0; is_near(slot) && i < vector.size(); ++i) {
      vector[i] = vector[i] + 2 * query[i];
    }
    const auto code = encode(vector).value();
    const auto view = view_code(code, kSketchedDimension);
    sketches.write(slot, reinterpret_cast<const std::uint8_t*>(view.high.data()), view.scale);
  }
  Sketches::Survey survey;
  const auto code = Query::make(query).value();
  const SketchQuery sketch(shape, code.unit());
  sketches.survey(sketch, 0, survey);
  ASSERT_EQ(survey.estimates.size(), sketches.size());
  const float reached = survey.reached_by(13);
  int count = 0;
  for (std::size_t slot = 0; slot < survey.estimates.size(); ++slot) {
    EXPECT_LE(survey.estimates[slot], survey.best[slot / kSketchBlock]);
    if (survey.estimates[slot] < reached) continue;
    EXPECT_TRUE(is_near(slot)) << slot;
    ++count;
  }
  EXPECT_GE(count, 13);
  EXPECT_EQ(survey.reached_by(40), *std::min_element(survey.best.begin(), survey.best.end()));
  // A stretch that begins later says the same of what it covers.
  Sketches::Survey later;
  sketches.survey(sketch, Sketches::kPieceBlocks, later);
  EXPECT_EQ(later.begin, Sketches::kPieceBlocks);
  EXPECT_TRUE(std::equal(later.best.begin(), later.best.end(),
                         survey.best.begin() + Sketches::kPieceBlocks, survey.best.end()));
  while (sketches.size() > 0) sketches.drop_block();
  EXPECT_EQ(pool.bytes(), 0U);
}

TEST(Sketches, AZeroVectorScoresZeroAndAZeroQueryFindsAll) {
  const Estimates zeros(64, std::vector<std::vector<float>>(64, std::vector<float>(64)));
  EXPECT_EQ(zeros.lost(std::vector<float>(64, 1.0F)), 0);
  EXPECT_EQ(zeros.lost(std::vector<float>(64)), 0);
}

}  // namespace
}  // namespace mesh::vectors
