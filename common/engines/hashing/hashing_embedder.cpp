#include "common/engines/hashing/hashing_embedder.h"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::hashing {
namespace {

using CodePoint = std::int32_t;

// Weights are integers and so is their sum; floating point has no products to fuse, only one square
// root and divisions. So no compiler or machine can change a bit of a vector.
constexpr std::int64_t kWordWeight = 600;
constexpr std::int64_t kPairWeight = 1000;
constexpr std::int64_t kTrigramWeight = 600;
constexpr std::int64_t kFull = 1000;
constexpr std::int64_t kDomain = 300;

constexpr std::size_t kMaxWords = 256;
constexpr std::size_t kMaxWordLength = 32;
constexpr CodePoint kStart = 1, kEnd = 2;  // never part of a word

struct Word {
  std::vector<CodePoint> letters;
  std::int64_t weight;
};

enum class CharClass { other, letter, digit };

CharClass classify(CodePoint c) {
  if (c < 0x80) {
    if (c >= 'a' && c <= 'z') return CharClass::letter;
    return c >= '0' && c <= '9' ? CharClass::digit : CharClass::other;
  }
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
      return CharClass::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharClass::digit;
    default:
      return CharClass::other;
  }
}

// Case-folded and without accents. Text that is not UTF-8 has no features.
std::vector<CodePoint> fold(std::string_view text) {
  std::vector<CodePoint> folded;
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) {
    folded.reserve(text.size());
    for (const char c : text) {
      folded.push_back(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return folded;
  }
  utf8proc_uint8_t* raw = nullptr;
  constexpr auto kOptions =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE |
                                     UTF8PROC_STRIPMARK | UTF8PROC_CASEFOLD);
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                 static_cast<utf8proc_ssize_t>(text.size()), &raw, kOptions);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(raw, &std::free);
  for (utf8proc_ssize_t at = 0; at < size;) {
    CodePoint c = 0;
    const auto length = utf8proc_iterate(raw + at, size - at, &c);
    if (length <= 0) break;
    folded.push_back(c);
    at += length;
  }
  return folded;
}

// Distinct words, each with the largest of its weights.
std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  std::vector<CodePoint> letters;
  std::int64_t weight = kFull;
  CharClass last = CharClass::other;
  const auto finish = [&] {
    if (letters.empty()) return;
    const auto same = std::find_if(words.begin(), words.end(),
                                   [&](const Word& word) { return word.letters == letters; });
    if (same != words.end()) {
      same->weight = std::max(same->weight, weight);
    } else if (words.size() < kMaxWords) {
      words.push_back({letters, weight});
    }
    letters.clear();
  };
  for (const CodePoint c : fold(text)) {
    const CharClass kind = classify(c);
    if (kind != last) finish();
    last = kind;
    if (kind != CharClass::other) {
      if (letters.size() < kMaxWordLength) letters.push_back(c);
    } else if (c == '@') {
      weight = kDomain;
    } else if (c == ' ' || c == ',' || c == ';' || c == '>' || c == '\t' || c == '\n') {
      weight = kFull;
    }
  }
  finish();
  return words;
}

// Adds hashed features into an integer vector.
class Accumulator {
 public:
  explicit Accumulator(int dimension) : sums_(static_cast<std::size_t>(dimension)) {}

  void add(char kind, const CodePoint* letters, std::size_t count, std::int64_t weight) {
    char bytes[1 + 3 * (kMaxWordLength + 2)];
    std::size_t size = 0;
    bytes[size++] = kind;
    for (std::size_t i = 0; i < count; ++i) {
      const auto c = static_cast<std::uint32_t>(letters[i]);
      bytes[size++] = static_cast<char>(c);
      bytes[size++] = static_cast<char>(c >> 8);
      bytes[size++] = static_cast<char>(c >> 16);
    }
    const std::uint64_t hash = stable_hash({bytes, size});
    const auto place = static_cast<std::size_t>((hash >> 32) * sums_.size() >> 32);
    sums_[place] += (hash & 1) != 0 ? weight : -weight;
  }

  std::vector<float> unit() const {
    double squares = 0;
    for (const auto sum : sums_) squares += static_cast<double>(sum * sum);
    std::vector<float> vector(sums_.size());
    if (squares == 0) return vector;
    const double length = std::sqrt(squares);
    for (std::size_t i = 0; i < vector.size(); ++i) {
      vector[i] = static_cast<float>(static_cast<double>(sums_[i]) / length);
    }
    return vector;
  }

 private:
  std::vector<std::int64_t> sums_;
};

// The weight of each of `count` features that weigh `weight` together.
std::int64_t share(std::int64_t weight, std::size_t count) {
  const double length = std::sqrt(static_cast<double>(count));
  return static_cast<std::int64_t>(static_cast<double>(weight) / length);
}

void add_word(Accumulator& sums, const Word& word) {
  const auto& letters = word.letters;
  const std::size_t n = letters.size();
  const auto length = static_cast<std::int64_t>(std::min<std::size_t>(n, 6));
  const std::int64_t weight = word.weight * (length + 2) / 8;
  sums.add('w', letters.data(), n, kWordWeight * weight / kFull);

  std::vector<CodePoint> framed;
  framed.reserve(n + 2);
  framed.push_back(kStart);
  framed.insert(framed.end(), letters.begin(), letters.end());
  framed.push_back(kEnd);
  const auto pair = share(kPairWeight * weight / kFull, 2 * n + 1);
  for (std::size_t i = 0; i + 1 < framed.size(); ++i) {
    sums.add('b', framed.data() + i, 2, pair);
    if (i + 2 < framed.size()) {
      const CodePoint skip[2] = {framed[i], framed[i + 2]};
      sums.add('b', skip, 2, pair);
    }
  }
  const auto trigram = share(kTrigramWeight * weight / kFull, n);
  for (std::size_t i = 0; i + 2 < framed.size(); ++i) sums.add('t', framed.data() + i, 3, trigram);
}

class HashingEmbedder final : public Embedder {
 public:
  explicit HashingEmbedder(int dimension) : dimension_(dimension) {}
  int dimension() const override { return dimension_; }
  std::string id() const override { return "hashing-v1/" + std::to_string(dimension_); }

  Result<std::vector<std::vector<float>>> embed(std::span<const std::string> texts) override {
    std::vector<std::vector<float>> vectors;
    vectors.reserve(texts.size());
    for (const auto& text : texts) {
      Accumulator sums(dimension_);
      for (const auto& word : words_of(text)) add_word(sums, word);
      vectors.push_back(sums.unit());
    }
    return vectors;
  }

 private:
  const int dimension_;
};

}  // namespace

std::unique_ptr<Embedder> make_embedder(int dimension) {
  return std::make_unique<HashingEmbedder>(std::clamp(dimension, kMinDimension, kMaxDimension));
}

}  // namespace mesh::hashing
