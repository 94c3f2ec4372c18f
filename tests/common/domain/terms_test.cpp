#include "common/domain/terms.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "common/base/strings.h"

namespace mesh {
namespace {

std::set<std::uint32_t> ids(std::string_view text) {
  std::set<std::uint32_t> found;
  for (const auto& term : terms_of(text).terms) found.insert(term.id);
  return found;
}

TEST(Terms, WordsAreRunsOfLettersAndDigits) {
  EXPECT_EQ(ids("order-42, paid_by card"), ids("card 42 order paid by"));
  EXPECT_EQ(terms_of("order-42, paid_by card").length, 5u);
  EXPECT_TRUE(terms_of("").terms.empty());
  EXPECT_TRUE(terms_of(" .,-_/ ").terms.empty());
}

TEST(Terms, FoldCaseWidthAndAccents) {
  EXPECT_EQ(ids("Caf\u00e9"), ids("cafe"));
  EXPECT_EQ(ids("cafe\u0301"), ids("CAFE"));
  EXPECT_EQ(ids("\uff21\uff22\uff23"), ids("abc"));
  EXPECT_EQ(ids("Stra\u00dfe"), ids("STRASSE"));
  EXPECT_NE(ids("cafe"), ids("cafes"));
}

TEST(Terms, EachIdeographAndEachSymbolIsAWord) {
  EXPECT_EQ(terms_of("\u6771\u4eac").length, 2u);
  EXPECT_EQ(ids("\u6771\u4eac"), ids("\u4eac \u6771"));
  EXPECT_EQ(terms_of("\U0001f600\U0001f680").length, 2u);
  EXPECT_EQ(terms_of("a\u6771b").length, 3u);
  EXPECT_EQ(terms_of("\u30ab\u30bf\u30ab\u30ca").length, 1u) << "kana are letters";
}

TEST(Terms, CountRepeatedWordsAndStandById) {
  const auto found = terms_of("b a b B a c");
  EXPECT_EQ(found.length, 6u);
  ASSERT_EQ(found.terms.size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(found.terms));
  std::multiset<std::uint32_t> counts;
  for (const auto& term : found.terms) counts.insert(term.count);
  EXPECT_EQ(counts, (std::multiset<std::uint32_t>{1, 2, 3}));
}

TEST(Terms, OfALongTextTheFirstWordsStandAndAllAreCounted) {
  std::string text;
  for (std::size_t i = 0; i < kMaxTerms + 500; ++i) text += "w" + std::to_string(i) + " ";
  text += "w0 w0";
  const auto found = terms_of(text);
  EXPECT_EQ(found.terms.size(), kMaxTerms);
  EXPECT_EQ(found.length, kMaxTerms + 502);
  const auto first = *ids("w0").begin();
  const auto at = std::ranges::find(found.terms, first, &Term::id);
  ASSERT_NE(at, found.terms.end());
  EXPECT_EQ(at->count, 3u);
  const auto last = "w" + std::to_string(kMaxTerms + 1);
  EXPECT_EQ(std::ranges::find(found.terms, *ids(last).begin(), &Term::id), found.terms.end());
}

// Ids are stored: the same on every machine and in every version.
TEST(Terms, IdsDoNotChange) {
  const auto found = terms_of("mesh");
  ASSERT_EQ(found.terms.size(), 1u);
  EXPECT_EQ(found.terms[0].id, 4273747294U);
}

TEST(Terms, TheOrderOfWordsDoesNotMatter) {
  EXPECT_TRUE(rc::check([](const std::vector<std::string>& words) {
    std::string forth, back;
    for (const auto& word : words) {
      if (!is_valid_utf8(word)) continue;
      // A mark alone belongs to the character before it; letters around keep them apart.
      forth += "x " + word + " x ";
      back = "x " + word + " x " + back;
    }
    RC_ASSERT(terms_of(forth) == terms_of(back));
  }));
}

TEST(Bm25, IsTheFormula) {
  // N 10, n 2, tf 3, length as the average: idf = ln(1 + 8.5 / 2.5), times 3 * 2.2 / 4.2.
  EXPECT_NEAR(bm25(10, 2, 3, 20, 20), 1.4816045409 * 6.6 / 4.2, 1e-9);
  EXPECT_EQ(bm25(10, 2, 0, 20, 20), 0);
}

TEST(Bm25, RareWordsManyOfThemAndShortTextsCountMore) {
  EXPECT_GT(bm25(100, 1, 1, 10, 10), bm25(100, 50, 1, 10, 10));
  EXPECT_GT(bm25(100, 5, 2, 10, 10), bm25(100, 5, 1, 10, 10));
  EXPECT_GT(bm25(100, 5, 1, 5, 10), bm25(100, 5, 1, 20, 10));
  EXPECT_GT(bm25(1, 1, 1, 1, 1), 0) << "also where every document has the word";
  EXPECT_GT(bm25(1, 1, 1, 0, 0), 0);
}

}  // namespace
}  // namespace mesh
