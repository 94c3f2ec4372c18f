// How the place of an event, and of a user, is printed.
#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TraceTest : public CliTest {
 protected:
  int as_operator(std::vector<std::string> words) {
    words.insert(words.end(), {"--server", fake.url(), "--token", std::string(64, 'f')});
    return mesh(std::move(words));
  }
};

TEST_F(TraceTest, AnEventIsShownWithItsPipelinesAndTheirAttempts) {
  const Json attempt{{"ended", "2026-11-21T08:32:01Z"},
                     {"micros", 1500},
                     {"cause_class", "extract"},
                     {"cause", "no answer"}};
  fake.on("GET", "/admin/v1/traces/{id}", 200,
          Json{{"id", "e-1"},
               {"status", "retrying"},
               {"text", "failed 1 times"},
               {"accepted", {{"by", "user:ada"}}},
               {"pipelines",
                {{{"pipeline", "chemical"},
                  {"state", "retrying"},
                  {"behind", 0},
                  {"attempts", 1},
                  {"history", Json::array({attempt})},
                  {"effect", nullptr}}}},
               {"redriven_from", Json::array()}});
  EXPECT_EQ(as_operator({"trace", "e-1", "--topic", "chemical.events", "--from", "@-1h"}), 0)
      << err;
  EXPECT_THAT(out, AllOf(HasSubstr("user:ada"), HasSubstr("Pipelines:"), HasSubstr("1,500"),
                         HasSubstr("no answer"), Not(HasSubstr("Redriven"))));
  EXPECT_EQ(fake.last().param("topic"), "chemical.events");
  EXPECT_EQ(fake.last().param("from"), "@-1h");
  EXPECT_EQ(as_operator({"trace", "e-1", "-o", "json"}), 0) << err;
  EXPECT_FALSE(json().contains("attempts")) << "the exact form is the server's";
  EXPECT_EQ(as_operator({"trace", "e-1", "-o", "name"}), 0) << err;
  EXPECT_EQ(out, "e-1\n");
}

TEST_F(TraceTest, WhyASearchFindsSomebodyNotIsAskedWithWhatTheSearchAsks) {
  fake.on("GET", "/admin/v1/search/why-not", 200,
          Json{{"reason", "score"},
               {"text", "score 0.14 is below min_score 0.20"},
               {"score", 0.14},
               {"rank", nullptr}});
  EXPECT_EQ(as_operator({"search", "ann", "lee", "--tenant", "acme", "--min-score", "0.2", "-n",
                         "5", "--semantic-ratio", "0.7", "--why-not", "bob@acme.dev"}),
            0)
      << err;
  EXPECT_THAT(out, HasSubstr("score 0.14 is below min_score 0.20"));
  EXPECT_EQ(fake.last().param("query"), "ann lee");
  EXPECT_EQ(fake.last().param("who"), "bob@acme.dev");
  EXPECT_EQ(fake.last().param("limit"), "5");
  EXPECT_EQ(fake.last().param("min_score"), "0.2");
  EXPECT_EQ(fake.last().param("semantic_ratio"), "0.7");
  EXPECT_EQ(fake.last().param("tenant"), "acme");
  EXPECT_EQ(as_operator({"search", "ann", "--why-not", "7"}), 2);
  EXPECT_THAT(err, HasSubstr("--tenant T"));
  for (const char* option : {"--type", "--filter", "--from"}) {
    EXPECT_EQ(as_operator({"search", "ann", "--tenant", "acme", "--why-not", "7", option, "a=b"}),
              2)
        << option;
    EXPECT_THAT(err, HasSubstr("--why-not is of searches for users")) << option;
  }
  EXPECT_EQ(as_operator({"search", "ann", "--tenant", "acme", "--type", "a.b", "--filter", ""}), 2);
  EXPECT_THAT(err, HasSubstr("--filter: is empty; leave it out"));
}

TEST_F(TraceTest, AnAddressThatNobodyHasIsNotFound) {
  fake.on("GET", "/admin/v1/users", 200, Json{{"items", Json::array()}, {"next", nullptr}});
  EXPECT_EQ(as_operator({"explain", "user", "ann@acme.dev"}), 3);
  EXPECT_EQ(fake.last().param("email"), "ann@acme.dev");
}

}  // namespace
}  // namespace mesh::cli
