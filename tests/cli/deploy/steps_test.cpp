// Steps that are gone on with, names, versions of tools, programs that are run.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/steps.h"
#include "cli/commands/deploy/tools.h"
#include "tests/cli/cli_fixture.h"

namespace mesh::cli::deploy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StepsTest : public ::testing::Test {
 protected:
  StepsTest() {
    around_.env = [this](const char* name) -> const char* {
      return std::string_view(name) == "XDG_STATE_HOME" ? dir_.path().c_str() : nullptr;
    };
  }
  // A run of the steps a, b and c, of which one fails; which were worked on.
  std::vector<std::string> run(const std::string& fails, const Json& inputs = "same",
                               bool restart = false) {
    std::istringstream in;
    std::ostringstream out;
    Session session(around_, in, out, notes_, {});
    const auto place = Workplace::open(session, "d");
    EXPECT_TRUE(place) << place.error().to_string();
    Steps steps(session, *place);
    EXPECT_TRUE(steps.begin("verb", inputs, restart));
    std::vector<std::string> done;
    for (const std::string name : {"a", "b", "c"}) {
      last_ = steps.run(name, "step " + name, [&](Step&) -> Status {
        done.push_back(name);
        return name == fails ? fail(ErrorKind::conflict, "it broke") : Status();
      });
      if (!last_) return done;
    }
    EXPECT_TRUE(steps.end());
    return done;
  }

  test::TempDir dir_;
  Surroundings around_;
  std::ostringstream notes_;
  Status last_;
};

TEST_F(StepsTest, ARunThatWasCutOffGoesOnAtTheStepThatFailed) {
  EXPECT_THAT(run("b"), ElementsAre("a", "b"));
  EXPECT_EQ(last_.error().message, "step b: it broke\n  the same command goes on with this step");
  EXPECT_THAT(run("c"), ElementsAre("b", "c"));
  EXPECT_THAT(run(""), ElementsAre("c"));
  EXPECT_THAT(run(""), ElementsAre("a", "b", "c")) << "the run before had ended";
}

TEST_F(StepsTest, ItBeginsAnewForOtherInputsAndForRestart) {
  EXPECT_THAT(run("b"), ElementsAre("a", "b"));
  EXPECT_THAT(run("b", "other"), ElementsAre("a", "b"));
  EXPECT_THAT(run("", "other", true), ElementsAre("a", "b", "c"));
}

TEST_F(StepsTest, AFileOfStepsThatIsBrokenBeginsAnew) {
  EXPECT_THAT(run("b"), ElementsAre("a", "b"));
  std::ofstream(dir_.file("mesh/deploy/d/steps.json")) << "{";
  EXPECT_THAT(run("b"), ElementsAre("a", "b"));
}

TEST_F(StepsTest, APlaceInWhichNothingWasKeptGoesAgain) {
  std::istringstream in;
  std::ostringstream out;
  Session session(around_, in, out, notes_, {});
  { ASSERT_TRUE(Workplace::open(session, "d")); }
  EXPECT_FALSE(std::filesystem::exists(dir_.file("mesh/deploy/d")));
  {
    const auto place = Workplace::open(session, "d");
    std::ofstream(place->log("a")) << "why\n";
  }
  EXPECT_TRUE(std::filesystem::exists(dir_.file("mesh/deploy/d/logs/a.log")));
}

TEST_F(StepsTest, ADraftIsOfThePlaceOnceItIsAdopted) {
  std::istringstream in;
  std::ostringstream out;
  Session session(around_, in, out, notes_, {});
  const auto place = Workplace::open(session, "d");
  ASSERT_TRUE(place);
  const auto write = [](const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  };
  const auto text_of = [](const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  };
  write(place->file("part/old"), "old");
  write(place->file("kustomization/rds.pem"), "ca");
  write(place->file("other"), "other");
  write(place->log("a"), "one\n");
  const auto begin = [&] {
    auto draft = Draft::open(*place);
    EXPECT_EQ(text_of(draft->file("kustomization/rds.pem")), "ca");
    write(draft->file("part/new"), "new");
    write(draft->log("a"), "two\n");
    EXPECT_EQ(draft->kept("x"), place->file("x"));
    return draft;
  };
  (void)begin();
  EXPECT_FALSE(std::filesystem::exists(place->file("draft")));
  EXPECT_EQ(text_of(place->file("part/old")), "old");
  EXPECT_EQ(text_of(place->log("a")), "one\n");
  EXPECT_TRUE(begin()->adopt());
  EXPECT_FALSE(std::filesystem::exists(place->file("draft")));
  EXPECT_FALSE(std::filesystem::exists(place->file("part/old")));
  EXPECT_EQ(text_of(place->file("part/new")), "new");
  EXPECT_EQ(text_of(place->file("other")), "other");
  EXPECT_EQ(text_of(place->log("a")), "one\ntwo\n");
}

// Killed between the two renames of an adoption.
TEST_F(StepsTest, WhatAnAdoptionHasMovedAsideGoesBack) {
  std::istringstream in;
  std::ostringstream out;
  Session session(around_, in, out, notes_, {});
  std::string path;
  {
    const auto place = Workplace::open(session, "d");
    ASSERT_TRUE(place);
    path = place->path();
    std::filesystem::create_directories(path + "/draft/old/lost");
    std::filesystem::create_directories(path + "/draft/old/replaced/before");
    std::filesystem::create_directories(path + "/replaced/now");
  }
  ASSERT_TRUE(Workplace::open(session, "d"));
  EXPECT_TRUE(std::filesystem::exists(path + "/lost"));
  EXPECT_TRUE(std::filesystem::exists(path + "/replaced/now"));
  EXPECT_FALSE(std::filesystem::exists(path + "/replaced/before"));
  EXPECT_FALSE(std::filesystem::exists(path + "/draft"));
}

TEST_F(StepsTest, OneCommandWorksInAPlaceAtATime) {
  std::istringstream in;
  std::ostringstream out;
  Session session(around_, in, out, notes_, {});
  const auto first = Workplace::open(session, "d");
  ASSERT_TRUE(first);
  const auto second = Workplace::open(session, "d");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::conflict);
  EXPECT_THAT(second.error().message, HasSubstr("another `mesh deploy` works on d"));
}

TEST_F(StepsTest, ADeploymentReadsBackAsItWasKept) {
  std::istringstream in;
  std::ostringstream out;
  Session session(around_, in, out, notes_, {});
  const auto place = Workplace::open(session, "d");
  ASSERT_TRUE(place);
  EXPECT_EQ(place->deployment().error().kind, ErrorKind::not_found);
  const Deployment kept{.name = "d",
                        .kind = "eks",
                        .kubeconfig = "k",
                        .context = "c",
                        .name_space = "n",
                        .server = "s",
                        .overlay = "o",
                        .image = "i",
                        .region = "r",
                        .state_bucket = "b",
                        .variables = {{"v", "1"}},
                        .variable_files = {"f"},
                        .environment = {{"E", ""}},
                        .roles = {{"a", "arn"}},
                        .components = {"redis"},
                        .made = {"namespace/n", "job/prepare"},
                        .found_claims = {"data-qdrant-0"},
                        .source = "src",
                        .engine = "podman"};
  ASSERT_TRUE(place->keep(kept));
  EXPECT_EQ(to_json(*place->deployment()), to_json(kept));
  EXPECT_EQ(*chosen_deployment(session, ""), "d");
  EXPECT_EQ(chosen_deployment(session, "e").error().kind, ErrorKind::not_found);
  ASSERT_TRUE(place->forget());
  EXPECT_THAT(chosen_deployment(session, "").error().message,
              HasSubstr("nothing has been deployed"));
}

TEST(DeploymentOfAnOlderMesh, IsRefusedWithoutARecordOfWhatItMade) {
  Json old{{"name", "d"}, {"kind", "kubernetes"}, {"made_namespace", true}};
  const auto refused = deployment_of(old);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
  EXPECT_THAT(refused.error().message, HasSubstr("kept no record of what it made: "));
  old["kind"] = "local";
  EXPECT_TRUE(deployment_of(old));
}

TEST(DeploymentName, IsAFoldersName) {
  for (const char* good : {"a", "distributedai-eks", "kind_1.x"}) EXPECT_TRUE(check_name(good));
  for (const char* bad : {"", ".", "..", "../a", "a/b", "-a", "a b", "ä"})
    EXPECT_FALSE(check_name(bad)) << bad;
  EXPECT_EQ(name_from("arn:aws:eks:eu-central-1:1:cluster/prod"),
            "arn-aws-eks-eu-central-1-1-cluster-prod");
  EXPECT_TRUE(check_name(name_from("..:/x")));
}

TEST(ToolVersion, IsFoundInWhatToolsPrint) {
  EXPECT_EQ(to_string(*find_version("aws-cli/1.45.11 Python/3.11.7")), "1.45.11");
  EXPECT_EQ(to_string(*find_version("gitVersion: v1.32.4-dispatcher")), "1.32.4");
  EXPECT_EQ(to_string(*find_version("{\"terraform_version\": \"1.10\"}")), "1.10.0");
  EXPECT_EQ(to_string(*find_version("built 2025-05-15, v2.3.4")), "2.3.4");
  for (const char* none : {"", "no version", "12", "1.", "v1.x"}) EXPECT_FALSE(find_version(none));
  EXPECT_LT(*find_version("1.9.9"), *find_version("1.10.0"));
}

TEST(Kubeconfig, IsFoundFromAnyFolder) {
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(absolute_files("a"), here + "/a");
  EXPECT_EQ(absolute_files("/k:b/c"), "/k:" + here + "/b/c");
  EXPECT_EQ(absolute_files(""), "");
}

TEST(KubectlError, HasAKindByWhatItSays) {
  EXPECT_EQ(kubectl_error("Error from server (NotFound): x").kind, ErrorKind::not_found);
  EXPECT_EQ(kubectl_error("Error from server (Forbidden): x").kind, ErrorKind::forbidden);
  EXPECT_EQ(kubectl_error("error: You must be logged in to the server (Unauthorized)").kind,
            ErrorKind::forbidden);
  EXPECT_EQ(kubectl_error("The connection to the server x was refused").kind,
            ErrorKind::unavailable);
  EXPECT_EQ(kubectl_error("error: Apply failed").kind, ErrorKind::conflict);
  EXPECT_THAT(kubectl_error("").message, HasSubstr("without a word"));
}

TEST(RunProgram, GivesItItsInputAndTakesBothStreams) {
  const std::string long_text(300'000, 'x');
  const auto ended = run_program({.words = {"/bin/sh", "-c", "cat; echo done >&2; exit 3"},
                                  .environment = {"A=b"},
                                  .input = long_text});
  ASSERT_TRUE(ended) << ended.error().to_string();
  EXPECT_EQ(ended->code, 3);
  EXPECT_EQ(ended->out, long_text);
  EXPECT_EQ(ended->err, "done\n");
  EXPECT_EQ(run_program({.words = {"/bin/sh", "-c", "kill -9 $$"}})->code, 137);
  EXPECT_THAT(run_program({.words = {"/no/such"}}).error().message,
              HasSubstr("cannot run /no/such"));
}

TEST(RunProgram, ItsEnvironmentAndFolderAreWhatWasSaid) {
  const test::TempDir dir;
  const auto ended = run_program({.words = {"/bin/sh", "-c", "pwd; echo $HOME$A"},
                                  .environment = {"A=b", "HOME=/h"},
                                  .folder = dir.path()});
  EXPECT_EQ(ended->out, dir.path() + "\n/hb\n");
}

TEST(RunLogged, KeepsAllAndTellsEachLine) {
  const test::TempDir dir;
  std::vector<std::string> lines;
  const Watched watched{.log = dir.file("log"),
                        .on_line = [&](const std::string& line) { lines.push_back(line); }};
  const Program program{.words = {"/bin/sh", "-c", "echo one; echo two >&2; printf three"}};
  EXPECT_EQ(run_logged(program, watched)->code, 0);
  EXPECT_THAT(lines, ElementsAre("one", "two", "three"));
  EXPECT_EQ(run_logged(program, watched)->code, 0);
  std::stringstream kept;
  kept << std::ifstream(dir.file("log")).rdbuf();
  EXPECT_EQ(kept.str(), "one\ntwo\nthreeone\ntwo\nthree") << "a run follows the one before";
  EXPECT_EQ(lines.size(), 6u) << "and is told alone";
}

}  // namespace
}  // namespace mesh::cli::deploy
