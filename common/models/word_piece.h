// Text to the ids of a vocabulary, as BERT's tokenizer does it: normalizer, pre-tokenizer and
// WordPiece of a `tokenizer.json` (https://huggingface.co/docs/tokenizers; J. Devlin et al., 2018,
// arXiv:1810.04805). Special tokens are not added.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::models {

// Any thread.
class WordPiece {
 public:
  // `unprocessable` for what it does not do, by name: another type of model, normalizer or
  // pre-tokenizer, or options of them that would change ids.
  static Result<WordPiece> read(const Json& tokenizer);
  static Result<WordPiece> open(const std::string& path);  // of a tokenizer.json

  // Appends at most `limit` ids. Unknown words are the unknown token's id, as the reference has
  // them. Text that is not UTF-8 is read with U+FFFD in place of what is none.
  void encode(std::string_view text, std::size_t limit, std::vector<std::int32_t>& ids) const;

  std::size_t size() const { return tokens_.size(); }
  const std::string& token(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  std::int32_t unknown() const { return unknown_; }
  std::int32_t id_of(std::string_view token) const;  // -1 where there is none

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const;
  };
  std::vector<std::string> tokens_;  // by id
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> ids_;
  std::int32_t unknown_ = 0;
  std::string continuing_ = "##";
  std::size_t max_word_ = 100;  // code points; a longer word is unknown
  bool lowercase_ = true, strip_accents_ = true, clean_text_ = true, chinese_ = true;
};

}  // namespace mesh::models
