// Work that the tool does by itself, ended from another terminal.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::eventually;
using testing::HasSubstr;

const std::string kTool = MESH_BIN_DIR "/mesh";

class CancelledTasks : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(daemon_.start()) << daemon_.errors();
    ASSERT_EQ(::mkfifo(pipe_.c_str(), 0600), 0);
    // For both, so that neither end waits for the other, nor sees its end.
    fd_ = ::open(pipe_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(fd_, 0);
  }
  ~CancelledTasks() override {
    if (fd_ >= 0) ::close(fd_);
  }

  // The tool of the first terminal.
  std::future<Outcome> begin(const std::string& words) {
    return std::async(std::launch::async, [this, words] {
      return run(
          {"/bin/bash", "-c",
           "exec " + kTool + " " + words + " --tenant acme --data-dir " + daemon_.data_dir()});
    });
  }
  Json task() {
    const auto answer =
        daemon_.call("admin", "GET", "/admin/v1/tasks", daemon_.operator_token()).json();
    return answer["items"].empty() ? Json() : answer["items"][0];
  }
  std::int64_t done() {
    const Json found = task();
    return found.is_null() ? 0 : found["progress"]["done"].get<std::int64_t>();
  }
  bool is_running() { return task().value("state", "") == "running"; }
  // From the second one.
  void cancel() {
    const Outcome told = daemon_.mesh({"tasks", "cancel", task()["id"].get<std::string>()});
    EXPECT_EQ(told.exit_code, 0) << told.err;
  }

  test::TempDir dir_;
  const std::string pipe_ = dir_.file("pipe");
  Daemon daemon_{dir_.file("data")};
  int fd_ = -1;
};

TEST_F(CancelledTasks, AnImportThatWaitsForItsInputEnds) {
  auto tool = begin("users import " + pipe_);
  // A batch, and some rows of which the next one is not full.
  std::string rows = "name,email\n";
  for (int i = 0; i < 600; ++i) rows += "U,u" + std::to_string(i) + "@acme.dev\n";
  ASSERT_EQ(::write(fd_, rows.data(), rows.size()), static_cast<ssize_t>(rows.size()));
  ASSERT_TRUE(eventually([&] { return done() > 0; }));
  EXPECT_TRUE(is_running());
  cancel();
  const Outcome ended = tool.get();
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("its task was cancelled: 500 rows are done"));
  const Json told = task();
  EXPECT_EQ(told["state"], "cancelled") << told;
  EXPECT_EQ(told["progress"]["done"], 500);
  EXPECT_EQ(told["result"]["created"], 500);
  EXPECT_EQ(daemon_.call("users", "GET", "/users/500", "acme:a").status, 200);
  EXPECT_EQ(daemon_.call("users", "GET", "/users/501", "acme:a").status, 404);
}

TEST_F(CancelledTasks, AnExportWhoseReaderIsSlowEnds) {
  // Many times what a pipe holds.
  constexpr int kRecords = 2'000;
  const std::string event = dump({{"type", "analytics.recorded"},
                                  {"data",
                                   {{"user_id", "u"},
                                    {"event_type", "click"},
                                    {"metadata", {{"text", std::string(1'000, 'x')}}}}}}) +
                            "\n";
  std::string lines;
  for (int i = 0; i < kRecords; ++i) lines += event;
  ASSERT_EQ(daemon_
                .call("publisher", "POST", "/api/v1/events", "acme:a", lines,
                      {{"Content-Type", "application/x-ndjson"}})
                .status,
            202);
  auto tool = begin("events export --topic analytics.events --from start > " + pipe_);
  ASSERT_TRUE(eventually([&] { return done() > 0; }));
  cancel();
  // It writes while it is read, and hears of its end with one of its next reports.
  std::string read(32 << 10, '\0');
  while (is_running()) {
    const auto before = done();
    ASSERT_GT(::read(fd_, read.data(), read.size()), 0);
    ASSERT_TRUE(eventually([&] { return !is_running() || done() > before; }));
  }
  const Outcome ended = tool.get();
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("its task was cancelled: the export is not whole"));
  const Json told = task();
  EXPECT_EQ(told["state"], "cancelled") << told;
  EXPECT_EQ(told["progress"]["done"], told["result"]["records"]);
  EXPECT_GT(told["result"]["records"], 0);
  EXPECT_LT(told["result"]["records"], kRecords);
}

}  // namespace
}  // namespace mesh::e2e
