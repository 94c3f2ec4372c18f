// Text to the ids of a vocabulary, as BERT's tokenizer does it: normalizer, pre-tokenizer and
// WordPiece of a `tokenizer.json` (https://huggingface.co/docs/tokenizers; J. Devlin et al., 2018,
// arXiv:1810.04805). Special tokens are not added; where a text has the text of an added token,
// such as "[CLS]", that is this token.
//
// Ids are those of Hugging Face's `tokenizers`, but for characters that Unicode has had since its
// version 9 of 2016: marks among them are marks here and punctuation is punctuation, while its
// tables of categories, of version 8, have neither.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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
  static Result<WordPiece> parse(std::string_view text);   // of a tokenizer.json
  static Result<WordPiece> open(const std::string& path);  // of a file, which errors name

  // Appends at most `limit` ids. Unknown words are the unknown token's id, as the reference has
  // them. Text that is not UTF-8 is read with U+FFFD in place of what is none.
  void encode(std::string_view text, std::size_t limit, std::vector<std::int32_t>& ids) const;

  std::size_t size() const { return tokens_.size(); }
  const std::string& token(std::int32_t id) const { return tokens_[static_cast<std::size_t>(id)]; }
  std::int32_t unknown() const { return unknown_; }
  std::int32_t id_of(std::string_view token) const;  // -1 where there is none
  // Whether the token goes on with the word of the one before it ("##ing").
  bool continues(std::int32_t id) const { return token(id).starts_with(continuing_); }

 private:
  // Ids by the texts of their tokens, or by those without the prefix of continuing ones: open
  // addressing over the tokens themselves, which are kept once.
  struct Index {
    // Of 16 bytes, which mostly are all that a look-up reads from memory.
    struct Slot {
      std::uint64_t head = 0;  // the key's first eight bytes
      std::uint32_t size = 0;  // bytes of the key
      std::int32_t id = -1;    // -1 where there is none
    };
    std::vector<Slot> slots;  // a power of two of them
    std::size_t skip = 0;     // bytes of a token that are not part of its key
    std::size_t longest = 0;  // bytes of the longest key
    void build(const std::vector<std::string>& tokens, std::size_t count, std::string_view prefix);
    std::int32_t find(const std::vector<std::string>& tokens, std::string_view key,
                      std::uint64_t hash) const;
    // Has memory bring where find() looks first for so much of the word as a key can have.
    void fetch(std::string_view word) const;
  };
  // What is taken out of a text before it is divided into words.
  struct Added {
    std::string text;
    std::int32_t id;
  };

  Status read_model(const Json& model);
  Status read_normalizer(const Json& normalizer);
  Status read_added(const Json& tokens);
  std::string normalize(std::string_view text) const;
  std::string normalize_ascii(std::string_view text) const;
  void add_words(std::string_view normal, std::size_t limit, std::vector<std::int32_t>& ids) const;
  void add_word(std::string_view word, std::vector<std::int32_t>& ids) const;

  std::vector<std::string> tokens_;  // by id
  std::size_t model_tokens_ = 0;     // those of the vocabulary; added ones are behind them
  Index whole_, continuing_index_;
  std::vector<Added> added_, added_normal_;  // in texts as they are, in normalized ones
  std::int32_t unknown_ = 0;
  std::string continuing_ = "##";
  std::size_t max_word_ = 100;  // code points; a longer word is unknown
  bool lowercase_ = false, strip_accents_ = false, clean_text_ = false, chinese_ = false;
};

}  // namespace mesh::models
