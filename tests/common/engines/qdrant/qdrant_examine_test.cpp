// What an operator is told of a Qdrant server.
#include "tests/common/engines/qdrant/qdrant_fixture.h"
#include "tests/support/findings.h"

namespace mesh::qdrant {
namespace {

using test::finding_about;
using testing::HasSubstr;
using testing::SizeIs;

struct QdrantExamine : QdrantTest {
  // Of a server that tells this time, as whoever has 2026-01-01T00:00:00Z sees it.
  ServerFinding at(const std::string& date) {
    server.always(
        "GET", "/",
        {.body = R"({"title":"qdrant","version":"1.18.3"})", .headers = {{"Date", date}}});
    return finding_about(open(options(), clock)->examine(), "clock");
  }
  ManualClock clock;
};

TEST_F(QdrantExamine, AServerInOrderIsFoundSo) {
  server.version("1.18.3");
  const auto all = open()->examine();
  EXPECT_THAT(finding_about(all, "version").detail, HasSubstr("1.18.3"));
  EXPECT_TRUE(finding_about(all, "version").ok);
  EXPECT_TRUE(finding_about(all, "permissions").ok);
  EXPECT_EQ(server.alias(), "") << "nothing is changed";
}

TEST_F(QdrantExamine, AnOlderServerSaysWhichIsNeeded) {
  server.version("1.15.5");
  const auto found = finding_about(open()->examine(), "version");
  EXPECT_FALSE(found.ok);
  EXPECT_THAT(found.detail, HasSubstr("1.15.5"));
  EXPECT_THAT(found.advice, HasSubstr("1.16"));
}

TEST_F(QdrantExamine, AKeyThatMayOnlyReadIsTold) {
  server.always("POST", "/aliases", {.status = 403, .body = "Global manage access is required"});
  const auto found = finding_about(open()->examine(), "permissions");
  EXPECT_FALSE(found.ok);
  EXPECT_THAT(found.detail, HasSubstr("manage access"));
  EXPECT_THAT(found.advice, HasSubstr("qdrant.api_key_file"));
}

TEST_F(QdrantExamine, ClocksAreComparedByTheDateOfAnAnswer) {
  EXPECT_TRUE(at("Thu, 01 Jan 2026 00:00:00 GMT").ok);
  EXPECT_EQ(at("Thu, 01 Jan 2026 00:00:05 GMT").detail, "5.0 s ahead of meshd's");
  EXPECT_FALSE(at("Wed, 31 Dec 2025 23:59:50 GMT").ok);
}

TEST_F(QdrantExamine, WithoutAServerOnlyThatIsFound) {
  IndexOptions nowhere = options();
  {
    const test::RawListener gone;
    nowhere.url = gone.url();
  }
  const auto all = open(nowhere)->examine();
  EXPECT_THAT(all, SizeIs(1));
  EXPECT_FALSE(finding_about(all, "connection").ok);
}

}  // namespace
}  // namespace mesh::qdrant
