// Words of a text, as searches by words compare them, and what they are worth.
//
// BM25 (S. Robertson, H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009),
// with k1 = 1.2 and b = 0.75: over the terms of the query that a document has,
//   idf(t) * tf (k1 + 1) / (tf + k1 (1 - b + b length / average))
//   idf(t) = ln(1 + (N - n(t) + 0.5) / (n(t) + 0.5))
// N, n(t) and the average are of the documents of the same tenant and type, as far as an engine
// can tell them apart; what it does is in its own documentation.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace mesh {

struct Term {
  std::uint32_t id = 0;  // a hash of the folded word (stable_hash, its upper half)
  std::uint32_t count = 0;
  auto operator<=>(const Term&) const = default;
};

struct Terms {
  std::vector<Term> terms;   // by id, each once; at most kMaxTerms, the first ones of the text
  std::uint32_t length = 0;  // words of the text, repeated ones too
  bool operator==(const Terms&) const = default;
};

inline constexpr std::size_t kMaxTerms = 2000;

// Words are maximal runs of letters, marks and digits after Unicode folding (case, width, accents);
// each Han character, and each symbol such as an emoji, is a word.
Terms terms_of(std::string_view text);

inline constexpr double kBm25Saturation = 1.2, kBm25Length = 0.75;

// One term's part of a document's score.
double bm25(double documents, double documents_with, double count, double length, double average);

}  // namespace mesh
