#include "common/models/static_model.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>

#include "common/base/strings.h"
#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::models {
namespace {

using testing::HasSubstr;

constexpr const char* kData = MESH_SOURCE_DIR "/tests/common/models/data/";
constexpr std::int64_t kTokens = 121;  // of tokenizer.json
constexpr std::int64_t kDimension = 6;
constexpr std::int64_t kRows = 40;  // with a mapping

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Numbers that every dtype holds exactly; I8 sixteen times as large.
std::string embeddings_of(std::int64_t rows, const std::string& dtype) {
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::uint16_t> halves;
  std::string bytes;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < kDimension; ++column) {
      const auto sixteenths = static_cast<int>((row * 7 + column * 13 + row * column) % 32) - 16;
      doubles.push_back(sixteenths / 16.0);
      floats.push_back(static_cast<float>(sixteenths) / 16);
      halves.push_back(test::half_of(floats.back()));
      bytes += static_cast<char>(sixteenths);
    }
  }
  if (dtype == "F64") return test::bytes_of(doubles);
  if (dtype == "F32") return test::bytes_of(floats);
  return dtype == "F16" ? test::bytes_of(halves) : bytes;
}

NewTensor weights() {
  std::vector<float> numbers;
  for (int id = 0; id < kTokens; ++id) numbers.push_back(0.5f + static_cast<float>(id % 5) / 4);
  return {"weights", "F32", {kTokens}, test::bytes_of(numbers)};
}

NewTensor mapping() {
  std::vector<std::int64_t> rows;
  for (std::int64_t id = 0; id < kTokens; ++id) rows.push_back(id * 3 % kRows);
  return {"mapping", "I64", {kTokens}, test::bytes_of(rows)};
}

NewTensor embeddings(std::int64_t rows, const std::string& dtype = "F32") {
  return {"embeddings", dtype, {rows, kDimension}, embeddings_of(rows, dtype)};
}

class StaticModelTest : public testing::Test {
 protected:
  void write(const std::vector<NewTensor>& tensors, const std::string& config = "{}") {
    ASSERT_TRUE(write_safetensors(dir_.file("model.safetensors"), tensors));
    test::write_text(dir_.file("tokenizer.json"), read_file(std::string(kData) + "tokenizer.json"));
    test::write_text(dir_.file("config.json"), config);
  }
  std::string refusal() const {
    const auto opened = open_static_model(dir_.path());
    return opened ? "opened" : opened.error().to_string();
  }
  test::TempDir dir_;
};

// A rebuild that named such a folder hung for good, and with it whoever asked for an embedder.
TEST_F(StaticModelTest, APipeInTheFolderIsNotWaitedFor) {
  for (const char* name : {"model.safetensors", "tokenizer.json", "config.json"}) {
    write({embeddings(kTokens, "F32")});
    ASSERT_EQ(::unlink(dir_.file(name).c_str()), 0);
    ASSERT_EQ(::mkfifo(dir_.file(name).c_str(), 0600), 0);
    const auto opened = open_static_model(dir_.path());
    ASSERT_FALSE(opened) << name;
    EXPECT_EQ(opened.error().kind, ErrorKind::invalid);
    EXPECT_THAT(opened.error().message, testing::HasSubstr(name));
    ASSERT_EQ(::unlink(dir_.file(name).c_str()), 0);
  }
}

// vectors.json has what Model2Vec 0.10.0 makes of the same numbers and texts.
TEST_F(StaticModelTest, HasTheVectorsOfTheReference) {
  for (const Json& part : Json::parse(read_file(std::string(kData) + "vectors.json"))) {
    const auto dtype = part["dtype"].get<std::string>();
    const bool mapped = part["mapping"].get<bool>(), weighed = part["weights"].get<bool>();
    std::vector<NewTensor> tensors{embeddings(mapped ? kRows : kTokens, dtype)};
    if (weighed) tensors.push_back(weights());
    if (mapped) tensors.push_back(mapping());
    write(tensors, dump({{"normalize", part["normalize"]}, {"max_length", part["max_length"]}}));
    const auto opened = open_static_model(dir_.path());
    ASSERT_TRUE(opened) << opened.error().to_string();
    const auto& info = (*opened)->info();
    EXPECT_EQ(info.tokens, kTokens);
    EXPECT_EQ(info.rows, mapped ? kRows : kTokens);
    EXPECT_EQ(info.dimension, kDimension);
    EXPECT_EQ(info.dtype, dtype);
    EXPECT_EQ(info.mapping, mapped);
    EXPECT_EQ(info.weights, weighed);
    EXPECT_EQ(info.normalize, part["normalize"].get<bool>());
    // The reference rounds to halves what it makes of halves.
    const float most = dtype == "F16" ? 5e-4f : 1e-5f;
    for (const Json& row : part["vectors"]) {
      std::vector<float> vector(kDimension, 7.0f);
      (*opened)->embed(row[0].get<std::string>(), vector);
      for (std::size_t i = 0; i < vector.size(); ++i) {
        EXPECT_NEAR(vector[i], row[1][i].get<float>(), most)
            << dtype << mapped << weighed << " " << row[0] << " " << i;
      }
    }
  }
}

TEST_F(StaticModelTest, TheHashIsOfTheThreeFiles) {
  write({embeddings(kTokens)}, R"({"normalize": true})");
  const auto info = open_static_model(dir_.path()).value()->info();
  std::string all;
  for (const char* name : {"model.safetensors", "tokenizer.json", "config.json"}) {
    all += read_file(dir_.file(name));
  }
  EXPECT_EQ(info.hash, sha256_hex(all));
  EXPECT_EQ(info.bytes, all.size());
  test::write_text(dir_.file("config.json"), R"({"normalize": false})");
  EXPECT_NE(open_static_model(dir_.path()).value()->info().hash, info.hash);
}

TEST_F(StaticModelTest, TheNameOfSentenceTransformersIsReadToo) {
  auto tensor = embeddings(kTokens);
  tensor.name = "embedding.weight";
  write({tensor});
  EXPECT_EQ(refusal(), "opened");
}

TEST_F(StaticModelTest, BytesThatAreNoTextHaveAVectorToo) {
  write({embeddings(kTokens)});
  const auto model = open_static_model(dir_.path()).value();
  std::vector<float> broken(kDimension), mended(kDimension);
  model->embed("the \xff user", broken);
  model->embed("the user", mended);
  EXPECT_EQ(broken, mended);
}

TEST_F(StaticModelTest, TellsWordsThatAreATokenFromThoseInPieces) {
  write({embeddings(kTokens)});
  const auto model = open_static_model(dir_.path()).value();
  const auto words = [&](std::string_view text) {
    const auto found = model->count_words(text);
    return std::pair(found.all, found.known);
  };
  using Counts = std::pair<std::size_t, std::size_t>;
  EXPECT_EQ(words("The user cannot log in!"), Counts(5, 5));
  EXPECT_EQ(words("the users"), Counts(2, 1)) << "user ##s";
  EXPECT_EQ(words("the ussr"), Counts(2, 1)) << "u ##s ##s ##r";
  EXPECT_EQ(words("the user\u0416s"), Counts(2, 1)) << "unknown";
  EXPECT_EQ(words("- , ! $"), Counts(0, 0));
  EXPECT_EQ(words(""), Counts(0, 0));
  std::string endless;
  for (int i = 0; i < 600; ++i) endless += "in ";
  EXPECT_LE(words(endless).first, 512u) << "what embed() does not read";
}

TEST_F(StaticModelTest, AFolderWithoutAFileIsToldByItsName) {
  for (const char* name : {"model.safetensors", "tokenizer.json", "config.json"}) {
    write({embeddings(kTokens)});
    std::filesystem::remove(dir_.file(name));
    EXPECT_THAT(refusal(), HasSubstr("not_found: cannot read " + dir_.file(name)));
  }
}

TEST_F(StaticModelTest, WhatIsNoStaticModelIsTold) {
  write({{"encoder.layer.0.bias", "F32", {1}, "1234"}});
  EXPECT_THAT(refusal(), HasSubstr("unprocessable: "));
  EXPECT_THAT(refusal(), HasSubstr("mesh model build"));
  write({{"embeddings", "I32", {kTokens, 1}, std::string(4 * kTokens, '\0')}});
  EXPECT_THAT(refusal(), HasSubstr("\"I32\""));
  auto rows = mapping();
  rows.dtype = "F64";
  write({embeddings(kRows), rows});
  EXPECT_THAT(refusal(), HasSubstr("mapping is of F64"));
}

TEST_F(StaticModelTest, FilesThatContradictEachOtherAreRefused) {
  write({embeddings(kTokens - 1)});
  EXPECT_THAT(refusal(), HasSubstr("120 rows for the 121 tokens"));
  write({embeddings(kTokens), {"weights", "F32", {2}, std::string(8, '\0')}});
  EXPECT_THAT(refusal(), HasSubstr("weights are not for the 121 tokens"));
  write({embeddings(kRows), {"mapping", "I64", {1}, std::string(8, '\0')}});
  EXPECT_THAT(refusal(), HasSubstr("mapping is not for the 121 tokens"));
  write({embeddings(kRows - 1), mapping()});
  EXPECT_THAT(refusal(), HasSubstr("mapping names row 39 of 39"));
  write({{"embeddings", "F32", {kTokens}, std::string(4 * kTokens, '\0')}});
  EXPECT_THAT(refusal(), HasSubstr("no shape [rows, dimension]"));
}

TEST_F(StaticModelTest, NumbersThatCouldMakeNoVectorAreRefused) {
  for (const float bad : {INFINITY, NAN, -2e30f}) {
    auto tensor = embeddings(kTokens);
    std::memcpy(tensor.bytes.data() + tensor.bytes.size() - sizeof bad, &bad, sizeof bad);
    write({tensor});
    EXPECT_THAT(refusal(), HasSubstr("not finite")) << bad;
    auto heavy = weights();
    std::memcpy(heavy.bytes.data(), &bad, sizeof bad);
    write({embeddings(kTokens), heavy});
    EXPECT_THAT(refusal(), HasSubstr("not finite")) << bad;
  }
}

TEST_F(StaticModelTest, AConfigurationThatIsNoneIsRefused) {
  for (const auto& [config, why] : std::vector<std::pair<std::string, std::string>>{
           {"[]", "is an object"},
           {"{", "malformed JSON"},
           {R"({"normalize": 1})", "normalize"},
           {R"({"max_length": 0})", "max_length"},
           {R"({"max_length": "512"})", "max_length"}}) {
    write({embeddings(kTokens)}, config);
    EXPECT_THAT(refusal(), HasSubstr(dir_.file("config.json") + ": ")) << config;
    EXPECT_THAT(refusal(), HasSubstr(why)) << config;
  }
}

}  // namespace
}  // namespace mesh::models
