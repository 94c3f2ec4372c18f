#include "cli/completion.h"

#include <cstdio>

#include "tests/cli/cli_fixture.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Output and exit code of a shell command.
std::pair<std::string, int> shell(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, n);
  return {text, ::pclose(pipe)};
}

class CompletionTest : public CliTest {
 protected:
  std::string script(const std::string& name) {
    EXPECT_EQ(mesh({"completion", name}), 0) << err;
    return file("mesh." + name, out);
  }
  // What bash offers for the last of these words.
  std::string offered(const std::vector<std::string>& words) {
    std::string list;
    for (const auto& word : words) list += "'" + word + "' ";
    const std::string driver =
        file("driver.bash", "source " + script("bash") + "\nCOMP_WORDS=(" + list +
                                ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) +
                                "\n_mesh\necho \"${COMPREPLY[*]}\"\n");
    return shell("bash " + driver).first;
  }
};

TEST_F(CompletionTest, TheBashScriptIsSound) {
  const auto [text, code] = shell("bash -n " + script("bash"));
  EXPECT_EQ(code, 0) << text;
}

TEST_F(CompletionTest, TheOtherScriptsAreSoundWhereTheirShellIsInstalled) {
  for (const auto& [name, check] : {std::pair{"zsh", "zsh -n "}, {"fish", "fish -n "}}) {
    const std::string path = script(name);
    if (shell(std::string("command -v ") + name).second != 0) continue;
    const auto [text, code] = shell(check + path);
    EXPECT_EQ(code, 0) << text;
  }
}

TEST_F(CompletionTest, BashOffersCommandsOfTheRootAndOfGroups) {
  EXPECT_THAT(offered({"mesh", "us"}), HasSubstr("users"));
  EXPECT_EQ(offered({"mesh", "users", "cre"}), "create\n");
  EXPECT_THAT(offered({"mesh", "events", ""}), HasSubstr("publish tail get replay export"));
}

TEST_F(CompletionTest, BashOffersFlagsOfTheVerbAndGlobalOnes) {
  const std::string flags = offered({"mesh", "users", "create", "--"});
  EXPECT_THAT(flags, HasSubstr("--email"));
  EXPECT_THAT(flags, HasSubstr("--tenant"));
  EXPECT_THAT(flags, Not(HasSubstr("--parallel")));
}

TEST_F(CompletionTest, BashOffersTheChoicesOfAFlag) {
  EXPECT_THAT(offered({"mesh", "topics", "list", "-o", ""}), HasSubstr("json yaml"));
  EXPECT_EQ(offered({"mesh", "users", "import", "--format", "nd"}), "ndjson\n");
}

TEST_F(CompletionTest, AFlagsValueIsNotTakenForACommand) {
  EXPECT_EQ(offered({"mesh", "--tenant", "users", "top"}), "topics\n");
  EXPECT_EQ(offered({"mesh", "--tenant=x", "users", "cre"}), "create\n");
}

TEST_F(CompletionTest, FishOffersWhatBashOffersWhereItIsInstalled) {
  if (shell("command -v fish").second != 0) GTEST_SKIP() << "no fish here";
  const std::string path = script("fish");
  const auto fish = [&](const std::string& line) {
    return shell("fish --no-config -c 'source " + path + "; complete -C \"" + line + "\"'").first;
  };
  EXPECT_THAT(fish("mesh users cre"), HasSubstr("create"));
  EXPECT_THAT(fish("mesh --tenant users top"), HasSubstr("topics"));
  EXPECT_THAT(fish("mesh users create --em"), HasSubstr("--email"));
  EXPECT_THAT(fish("mesh topics list -o y"), HasSubstr("yaml"));
}

TEST_F(CompletionTest, BashOffersFilesWhereAFileIsMeant) {
  file("import-me.csv", "");
  EXPECT_THAT(offered({"mesh", "users", "import", dir.file("import-m")}),
              HasSubstr("import-me.csv"));
}

}  // namespace
}  // namespace mesh::cli
