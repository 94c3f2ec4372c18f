#include "common/models/distillation.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "common/models/static_folder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tiny_bert.h"

namespace mesh::models {
namespace {

using ::testing::HasSubstr;

class DistillationTest : public ::testing::Test {
 protected:
  Result<StaticModelInfo> made(const std::string& name = "model") {
    teacher_.write(dir_.file("teacher"));
    options_.from = dir_.file("teacher");
    options_.to = dir_.file(name);
    return distil(options_);
  }
  void expect_refused(ErrorKind kind, const std::string& words) {
    const auto info = made();
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().kind, kind) << info.error().to_string();
    EXPECT_THAT(info.error().message, HasSubstr(words));
  }
  std::string contents(const std::string& name) {
    std::ifstream stream(dir_.file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
      found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }

  test::TempDir dir_;
  test::TinyBert teacher_;
  Distillation options_{.dimension = test::TinyBert::kHidden, .dtype = "F32", .threads = 1};
};

const std::vector<std::string> kKept{"the",   "cat",    "dog", "cake", "log", "in",  "##s",
                                     "##ing", "recipe", "not", "fail", ".",   "##ed"};

// What the teacher says of the kept tokens, without their mean.
std::vector<std::vector<double>> centred() {
  std::vector<std::vector<double>> vectors;
  std::vector<double> mean(test::TinyBert::kHidden);
  for (const auto& token : kKept) vectors.push_back(test::TinyBert::encode(token));
  for (const auto& vector : vectors)
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += vector[i] / double(kKept.size());
  for (auto& vector : vectors)
    for (std::size_t i = 0; i < mean.size(); ++i) vector[i] -= mean[i];
  return vectors;
}

template <typename T>
double dot(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double(a[i]) * double(b[i]);
  return sum;
}

std::vector<float> embedded(const StaticModel& model, const std::string& text) {
  std::vector<float> vector(static_cast<std::size_t>(model.info().dimension));
  model.embed(text, vector);
  return vector;
}

// All components together turn the teacher's space and keep its angles.
TEST_F(DistillationTest, WordsHaveTheAnglesOfTheTeacher) {
  const auto info = made();
  ASSERT_TRUE(info) << info.error().to_string();
  EXPECT_EQ(info->tokens, 14);  // the kept ones and the unknown
  EXPECT_EQ(info->rows, 14);
  EXPECT_TRUE(info->normalize);
  const auto model = open_static_model(options_.to);
  ASSERT_TRUE(model) << model.error().to_string();
  EXPECT_EQ((*model)->info().hash, info->hash);
  const auto teacher = centred();
  for (std::size_t a = 0; a < kKept.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      if (kKept[a].starts_with("##") || kKept[b].starts_with("##")) continue;
      const double expected = dot(teacher[a], teacher[b]) /
                              std::sqrt(dot(teacher[a], teacher[a]) * dot(teacher[b], teacher[b]));
      EXPECT_NEAR(dot(embedded(**model, kKept[a]), embedded(**model, kKept[b])), expected, 1e-5)
          << kKept[a] << " " << kKept[b];
    }
  }
}

// a / (a + p) of ranks 1 ("the") and 9 ("recipe") among 14 tokens; the unknown one has rank 0.
TEST_F(DistillationTest, FrequentTokensWeighLess) {
  ASSERT_TRUE(made());
  const auto model = open_static_model(options_.to);
  ASSERT_TRUE(model);
  double sum = 0;
  for (int rank = 0; rank < 14; ++rank) sum += 1.0 / (rank + 2);
  const auto weight = [&](int rank) { return 1e-4 / (1e-4 + 1.0 / (rank + 2) / sum); };
  const auto teacher = centred();
  // "the recipe": the weighed mean of both, divided by its length.
  std::vector<double> mean(test::TinyBert::kHidden);
  for (std::size_t i = 0; i < mean.size(); ++i)
    mean[i] = weight(1) * teacher[0][i] + weight(9) * teacher[8][i];
  const auto both = embedded(**model, "the recipe"), the = embedded(**model, "the");
  EXPECT_NEAR(dot(both, the),
              dot(mean, teacher[0]) / std::sqrt(dot(mean, mean) * dot(teacher[0], teacher[0])),
              1e-5);
}

TEST_F(DistillationTest, UnknownWordsAndSpecialTokensAddNothing) {
  ASSERT_TRUE(made());
  const auto model = open_static_model(options_.to);
  ASSERT_TRUE(model);
  EXPECT_EQ(embedded(**model, "cat xyz"), embedded(**model, "cat"));
  EXPECT_EQ(embedded(**model, "cat [UNK]"), embedded(**model, "cat"));
  for (const float number : embedded(**model, "xyz")) EXPECT_EQ(number, 0);
}

TEST_F(DistillationTest, TwoBuildsHaveTheSameBytesWhateverTheThreads) {
  const auto one = made("one");
  options_.threads = 3;
  const auto three = made("three");
  ASSERT_TRUE(one && three);
  EXPECT_EQ(one->hash, three->hash);
  for (const char* file : {"/model.safetensors", "/tokenizer.json", "/config.json"})
    EXPECT_EQ(contents(std::string("one") + file), contents(std::string("three") + file)) << file;
}

TEST_F(DistillationTest, SmallerNumbersTakeLessSpaceAndHaveNearlyTheSameAngles) {
  const auto f32 = made("f32");
  options_.dtype = "F16";
  const auto f16 = made("f16");
  options_.dtype = "I8";
  const auto i8 = made("i8");
  ASSERT_TRUE(f32 && f16 && i8);
  EXPECT_LT(i8->bytes, f16->bytes);
  EXPECT_EQ(f32->bytes - f16->bytes, 14u * 8 * 2);
  const auto exact = open_static_model(dir_.file("f32"));
  for (const char* name : {"f16", "i8"}) {
    const auto model = open_static_model(dir_.file(name));
    ASSERT_TRUE(model);
    EXPECT_GT(dot(embedded(**model, "recipe"), embedded(**exact, "recipe")), 0.999) << name;
  }
}

TEST_F(DistillationTest, AStopLeavesNothing) {
  options_.progress = [](std::int64_t done, std::int64_t of) { return done < of; };
  expect_refused(ErrorKind::cancelled, "stopped");
  EXPECT_THAT(names(), ::testing::ElementsAre("teacher"));
}

TEST_F(DistillationTest, ProgressEndsAtAllOfTheTokens) {
  std::int64_t last = 0, all = 0;
  options_.progress = [&](std::int64_t done, std::int64_t of) {
    last = done;
    all = of;
    return true;
  };
  ASSERT_TRUE(made());
  EXPECT_EQ(last, 13);
  EXPECT_EQ(all, 13);
}

TEST_F(DistillationTest, AFolderThatHoldsSomethingStaysAsItIs) {
  std::filesystem::create_directory(dir_.file("model"));
  std::ofstream(dir_.file("model/notes")) << "mine";
  expect_refused(ErrorKind::conflict, "is not empty");
  EXPECT_EQ(contents("model/notes"), "mine");
  std::filesystem::remove(dir_.file("model/notes"));
  EXPECT_TRUE(made());  // an empty one is filled
  EXPECT_THAT(names(), ::testing::ElementsAre("model", "teacher"));
}

TEST_F(DistillationTest, RefusesWhatCannotBeMade) {
  options_.dimension = 9;
  expect_refused(ErrorKind::invalid, "from 1 to 8");
  options_.dimension = 4;
  options_.dtype = "I4";
  expect_refused(ErrorKind::invalid, "\"I4\"");
  options_.dtype = "I8";
  teacher_.tokenizer["added_tokens"].push_back({{"id", 20},
                                                {"content", "acme"},
                                                {"special", false},
                                                {"normalized", false},
                                                {"single_word", false},
                                                {"lstrip", false},
                                                {"rstrip", false}});
  expect_refused(ErrorKind::unprocessable, "\"acme\"");
  teacher_ = {};
  teacher_.tokenizer["model"]["type"] = "BPE";
  expect_refused(ErrorKind::unprocessable, "BPE");
  teacher_ = {};
  options_.from = dir_.file("teacher");
  options_.to = dir_.file("nowhere/model");
  const auto info = distil(options_);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().kind, ErrorKind::not_found);
  EXPECT_THAT(info.error().message, HasSubstr("nowhere"));
  EXPECT_THAT(names(), ::testing::ElementsAre("teacher"));
}

TEST_F(DistillationTest, ConfigSaysWhoseModelItIs) {
  ASSERT_TRUE(made());
  const Json config = Json::parse(contents("model/config.json"));
  EXPECT_EQ(config["model_type"], "model2vec");
  EXPECT_EQ(config["normalize"], true);
  EXPECT_EQ(config["hidden_dim"], 8);
  EXPECT_EQ(config["embedding_dtype"], "float32");
  EXPECT_EQ(config["teacher_sha256"].get<std::string>().size(), 64u);
  const Json tokenizer = Json::parse(contents("model/tokenizer.json"));
  EXPECT_EQ(tokenizer["model"]["vocab"].size(), 14u);
  EXPECT_EQ(tokenizer["model"]["vocab"]["[UNK]"], 0);
  EXPECT_EQ(tokenizer["model"]["vocab"]["the"], 1);
  EXPECT_EQ(tokenizer["added_tokens"].size(), 1u);
  EXPECT_TRUE(tokenizer["truncation"].is_null() && tokenizer["post_processor"].is_null());
}

TEST(TensorBytes, TheLargestMagnitudeOfAllIs127) {
  EXPECT_EQ(tensor_bytes({-0.5F, 0.25F, 0.0F, 0.499F}, "I8"), std::string("\x81\x40\x00\x7f", 4));
  EXPECT_EQ(tensor_bytes({0, 0}, "I8"), std::string(2, '\0'));
}

TEST(TensorBytes, HalfFloatsAreIeee) {
  EXPECT_EQ(tensor_bytes({1.0F, -2.0F, 65504.0F}, "F16"),
            std::string("\x00\x3c\x00\xc0\xff\x7b", 6));
}

}  // namespace
}  // namespace mesh::models
