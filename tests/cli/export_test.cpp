// `mesh events export` into a file.
#include <sys/resource.h>

#include <csignal>
#include <set>

#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ExportTest : public CliTest {
 protected:
  // A topic of one partition and n records; each request notes which files lie in the folder.
  ExportTest() {
    constexpr int n = 1500;
    fake.on("GET", "/admin/v1/topics/a.events", 200,
            Json{{"name", "a.events"},
                 {"partition_offsets", {{{"partition", 0}, {"start", 0}, {"end", n}}}}});
    fake.on("GET", "/admin/v1/topics/a.events/records", [this](const http::Request& request) {
      for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
        seen.insert(entry.path().filename());
      int at = std::stoi(std::string(request.param("positions")->substr(2)));
      Json items = Json::array();
      for (; at < n && items.size() < 1000; ++at)
        items.push_back({{"topic", "a.events"}, {"partition", 0}, {"offset", at}, {"value", "v"}});
      return http::Response::json(200, Json{{"items", items}, {"next", "0:" + std::to_string(at)}});
    });
  }
  int export_to(const std::string& path) {
    return at_fake({"events", "export", "--topic", "a.events", "-O", path});
  }
  std::set<std::string> seen;
};

// Symptom: two exports into one file at a time wrote into one FILE.part.
TEST_F(ExportTest, EachRunWritesBesideTheFileUnderANameOfItsOwn) {
  EXPECT_EQ(export_to(dir.file("out")), 0) << err;
  EXPECT_EQ(export_to(dir.file("out")), 0) << err;
  EXPECT_EQ(seen.size(), 3u) << "the file, and one beside it of each run";
  EXPECT_FALSE(seen.contains("out.part"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

// As a full disk does: no file of this process grows beyond it.
class SmallFiles {
 public:
  SmallFiles() {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit small = before_;
    small.rlim_cur = 4096;
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

// Symptom: `mesh doctor` was advised, which looks at servers, and the cause was not told.
TEST_F(ExportTest, AFileThatCannotBeWrittenIsSaidWithItsCauseAndNoAdviceOnServers) {
  int exit = 0;
  {
    const SmallFiles full;
    exit = export_to(dir.file("out"));
  }
  EXPECT_EQ(exit, 1);
  EXPECT_EQ(err, "mesh: cannot write all of " + dir.file("out") + ": File too large\n");
  EXPECT_EQ(export_to(dir.file("none/out")), 3);
  EXPECT_THAT(err, HasSubstr("cannot write " + dir.file("none/out") + ": No such file"));
  EXPECT_THAT(err, Not(HasSubstr("mesh doctor")));
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace mesh::cli
