// The mesh command on a terminal: what is longer than the screen is shown by a pager.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

class Pager : public ::testing::Test {
 protected:
  // `mesh` on a terminal of so many lines. All that it and its pager write there is `out`; `typed`
  // is what a person types once the terminal shows `prompt`.
  Outcome on_terminal(const std::vector<std::string>& arguments, int lines = 24,
                      const std::string& prompt = {}, const std::string& typed = {}) {
    winsize size{};
    size.ws_row = static_cast<unsigned short>(lines);
    size.ws_col = 120;
    int terminal = -1;
    std::vector<std::string> words{MESH_BIN_DIR "/mesh"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t pid = forkpty(&terminal, nullptr, nullptr, &size);
    if (pid == 0) {
      for (const char* name : {"LESS", "PAGER", "MESH_PAGER"}) unsetenv(name);
      for (const auto& [name, value] : environment_) setenv(name.c_str(), value.c_str(), 1);
      execv(argv[0], argv.data());
      _exit(99);
    }
    Outcome outcome;
    bool answered = typed.empty();
    char buffer[4096];
    for (ssize_t n; (n = read(terminal, buffer, sizeof buffer)) > 0;) {
      outcome.out.append(buffer, static_cast<std::size_t>(n));
      if (!answered && outcome.out.find(prompt) != std::string::npos) {
        answered = write(terminal, typed.data(), typed.size()) > 0;
      }
    }
    int status = 0;
    waitpid(pid, &status, 0);
    close(terminal);
    outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return outcome;
  }
  // Contexts to list, without any server.
  void contexts(int count, const std::string& padding = {}) {
    std::filesystem::create_directories(dir_.file("mesh"));
    std::ofstream file(dir_.file("mesh/config.yaml"));
    file << "contexts:\n";
    for (int i = 0; i < count; ++i) {
      file << "  c" << i << ": {server: \"http://127.0.0.1:1/" << padding << "\"}\n";
    }
  }
  std::string shown_by_pager() {
    std::ifstream file(paged_);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  test::TempDir dir_;
  const std::string paged_ = dir_.file("paged");
  std::map<std::string, std::string> environment_{
      {"XDG_CONFIG_HOME", dir_.path()}, {"TERM", "xterm"}, {"PAGER", "cat >" + paged_}};
};

TEST_F(Pager, ShowsWhatIsLongerThanTheScreen) {
  contexts(30);
  const Outcome listed = on_terminal({"context", "list"}, 31);
  EXPECT_EQ(listed.exit_code, 0) << listed.out;
  EXPECT_EQ(listed.out, "");
  EXPECT_NE(shown_by_pager().find("c29 "), std::string::npos) << shown_by_pager();
}

TEST_F(Pager, IsNotAskedForWhatFits) {
  contexts(30);
  const Outcome listed = on_terminal({"context", "list"}, 32);
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_NE(listed.out.find("c29 "), std::string::npos) << listed.out;
  EXPECT_EQ(shown_by_pager(), "");
}

TEST_F(Pager, IsForTerminalsAlone) {
  contexts(30);
  const Outcome listed = run({MESH_BIN_DIR "/mesh", "context", "list"}, {}, environment_);
  EXPECT_NE(listed.out.find("c29 "), std::string::npos) << listed.out;
  EXPECT_EQ(shown_by_pager(), "");
}

TEST_F(Pager, IsSwitchedOffByFlagByAnEmptyVariableAndByCat) {
  contexts(30);
  const Outcome flag = on_terminal({"context", "list", "--no-pager"});
  EXPECT_NE(flag.out.find("c29 "), std::string::npos) << flag.out;
  for (const char* none : {"", "cat", " cat "}) {
    environment_["MESH_PAGER"] = none;
    const Outcome listed = on_terminal({"context", "list"});
    EXPECT_EQ(listed.exit_code, 0);
    EXPECT_EQ(listed.out, flag.out) << none;
  }
  EXPECT_EQ(shown_by_pager(), "");
}

TEST_F(Pager, IsMeshPagerBeforePagerAndGetsTheFlagsOfLessThatGitGives) {
  contexts(30);
  environment_["MESH_PAGER"] = "printenv LESS >" + paged_ + "; cat >/dev/null";
  EXPECT_EQ(on_terminal({"context", "list"}).exit_code, 0);
  EXPECT_EQ(shown_by_pager(), "FRX\n");
  environment_["LESS"] = "-S";
  EXPECT_EQ(on_terminal({"context", "list"}).exit_code, 0);
  EXPECT_EQ(shown_by_pager(), "-S\n");
}

TEST_F(Pager, ThatIsNotThereIsNone) {
  contexts(30);
  const Outcome plain = on_terminal({"context", "list", "--no-pager"});
  environment_["MESH_PAGER"] = "no-such-pager -R";
  const Outcome listed = on_terminal({"context", "list"});
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_EQ(listed.out, plain.out);
}

TEST_F(Pager, ThatIsQuitEarlyHasShownEnough) {
  contexts(600, std::string(300, 'x'));  // more than a pipe holds
  environment_["PAGER"] = "head -n 1 >" + paged_;
  const Outcome listed = on_terminal({"context", "list", "-o", "json"});
  EXPECT_EQ(listed.exit_code, 0) << listed.out;
  EXPECT_EQ(listed.out, "");
  EXPECT_EQ(shown_by_pager(), "[\n");
}

TEST_F(Pager, LeavesTheExitCodeOfTheVerb) {
  environment_["PAGER"] = "cat >" + paged_ + "; exit 5";
  const Outcome checked = on_terminal({"check", "--server", "http://127.0.0.1:1", "-o", "json"}, 4);
  EXPECT_EQ(checked.exit_code, 2) << checked.out;
  EXPECT_NE(shown_by_pager().find("CRITICAL"), std::string::npos) << shown_by_pager();
}

// The tool died of it, and left the pager behind with the terminal.
TEST_F(Pager, HasCtrlCForItself) {
  contexts(30);
  environment_["PAGER"] =
      "trap 'echo interrupted' INT; cat >/dev/null; echo ready; read line </dev/tty; "
      "read line </dev/tty; echo end";
  const Outcome listed = on_terminal({"context", "list"}, 24, "ready", "\x03\nq\n");
  EXPECT_EQ(listed.exit_code, 0) << listed.out;
  EXPECT_NE(listed.out.find("interrupted"), std::string::npos) << listed.out;
  EXPECT_NE(listed.out.find("end"), std::string::npos) << listed.out;
}

}  // namespace
}  // namespace mesh::e2e
