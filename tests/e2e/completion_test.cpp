// TAB in real shells, against a real meshd and against servers that are not what they should be.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/fake_mesh.h"
#include "tests/support/raw_listener.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

const std::string kMesh = MESH_BIN_DIR "/mesh";
const std::string kPatient = "MESH_COMPLETION_TIMEOUT=1h";  // how fast this machine is: no matter

// An interactive shell on a terminal of its own. `mesh` is a function there that prints the words
// it is given, so that a test sees what the shell makes of a completed line; completion asks the
// program.
class Shell {
 public:
  Shell(const std::string& name, const std::string& folder, std::vector<std::string> environment)
      : environment_(std::move(environment)) {
    const std::string script = run({kMesh, "completion", name}).out;
    std::ofstream(folder + "/completion." + name) << script;
    const std::string source = "source " + folder + "/completion." + name + "\n";
    const std::string function = "mesh() { printf BEGIN; printf '<%s>' \"$@\"; echo END; }\n";
    std::vector<std::string> command;
    if (name == "bash") {
      std::ofstream(folder + "/rc") << source << function << "PS1='READY> '\n";
      command = {"bash", "--noprofile", "--rcfile", folder + "/rc", "-i"};
    } else if (name == "zsh") {
      std::ofstream(folder + "/.zshrc") << "autoload -Uz compinit\ncompinit -D -u\n"
                                        << source << function << "PS1='READY> '\n";
      environment_.push_back("ZDOTDIR=" + folder);
      command = {"zsh", "-d", "-i"};
    } else {
      std::ofstream(folder + "/rc.fish")
          << source << "function mesh; printf BEGIN; printf '<%s>' $argv; echo END; end\n"
          << "function fish_prompt; echo -n 'READY> '; end\nset fish_greeting\n";
      command = {"fish", "--no-config", "-i", "-C", "source " + folder + "/rc.fish"};
    }
    environment_.insert(environment_.end(),
                        {"PATH=" MESH_BIN_DIR ":/usr/bin:/bin", "TERM=xterm", "LANG=C.UTF-8",
                         "HOME=" + folder, "XDG_CONFIG_HOME=" + folder});
    start(command, folder);
    await("READY> ");
  }
  ~Shell() {
    ::close(terminal_);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Shell(const Shell&) = delete;

  // The words that `mesh` gets of the line, TAB at its end: "<users><create>".
  std::string completed(const std::string& line) {
    const std::string keys = line + "\t\n";
    EXPECT_EQ(::write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    shown_ = await("END\r\n");
    const auto begin = shown_.rfind("BEGIN") + 5, end = shown_.rfind("END");
    return begin > end ? shown_ : shown_.substr(begin, end - begin);
  }
  const std::string& shown() const { return shown_; }

 private:
  void start(std::vector<std::string>& command, const std::string& folder) {
    std::vector<char*> argv, envp;
    for (auto& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    for (auto& word : environment_) envp.push_back(word.data());
    envp.push_back(nullptr);
    winsize size{50, 400, 0, 0};
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      if (::chdir(folder.c_str()) == 0) ::execvpe(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
  }
  // What the shell prints up to and with `text`.
  std::string await(const std::string& text) {
    std::string read;
    char buffer[4096];
    while (pending_.find(text) == std::string::npos) {
      const ssize_t n = ::read(terminal_, buffer, sizeof buffer);
      if (n <= 0) {
        ADD_FAILURE() << "the shell ended: " << pending_;
        return pending_;
      }
      pending_.append(buffer, static_cast<std::size_t>(n));
    }
    const auto end = pending_.find(text) + text.size();
    read = pending_.substr(0, end);
    pending_.erase(0, end);
    return read;
  }

  std::vector<std::string> environment_;
  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string pending_, shown_;
};

class Completion : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (run({"/bin/sh", "-c", std::string("command -v ") + GetParam()}).exit_code != 0)
      GTEST_SKIP() << "no " << GetParam() << " here; ./scripts/bootstrap installs it";
  }
  std::string shell() const { return GetParam(); }

  test::TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(Shells, Completion, ::testing::Values("bash", "zsh", "fish"),
                         [](const auto& shell) { return std::string(shell.param); });

TEST_P(Completion, NamesOfARealServerAreCompleted) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  ASSERT_EQ(daemon.mesh({"tenants", "create", "acme"}).exit_code, 0);
  ASSERT_EQ(daemon.mesh({"tenants", "create", "beta"}).exit_code, 0);
  ASSERT_EQ(daemon.mesh({"index", "rebuild", "--no-progress"}).exit_code, 0);
  const std::string task =
      Json::parse(daemon.mesh({"tasks", "list", "-o", "json"}).out).at(0).at("id");
  ASSERT_EQ(run({kMesh, "context", "add", "here", "--data-dir", daemon.data_dir()}, "",
                {{"XDG_CONFIG_HOME", dir_.path()}})
                .exit_code,
            0);

  Shell typed(shell(), dir_.path(), {kPatient});
  EXPECT_EQ(typed.completed("mesh context use he"), "<context><use><here>");
  EXPECT_EQ(typed.completed("mesh user"), "<users>");
  EXPECT_EQ(typed.completed("mesh users cre"), "<users><create>");
  EXPECT_EQ(typed.completed("mesh users list --em"), "<users><list><--email>");
  EXPECT_EQ(typed.completed("mesh tenants get ac"), "<tenants><get><acme>");
  EXPECT_EQ(typed.completed("mesh users list --tenant be"), "<users><list><--tenant><beta>");
  EXPECT_EQ(typed.completed("mesh users list --tenant=be"), "<users><list><--tenant=beta>");
  EXPECT_EQ(typed.completed("mesh topics describe analytics"),
            "<topics><describe><analytics.events>");
  EXPECT_EQ(typed.completed("mesh groups describe ana"), "<groups><describe><analytics>");
  EXPECT_EQ(typed.completed("mesh tasks get " + task.substr(0, 5)), "<tasks><get><" + task + ">");
  EXPECT_EQ(typed.completed("mesh events tail --filter tenant=ac"),
            "<events><tail><--filter><tenant=acme>");
  EXPECT_EQ(typed.completed("mesh events export --type user.cr"),
            "<events><export><--type><user.created>");
  EXPECT_EQ(typed.completed("mesh topics list -o y"), "<topics><list><-o><yaml>");
}

TEST_P(Completion, TheServerMayStandOnTheLine) {
  Daemon daemon(dir_.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  ASSERT_EQ(daemon.mesh({"tenants", "create", "acme"}).exit_code, 0);
  Shell typed(shell(), dir_.path(), {kPatient});
  EXPECT_EQ(typed.completed("mesh --data-dir '" + daemon.data_dir() + "' tenants get ac"),
            "<--data-dir><" + daemon.data_dir() + "><tenants><get><acme>");
  EXPECT_EQ(typed.completed("mesh --data-dir ~/data tenants get ac"),
            "<--data-dir><" + daemon.data_dir() + "><tenants><get><acme>");
}

TEST_P(Completion, FilesAreTheShells) {
  std::ofstream(dir_.file("im port.csv")) << "x";
  std::filesystem::create_directory(dir_.file("folder"));
  Shell typed(shell(), dir_.path(), {kPatient});
  EXPECT_EQ(typed.completed("mesh users import im"), "<users><import><im port.csv>");
  EXPECT_EQ(typed.completed("mesh users import --errors=im"),
            "<users><import><--errors=im port.csv>");
  EXPECT_EQ(typed.completed("mesh restore fol").substr(0, 16), "<restore><folder");
}

// Names are a server's word: they are words of the line, whatever is in them.
TEST_P(Completion, ANameIsOneWordAndNothingOfItRuns) {
  const std::vector<std::string> names{"a b $(touch PWNED)",
                                       "b`touch PWNED`",
                                       "c'; touch PWNED; '",
                                       "d\"; touch PWNED; \"",
                                       "e\\$(touch PWNED)\\",
                                       "f & touch PWNED #!x",
                                       "g:h=i:j",
                                       "h*?[a]{b,c}~<>|",
                                       "i josé"};
  test::FakeMesh server;
  Json items = Json::array();
  for (const auto& name : names) items.push_back({{"name", name}, {"kind", "$(touch PWNED)"}});
  items.push_back({{"name", "z\ntouch PWNED\n"}, {"kind", ""}});
  server.on("GET", "/admin/v1/topics", 200, Json{{"items", items}, {"next", nullptr}});
  Shell typed(shell(), dir_.path(), {kPatient, "MESH_SERVER=" + server.url()});
  for (const std::string& name : names) {
    const std::string expected = "<topics><describe><" + name + ">";
    EXPECT_EQ(typed.completed("mesh topics describe " + name.substr(0, 1)), expected);
    EXPECT_EQ(typed.completed("mesh topics describe '" + name.substr(0, 1)), expected);
    EXPECT_EQ(typed.completed("mesh topics describe \"" + name.substr(0, 1)), expected);
  }
  EXPECT_EQ(typed.completed("mesh topics describe g:h=i"), "<topics><describe><g:h=i:j>");
  EXPECT_EQ(typed.completed("mesh topics describe z"), "<topics><describe><z>");
  // What is typed is not run either.
  EXPECT_EQ(typed.completed("mesh topics describe '$(touch PWNED)' '`touch PWNED`'"),
            "<topics><describe><$(touch PWNED)><`touch PWNED`>");
  EXPECT_FALSE(std::filesystem::exists(dir_.file("PWNED")));
}

TEST_P(Completion, WithoutAServerItIsSilent) {
  const test::RawListener mute;
  for (const std::string& server : {std::string("http://127.0.0.1:1"), mute.url()}) {
    Shell typed(shell(), dir_.path(), {"MESH_SERVER=" + server});
    EXPECT_EQ(typed.completed("mesh tenants get ac"), "<tenants><get><ac>");
    EXPECT_EQ(typed.shown().find("mesh:"), std::string::npos) << typed.shown();
    EXPECT_EQ(typed.completed("mesh tenants up"), "<tenants><update>");
    const Outcome asked = run({kMesh, "__complete", shell(), "", "tenants", "get", ""}, "",
                              {{"MESH_SERVER", server}});
    EXPECT_EQ(asked.exit_code, 0);
    EXPECT_EQ(asked.err, "");
    EXPECT_EQ(asked.out, ":none \n");
  }
}

}  // namespace
}  // namespace mesh::e2e
