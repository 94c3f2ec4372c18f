#include "cli/completion/complete.h"

#include <gmock/gmock.h>

#include "cli/app.h"

namespace mesh::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;

// The words up to the cursor, the last of which is being typed.
class CompleteTest : public ::testing::Test {
 protected:
  Completion at(const std::vector<std::string>& words) {
    asked.clear();
    const auto names = [this](std::string_view name) {
      asked.emplace_back(name);
      const auto known = known_names.find(std::string(name));
      return known == known_names.end() ? std::vector<Candidate>{} : known->second;
    };
    return complete(tree.root, cursor_of(tree.root, words), names);
  }
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    std::vector<std::string> values;
    for (const auto& candidate : at(words).candidates) values.push_back(candidate.value);
    return values;
  }

  Globals globals;
  CommandTree tree{globals};
  std::map<std::string, std::vector<Candidate>> known_names{
      {"TENANT", {{"acme", "Acme"}, {"beta"}}},
      {"TOPIC", {{"user.events"}, {"analytics.events"}}},
      {"GROUP", {{"analytics"}, {"user-index"}}},
      {"TASK", {{"t-2", "replay running"}, {"t-1", "backup done"}}},
      {"CONTEXT", {{"prod"}, {"local"}}}};
  std::vector<std::string> asked;
};

TEST_F(CompleteTest, CommandsOfTheRootAndOfGroupsWithTheirSummaries) {
  EXPECT_THAT(offered({}), IsSupersetOf({"users", "events", "completion"}));
  EXPECT_THAT(offered({"us"}), ElementsAre("users", "usage"));
  EXPECT_EQ(at({"users", "cre"}).candidates.at(0).description, "Create a user");
  EXPECT_THAT(offered({"events", ""}), ElementsAre("publish", "tail", "get", "replay", "export"));
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(CompleteTest, TheHiddenVerbIsNotOffered) {
  EXPECT_THAT(offered({"__"}), IsEmpty());
  EXPECT_THAT(offered({""}), Not(Contains("__complete")));
}

TEST_F(CompleteTest, FlagsOfTheCommandThenGlobalOnes) {
  const auto flags = offered({"users", "create", "--"});
  EXPECT_EQ(flags.front(), "--help");
  EXPECT_THAT(flags, IsSupersetOf({"--email", "--name", "--tenant", "--output"}));
  EXPECT_THAT(flags, Not(Contains("--version")));
  EXPECT_THAT(offered({"--vers"}), ElementsAre("--version"));
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(CompleteTest, AFlagThatWasGivenIsNotOfferedAgainUnlessItRepeats) {
  EXPECT_THAT(offered({"users", "create", "--email", "a@b.dev", "--em"}), IsEmpty());
  EXPECT_THAT(offered({"users", "create", "--email=a@b.dev", "--em"}), IsEmpty());
  EXPECT_THAT(offered({"users", "list", "-tacme", "--ten"}), IsEmpty());
  EXPECT_THAT(offered({"events", "tail", "--topic", "user.events", "--top"}),
              ElementsAre("--topic"));
}

TEST_F(CompleteTest, AFlagThatAnotherExcludesIsNotOffered) {
  EXPECT_THAT(offered({"events", "tail", "--no-follow", "--fol"}), IsEmpty());
  EXPECT_THAT(offered({"events", "tail", "--fol"}), ElementsAre("--follow"));
}

TEST_F(CompleteTest, WhereNoArgumentIsLeftTheCommandsOwnFlagsAreWhatMayFollow) {
  EXPECT_THAT(offered({"users", "list", ""}), ElementsAre("--limit", "--all", "--email"));
  EXPECT_THAT(offered({"topics", "describe", "user.events", ""}), IsEmpty());
}

TEST_F(CompleteTest, AValueIsWhatItsDeclaredNameSays) {
  EXPECT_THAT(offered({"users", "list", "--tenant", ""}), ElementsAre("acme", "beta"));
  EXPECT_THAT(offered({"users", "list", "-t", "a"}), ElementsAre("acme"));
  EXPECT_THAT(offered({"users", "list", "--tenant=b"}), ElementsAre("--tenant=beta"));
  EXPECT_THAT(offered({"users", "list", "-tb"}), ElementsAre("-tbeta"));
  EXPECT_THAT(offered({"users", "list", "-yt", "b"}), ElementsAre("beta"));
  EXPECT_THAT(offered({"--context", ""}), ElementsAre("prod", "local"));
  EXPECT_THAT(offered({"events", "tail", "--topic", "u"}), ElementsAre("user.events"));
  EXPECT_THAT(offered({"events", "export", "--type", "user.cr"}), ElementsAre("user.created"));
  EXPECT_THAT(offered({"groups", "seek", "analytics", "--to", ""}), ElementsAre("start", "end"));
  EXPECT_THAT(offered({"users", "create", "--email", ""}), IsEmpty());
}

TEST_F(CompleteTest, ArgumentsGoByTheirPlace) {
  EXPECT_THAT(offered({"topics", "describe", ""}), ElementsAre("user.events", "analytics.events"));
  EXPECT_THAT(offered({"groups", "seek", "an"}), ElementsAre("analytics"));
  EXPECT_THAT(offered({"tasks", "wait", ""}), ElementsAre("t-2", "t-1")) << "the newest first";
  EXPECT_THAT(offered({"tenants", "get", ""}), ElementsAre("acme", "beta"));
  EXPECT_THAT(offered({"context", "use", ""}), ElementsAre("prod", "local"));
  EXPECT_THAT(offered({"dlq", "redrive", "user"}), ElementsAre("user.events"));
  EXPECT_THAT(offered({"ratelimit", "set", ""}), ElementsAre("acme", "beta"));
  EXPECT_THAT(offered({"ratelimit", "set", "acme", ""}),
              ElementsAre("search", "publish", "users", "admin"));
  EXPECT_THAT(offered({"ratelimit", "set", "acme", "--burst", "5", "se"}), ElementsAre("search"));
  EXPECT_THAT(offered({"completion", ""}), ElementsAre("bash", "zsh", "fish"));
  EXPECT_THAT(offered({"help", "users", "cre"}), ElementsAre("create"));
  EXPECT_THAT(offered({"users", "get", ""}), IsEmpty());
  EXPECT_THAT(offered({"tenants", "create", ""}), IsEmpty()) << "its name is new";
}

TEST_F(CompleteTest, FixedSetsAreOffered) {
  EXPECT_THAT(offered({"users", "import", "--format", "nd"}), ElementsAre("ndjson"));
  EXPECT_THAT(offered({"tenants", "update", "acme", "--unknown-types", ""}),
              ElementsAre("true", "false"));
  EXPECT_THAT(offered({"tenants", "top", "--sort", "search"}),
              ElementsAre("searches", "search_ms"));
  EXPECT_THAT(offered({"events", "publish", "--id-from", ""}), ElementsAre("line"));
  EXPECT_THAT(offered({"events", "replay", "--pipeline", ""}),
              ElementsAre("user-index", "analytics", "chemical", "metering"));
}

TEST_F(CompleteTest, EveryOutputThatIsOfferedIsOne) {
  const auto outputs = offered({"topics", "list", "-o", ""});
  EXPECT_THAT(outputs, UnorderedElementsAreArray(format_names()));
}

TEST_F(CompleteTest, AValueMayBeginWithAWordAndGoOnWithAName) {
  EXPECT_THAT(offered({"events", "tail", "--filter", ""}), ElementsAre("type=", "tenant=", "key="));
  EXPECT_FALSE(at({"events", "tail", "--filter", "t"}).ends_word);
  EXPECT_THAT(offered({"events", "tail", "--filter", "tenant="}),
              ElementsAre("tenant=acme", "tenant=beta"));
  EXPECT_TRUE(at({"events", "tail", "--filter", "tenant="}).ends_word);
  EXPECT_THAT(offered({"events", "tail", "--filter=tenant=b"}),
              ElementsAre("--filter=tenant=beta"));
  EXPECT_THAT(offered({"events", "tail", "--filter", "key="}), IsEmpty());
  EXPECT_THAT(offered({"context", "add", "x", "--endpoint", "a"}), ElementsAre("admin="));
  EXPECT_THAT(offered({"tenants", "update", "acme", "--rate-limit", "search="}),
              ElementsAre("search=none"));
}

TEST_F(CompleteTest, FilesAndFoldersAreLeftToTheShell) {
  EXPECT_EQ(at({"users", "import", ""}).paths, Completion::Paths::files);
  EXPECT_EQ(at({"events", "publish", "--file=a"}).paths, Completion::Paths::files);
  EXPECT_EQ(at({"events", "publish", "--file=a"}).paths_at, 7u);
  EXPECT_EQ(at({"events", "export", "-Oa"}).paths_at, 2u);
  EXPECT_EQ(at({"--data-dir", ""}).paths, Completion::Paths::directories);
  EXPECT_EQ(at({"restore", ""}).paths, Completion::Paths::directories);
  EXPECT_EQ(at({"topics", "describe", ""}).paths, Completion::Paths::none);
  EXPECT_EQ(at({"events", "publish", "--file", "x", ""}).paths, Completion::Paths::none)
      << "the file was named";
}

TEST_F(CompleteTest, ACommandMayHaveAnArgumentBesideItsOwnCommands) {
  const Completion both = at({"backup", ""});
  EXPECT_EQ(both.candidates.at(0).value, "verify");
  EXPECT_EQ(both.paths, Completion::Paths::directories);
  EXPECT_EQ(at({"backup", "/x", ""}).paths, Completion::Paths::none);
}

TEST_F(CompleteTest, AFlagsValueIsNotTakenForACommand) {
  EXPECT_THAT(offered({"--tenant", "users", "top"}), ElementsAre("topics"));
  EXPECT_THAT(offered({"--tenant=x", "users", "cre"}), ElementsAre("create"));
  EXPECT_THAT(offered({"--tenant=", "users", "cre"}), ElementsAre("create"));
}

TEST_F(CompleteTest, BehindTwoDashesNothingIsAFlag) {
  EXPECT_THAT(offered({"topics", "describe", "--", "-"}), IsEmpty());
  EXPECT_THAT(offered({"topics", "describe", "--", "u"}), ElementsAre("user.events"));
}

TEST_F(CompleteTest, NamesThatPassForSomethingElseAreNotOffered) {
  known_names["TOPIC"] = {{"-y"},
                          {"--yes"},
                          {""},
                          {"a\nb"},
                          {"a\tb"},
                          {"a\x1b[31m"},
                          {"a\xe2\x80\xae"},
                          {std::string("\xff")},
                          {"odd $(name)", "x\ny\x1b"}};
  const auto odd = at({"topics", "describe", ""}).candidates;
  ASSERT_EQ(odd.size(), 1u);
  EXPECT_EQ(odd[0].value, "odd $(name)");
  EXPECT_EQ(odd[0].description, "x\\ny\\x1b");
}

TEST_F(CompleteTest, TheServerIsAskedOnlyWhereANameOfItsIsMeant) {
  offered({"topics", "describe", ""});
  EXPECT_THAT(asked, ElementsAre("TOPIC"));
  for (const auto& words : std::vector<std::vector<std::string>>{
           {""}, {"users", "create", "--"}, {"users", "create", "--name", ""}, {"version", ""}}) {
    offered(words);
    EXPECT_THAT(asked, Not(Contains("TENANT"))) << words.back();
  }
}

TEST_F(CompleteTest, TheCursorKnowsWhatTheLineSaysOfTheServer) {
  const Cursor cursor = cursor_of(
      tree.root, {"--server", "h:1", "topics", "-t=", "describe", "--token=a:b", "-v", "x", ""});
  EXPECT_EQ(cursor.command->get_name(), "describe");
  EXPECT_THAT(cursor.globals, Contains("--server=h:1"));
  EXPECT_THAT(cursor.globals, Contains("--token=a:b"));
  EXPECT_THAT(cursor.arguments, ElementsAre("x"));
}

// A verb that is new, or an argument that is renamed, is completed or is free text by intent.
TEST_F(CompleteTest, EveryNameOfTheVocabularyIsUsed) {
  std::set<std::string> seen;
  const std::function<void(const CLI::App&, std::vector<std::string>)> walk =
      [&](const CLI::App& app, std::vector<std::string> words) {
        for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
          auto below = words;
          below.push_back(sub->get_name());
          walk(*sub, below);
        }
        for (const CLI::Option* option : app.get_options()) {
          auto line = words;
          if (option->nonpositional() && !option->get_lnames().empty() &&
              option->get_items_expected_max() > 0)
            line.push_back("--" + option->get_lnames().front());
          line.emplace_back();
          at(line);
          seen.insert(asked.begin(), asked.end());
        }
      };
  walk(tree.root, {});
  EXPECT_THAT(seen, IsSupersetOf({"TENANT", "TOPIC", "GROUP", "TASK", "CONTEXT"}));
}

}  // namespace
}  // namespace mesh::cli
