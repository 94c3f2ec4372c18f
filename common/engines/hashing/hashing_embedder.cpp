#include "common/engines/hashing/hashing_embedder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>

#include "common/base/ids.h"
#include "common/base/unicode.h"

namespace mesh::hashing {
namespace {

using CodePoint = char32_t;

// Weights are integers and so is their sum; floating point has no products to fuse, only one square
// root and divisions. So no compiler or machine can change a bit of a vector.
constexpr std::int64_t kWordWeight = 600;
constexpr std::int64_t kPairWeight = 1000;
constexpr std::int64_t kTrigramWeight = 600;
constexpr std::int64_t kCharacterWeight = 1000;  // of a symbol, of all Han characters of a word
constexpr std::int64_t kFull = 1000;
constexpr std::int64_t kDomain = 300;

constexpr std::size_t kMaxWords = 256;
constexpr std::size_t kMaxWordLength = 32;
constexpr CodePoint kStart = 1, kEnd = 2;  // never part of a word

struct Word {
  std::vector<CodePoint> letters;
  std::int64_t weight;
};

PointKind classify(CodePoint c) {
  if (c >= 0x80) return kind_of(c);
  if (c >= 'a' && c <= 'z') return PointKind::letter;
  return c >= '0' && c <= '9' ? PointKind::digit : PointKind::other;
}

bool is_han(CodePoint c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || c == 0x3005 ||
         c == 0x3007 || (c >= 0x20000 && c <= 0x3ffff);
}

// Appends what people type for the letter where their keyboards lack it.
void append_plain(std::vector<CodePoint>& out, CodePoint c) {
  static const std::map<CodePoint, std::u32string_view> kPlain{
      {U'æ', U"ae"}, {U'œ', U"oe"}, {U'ø', U"o"}, {U'đ', U"d"}, {U'ð', U"d"},
      {U'ħ', U"h"},  {U'ı', U"i"},  {U'ȷ', U"j"}, {U'ĸ', U"k"}, {U'ł', U"l"},
      {U'ŋ', U"n"},  {U'þ', U"th"}, {U'ŧ', U"t"}, {U'ƶ', U"z"}};
  const auto plain = kPlain.find(c);
  if (plain == kPlain.end()) {
    out.push_back(c);
  } else {
    out.insert(out.end(), plain->second.begin(), plain->second.end());
  }
}

// Case-folded and without accents. Text that is not UTF-8 has no features.
std::vector<CodePoint> fold(std::string_view text) {
  std::vector<CodePoint> folded;
  folded.reserve(text.size());
  // Most names and addresses are; the result is the same as below.
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) {
    for (const char c : text) {
      folded.push_back(static_cast<CodePoint>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
    return folded;
  }
  for (const CodePoint c : fold_compatible(text)) {
    if (is_space(c) || !is_invisible(c)) append_plain(folded, c);
  }
  return folded;
}

// Distinct words, each with the largest of its weights.
std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  std::vector<CodePoint> letters;
  std::int64_t weight = kFull;
  PointKind last = PointKind::other;
  const auto finish = [&] {
    if (letters.empty()) return;
    // By comparison: a text has a handful of words, and kMaxWords at most.
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
    const PointKind kind = classify(c);
    if (kind != last || kind == PointKind::symbol) finish();
    last = kind;
    if (kind != PointKind::other) {
      // A longer word is cut and not divided, which bounds what a hostile name costs.
      if (letters.size() < kMaxWordLength) letters.push_back(c);
    } else if (c == '@') {
      // Until a separator: many users share a domain, which says little of one of them.
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
    // A word and its frame; code points have 21 bits.
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
    // A multiplication in place of a remainder: as even, for every dimension.
    const auto place = static_cast<std::size_t>((hash >> 32) * sums_.size() >> 32);
    sums_[place] += (hash & 1) != 0 ? weight : -weight;
  }

  std::vector<float> unit() const {
    double squares = 0;
    for (const auto sum : sums_) squares += static_cast<double>(sum * sum);
    std::vector<float> vector(sums_.size());
    // A text without features is the zero vector, which is like nothing.
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
  // By the root, since so many features of equal weight have this length together.
  const double length = std::sqrt(static_cast<double>(count));
  return static_cast<std::int64_t>(static_cast<double>(weight) / length);
}

void add_word(Accumulator& sums, const Word& word) {
  const auto& letters = word.letters;
  const std::size_t n = letters.size();
  const auto han = static_cast<std::size_t>(std::ranges::count_if(letters, is_han));
  if (n == 1 && (han == 1 || classify(letters[0]) == PointKind::symbol)) {
    return sums.add('w', letters.data(), 1, kCharacterWeight * word.weight / kFull);
  }
  const auto length = static_cast<std::int64_t>(std::min<std::size_t>(n + 2 * han, 6));
  const std::int64_t weight = word.weight * (length + 2) / 8;
  sums.add('w', letters.data(), n, kWordWeight * weight / kFull);

  if (han > 0) {
    const auto character = share(kCharacterWeight * weight / kFull, han);
    for (const CodePoint& c : letters) {
      if (is_han(c)) sums.add('w', &c, 1, character);
    }
  }

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
  std::string id() const override { return "hashing-v2/" + std::to_string(dimension_); }

  Result<std::vector<std::vector<float>>> embed(std::span<const TenantText> texts) override {
    std::vector<std::vector<float>> vectors;
    vectors.reserve(texts.size());
    for (const auto& [tenant, text, billed] : texts) {
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
