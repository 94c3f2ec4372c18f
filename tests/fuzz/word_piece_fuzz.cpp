// Texts, by the tokenizer of a model.
#include <vector>

#include "common/base/json.h"
#include "common/base/strings.h"
#include "common/base/unicode.h"
#include "common/models/word_piece.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace mesh;
using namespace mesh::fuzz;

models::WordPiece tokenizer() {
  Json vocabulary = {{"[UNK]", 0}};
  const auto add = [&](const std::string& token) {
    if (!vocabulary.contains(token)) vocabulary[token] = vocabulary.size();
  };
  for (char c = '!'; c < '\x7f'; ++c) {
    add({c});
    add(std::string("##") + c);
  }
  for (const char* token : {"user", "##er", "un", "##ß", "中", "é", "##\u0301", "σ", "i̇"})
    add(token);
  const Json json = {
      {"added_tokens",
       {{{"id", vocabulary.size()}, {"content", "[CLS]"}, {"normalized", false}},
        {{"id", vocabulary.size() + 1}, {"content", "Order"}, {"normalized", true}}}},
      {"normalizer", {{"type", "BertNormalizer"}}},
      {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
      {"model", {{"type", "WordPiece"}, {"vocab", vocabulary}}}};
  auto read = models::WordPiece::read(json);
  holds(read.has_value(), "the tokenizer of this target is one");
  return std::move(*read);
}

std::vector<std::int32_t> ids_of(const models::WordPiece& words, std::string_view text) {
  std::vector<std::int32_t> ids;
  words.encode(text, SIZE_MAX, ids);
  return ids;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const models::WordPiece kWords = tokenizer();
  const auto text = text_of(data, size);
  const auto ids = ids_of(kWords, text);
  for (const std::int32_t id : ids) {
    holds(id >= 0 && static_cast<std::size_t>(id) < kWords.size(), "an id is of a token");
  }
  std::string mended;
  for (std::string_view rest = text; !rest.empty();) {
    const char32_t point = take_point(rest);
    append_point(mended, point == kBrokenPoint ? 0xfffd : point);
  }
  holds(is_valid_utf8(mended), "what replaces broken bytes is text");
  holds(ids_of(kWords, mended) == ids, "broken bytes are read as the replacement character");
  auto twice = ids;
  twice.insert(twice.end(), ids.begin(), ids.end());
  holds(ids_of(kWords, mended + " \n " + mended) == twice, "white space divides words");
  return 0;
}
