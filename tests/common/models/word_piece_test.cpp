#include "common/models/word_piece.h"

#include <gmock/gmock.h>

#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::models {
namespace {

using testing::HasSubstr;

constexpr const char* kWordPieceData = MESH_SOURCE_DIR "/tests/common/models/data/";

Json read_json(const std::string& name) {
  std::ifstream file(kWordPieceData + name);
  return Json::parse(file);
}

WordPiece tokenizer_with(const Json& normalizer) {
  Json tokenizer = read_json("tokenizer.json");
  tokenizer["normalizer"] = normalizer;
  return WordPiece::read(tokenizer).value();
}

std::vector<std::int32_t> ids_of(const WordPiece& words, std::string_view text,
                                 std::size_t limit = 1000) {
  std::vector<std::int32_t> ids;
  words.encode(text, limit, ids);
  return ids;
}

std::vector<std::string> tokens_of(const WordPiece& words, std::string_view text) {
  std::vector<std::string> tokens;
  for (const std::int32_t id : ids_of(words, text)) tokens.push_back(words.token(id));
  return tokens;
}

// texts.json has what `tokenizers` 0.23.3 makes of the texts with tokenizer.json.
TEST(WordPiece, HasTheIdsOfTheReference) {
  std::size_t texts = 0;
  for (const Json& part : read_json("texts.json")) {
    const WordPiece words = tokenizer_with(part["normalizer"]);
    for (const Json& row : part["texts"]) {
      const auto text = row[0].get<std::string>();
      EXPECT_EQ(ids_of(words, text), row[1].get<std::vector<std::int32_t>>())
          << part["normalizer"].dump() << " " << row[0].dump(-1, ' ', true);
      ++texts;
    }
  }
  EXPECT_GE(texts, 160u);
}

TEST(WordPiece, DividesWordsIntoTheLongestTokens) {
  const auto words = WordPiece::open(std::string(kWordPieceData) + "tokenizer.json").value();
  EXPECT_EQ(tokens_of(words, "Unpaid users!"),
            (std::vector<std::string>{"u", "##n", "##p", "##a", "##i", "##d", "user", "##s", "!"}));
  EXPECT_EQ(tokens_of(words, "user\u0416s in"), (std::vector<std::string>{"[UNK]", "in"}));
  EXPECT_EQ(words.token(words.unknown()), "[UNK]");
  EXPECT_EQ(words.id_of("user"), 5);
  EXPECT_EQ(words.id_of("[MASK]"), static_cast<std::int32_t>(words.size()) - 2);
  EXPECT_EQ(words.id_of("nowhere"), -1);
}

TEST(WordPiece, StopsAtItsLimitAndAppends) {
  const auto words = WordPiece::open(std::string(kWordPieceData) + "tokenizer.json").value();
  const auto all = ids_of(words, "the user cannot [CLS] log in");
  for (std::size_t limit = 0; limit <= all.size() + 1; ++limit) {
    const auto some = ids_of(words, "the user cannot [CLS] log in", limit);
    EXPECT_EQ(some, std::vector(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(
                                                               std::min(limit, all.size()))));
  }
  std::vector<std::int32_t> ids{7};
  words.encode("the user", 1, ids);
  EXPECT_EQ(ids, (std::vector<std::int32_t>{7, all[0]}));
  words.encode("user", SIZE_MAX, ids);
  EXPECT_EQ(ids.back(), all[1]);
}

TEST(WordPiece, BytesThatAreNoTextAreReadAsTheReplacementCharacter) {
  const WordPiece cleaning = tokenizer_with({{"type", "BertNormalizer"}});
  const WordPiece plain = tokenizer_with(nullptr);
  for (const auto& [broken, mended] : std::vector<std::pair<std::string, std::string>>{
           {"a\xff"
            "b",
            "a\ufffdb"},
           {"\xc3", "\ufffd"},
           {"in \xed\xa0\x80", "in \ufffd\ufffd\ufffd"},
           {"\xe4\xb8 user", "\ufffd\ufffd user"}}) {
    EXPECT_EQ(ids_of(cleaning, broken), ids_of(cleaning, mended));
    EXPECT_EQ(ids_of(plain, broken), ids_of(plain, mended));
  }
  EXPECT_EQ(tokens_of(cleaning,
                      "us\xff"
                      "er"),
            (std::vector<std::string>{"user"}));
}

TEST(WordPiece, ASequenceOfOneIsThatOne) {
  Json tokenizer = test::tokenizer_of({"user"});
  tokenizer["normalizer"] = {{"type", "Sequence"}, {"normalizers", {tokenizer["normalizer"]}}};
  tokenizer["pre_tokenizer"] = {{"type", "Sequence"},
                                {"pretokenizers", {tokenizer["pre_tokenizer"]}}};
  EXPECT_TRUE(WordPiece::read(tokenizer));
}

TEST(WordPiece, WhatItDoesNotDoIsRefusedByName) {
  const auto refusal = [](const char* place, const Json& value) {
    Json tokenizer = test::tokenizer_of({"user"});
    tokenizer[Json::json_pointer(place)] = value;
    const auto read = WordPiece::read(tokenizer);
    return read ? "read" : read.error().to_string();
  };
  const auto token = [](Json more) {
    Json added = {{"id", 53 + 1}, {"content", "[X]"}};
    added.update(more);
    return Json::array({added});
  };
  const std::string others = "unprocessable: ";
  EXPECT_THAT(refusal("/model/type", "Unigram"), HasSubstr(others + "model \"Unigram\""));
  EXPECT_THAT(refusal("/model/type", "BPE"), HasSubstr("model \"BPE\""));
  EXPECT_THAT(refusal("/model", nullptr), HasSubstr("model \"?\""));
  EXPECT_THAT(refusal("/normalizer/type", "NFKC"), HasSubstr(others + "normalizer \"NFKC\""));
  EXPECT_THAT(refusal("/normalizer", {{"type", "Sequence"}, {"normalizers", Json::array()}}),
              HasSubstr("normalizer \"Sequence\""));
  EXPECT_THAT(refusal("/pre_tokenizer/type", "ByteLevel"),
              HasSubstr("pre_tokenizer \"ByteLevel\""));
  EXPECT_THAT(refusal("/pre_tokenizer", nullptr), HasSubstr("pre_tokenizer \"?\""));
  EXPECT_EQ(refusal("/added_tokens", token(Json::object())), "read");
  EXPECT_THAT(refusal("/added_tokens", token({{"single_word", true}})), HasSubstr("single_word"));
  EXPECT_THAT(refusal("/added_tokens", token({{"content", " x"}})), HasSubstr("white space"));
  const std::string invalid = "invalid: ";
  EXPECT_THAT(refusal("/added_tokens", token({{"id", 99}})), HasSubstr(invalid));
  EXPECT_THAT(refusal("/added_tokens", token({{"content", "user"}})), HasSubstr("not its own"));
  EXPECT_THAT(refusal("/added_tokens", token({{"content", ""}})), HasSubstr(invalid));
  EXPECT_THAT(refusal("/added_tokens", "none"), HasSubstr(invalid));
  EXPECT_THAT(refusal("/normalizer/lowercase", 1), HasSubstr("lowercase"));
  EXPECT_THAT(refusal("/model/unk_token", "[NONE]"), HasSubstr("\"[NONE]\" is not in the vocab"));
  EXPECT_THAT(refusal("/model/vocab/user", 0), HasSubstr(invalid));
  EXPECT_THAT(refusal("/model/vocab/user", 99), HasSubstr("\"user\""));
  EXPECT_THAT(refusal("/model/vocab/user", -1), HasSubstr(invalid));
  EXPECT_THAT(refusal("/model/vocab/user", "1"), HasSubstr(invalid));
  EXPECT_THAT(refusal("/model/vocab", Json::array()), HasSubstr("no vocab"));
  EXPECT_THAT(refusal("/model/max_input_chars_per_word", -1), HasSubstr("max_input_chars"));
}

TEST(WordPiece, AFileIsNamedInItsErrors) {
  test::TempDir dir;
  EXPECT_EQ(WordPiece::open(dir.file("none")).error().kind, ErrorKind::not_found);
  test::write_text(dir.file("broken"), "{");
  const auto broken = WordPiece::open(dir.file("broken"));
  EXPECT_EQ(broken.error().kind, ErrorKind::invalid);
  EXPECT_THAT(broken.error().message, HasSubstr(dir.file("broken") + ": malformed JSON"));
}

}  // namespace
}  // namespace mesh::models
