// `mesh model`: models are made and shown without any server.
#include <signal.h>

#include "cli/interrupt.h"
#include "tests/cli/cli_fixture.h"
#include "tests/support/tiny_bert.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;

class ModelTest : public CliTest {
 protected:
  ModelTest() { teacher_.write(dir.file("teacher")); }
  int build(std::vector<std::string> more = {}) {
    std::vector<std::string> words{"model",       "build", "--from", dir.file("teacher"), "--to",
                                   dir.file("m"), "-o",    "json",   "--dimension",       "4"};
    words.insert(words.end(), more.begin(), more.end());
    return mesh(words);
  }
  test::TinyBert teacher_;
};

TEST_F(ModelTest, WhatWasBuiltIsWhatInfoShows) {
  ASSERT_EQ(build(), 0) << err;
  const Json built = json();
  EXPECT_EQ(built["tokens"], 14);
  EXPECT_EQ(built["dimension"], 4);
  EXPECT_EQ(built["dtype"], "int8");
  EXPECT_EQ(built["normalize"], true);
  EXPECT_EQ(built["embedder"], "static:" + built["hash"].get<std::string>().substr(0, 16) + "/4");
  EXPECT_THAT(
      err, HasSubstr("embedder: {engine: static, path: " + built["path"].get<std::string>() + "}"));
  ASSERT_EQ(mesh({"model", "info", dir.file("m"), "-o", "json"}), 0) << err;
  EXPECT_EQ(json(), built);
  ASSERT_EQ(mesh({"model", "info", dir.file("m")}), 0) << err;
  EXPECT_THAT(out, HasSubstr(built["hash"].get<std::string>()));
}

TEST_F(ModelTest, TheFolderIsReadableByAServerOfAnotherUser) {
  ASSERT_EQ(build({"--dtype", "f16", "--threads", "2"}), 0) << err;
  EXPECT_EQ(json()["dtype"], "f16");
  std::uintmax_t bytes = 0;
  for (const char* file : {"m/model.safetensors", "m/tokenizer.json", "m/config.json"}) {
    EXPECT_NE(
        std::filesystem::status(dir.file(file)).permissions() & std::filesystem::perms::others_read,
        std::filesystem::perms::none)
        << file;
    bytes += std::filesystem::file_size(dir.file(file));
  }
  EXPECT_EQ(json()["bytes"], bytes);
}

TEST_F(ModelTest, WhatCannotBeMadeSaysWhy) {
  EXPECT_EQ(build({"--dtype", "int4"}), 2);
  EXPECT_EQ(build({"--threads", "0"}), 2);
  file("m", "a file");
  EXPECT_EQ(build(), 1);
  EXPECT_THAT(err, HasSubstr("is no folder"));
  EXPECT_EQ(mesh({"model", "build", "--from", dir.file("none"), "--to", dir.file("n")}), 3);
  EXPECT_THAT(err, HasSubstr("none/config.json"));
  teacher_.config["model_type"] = "gpt2";
  teacher_.write(dir.file("teacher"));
  EXPECT_EQ(mesh({"model", "build", "--from", dir.file("teacher"), "--to", dir.file("n")}), 1);
  EXPECT_THAT(err, HasSubstr("gpt2"));
}

// Ctrl-C at the first look at the time once the verb listens to it: by its progress bar, at work.
class InterruptingClock final : public Clock {
 public:
  Timestamp now() const override { return system_clock().now(); }
  SteadyTime steady() const override {
    struct sigaction action {};
    ::sigaction(SIGINT, nullptr, &action);
    if (action.sa_handler != SIG_DFL) ::raise(SIGINT);
    return system_clock().steady();
  }
  bool wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& cv,
                  SteadyTime deadline, const std::function<bool()>& ready) override {
    return system_clock().wait_until(lock, cv, deadline, ready);
  }
};

TEST_F(ModelTest, CtrlCLeavesNoFolder) {
  InterruptingClock interrupting;
  clock = &interrupting;
  terminal.err = true;
  EXPECT_EQ(build(), 130) << err;
  EXPECT_THAT(err, HasSubstr("was not made"));
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    EXPECT_EQ(entry.path().filename(), "teacher");
}

TEST_F(ModelTest, InfoOfWhatIsNoStaticModelSaysWhatItIs) {
  EXPECT_EQ(mesh({"model", "info", dir.file("nowhere")}), 3);
  EXPECT_THAT(err, HasSubstr("nowhere/model.safetensors"));
  // A transformer's folder, which one gives by mistake.
  EXPECT_EQ(mesh({"model", "info", dir.file("teacher")}), 1);
  EXPECT_THAT(err, HasSubstr("mesh model build"));
}

}  // namespace
}  // namespace mesh::cli
