#include "common/base/unicode.h"

#include <gtest/gtest.h>

#include <random>

#include "common/base/strings.h"

namespace mesh {
namespace {

TEST(Unicode, NfcIsOneSpelling) {
  EXPECT_EQ(to_nfc("jose\u0301"), "jos\u00e9");
  EXPECT_EQ(to_nfc("jos\u00e9"), "jos\u00e9");
  EXPECT_EQ(to_nfc("\u1100\u1161"), "\uac00");                  // conjoining Hangul
  EXPECT_EQ(to_nfc("a\u0323\u0307"), to_nfc("a\u0307\u0323"));  // the order of marks
  EXPECT_EQ(to_nfc("\u212b"), "\u00c5");                        // the Angstrom sign
  EXPECT_EQ(to_nfc("\uff41"), "\uff41");                        // full width is another character
  EXPECT_EQ(to_nfc("\xff"), "\xff");
}

TEST(Unicode, CaseFoldingIsFullAndCanonical) {
  const std::vector<std::pair<std::string, std::string>> same{
      {"ALICE", "alice"},         {"JOS\u00c9", "jose\u0301"},
      {"STRASSE", "stra\u00dfe"}, {"\u1e9e", "ss"},
      {"\u03a3", "\u03c2"},       {"\u212a", "k"},
      {"\u13a0", "\uab70"},       {"\ufb01", "fi"},
      {"\u0130", "i\u0307"},      {"\u1fb3\u0301", "\u03b1\u0301\u03b9"}};
  for (const auto& [a, b] : same) EXPECT_EQ(fold_case(a), fold_case(b)) << a << " " << b;
  EXPECT_NE(fold_case("\u0131"), fold_case("i"));  // dotless: another letter
  EXPECT_NE(fold_case("\u0430"), fold_case("a"));  // Cyrillic
  EXPECT_NE(fold_case("e"), fold_case("\u00e9"));
}

// Any text of the characters that compose, fold and reorder.
std::string some_text(std::mt19937_64& random) {
  static const std::vector<std::string> kPieces{
      "a",      "Z",      "i",      "I",      "\u0130", "\u0131", "\u0307", "\u0301",     "\u0323",
      "\u0345", "\u03b1", "\u1fb3", "\u1fbc", "\u0390", "\u1fd3", "\u00df", "\u1e9e",     "\u01c5",
      "\u1100", "\u1161", "\u11a8", "\uac00", "\u200d", "\ufe0f", "\u2126", "\ufb03",     "\u0149",
      "\u13a0", "\uab70", "\u1e9b", "\u017f", "\u0958", "\u0915", "\u093c", "\U0001f600", " "};
  std::string text;
  for (auto n = random() % 8; n > 0; --n) text += kPieces[random() % kPieces.size()];
  return text;
}

TEST(Unicode, FormsAreTheirOwnForms) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = some_text(random);
    const std::string folded = fold_case(text);
    ASSERT_EQ(fold_case(folded), folded) << text;
    ASSERT_EQ(to_nfc(folded), folded) << text;
    ASSERT_EQ(fold_case(to_nfc(text)), folded) << text;
    ASSERT_EQ(to_nfc(to_nfc(text)), to_nfc(text)) << text;
    ASSERT_TRUE(is_valid_utf8(folded));
  }
}

TEST(Unicode, InvisibleAreCategoriesNotAList) {
  for (const char32_t c :
       {0x00U,   0x09U,    0x20U,    0x7fU,    0x85U,    0xa0U,   0xadU,   0x34fU,
        0x61cU,  0x115fU,  0x1680U,  0x17b4U,  0x180eU,  0x180bU, 0x2000U, 0x200bU,
        0x200cU, 0x200dU,  0x200eU,  0x2028U,  0x2029U,  0x202eU, 0x202fU, 0x2060U,
        0x2063U, 0x2069U,  0x2800U,  0x3000U,  0x3164U,  0xfe0fU, 0xfeffU, 0xffa0U,
        0xfff9U, 0x1bca0U, 0x1d173U, 0xe0001U, 0xe0061U, 0xe0100U}) {
    EXPECT_TRUE(is_invisible(c)) << point_text(c);
  }
  for (const char32_t c : {0x21U, 0x41U, 0xe9U, 0x301U, 0x4e00U, 0x1f600U, 0xe000U, 0x378U}) {
    EXPECT_FALSE(is_invisible(c)) << point_text(c);
  }
  EXPECT_TRUE(is_unassigned(0xe000));
  EXPECT_TRUE(is_unassigned(0x378));
  EXPECT_TRUE(is_unassigned(0xffff));
  EXPECT_FALSE(is_unassigned(0x1f600));
}

TEST(Unicode, TrimsWhatEveryoneCallsSpace) {
  EXPECT_EQ(trim_space("\u00a0\u3000 a\tb \u2028\n"), "a\tb");
  EXPECT_EQ(trim_space("\ufeff a\u200b"), "\ufeff a\u200b");  // no space
  EXPECT_EQ(trim_space(" \u00a0"), "");
  EXPECT_EQ(trim_space(""), "");
}

TEST(Unicode, TrimsWhatCannotBeSeenButKeepsWhatBelongsToACharacter) {
  EXPECT_EQ(trim_invisible("\ufeff\u202aAnn\u202c\u200b "), "Ann");
  EXPECT_EQ(trim_invisible("\u2764\ufe0f"), "\u2764\ufe0f");
  EXPECT_EQ(trim_invisible("\u0d28\u0d4d\u200d "), "\u0d28\u0d4d\u200d");  // a Malayalam chillu
  EXPECT_EQ(trim_invisible("Ann \u200d"), "Ann");
  EXPECT_EQ(trim_invisible("\u200d\u2800\u3164"), "");
  EXPECT_EQ(drop_invisible(" A\u200bn\u00adn \u00a0 B\u200d "), "Ann B");
  EXPECT_EQ(drop_invisible("\xc2\xc2\x87\x87"), "\xc2\xc2\x87\x87")
      << "without what is taken away another character would stand there";
}

TEST(Unicode, FindsTheFirstWithItsPlace) {
  const auto found = find_point("a\u00e9\u202eb", is_bidi_control);
  ASSERT_TRUE(found);
  EXPECT_EQ(point_text(found->point), "U+202E");
  EXPECT_EQ(found->place, 3U);
  EXPECT_FALSE(find_point("a\u00e9b", is_bidi_control));
}

TEST(Unicode, ADomainHasOneAsciiForm) {
  for (const char* domain :
       {"m\u00fcnchen.example", "MU\u0308NCHEN.Example", "XN--MNCHEN-3YA.example",
        "m\u00fcnchen\u3002example", "xn--mnchen-3ya.example"}) {
    EXPECT_EQ(ascii_domain(domain).text, "xn--mnchen-3ya.example") << domain;
  }
  EXPECT_EQ(ascii_domain("Example.COM").text, "example.com");
  EXPECT_EQ(ascii_domain("r3---sn.example.com").text, "r3---sn.example.com");
  EXPECT_NE(ascii_domain("stra\u00dfe.de").text, ascii_domain("strasse.de").text);
  for (const char* domain : {"xn--abc.de", "\u2603.de", "xn--.de"}) {
    EXPECT_FALSE(ascii_domain(domain).fault.empty()) << domain;
    EXPECT_EQ(ascii_domain(domain).text, "");
  }
}

TEST(Unicode, KnowsLettersDigitsAndSymbols) {
  EXPECT_EQ(kind_of(U'\u00e9'), PointKind::letter);
  EXPECT_EQ(kind_of(U'\u4e00'), PointKind::letter);
  EXPECT_EQ(kind_of(U'\u0665'), PointKind::digit);
  EXPECT_EQ(kind_of(U'\U0001f389'), PointKind::symbol);
  EXPECT_EQ(kind_of(U'\u3002'), PointKind::other);
  EXPECT_EQ(kind_of(kBrokenPoint), PointKind::other);
}

}  // namespace
}  // namespace mesh
