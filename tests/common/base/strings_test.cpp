#include "common/base/strings.h"

#include <gtest/gtest.h>

namespace mesh {
namespace {

using namespace std::string_literals;

TEST(Utf8, AcceptsEveryLengthAtItsEdges) {
  for (const char* text : {"", "plain ascii, longer than a word", "\xc2\x80", "\xdf\xbf",
                           "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "eight by\xc3\xa9s"}) {
    EXPECT_TRUE(is_valid_utf8(text)) << text;
  }
  EXPECT_TRUE(is_valid_utf8("a\0b"s));
}

TEST(Utf8, RefusesOverlongSurrogateTooLargeAndCutSequences) {
  for (const char* text :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe1\x80",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf1\x80\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "seven b\xe1\x80", "\xe1\x80\x41"}) {
    EXPECT_FALSE(is_valid_utf8(text));
  }
}

TEST(Text, ToLowerTouchesAsciiOnly) { EXPECT_EQ(to_lower("AzÀ[@Z"), "azÀ[@z"); }

TEST(Text, TrimCutsWhiteSpaceAtBothEnds) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, JoinIsTheOtherWayOfSplit) {
  for (const char* text : {"", "a", "a,b", ",", "a,,b", ",a"}) {
    EXPECT_EQ(join(split(text, ','), ","), text);
  }
  EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
}

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string>{""}));
}

TEST(Numbers, ParseIntTakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_int("-42"), -42);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808"}) {
    EXPECT_FALSE(parse_int(text)) << text;
  }
}

TEST(Numbers, ParseDoubleTakesFiniteNumbersOnly) {
  EXPECT_EQ(parse_double("-1.5e3"), -1500.0);
  for (const char* text : {"", "1,5", "nan", "inf", "-inf", "1e999", "1x", " 1"}) {
    EXPECT_FALSE(parse_double(text)) << text;
  }
}

TEST(Percent, EncodesAllButUnreserved) {
  EXPECT_EQ(percent_encode("Dr. Jane/Ü~_-"), "Dr.%20Jane%2F%C3%9C~_-");
}

TEST(Percent, DecodesOnceAndRefusesBrokenEscapesAndBadUtf8) {
  EXPECT_EQ(percent_decode("Dr.%20Jane%2fSm%C3%AFth"), "Dr. Jane/Smïth");
  EXPECT_EQ(percent_decode("%2541"), "%41");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
  for (const char* text : {"%", "%4", "%4g", "a%zz", "%C0%A0", "%ED%A0%80", "%FF"}) {
    EXPECT_FALSE(percent_decode(text)) << text;
  }
}

TEST(Hex, IsDecodedInPairsOfDigits) {
  EXPECT_EQ(hex_decode(""), "");
  EXPECT_EQ(hex_decode("00fFa0"), std::string("\0\xff\xa0", 3));
  for (const char* text : {"0", "0g", "-1", "+1", " 1", "1 ", "0x"}) {
    EXPECT_FALSE(hex_decode(text)) << text;
  }
}

TEST(Base64, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
}

TEST(Base64, MatchesRfc4648) {
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
  EXPECT_EQ(base64_encode("\xfb\xff"), "+/8=");
}

TEST(Base64, RefusesPaddingSpacesForeignLettersAndNonCanonicalTails) {
  for (const char* text : {"Zg==", "Z", "Zh", "Zm9", "Zg ", "Zg\n", "+_8", "Zm9vY"}) {
    EXPECT_FALSE(base64url_decode(text)) << text;
  }
  for (const char* text : {"Zg", "Zg=", "Zh==", "Z===", "Zm9=", "-_8=", "=", "====", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Sha256, MatchesFips180) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(EqualConstantTime, ComparesAllBytes) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "Secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "secrets"));
}

TEST(Printable, RefusesControlCharactersAndBadUtf8) {
  EXPECT_TRUE(is_printable("Ünïcode\tand tab \xf0\x9f\x98\x80"));
  EXPECT_FALSE(is_printable("a\nb"));
  EXPECT_FALSE(is_printable("a\0b"s));
  EXPECT_FALSE(is_printable("\x7f"));
  EXPECT_FALSE(is_printable("\xc2\x85"));  // NEL
  EXPECT_TRUE(is_printable("\xc2\xa0"));
  EXPECT_FALSE(is_printable("\xff"));
}

}  // namespace
}  // namespace mesh
