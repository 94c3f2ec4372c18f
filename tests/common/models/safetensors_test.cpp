#include "common/models/safetensors.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::models {
namespace {

using testing::HasSubstr;

class SafetensorsTest : public testing::Test {
 protected:
  std::string path() const { return dir_.file("model.safetensors"); }
  // A file of that header and so many bytes behind it.
  void write(const std::string& header, std::size_t bytes) {
    const std::uint64_t length = header.size();
    test::write_text(path(), std::string(reinterpret_cast<const char*>(&length), 8) + header +
                                 std::string(bytes, '\1'));
  }
  std::string refusal(const std::string& header, std::size_t bytes) {
    write(header, bytes);
    const auto opened = Safetensors::open(path());
    if (opened) return "opened";
    EXPECT_THAT(opened.error().message, HasSubstr(path()));
    return opened.error().to_string();
  }
  test::TempDir dir_;
};

TEST_F(SafetensorsTest, WhatIsWrittenIsRead) {
  ASSERT_TRUE(write_safetensors(path(), {{"bytes", "I8", {3}, "\x7f\x80\x01"},
                                         {"halves", "F16", {1, 2}, std::string("\0\x3c\0\xc0", 4)},
                                         {"none", "F32", {0, 5}, ""},
                                         {"wide", "F64", {1}, test::bytes_of<double>({0.25})}}));
  const auto opened = Safetensors::open(path());
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_EQ((*opened)->tensors().size(), 4u);
  const Tensor* bytes = (*opened)->find("bytes");
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(bytes->dtype, "I8");
  EXPECT_EQ(bytes->shape, (std::vector<std::int64_t>{3}));
  EXPECT_EQ((*opened)->find("none")->elements(), 0);
  EXPECT_EQ((*opened)->find("other"), nullptr);
  for (const auto& [name, tensor] : (*opened)->tensors()) {
    const auto place = tensor.bytes.data() - (*opened)->file().data();
    EXPECT_EQ(place % (name == "wide" ? 8 : name == "halves" ? 2 : 1), 0) << name;
  }
  std::vector<float> numbers(3);
  ASSERT_TRUE(read_floats(*bytes, 0, numbers));
  EXPECT_EQ(numbers, (std::vector<float>{127, -128, 1}));
  numbers.resize(2);
  ASSERT_TRUE(read_floats(*(*opened)->find("halves"), 0, numbers));
  EXPECT_EQ(numbers, (std::vector<float>{1, -2}));
  numbers.resize(1);
  ASSERT_TRUE(read_floats(*(*opened)->find("wide"), 0, numbers));
  EXPECT_EQ(numbers, (std::vector<float>{0.25}));
  ASSERT_TRUE(read_floats(*bytes, 1, numbers));
  EXPECT_EQ(numbers, (std::vector<float>{-128}));
}

TEST_F(SafetensorsTest, EveryHalfIsTheNumberThatIeeeSays) {
  std::vector<std::uint16_t> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  const std::string bytes = test::bytes_of(halves);
  const Tensor tensor{"F16", {65536}, std::as_bytes(std::span(bytes.data(), bytes.size()))};
  std::vector<float> numbers(halves.size());
  ASSERT_TRUE(read_floats(tensor, 0, numbers));
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const int exponent = static_cast<int>(i >> 10 & 31), fraction = static_cast<int>(i & 1023);
    const float sign = i >= 32768 ? -1.0f : 1.0f;
    if (exponent == 31 && fraction != 0) {
      EXPECT_TRUE(std::isnan(numbers[i])) << i;
      continue;
    }
    const float expected = exponent == 31 ? std::numeric_limits<float>::infinity()
                           : exponent == 0
                               ? std::ldexp(static_cast<float>(fraction), -24)
                               : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    EXPECT_EQ(numbers[i], sign * expected) << i;
  }
}

TEST_F(SafetensorsTest, BrainFloatsAreTheUpperHalvesOfFloats) {
  const std::string bytes("\x80\x3f\x40\xc0", 4);
  const Tensor tensor{"BF16", {2}, std::as_bytes(std::span(bytes.data(), bytes.size()))};
  std::vector<float> numbers(2);
  ASSERT_TRUE(read_floats(tensor, 0, numbers));
  EXPECT_EQ(numbers, (std::vector<float>{1, -3}));
}

TEST_F(SafetensorsTest, NumbersBeyondATensorOrOfAnotherKindAreRefused) {
  const std::string bytes(8, '\0');
  const auto view = std::as_bytes(std::span(bytes.data(), bytes.size()));
  std::vector<float> numbers(2);
  EXPECT_EQ(read_floats({"F32", {2}, view}, 1, numbers).error().kind, ErrorKind::invalid);
  EXPECT_EQ(read_floats({"F32", {2}, view}, -1, numbers).error().kind, ErrorKind::invalid);
  EXPECT_EQ(read_floats({"F32", {2}, view}, 3, {}).error().kind, ErrorKind::invalid);
  EXPECT_THAT(read_floats({"I64", {1}, view}, 0, std::span(numbers).first(1)).error().message,
              HasSubstr("\"I64\""));
}

TEST_F(SafetensorsTest, MetadataOfTextsAndSpacesBehindTheHeaderAreAllowed) {
  EXPECT_EQ(refusal(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[],)"
                    R"("data_offsets":[0,1]}}   )",
                    1),
            "opened");
  EXPECT_EQ(refusal("{}", 0), "opened");
  EXPECT_THAT(refusal(R"({"__metadata__":{"format":1}})", 0), HasSubstr("__metadata__"));
}

TEST_F(SafetensorsTest, WhatContradictsItselfIsRefused) {
  const auto one = [](const std::string& rest) { return R"({"a":{"dtype":"F32",)" + rest + "}}"; };
  EXPECT_EQ(refusal(one(R"("shape":[2],"data_offsets":[0,8])"), 8), "opened");
  struct Broken {
    std::string header;
    std::size_t bytes;
    const char* why;
  };
  const std::string a = R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)";
  const std::vector<Broken> all{
      {one(R"("shape":[2],"data_offsets":[0,8])"), 7, "of 7 bytes"},
      {one(R"("shape":[2],"data_offsets":[0,8])"), 9, "1 bytes at its end"},
      {one(R"("shape":[3],"data_offsets":[0,8])"), 8, "not what its shape"},
      {one(R"("shape":[2],"data_offsets":[8,0])"), 8, "lies at 8 to 0"},
      {one(R"("shape":[2],"data_offsets":[4,12])"), 12, "begins at byte 4"},
      {one(R"("shape":[-2],"data_offsets":[0,8])"), 8, "no whole number"},
      {one(R"("shape":[2.0],"data_offsets":[0,8])"), 8, "no whole number"},
      {one(R"("shape":[2],"data_offsets":[0,18446744073709551615])"), 8, "no whole number"},
      {one(R"("shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0, "not what its shape"},
      {one(R"("shape":[2],"data_offsets":[0])"), 8, "data_offsets"},
      {one(R"("shape":2,"data_offsets":[0,8])"), 8, "no shape"},
      {one(R"("shape":[2],"data_offsets":[0,8],"more":1)"), 8, "\"more\""},
      {R"({"a":{"shape":[2],"data_offsets":[0,8]}})", 8, "no dtype"},
      {R"({"a":7})", 8, "object"},
      {R"({"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}})", 1, "\"F4\""},
      {a + R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3, "begins at byte 1"},
      {a + R"("b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})", 4, "begins at byte 3"},
      {a + R"("a":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})", 3, "malformed JSON"},
      {"[]", 0, "no JSON object"},
      {"", 0, "no JSON object"},
      {R"({"a":[[[[[[]]]]]]})", 0, "nested"},
      {"{", 0, "malformed JSON"}};
  for (const auto& broken : all) {
    EXPECT_THAT(refusal(broken.header, broken.bytes), HasSubstr(broken.why)) << broken.header;
  }
}

TEST_F(SafetensorsTest, AHeaderLongerThanTheFileOrNoHeaderIsRefused) {
  test::write_text(path(), "short");
  EXPECT_EQ(Safetensors::open(path()).error().kind, ErrorKind::invalid);
  test::write_text(path(), std::string(8, '\xff') + "{}");
  EXPECT_THAT(Safetensors::open(path()).error().message, HasSubstr("18446744073709551615 bytes"));
  test::write_text(path(), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n");
  EXPECT_THAT(Safetensors::open(path()).error().message, HasSubstr("`git lfs pull`"));
  test::write_text(path(), std::string("\x03\0\0\0\0\0\0\0{}", 10));
  EXPECT_THAT(Safetensors::open(path()).error().message, HasSubstr("3 bytes"));
}

TEST_F(SafetensorsTest, AFileThatIsNotThereOrAFolderIsToldByName) {
  EXPECT_EQ(Safetensors::open(path()).error().kind, ErrorKind::not_found);
  EXPECT_THAT(Safetensors::open(dir_.path()).error().message, HasSubstr("no regular file"));
}

TEST_F(SafetensorsTest, WhatIsNotWrittenLeavesTheFileAsItWas) {
  ASSERT_TRUE(write_safetensors(path(), {{"a", "U8", {1}, "x"}}));
  const std::vector<std::vector<NewTensor>> refused{{{"b", "U8", {2}, "x"}},
                                                    {{"b", "X8", {1}, "x"}},
                                                    {{"b", "U8", {-1}, ""}},
                                                    {{"__metadata__", "U8", {1}, "x"}},
                                                    {{"b", "U8", {1}, "x"}, {"b", "U8", {1}, "y"}}};
  for (const auto& tensors : refused) {
    EXPECT_EQ(write_safetensors(path(), tensors).error().kind, ErrorKind::invalid);
  }
  EXPECT_EQ(write_safetensors(dir_.file("none/model"), {}).error().kind, ErrorKind::not_found);
  EXPECT_NE(Safetensors::open(path()).value()->find("a"), nullptr);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path()))
    files += entry.exists();
  EXPECT_EQ(files, 1u);
}

}  // namespace
}  // namespace mesh::models
