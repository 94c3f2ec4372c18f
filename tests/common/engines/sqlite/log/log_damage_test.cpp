// Damage to the files, and crashes of the process.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>

#include "tests/common/engines/sqlite/log/log_fixture.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/read_all.h"

namespace mesh::sqlite {
namespace {

using testing::HasSubstr;

class LogDamage : public test::LogFixture {
 protected:
  void execute(const std::string& sql) {
    log_.reset();
    auto db = Database::open(file(), Database::Mode::read_write);
    ASSERT_TRUE(db);
    const auto done = (*db)->execute(sql);
    ASSERT_TRUE(done) << done.error().to_string();
  }
};

TEST_F(LogDamage, AFlippedByteAnywhereIsAnErrorAndNeverWrongData) {
  open_with_topic();
  std::vector<std::string> written;
  for (int i = 0; i < 60; ++i) {
    written.push_back("value " + std::to_string(i) + std::string(100, 'x'));
    ASSERT_TRUE(append("key" + std::to_string(i), written.back()));
  }
  log_.reset();
  std::string bytes;
  {
    std::ifstream in(file(), std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  int found = 0;
  for (std::size_t at = 100; at < bytes.size(); at += 53) {
    auto damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
    std::filesystem::remove(file() + "-wal");
    std::filesystem::remove(file() + "-shm");
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << damaged;
    auto opened = SqliteLog::open(dir_.path(), options_, clock_);
    if (!opened) {
      ++found;
      continue;
    }
    auto records = test::read_all(**opened, {kTopic, 0}, 0, {1'000, 1 << 30});
    if (!records) {
      EXPECT_THAT(records.error().kind,
                  testing::AnyOf(ErrorKind::corrupt, ErrorKind::not_found, ErrorKind::internal))
          << records.error().to_string();
      ++found;
      continue;
    }
    ASSERT_EQ(records->size(), written.size()) << "byte " << at;
    for (std::size_t i = 0; i < written.size(); ++i) {
      ASSERT_EQ((*records)[i].value, written[i]) << "byte " << at;
      ASSERT_EQ((*records)[i].key, "key" + std::to_string(i));
    }
  }
  EXPECT_GT(found, 100);
}

TEST_F(LogDamage, ADamagedRecordIsNamed) {
  open_with_topic();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(append("k", "v"));
  execute("UPDATE r1 SET body = replace(body, 'v', 'w') WHERE o=2");
  open();
  const auto records = test::read_all(*log_, {kTopic, 0}, 0, {});
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(records.error().message, HasSubstr("log.db is damaged at analytics.events/0@2"));
  EXPECT_TRUE(log_->read({kTopic, 0}, 3, {})) << "the others can be read";
}

TEST_F(LogDamage, AMissingRecordIsDamageAndNotAGap) {
  open_with_topic(TopicKind::entity);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(append("k" + std::to_string(i), "v"));
  execute("DELETE FROM r1 WHERE o=3");
  open();
  EXPECT_EQ(log_->read({kTopic, 0}, 0, {}).error().kind, ErrorKind::corrupt);
}

TEST_F(LogDamage, ARecordInAnotherOnesPlaceIsDamage) {
  open_with_topic();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append("k", "same"));
  execute(
      "UPDATE r1 SET o=100 WHERE o=0; UPDATE r1 SET o=0 WHERE o=1; UPDATE r1 SET o=1 WHERE o=100");
  open();
  EXPECT_EQ(log_->read({kTopic, 0}, 0, {}).error().kind, ErrorKind::corrupt);
}

TEST_F(LogDamage, ADamagedLastRecordRefusesToOpen) {
  open_with_topic();
  ASSERT_TRUE(append("k", "v"));
  execute("UPDATE r1 SET t=t+1");
  const auto opened = SqliteLog::open(dir_.path(), options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
}

TEST_F(LogDamage, AcknowledgedCommitsBehindADamagedWalFrameAreNotDroppedInSilence) {
  test::TempDir copy;
  open_with_topic();
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(append("k", std::to_string(i)));
  for (const auto* name : {"log.db", "log.db-wal"}) {
    std::filesystem::copy_file(dir_.file(name), copy.file(name));
  }
  std::fstream wal(copy.file("log.db-wal"), std::ios::in | std::ios::out | std::ios::binary);
  wal.seekp(32 + 24 + 50);  // in the first frame
  wal.put('~');
  wal.close();
  const auto opened = SqliteLog::open(copy.path(), options_, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(opened.error().message, HasSubstr("log.db-wal"));
}

// Forks a child that opens the log of `dir`, appends, and writes each acknowledged value to a pipe;
// answers the values read when the child has died. `arm` is called in the child after the opening.
class LogCrash : public test::LogFixture {
 protected:
  template <typename Arm>
  std::set<std::string> run_child(int cycle, int kill_after, Arm arm) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      ::close(ends[0]);
      auto log = SqliteLog::open(dir_.path(), options_, system_clock());
      if (!log) _exit(3);
      if (!(*log)->ensure_topic({kTopic, TopicKind::activity, 3, {}, {}})) _exit(4);
      arm();
      for (int i = 0;; ++i) {
        const auto value = std::to_string(cycle) + "-" + std::to_string(i);
        // Several at once, so that groups are cut as well.
        (*log)->append({record(value, value), record(value + "b", value)}, [=](const auto& done) {
          const auto line = value + "\n";
          if (done && ::write(ends[1], line.data(), line.size()) < 0) _exit(5);
        });
        if (i % 16 == 15 && !test::append_and_wait(**log, {record("barrier", "barrier")})) _exit(6);
      }
    }
    ::close(ends[1]);
    std::string text;
    char buffer[4096];
    bool killed = false;
    for (;;) {
      const auto n = ::read(ends[0], buffer, sizeof buffer);
      if (n <= 0) break;
      text.append(buffer, static_cast<std::size_t>(n));
      if (!killed && kill_after > 0 && std::count(text.begin(), text.end(), '\n') >= kill_after) {
        killed = true;
        ::kill(child, SIGKILL);
      }
    }
    ::close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    std::set<std::string> acknowledged;
    std::size_t begin = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      acknowledged.insert(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return acknowledged;
  }

  // Everything acknowledged is there, each append whole, offsets without gaps.
  void expect_all(const std::set<std::string>& acknowledged) {
    open();
    std::map<std::string, int> found;
    for (int partition = 0; partition < 3; ++partition) {
      const auto marks = log_->watermarks({kTopic, partition});
      if (!marks) break;  // the topic's own creation was cut
      auto records = test::read_all(*log_, {kTopic, partition}, 0, {1'000'000, 1 << 30});
      ASSERT_TRUE(records) << records.error().to_string();
      ASSERT_EQ(static_cast<std::int64_t>(records->size()), marks->end);
      for (const auto& r : *records) ++found[*r.value];
    }
    for (const auto& value : acknowledged) ASSERT_EQ(found[value], 2) << value;
    for (const auto& [value, count] : found) {
      ASSERT_TRUE(count == 2 || value == "barrier") << value << ": half an append";
    }
    log_.reset();
  }
};

TEST_F(LogCrash, WhatWasAcknowledgedSurvivesKills) {
  std::set<std::string> acknowledged;
  for (int cycle = 0; cycle < 8; ++cycle) {
    for (auto& value : run_child(cycle, 5 + cycle * 37, [] {})) acknowledged.insert(value);
    expect_all(acknowledged);
  }
  EXPECT_GT(acknowledged.size(), 100U);
}

TEST_F(LogCrash, WhatWasAcknowledgedSurvivesAnEndAtAnyWriteOrSync) {
  test::FaultVfs vfs;
  std::set<std::string> acknowledged;
  for (int n = 0; n < 40; ++n) {
    for (auto& value : run_child(n, 0, [&] { vfs.faults().calls_until_exit = n * 3; })) {
      acknowledged.insert(value);
    }
    expect_all(acknowledged);
  }
  EXPECT_GT(acknowledged.size(), 0U);
}

}  // namespace
}  // namespace mesh::sqlite
