#include "cli/completion/shell_words.h"

#include <gtest/gtest.h>

namespace mesh::cli {
namespace {

TEST(ShellWords, QuotesAndBackslashesAreTakenAway) {
  EXPECT_EQ(unquoted("plain").text, "plain");
  EXPECT_EQ(unquoted(R"('a b'"c d"\ e)").text, "a bc d e");
  EXPECT_EQ(unquoted(R"("a\$b\c")").text, R"(a$b\c)");
  EXPECT_EQ(unquoted(R"('a\b')").text, R"(a\b)");
  EXPECT_EQ(unquoted("$(reboot)").text, "$(reboot)") << "nothing is expanded";
  EXPECT_EQ(unquoted("a\\").text, "a");
}

TEST(ShellWords, AQuoteThatIsOpenIsKnown) {
  EXPECT_EQ(unquoted("'a b").open_quote, '\'');
  EXPECT_EQ(unquoted("\"a b").open_quote, '"');
  EXPECT_EQ(unquoted("\"a'").open_quote, '"');
  EXPECT_EQ(unquoted("'a'").open_quote, 0);
}

TEST(ShellWords, BashGetsOnlyTheEndOfTheWordThatItReplaces) {
  EXPECT_EQ(bash_replacement("acme", "ac", "ac"), "acme");
  EXPECT_EQ(bash_replacement("--tenant=acme", "--tenant=ac", "ac"), "acme");
  EXPECT_EQ(bash_replacement("--tenant=acme", "--tenant=", ""), "acme");
  EXPECT_EQ(bash_replacement("urn:a:b", "urn:a:", ""), "b");
  EXPECT_EQ(bash_replacement("other", "urn:a:", ""), "");
}

TEST(ShellWords, ANameThatAShellWouldReadAsMoreIsQuoted) {
  EXPECT_EQ(bash_replacement("a b", "", ""), "'a b'");
  EXPECT_EQ(bash_replacement("$(touch x)", "", ""), "'$(touch x)'");
  EXPECT_EQ(bash_replacement("it's", "i", "i"), R"('it'\''s')");
  EXPECT_EQ(bash_replacement("~root", "", ""), "'~root'");
  EXPECT_EQ(bash_replacement("a;b", "", ""), "'a;b'");
  EXPECT_EQ(bash_replacement("josé", "", ""), "josé");
}

TEST(ShellWords, InsideAnOpenQuoteTheNameIsQuotedForIt) {
  EXPECT_EQ(bash_replacement("a b", "'a", "a"), "a b");
  EXPECT_EQ(bash_replacement("it's", "'i", "i"), R"(it'\''s)");
  EXPECT_EQ(bash_replacement("$(x) \"`\\", "\"", ""), R"(\$(x) \"\`\\)");
  EXPECT_EQ(bash_replacement("a!b", "\"a", "a"), R"(a"'!'"b)");
}

// bash does not add the closing quote behind a text that ends with one: the line stayed open.
TEST(ShellWords, ANameThatEndsWithTheOpenQuoteClosesItItself) {
  EXPECT_EQ(bash_replacement("it'", "'i", "i"), R"(it'\''')");
  EXPECT_EQ(bash_replacement("a\"", "\"a", "a"), R"(a\"")");
  EXPECT_EQ(bash_replacement("a!", "\"a", "a"), R"(a"'!'"")");
}

}  // namespace
}  // namespace mesh::cli
