// What `mesh users import` says that did not come to the end of its file.
#include <csignal>

#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;

class ImportEndTest : public CliTest {
 protected:
  // Three batches, and a row for a fourth.
  std::string long_file() {
    std::string text = "name,email\n";
    for (int i = 0; i < 1501; ++i) text += "U,u" + std::to_string(i) + "@acme.dev\n";
    return file("users.csv", text);
  }
  // Answers the first batches, then as `then`.
  void answer(int good, std::function<http::Response(const http::Request&)> then) {
    fake.on("POST", "/users/batch", [this, good, then](const http::Request& request) {
      if (++batches > good) return then(request);
      return taken(request);
    });
  }
  static http::Response taken(const http::Request& request) {
    Json results = Json::array();
    for (const char c : request.body)
      if (c == '\n') results.push_back({{"outcome", "created"}});
    return http::Response::json(200, Json{{"results", results}});
  }
  int batches = 0;
};

// Symptom: it said "interrupted", and nothing told which rows had been sent.
TEST_F(ImportEndTest, CtrlCEndsItBehindTheBatchUnderWayAndItSaysHowFarItCame) {
  answer(1, [](const http::Request& request) {
    ::raise(SIGINT);
    return taken(request);
  });
  EXPECT_EQ(at_fake({"users", "import", long_file(), "-o", "json"}), 130);
  EXPECT_EQ(batches, 2);
  EXPECT_EQ(json()["created"], 1000);
  EXPECT_THAT(err, HasSubstr("interrupted: 1,000 rows are done; the same command goes on"));
}

TEST_F(ImportEndTest, ABatchWhoseAnswerDidNotComeMayBeDone) {
  answer(1, [](const http::Request&) {
    ::raise(SIGINT);
    return http::Response::problem({ErrorKind::timeout, "it took too long", {}, {}, {}});
  });
  EXPECT_EQ(at_fake({"users", "import", long_file()}), 130);
  EXPECT_EQ(batches, 2) << "nobody waits for another try";
  EXPECT_THAT(err, HasSubstr("interrupted: 500 rows are done; line 502 is the first that is not, "
                             "though the server may have it; the same command goes on"));
}

TEST_F(ImportEndTest, AnImportThatIsRefusedSaysHowFarItCame) {
  answer(2, [](const http::Request&) {
    return http::Response::problem({ErrorKind::forbidden, "the token ran out", {}, {}, {}});
  });
  EXPECT_EQ(at_fake({"users", "import", long_file()}), 4);
  EXPECT_THAT(err, HasSubstr("the import stopped: the token ran out; 1,000 rows are done; line "
                             "1002 is the first that is not; the same command goes on"));
}

}  // namespace
}  // namespace mesh::cli
