// Two processes of one group, of which one stands still for longer than a session and goes on as if
// nothing had been.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/fd.h"
#include "tests/common/engines/kafka/broker_fixture.h"

namespace mesh::kafka {
namespace {

using testing::SizeIs;

// kafka_member, with pipes to and from it.
class MemberProcess {
 public:
  MemberProcess(const std::string& broker, const std::string& prefix) {
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    const std::string program = std::string(MESH_BIN_DIR) + "/kafka_member";
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      dup2(to[0], 0);
      dup2(from[1], 1);
      execl(program.c_str(), program.c_str(), broker.c_str(), prefix.c_str(), nullptr);
      _exit(127);
    }
    ::close(to[0]);
    ::close(from[1]);
    to_ = Fd(to[1]);
    from_ = Fd(from[0]);
  }
  ~MemberProcess() {
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  void pause() const {
    ::kill(pid_, SIGSTOP);
    waitpid(pid_, nullptr, WUNTRACED);
  }
  void resume() const { ::kill(pid_, SIGCONT); }
  void nudge() const { ASSERT_EQ(write(to_.get(), "\n", 1), 1); }
  std::string line() const {
    std::string text;
    for (char c; read(from_.get(), &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }

 private:
  pid_t pid_ = -1;
  Fd to_, from_;
};

using KafkaZombie = KafkaBroker;

TEST_F(KafkaZombie, WhoStoodStillForASessionCommitsNothingAnyMore) {
  const auto log = open(options());
  make_topic(*log, "t");
  std::vector<Record> records;
  for (int i = 0; i < 4; ++i) records.push_back({"t", "k", std::to_string(i), {}});
  ASSERT_TRUE(test::append_and_wait(*log, records));
  const MemberProcess zombie(options().brokers.front(), prefix_);
  ASSERT_EQ(zombie.line(), "polled");
  zombie.pause();
  auto member = log->open_consumer("g", {"t"}, "heir");
  ASSERT_TRUE(member) << member.error().to_string();
  std::vector<std::string> taken;
  ASSERT_TRUE(test::eventually([&] {
    const auto polled = (*member)->poll({4 - taken.size()}, Duration(500)).value();
    for (const auto& one : polled) taken.push_back(*one.value);
    return taken.size() == 4;
  }));
  EXPECT_THAT(taken, testing::ElementsAre("0", "1", "2", "3")) << "the zombie committed nothing";
  (void)(*member)->changes();
  ASSERT_TRUE((*member)->commit({{{"t", 0}, 4}}));
  zombie.nudge();
  zombie.resume();
  EXPECT_EQ(zombie.line(), "conflict");
  const auto groups = log->groups().value();
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_EQ(groups[0].committed.at({"t", 0}), 4);
}

}  // namespace
}  // namespace mesh::kafka
