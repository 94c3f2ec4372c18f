#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "common/engines/sqlite/store/sqlite_store.h"
#include "tests/contract/store_harness.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

// What the child reports, in the order of its answers; smaller than a pipe's atomic write.
struct Report {
  enum Kind : std::int64_t { created, acknowledged } kind;
  std::int64_t number;  // user id, or sequence
};

void report(int fd, Report report) {
  if (::write(fd, &report, sizeof report) != sizeof report) ::_exit(1);
}

// Creates users with many in flight and acknowledges outbox entries now and then, until killed.
[[noreturn]] void child(const std::string& dir, int round, int fd) {
  auto store = sqlite::SqliteStore::open(dir, {}, system_clock()).value();
  const auto lease = *store->leases().acquire("relay", "child", std::chrono::hours(1)).value();
  const auto reader = store->outbox().open(lease);
  std::atomic<int> in_flight{0};
  for (int i = 0;; ++i) {
    while (in_flight >= 64) std::this_thread::yield();
    ++in_flight;
    const std::string email = std::to_string(round) + "-" + std::to_string(i) + "@x.dev";
    store->users().create(kAcme, {email, "U"}, {}, [&, fd](Result<ChangedUser> user) {
      if (user) report(fd, {Report::created, user->id});
      --in_flight;
    });
    if (i % 100 != 99) continue;
    const auto entries = reader->next(40).value();
    if (entries.empty()) continue;
    const std::int64_t last = entries.back().sequence;
    reader->acknowledge(sequences(entries), [fd, last](Status status) {
      if (status) report(fd, {Report::acknowledged, last});
    });
  }
}

// Runs the child until `reports` came in, kills it, and reads what was still in the pipe.
std::vector<Report> run_and_kill(const std::string& dir, int round, int reports) {
  int fds[2];
  if (::pipe(fds) != 0) return {};
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(fds[0]);
    child(dir, round, fds[1]);
  }
  ::close(fds[1]);
  std::vector<Report> out;
  for (Report each; ::read(fds[0], &each, sizeof each) == sizeof each;) {
    out.push_back(each);
    if (static_cast<int>(out.size()) == reports) ::kill(pid, SIGKILL);
  }
  ::close(fds[0]);
  ::waitpid(pid, nullptr, 0);
  return out;
}

TEST(SqliteStoreCrash, AcknowledgedUsersStandTogetherWithTheirEventsOrItsAcknowledgement) {
  TempDir dir;
  std::set<std::int64_t> created;
  std::int64_t acknowledged = 0;
  for (int round = 0; round < 6; ++round) {
    for (const Report& each : run_and_kill(dir.path(), round, 300 + 150 * round)) {
      if (each.kind == Report::created) {
        EXPECT_TRUE(created.insert(each.number).second) << "id " << each.number << " twice";
      } else {
        acknowledged = std::max(acknowledged, each.number);
      }
    }
    auto store = sqlite::SqliteStore::open(dir.path(), {}, system_clock());
    ASSERT_TRUE(succeeds(store));
    std::set<std::string> keys;
    std::int64_t first = 0, last = 0;
    const auto entries = waiting((*store)->outbox()).value();
    for (const OutboxEntry& entry : entries) {
      EXPECT_GT(entry.sequence, acknowledged) << "an acknowledged entry came back";
      if (first == 0) first = entry.sequence;
      last = entry.sequence;
      keys.insert(entry.record.key);
    }
    EXPECT_EQ((*store)->outbox().size(), static_cast<std::int64_t>(keys.size()));
    // Only creates fill this outbox and ids count them, so sequence n is the event of user n.
    std::set<std::int64_t> users;
    const auto stored = (*store)->users().list(kAcme, 0, 1'000'000, std::nullopt).value();
    for (const User& user : stored) {
      users.insert(user.id);
      EXPECT_TRUE(user.id < first || keys.empty() ||
                  keys.contains("acme/" + std::to_string(user.id)))
          << "user " << user.id << " has lost its event";
    }
    EXPECT_TRUE(keys.empty() || *users.rbegin() == last) << "an event without its user";
    EXPECT_TRUE(std::includes(users.begin(), users.end(), created.begin(), created.end()))
        << "an acknowledged user is lost";
  }
  EXPECT_GT(created.size(), 1000u);
  EXPECT_GT(acknowledged, 0);
}

}  // namespace
}  // namespace mesh::test
