// What a disk can do, to each of the four files: nothing acknowledged is lost, and after a failed
// fsync nothing goes on.
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "tests/common/engines/sqlite/subject.h"
#include "tests/support/fault_vfs.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

class Faulty : public ::testing::TestWithParam<SubjectKind> {
 protected:
  std::set<int> found(const std::string& dir) {
    auto other = GetParam().make();
    const auto opened = other->open(dir);
    EXPECT_TRUE(opened) << opened.error().to_string();
    if (!opened) return {};
    auto read = other->read();
    EXPECT_TRUE(read) << read.error().to_string();
    return read.value_or(std::set<int>{});
  }
  void write_all(int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto written = subject_->write(i);
      ASSERT_TRUE(written) << i << ": " << written.error().to_string();
    }
  }

  TempDir dir_;
  FaultVfs vfs_;
  std::unique_ptr<Subject> subject_ = GetParam().make();
};

TEST_P(Faulty, WhatWasAcknowledgedSurvivesAPowerCutThatTearsPages) {
  TempDir synced;
  vfs_.faults().watched_dir = dir_.path();
  vfs_.faults().synced_dir = synced.path();
  ASSERT_TRUE(subject_->open(dir_.path()));
  // A writer goes on while the power is cut, so that there is something unsynced to tear.
  std::atomic<int> acknowledged{0};
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      if (!subject_->write(i)) return;
      acknowledged = i + 1;
    }
  });
  for (int cut = 0; cut < 25; ++cut) {
    const int before = acknowledged;
    TempDir after;
    vfs_.power_cut(after.path(), static_cast<std::uint64_t>(cut + 1));
    const auto there = found(after.path());
    for (int i = 0; i < before; ++i)
      EXPECT_TRUE(there.contains(i)) << i << " of " << before << ", cut " << cut;
  }
  stop = true;
  writer.join();
  EXPECT_GT(acknowledged, 25);
}

TEST_P(Faulty, AfterAFailedFsyncNothingIsTakenAndARestartHasWhatWasAcknowledged) {
  ASSERT_TRUE(subject_->open(dir_.path()));
  write_all(0, 20);
  vfs_.faults().fail_syncs = true;
  const auto written = subject_->write(20);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::uncertain) << written.error().to_string();
  vfs_.faults().fail_syncs = false;  // the next one would succeed, and mean nothing
  EXPECT_EQ(subject_->write(21).error().kind, ErrorKind::unavailable);
  EXPECT_FALSE(subject_->write(22));
  EXPECT_EQ(subject_->fatal, 1);
  subject_.reset();
  const auto there = found(dir_.path());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(there.contains(i)) << i;
  EXPECT_TRUE(there.contains(20)) << "the kernel had it, and the power stayed on";
  EXPECT_FALSE(there.contains(21));
  EXPECT_FALSE(there.contains(22));
}

TEST_P(Faulty, AFullDiskRefusesWritesServesReadsAndServiceResumes) {
  ASSERT_TRUE(subject_->open(dir_.path()));
  write_all(0, 20);
  vfs_.faults().full = true;
  int refused = 0;
  for (int i = 20; i < 200 && refused < 5; ++i) {
    const auto written = subject_->write(i);
    if (written) continue;
    ++refused;
    EXPECT_EQ(written.error().kind, ErrorKind::unavailable) << written.error().to_string();
  }
  EXPECT_EQ(refused, 5);
  auto read = subject_->read();
  ASSERT_TRUE(read) << read.error().to_string();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(read->contains(i)) << i;
  vfs_.faults().full = false;
  write_all(1'000, 1'020);
  EXPECT_EQ(subject_->fatal, 0);
  subject_.reset();
  const auto there = found(dir_.path());
  for (int i = 1'000; i < 1'020; ++i) EXPECT_TRUE(there.contains(i)) << i;
}

// Forks, since the end is an _exit.
TEST_P(Faulty, WhatWasAcknowledgedSurvivesAnEndAtAnyWriteOrSync) {
  std::set<int> acknowledged;
  for (int n = 0; n < 30; ++n) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      ::close(ends[0]);
      if (!subject_->open(dir_.path())) _exit(3);
      vfs_.faults().calls_until_exit = n * 2;
      for (int i = n * 100; i < n * 100 + 100; ++i) {
        if (!subject_->write(i) || ::write(ends[1], &i, sizeof i) != sizeof i) _exit(4);
      }
      _exit(5);
    }
    ::close(ends[1]);
    for (int i; ::read(ends[0], &i, sizeof i) == sizeof i;) acknowledged.insert(i);
    ::close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_EQ(WEXITSTATUS(status), 9) << "the fault did not end it";
    const auto there = found(dir_.path());
    for (const int i : acknowledged) ASSERT_TRUE(there.contains(i)) << i << ", run " << n;
  }
  EXPECT_GT(acknowledged.size(), 15u);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, Faulty, kSubjects, [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace mesh::test
