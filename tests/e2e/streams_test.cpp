// What every verb does when its output cannot be written, or need not be.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

extern char** environ;

namespace mesh::e2e {
namespace {

const std::string kMeshProgram = MESH_BIN_DIR "/mesh";

// A command of every verb that prints to stdout, and how it ends when all of it is read.
struct Command {
  std::vector<std::string> words;
  int exit = 0;
};

std::vector<Command> commands(const std::string& folder) {
  const std::string lines = folder + "/lines.ndjson", users = folder + "/users.csv";
  return {
      {{"users", "create", "--tenant", "acme", "--email", "new@acme.dev", "--name", "New"}},
      {{"users", "list", "--tenant", "acme"}},
      {{"users", "get", "1", "--tenant", "acme"}},
      {{"users", "update", "1", "--name", "Alice", "--tenant", "acme"}},
      {{"users", "import", users, "--tenant", "acme"}},
      {{"users", "purge", "acme", "1", "--dry-run"}},
      {{"search", "alice", "--tenant", "acme"}},
      {{"search", "x", "--type", "analytics.recorded", "--tenant", "acme"}},
      {{"events", "publish", lines, "--tenant", "acme"}},
      {{"events", "tail", "--topic", "user.events", "--from", "start", "--no-follow"}},
      {{"events", "get", "e-1"}},
      {{"events", "replay", "--topic", "user.events", "--dry-run"}},
      {{"events", "export", "--topic", "user.events"}},
      {{"members"}},
      {{"config", "list"}},
      {{"config", "get", "http.max_body"}},
      {{"logs"}},
      {{"console", "--no-open"}},
      {{"topics", "list"}},
      {{"topics", "describe", "user.events"}},
      {{"groups", "list"}},
      {{"groups", "describe", "analytics"}},
      {{"groups", "seek", "analytics", "--to", "end", "--dry-run"}},
      {{"dlq", "list"}},
      {{"dlq", "show", "analytics.events"}},
      {{"dlq", "redrive", "analytics.events", "--dry-run"}},
      {{"dlq", "purge", "analytics.events", "--dry-run"}},
      {{"ratelimit", "show", "acme"}},
      {{"ratelimit", "set", "acme", "search", "100/1s"}},
      {{"ratelimit", "reset", "acme", "search"}},
      {{"tenants", "create", "made"}},
      {{"tenants", "list"}},
      {{"tenants", "get", "acme"}},
      {{"tenants", "purge", "acme", "--dry-run"}},
      {{"tenants", "update", "acme", "--name", "Acme"}},
      {{"types", "check", "acme", "order.placed", "-f", folder + "/order.json"}},
      {{"types", "register", "acme", "order.placed", "-f", folder + "/order.json"}},
      {{"types", "list", "acme"}},
      {{"diff", "-f", folder + "/acme.yaml"}, 1},
      {{"apply", "-f", folder + "/acme.yaml", "--yes"}},
      {{"trace", "e-1"}},
      {{"explain", "user", "a@acme.dev"}},
      {{"tenants", "top", "--watch", "-n", "1", "-o", "json"}},
      {{"index", "list"}},
      {{"index", "rebuild", "--dry-run"}},
      {{"index", "compare", "--tenant", "acme", "--queries", folder + "/queries.txt"}},
      {{"index", "verify"}},
      {{"index", "events"}},
      {{"index", "rebuild-events", "analytics.recorded"}},
      {{"model", "info", folder + "/model"}},
      {{"tasks", "list"}},
      {{"tasks", "get", "TASK"}},
      {{"tasks", "wait", "TASK"}},
      {{"token", "mint", "--dev", "--tenant", "acme", "--user", "me"}},
      {{"token", "inspect", "acme:me"}},
      {{"context", "list", "-o", "json"}},
      {{"check"}},
      {{"doctor"}},
      {{"completion", "bash"}},
      {{"__complete", "zsh", "tenants", "get", ""}},
      {{"version"}},
      {{"version", "--check"}},
      {{"bundle", folder + "/bundle.zip"}},
      {{"bench", "publish", "--tenant", "acme", "-n", "1", "--yes"}},
      {{"bench", "create", "--tenant", "acme", "-n", "1", "--yes"}},
      {{"bench", "search", "--tenant", "acme", "-n", "1", "--yes"}},
      {{"bench", "cleanup", "--tenant", "acme", "--yes"}},
      {{"help"}},
      {{"backup", "verify", folder + "/backup"}},
      {{"--help"}},
      {{"users", "--help"}, 0},
      {{"users", "create", "--help"}},
      {{"users", "list", "-o", "help"}},
  };
}

class Streams : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    const auto mesh = [&](std::vector<std::string> words) {
      const Outcome done = daemon_.mesh(std::move(words));
      ASSERT_EQ(done.exit_code, 0) << done.err;
    };
    mesh({"users", "create", "--tenant", "acme", "--email", "a@acme.dev", "--name", "Alice"});
    mesh({"tenants", "create", "acme"});
    mesh({"events", "publish", "--tenant", "acme", "--type", "analytics.recorded", "--id", "e-1",
          "--data", R"({"user_id":"u","event_type":"x"})"});
    const Json record{{"key", "acme/u"}, {"value", "no event"}};
    ASSERT_EQ(daemon_
                  .call("admin", "POST", "/admin/v1/events", daemon_.operator_token(),
                        Json{{"topic", "analytics.events"}, {"records", {record}}}.dump())
                  .status,
              202);
    mesh({"index", "rebuild", "--no-progress"});
    mesh({"backup", dir_.file("backup"), "--no-progress"});
    task_ = Json::parse(daemon_.mesh({"tasks", "list", "-o", "json"}).out).at(0)["id"];
    daemon_.await_idle();
    write("lines.ndjson",
          R"({"specversion":"1.0","id":"e-2","source":"t","type":"analytics.recorded",)"
          R"("data":{"user_id":"u","event_type":"x"}})"
          "\n");
    write("order.json", R"({"type":"object"})");
    write("acme.yaml", "kind: tenant\nid: acme\nname: Acme\n");
    // A static model of one token and one number.
    std::filesystem::create_directory(dir_.file("model"));
    std::string tensors = R"({"embeddings":{"dtype":"I8","shape":[1,1],"data_offsets":[0,1]}})";
    tensors.resize((tensors.size() + 7) / 8 * 8, ' ');
    write("model/model.safetensors",
          std::string{static_cast<char>(tensors.size()), 0, 0, 0, 0, 0, 0, 0} + tensors + '\x01');
    write("model/config.json", "{}");
    write("model/tokenizer.json",
          R"({"normalizer":{"type":"BertNormalizer"},"pre_tokenizer":{"type":"BertPreTokenizer"},)"
          R"("model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",)"
          R"("max_input_chars_per_word":100,"vocab":{"[UNK]":0}}})");
    write("users.csv", "email,name\nb@acme.dev,Bob\n");
    write("queries.txt", "alice\nbob\n");
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.file(name)) << text;
  }
  enum class Out { closed, unread, full, file };
  // Runs mesh with such a stdout; its exit code, and stderr in err_.
  int mesh(std::vector<std::string> words, Out out) {
    for (auto& word : words) {
      if (word == "TASK") word = task_;
    }
    words.insert(words.begin(), kMeshProgram);
    words.insert(words.end(), {"--data-dir", daemon_.data_dir()});
    const std::string err = dir_.file("err");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    int pipe[2] = {-1, -1};
    if (out == Out::closed) {
      posix_spawn_file_actions_addclose(&actions, 1);
    } else if (out == Out::unread) {
      EXPECT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
      ::close(pipe[0]);  // as `head` that has seen enough
      posix_spawn_file_actions_adddup2(&actions, pipe[1], 1);
    } else {
      const char* path = out == Out::full ? "/dev/full" : "/dev/null";
      posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY, 0);
    }
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::string config = "XDG_CONFIG_HOME=" + dir_.path();
    std::vector<char*> envp{config.data(), nullptr};
    pid_t pid = -1;
    EXPECT_EQ(
        ::posix_spawn(&pid, kMeshProgram.c_str(), &actions, nullptr, argv.data(), envp.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    if (pipe[1] >= 0) ::close(pipe[1]);
    int status = 0;
    ::waitpid(pid, &status, 0);
    std::stringstream text;
    text << std::ifstream(err).rdbuf();
    err_ = text.str();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  static std::string text(const std::vector<std::string>& words) {
    std::string all;
    for (const auto& word : words) all += word + " ";
    return all;
  }

  test::TempDir dir_;
  Daemon daemon_{dir_.file("data")};
  std::string task_, err_;
};

TEST_F(Streams, AReaderThatHasGoneIsNoFailureOfAnyVerb) {
  for (const auto& [words, exit] : commands(dir_.path())) {
    EXPECT_EQ(mesh(words, Out::unread), exit) << text(words) << err_;
  }
}

TEST_F(Streams, AClosedStdoutIsAFailureOfEveryVerbBeforeItDoesAnything) {
  for (const auto& [words, exit] : commands(dir_.path())) {
    EXPECT_EQ(mesh(words, Out::closed), 1) << text(words);
    EXPECT_NE(err_.find("stdout is closed"), std::string::npos) << text(words) << err_;
  }
  EXPECT_EQ(mesh({"users", "delete", "1", "--tenant", "acme", "--yes"}, Out::closed), 1);
  EXPECT_EQ(daemon_.mesh({"users", "get", "1", "--tenant", "acme"}).exit_code, 0);
}

TEST_F(Streams, AFullDiskIsAFailureOfEveryVerb) {
  for (const auto& [words, exit] : commands(dir_.path())) {
    EXPECT_EQ(mesh(words, Out::full), 1) << text(words) << err_;
    EXPECT_NE(err_.find("not everything could be written"), std::string::npos) << text(words);
  }
}

// A follower of a topic ends with its reader, and tells a full disk from it.
TEST_F(Streams, ATailThatFollowsEndsByWhatBecameOfItsOutput) {
  const std::vector<std::string> follow{"events",      "tail",   "--topic",
                                        "user.events", "--from", "start"};
  EXPECT_EQ(mesh(follow, Out::unread), 0) << err_;
  EXPECT_EQ(mesh(follow, Out::full), 1) << err_;
}

// It waited for the next event, 25 seconds or for ever.
TEST_F(Streams, ATailWhoseReaderGoesAwayWhileNothingComesEndsAtOnce) {
  const Outcome shown =
      run({"/bin/bash", "-c",
           kMeshProgram + " events tail --topic user.events --from start --data-dir " +
               daemon_.data_dir() + " | head -n 1; exit ${PIPESTATUS[0]}"});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(std::count(shown.out.begin(), shown.out.end(), '\n'), 1) << shown.out;
}

// The verbs as the help lists them; those that print nothing here, or can be run once only, are
// named.
TEST_F(Streams, TheTableHasEveryVerb) {
  const std::set<std::string> silent{"users delete", "tenants delete", "dlq edit", "tasks cancel",
                                     "context add", "context use", "context remove", "context show",
                                     "index rollback", "index serve", "index drop", "groups delete",
                                     // tests/e2e/event_search_test has these.
                                     "index rollback-events", "watch", "restore", "migrate",
                                     "tasks watch", "types delete", "usage",
                                     "model build",     // tests/cli/model_test has it
                                     "verify-receipt",  // purge_test has it
                                     // tests/e2e/deploy has these.
                                     "deploy eks", "deploy kubernetes", "deploy local",
                                     "deploy status", "deploy upgrade", "deploy destroy"};
  std::set<std::string> known = silent;
  for (const auto& [words, exit] : commands("")) {
    known.insert(words[0]);
    if (words.size() > 1) known.insert(words[0] + " " + words[1]);
  }
  // Lines of "  name  summary".
  const auto listed = [&](std::vector<std::string> words) {
    words.push_back("--help");
    std::set<std::string> names;
    std::istringstream lines(daemon_.mesh(words).out);
    for (std::string line; std::getline(lines, line);) {
      const auto end = line.find("  ", 2);
      if (line.starts_with("  ") && line.size() > 2 && line[2] >= 'a' && line[2] <= 'z' &&
          end != std::string::npos && line.find(' ', 2) == end) {
        names.insert(line.substr(2, end - 2));
      }
    }
    return names;
  };
  for (const std::string& name : listed({})) {
    const auto verbs = listed({name});
    EXPECT_TRUE(known.contains(name) || !verbs.empty()) << name;
    for (const std::string& verb : verbs) {
      EXPECT_TRUE(known.contains(name + " " + verb)) << name << " " << verb;
    }
  }
}

}  // namespace
}  // namespace mesh::e2e
