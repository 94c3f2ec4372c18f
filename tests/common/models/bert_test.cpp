// The teacher of a distillation, against the same arithmetic by loops over doubles.
#include "common/models/bert.h"

#include <gmock/gmock.h>

#include "tests/support/temp_dir.h"
#include "tests/support/tiny_bert.h"

namespace mesh::models {
namespace {

using ::testing::HasSubstr;

class BertTest : public ::testing::Test {
 protected:
  Result<std::shared_ptr<const Bert>> open() {
    teacher_.write(dir_.path());
    return Bert::open(dir_.path());
  }
  std::vector<float> encode(const Bert& bert, const std::vector<std::int32_t>& tokens) {
    std::vector<float> out(tokens.size() * test::TinyBert::kHidden);
    const auto done = bert.encode_singly(test::TinyBert::id_of("[CLS]"),
                                         test::TinyBert::id_of("[SEP]"), tokens, out);
    EXPECT_TRUE(done) << done.error().to_string();
    return out;
  }
  void expect_refused(ErrorKind kind, const std::string& words) {
    const auto opened = open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, kind) << opened.error().to_string();
    EXPECT_THAT(opened.error().message, HasSubstr(words));
    EXPECT_THAT(opened.error().message, HasSubstr(dir_.path()));
  }

  test::TempDir dir_;
  test::TinyBert teacher_;
};

const std::vector<std::int32_t>& all_tokens() {
  static const auto ids = [] {
    std::vector<std::int32_t> made;
    for (std::size_t i = 0; i < test::TinyBert::vocabulary().size(); ++i)
      made.push_back(static_cast<std::int32_t>(i));
    return made;
  }();
  return ids;
}

TEST_F(BertTest, HasTheVectorsOfThePlainArithmetic) {
  const auto bert = open();
  ASSERT_TRUE(bert) << bert.error().to_string();
  EXPECT_EQ((*bert)->vocabulary(), 20);
  const auto vectors = encode(**bert, all_tokens());
  for (std::size_t token = 0; token < 20; ++token) {
    const auto expected = test::TinyBert::encode(test::TinyBert::vocabulary()[token]);
    for (std::size_t i = 0; i < test::TinyBert::kHidden; ++i) {
      EXPECT_NEAR(vectors[token * test::TinyBert::kHidden + i], expected[i], 2e-5)
          << test::TinyBert::vocabulary()[token] << " " << i;
    }
  }
}

TEST_F(BertTest, ReadsTheOtherNamesOfTensorsAndHalfFloats) {
  const auto plain = open();
  ASSERT_TRUE(plain);
  const auto expected = encode(**plain, all_tokens());
  teacher_.prefix = "bert.";
  teacher_.dtype = "F16";
  const auto other = open();
  ASSERT_TRUE(other) << other.error().to_string();
  EXPECT_EQ(encode(**other, all_tokens()), expected);  // F16 holds the numbers exactly
}

TEST_F(BertTest, RefusesOtherArchitecturesByName) {
  teacher_.config["model_type"] = "roberta";
  expect_refused(ErrorKind::unprocessable, "\"roberta\"");
  teacher_ = {};
  teacher_.config["hidden_act"] = "relu";
  expect_refused(ErrorKind::unprocessable, "hidden_act is \"relu\"");
  teacher_ = {};
  teacher_.config["position_embedding_type"] = "relative_key";
  expect_refused(ErrorKind::unprocessable, "relative_key");
  teacher_ = {};
  teacher_.config.erase("model_type");
  expect_refused(ErrorKind::unprocessable, "has no model_type");
}

TEST_F(BertTest, RefusesFilesThatContradictEachOther) {
  teacher_.without = "encoder.layer.1.output.dense.bias";
  expect_refused(ErrorKind::invalid, "no tensor encoder.layer.1.output.dense.bias");
  teacher_ = {};
  teacher_.config["intermediate_size"] = 17;
  expect_refused(ErrorKind::invalid,
                 "intermediate.dense.weight has the shape [16, 8], not [17, 8]");
  teacher_ = {};
  teacher_.config["num_attention_heads"] = 3;
  expect_refused(ErrorKind::invalid, "no multiple of num_attention_heads 3");
  teacher_ = {};
  teacher_.config["hidden_size"] = "8";
  expect_refused(ErrorKind::invalid, "hidden_size is no number");
  teacher_ = {};
  teacher_.config["layer_norm_eps"] = -1;
  expect_refused(ErrorKind::invalid, "layer_norm_eps");
}

TEST_F(BertTest, NamesAFileThatIsNotThere) {
  teacher_.write(dir_.path());
  std::filesystem::remove(dir_.file("config.json"));
  const auto opened = Bert::open(dir_.path());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::not_found);
  EXPECT_THAT(opened.error().message, HasSubstr("config.json"));
}

TEST_F(BertTest, RefusesATokenBeyondItsVocabulary) {
  const auto bert = open();
  ASSERT_TRUE(bert);
  std::vector<float> out(test::TinyBert::kHidden);
  const auto done = (*bert)->encode_singly(3, 4, std::vector<std::int32_t>{20}, out);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace mesh::models
