#include "cli/completion/answer.h"

#include <cstdio>

#include "cli/completion/names.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/raw_listener.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AnswerTest : public CliTest {
 protected:
  void SetUp() override {
    env["MESH_COMPLETION_TIMEOUT"] = "1h";  // how fast this machine is does not count
    fake.on("GET", "/admin/v1/tenants", 200,
            {{"items", {{{"id", "acme"}, {"name", "Acme Corp"}}, {{"id", "beta"}, {"name", ""}}}},
             {"next", nullptr}});
    fake.on("GET", "/admin/v1/topics", 200,
            {{"items", {{{"name", "user.events"}, {"kind", "entity"}}}}, {"next", nullptr}});
    fake.on("GET", "/admin/v1/groups", 200,
            {{"items", {{{"group", "analytics"}, {"state", "running"}}}}, {"next", nullptr}});
    fake.on("GET", "/admin/v1/config/settings", 200,
            {{"items", {{{"key", "http.workers"}, {"value", 8}}}}, {"next", nullptr}});
    fake.on("GET", "/admin/v1/tasks", 200,
            {{"items",
              {{{"id", "t-1"},
                {"kind", "backup"},
                {"state", "done"},
                {"created_at", "2026-11-28T18:00:00Z"}}}},
             {"next", nullptr}});
  }
  // stdout for words in zsh's manner; nothing may be said on stderr.
  std::string answer(std::vector<std::string> words) {
    words.insert(words.begin(), {"__complete", "zsh"});
    EXPECT_EQ(mesh(words), 0);
    EXPECT_EQ(err, "");
    return out;
  }
};

TEST_F(AnswerTest, NamesComeFromTheServerThatTheLineNames) {
  EXPECT_EQ(answer({"--server", fake.url(), "--token", "operators", "tenants", "get", ""}),
            "acme\tAcme Corp\nbeta\t\n:none \n");
  EXPECT_EQ(fake.last().header("authorization"), "Bearer operators");
  EXPECT_EQ(answer({"--server=" + fake.url(), "topics", "describe", ""}),
            "user.events\tentity\n:none \n");
  EXPECT_EQ(answer({"groups", "describe", "--server", fake.url(), ""}),
            "analytics\trunning\n:none \n");
  EXPECT_EQ(answer({"config", "get", "--server", fake.url(), ""}), "http.workers\t8\n:none \n");
  EXPECT_THAT(answer({"tasks", "get", "--server", fake.url(), ""}),
              HasSubstr("t-1\tbackup done 2026-11-28"));
}

TEST_F(AnswerTest, NamesComeFromTheServerOfTheEnvironmentOrTheContext) {
  env["MESH_SERVER"] = fake.url();
  EXPECT_THAT(answer({"users", "list", "--tenant", "a"}), HasSubstr("acme\t"));
  env.erase("MESH_SERVER");
  EXPECT_EQ(mesh({"context", "add", "here", "--server", fake.url()}), 0) << err;
  EXPECT_THAT(answer({"users", "list", "--tenant", "a"}), HasSubstr("acme\t"));
  EXPECT_EQ(answer({"context", "use", ""}), "here\t" + fake.url() + "\n:none \n");
}

TEST_F(AnswerTest, TasksAreThoseOfTheTenantAndOtherListsAreNot) {
  answer({"--server", fake.url(), "--tenant", "acme", "tasks", "get", ""});
  EXPECT_EQ(fake.last().header("x-tenant-id"), "acme");
  answer({"--server", fake.url(), "--tenant", "acme", "topics", "describe", ""});
  EXPECT_EQ(fake.last().header("x-tenant-id"), std::nullopt);
}

TEST_F(AnswerTest, FlagsAndCommandsNeedNoServer) {
  fake.url();
  EXPECT_THAT(answer({"--server", fake.url(), "users", "create", "--"}), HasSubstr("--email\t"));
  EXPECT_TRUE(fake.requests().empty());
}

TEST_F(AnswerTest, WhereNobodyAnswersItIsSilent) {
  const std::string none = ":none \n";
  EXPECT_EQ(answer({"--server", "http://127.0.0.1:1", "tenants", "get", ""}), none);
  EXPECT_EQ(answer({"--server", "no address at all", "tenants", "get", ""}), none);
  EXPECT_EQ(answer({"--context", "missing", "tenants", "get", ""}), none);
  EXPECT_EQ(answer({"--data-dir", dir.file("none"), "tenants", "get", ""}), none);
  EXPECT_EQ(answer({"-v", "--server", "http://127.0.0.1:1", "tenants", "get", ""}), none);
  file("mesh", "");
  env["XDG_CONFIG_HOME"] = dir.file("mesh");
  EXPECT_EQ(answer({"context", "use", ""}), none);
}

TEST_F(AnswerTest, AServerThatRefusesOrDoesNotKnowTheRouteOrSaysSomethingElseIsNoServer) {
  test::FakeMesh other;
  other.on("GET", "/admin/v1/tenants", Error{ErrorKind::forbidden, "for the operator"});
  other.on("GET", "/admin/v1/topics", 200, Json{{"items", {1, nullptr, {{"name", 5}}}}});
  other.on("GET", "/admin/v1/groups", 200, Json("text"));
  const std::string none = ":none \n";
  EXPECT_EQ(answer({"--server", other.url(), "tenants", "get", ""}), none);
  EXPECT_EQ(answer({"--server", other.url(), "topics", "describe", ""}), none);
  EXPECT_EQ(answer({"--server", other.url(), "groups", "describe", ""}), none);
  EXPECT_EQ(answer({"--server", other.url(), "tasks", "get", ""}), none);
  EXPECT_THAT(answer({"--server", other.url(), "tenants", "get", "--"}), HasSubstr("--output"));
}

TEST_F(AnswerTest, AllRequestsOfACompletionShareOneDeadline) {
  std::istringstream in;
  std::ostringstream data, notes;
  Surroundings around;
  around.env = [](const char*) -> const char* { return nullptr; };
  around.local_data_dirs = {};
  Session session(around, in, data, notes, terminal);
  const auto before = session.clock.steady();
  run({"__complete", "zsh", "--server", fake.url(), "--timeout", "30s", "tenants", "get", ""},
      session);
  const auto after = session.clock.steady();
  ASSERT_TRUE(session.mesh);
  const auto deadline = session.mesh->options().deadline;
  ASSERT_TRUE(deadline);
  EXPECT_GE(*deadline, before + kCompletionTimeout);
  EXPECT_LE(*deadline, after + kCompletionTimeout);
  EXPECT_LT(kCompletionTimeout, std::chrono::milliseconds(200));
}

TEST_F(AnswerTest, AServerThatNeverAnswersIsGivenUp) {
  env.erase("MESH_COMPLETION_TIMEOUT");
  const test::RawListener listener;
  EXPECT_EQ(answer({"--server", listener.url(), "tenants", "get", ""}), ":none \n");
}

TEST_F(AnswerTest, ATimeoutThatIsNoneIsTheUsualOne) {
  for (const char* text : {"", "soon", "0s", "-1s"}) {
    env["MESH_COMPLETION_TIMEOUT"] = text;
    EXPECT_THAT(answer({"--server", "http://127.0.0.1:1", "tenants", "get", ""}), ":none \n");
  }
}

TEST_F(AnswerTest, BashGetsWhatItReplacesAndQuotesOfItsOwnAreRead) {
  const std::string server = "--server=" + fake.url();
  EXPECT_EQ(mesh({"__complete", "bash", "b", server, "'users'", "list", "--tenant=b"}), 0);
  EXPECT_EQ(out, "beta\t\n:none \n");
  EXPECT_EQ(mesh({"__complete", "bash", "us", "events", "publish", "--file=us"}), 0);
  EXPECT_EQ(out, ":files \n");
  EXPECT_EQ(mesh({"__complete", "bash", "-Ous", "events", "export", "-Ous"}), 0);
  EXPECT_EQ(out, ":files -O\n");
}

TEST_F(AnswerTest, TheFlagsValueThatGoesOnIsSaid) {
  EXPECT_THAT(answer({"events", "tail", "--filter", "t"}), HasSubstr("\n:nospace \n"));
}

TEST_F(AnswerTest, NoHelpShowsIt) {
  EXPECT_EQ(mesh({"--help"}), 0);
  EXPECT_THAT(out, Not(HasSubstr("__complete")));
  EXPECT_EQ(mesh({"completion", "--help"}), 0);
  EXPECT_THAT(out, Not(HasSubstr("__complete")));
  EXPECT_EQ(mesh({"__complete"}), 2);
  EXPECT_EQ(err, "");
}

TEST_F(AnswerTest, TheScriptsAreSound) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    ASSERT_EQ(mesh({"completion", shell}), 0) << err;
    const std::string path = file(std::string("script.") + shell, out);
    const std::string command = std::string("command -v ") + shell + " >/dev/null || exit 77; " +
                                shell + " -n " + path + " 2>&1";
    const int status = ::system(("sh -c '" + command + "'").c_str());
    if (WEXITSTATUS(status) == 77) {
      std::printf("no %s here: its script is not read\n", shell);
      continue;
    }
    EXPECT_EQ(status, 0) << shell;
  }
}

}  // namespace
}  // namespace mesh::cli
