#include "common/domain/terms.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>

#include "common/base/ids.h"
#include "common/base/unicode.h"

namespace mesh {
namespace {

// Characters that are words by themselves: Unicode's property Unified_Ideograph with the
// compatibility ideographs, and the marks that repeat one.
bool is_ideograph(char32_t c) {
  return (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x4e00 && c <= 0x9fff) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x323af) || c == 0x3005 ||
         c == 0x3007;
}

std::uint32_t id_of(const std::u32string& word) {
  // In bytes of one order, since the ids are stored.
  std::string bytes;
  bytes.reserve(word.size() * 4);
  for (const char32_t c : word) {
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((c >> shift) & 0xff);
  }
  return static_cast<std::uint32_t>(stable_hash(bytes) >> 32);
}

}  // namespace

Terms terms_of(std::string_view text) {
  Terms found;
  std::unordered_map<std::uint32_t, std::uint32_t> counts;
  std::u32string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    ++found.length;
    const auto id = id_of(word);
    word.clear();
    if (counts.size() < kMaxTerms) {
      ++counts[id];
    } else if (const auto known = counts.find(id); known != counts.end()) {
      ++known->second;
    }
  };
  for (const char32_t c : fold_compatible(text)) {
    const auto kind = kind_of(c);
    const bool alone = kind == PointKind::symbol || is_ideograph(c);
    const bool part = kind == PointKind::letter || kind == PointKind::digit;
    if (alone || !part) end_word();
    if (alone || part) word += c;
    if (alone) end_word();
  }
  end_word();
  found.terms.reserve(counts.size());
  for (const auto& [id, count] : counts) found.terms.push_back({id, count});
  std::ranges::sort(found.terms);
  return found;
}

double bm25(double documents, double documents_with, double count, double length, double average) {
  if (count <= 0) return 0;
  const double rarity = std::log(1 + (documents - documents_with + 0.5) / (documents_with + 0.5));
  const double relative = average > 0 ? length / average : 1;
  return rarity * count * (kBm25Saturation + 1) /
         (count + kBm25Saturation * (1 - kBm25Length + kBm25Length * relative));
}

}  // namespace mesh
