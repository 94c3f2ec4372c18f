#include "cli/help.h"

#include "tests/cli/cli_fixture.h"
#include "tests/cli/example_words.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;

TEST(Help, EveryVerbEndsWithExamples) {
  Globals globals;
  CommandTree tree(globals);
  EXPECT_GT(tree.commands.all().size(), 40u);
  for (const auto& [app, verb] : tree.commands.all()) {
    const std::string text = help_text(tree.commands, *app);
    const auto examples = text.find("\nExamples:\n");
    ASSERT_NE(examples, text.npos) << command_path(*app);
    EXPECT_THAT(text.substr(examples), HasSubstr(command_path(*app))) << command_path(*app);
    EXPECT_EQ(text.find("\n\n", examples + 1), text.npos)
        << "nothing follows the examples of " << command_path(*app);
  }
}

TEST(Help, EveryExampleParses) {
  Globals first;
  CommandTree tree(first);
  for (const auto& [app, verb] : tree.commands.all()) {
    std::istringstream lines(verb.examples);
    for (std::string line; std::getline(lines, line);) {
      for (auto words : commands_of(line)) {
        if (words.empty() || words[0] != "mesh") continue;
        words.erase(words.begin());
        Globals globals;
        CommandTree fresh(globals);
        const auto ended = fresh.parse(words);
        EXPECT_FALSE(ended) << line << "\n" << ended->text;
      }
    }
  }
}

TEST(Help, NoLineIsWiderThanAHundredColumns) {
  Globals globals;
  CommandTree tree(globals);
  for (const auto& [app, verb] : tree.commands.all()) {
    const std::string text = help_text(tree.commands, *app);
    std::istringstream lines(text.substr(0, text.find("\nExamples:\n")));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 110u) << line;
  }
}

class HelpTest : public CliTest {};

TEST_F(HelpTest, MeshAlonePrintsTheOverviewByPurpose) {
  EXPECT_EQ(mesh({}), 0);
  for (const char* purpose :
       {purpose::kData, purpose::kOperate, purpose::kTenancy, purpose::kHealth, purpose::kSetup}) {
    EXPECT_THAT(out, HasSubstr(purpose));
  }
  EXPECT_EQ(err, "");
}

TEST_F(HelpTest, HelpGoesToStdoutAndWrongUsageToStderr) {
  EXPECT_EQ(mesh({"users", "create", "--help"}), 0);
  EXPECT_THAT(out, HasSubstr("Usage: mesh users create --email ADDRESS --name NAME"));
  EXPECT_EQ(mesh({"users"}), 2);
  EXPECT_EQ(out, "");
  EXPECT_EQ(mesh({"users", "create"}), 2);
  EXPECT_THAT(err, HasSubstr("--email"));
  EXPECT_THAT(err, HasSubstr("mesh users create --help"));
}

TEST_F(HelpTest, AMistypedCommandIsGuessed) {
  EXPECT_EQ(mesh({"user", "list"}), 2);
  EXPECT_THAT(err, HasSubstr("did you mean \"users\"?"));
  EXPECT_EQ(mesh({"users", "lst"}), 2);
  EXPECT_THAT(err, HasSubstr("did you mean \"list\"?"));
}

TEST_F(HelpTest, ASuggestionIsNeverTheWordItself) {
  EXPECT_EQ(mesh({"events", "events"}), 2);
  EXPECT_THAT(err, HasSubstr("`mesh events` has no command \"events\""));
  EXPECT_EQ(err.find("did you mean \"events\""), err.npos) << err;
}

TEST_F(HelpTest, AMistypedFlagIsNamedBeforeAMissingOne) {
  EXPECT_EQ(mesh({"users", "create", "--emial", "a@b.dev", "--name", "A"}), 2);
  EXPECT_THAT(err, HasSubstr("`mesh users create` has no flag --emial; did you mean \"--email\"?"));
  EXPECT_EQ(mesh({"users", "create", "--emial=a@b.dev"}), 2);
  EXPECT_THAT(err, HasSubstr("has no flag --emial; did you mean \"--email\"?"));
  EXPECT_EQ(mesh({"users", "list", "--tennant", "acme"}), 2);
  EXPECT_THAT(err, HasSubstr("has no flag --tennant; did you mean \"--tenant\"?"));
}

TEST_F(HelpTest, HelpIsACommandToo) {
  EXPECT_EQ(mesh({"events", "publish", "--help"}), 0);
  const std::string asked = out;
  EXPECT_EQ(mesh({"help", "events", "publish"}), 0) << err;
  EXPECT_EQ(out, asked);
  EXPECT_EQ(mesh({}), 0);
  const std::string overview = out;
  EXPECT_EQ(mesh({"help"}), 0);
  EXPECT_EQ(out, overview);
  EXPECT_EQ(mesh({"help", "evnts"}), 2);
  EXPECT_THAT(err, HasSubstr("`mesh` has no command \"evnts\"; did you mean \"events\"?"));
}

TEST_F(HelpTest, VersionIsAFlagToo) {
  EXPECT_EQ(mesh({"--version"}), 0);
  EXPECT_THAT(out, ::testing::MatchesRegex("mesh [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST_F(HelpTest, OutputHelpNeedsNeitherServerNorRequiredOptions) {
  EXPECT_EQ(mesh({"users", "create", "-o", "help"}), 0);
  EXPECT_THAT(out, HasSubstr("tenantId"));
  EXPECT_EQ(err, "");
  EXPECT_EQ(mesh({"-o", "help", "tasks", "get"}), 0);
  EXPECT_THAT(out, HasSubstr("progress.done"));
}

TEST_F(HelpTest, EveryVerbThatPrintsFieldsExplainsThem) {
  Globals globals;
  CommandTree tree(globals);
  for (const auto& [app, verb] : tree.commands.all()) {
    if (verb.view == nullptr) continue;
    for (const Field& field : verb.view->fields) {
      EXPECT_FALSE(field.help.empty()) << command_path(*app) << " " << field.path;
    }
  }
}

}  // namespace
}  // namespace mesh::cli
