// What tenants are billed for, counted in a file that is mapped into memory: what a process has
// counted outlives it, however it ends. A loss of power may take what was counted since the last
// sync().
//
// The file counts up, and is sealed at the end of each period: what was counted since the seal
// before is handed on, once. Each tenant has two marks, how its counters stood at the seals of odd
// and of even numbers, and one number in the file says which seal was the last: a seal that is cut
// off leaves the number, and with it the marks that count.
//
// A counter per tenant and minute would need no marks, but an addition that comes late, to a minute
// that was handed on already, would be lost.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/fd.h"

namespace mesh {

inline constexpr std::size_t kBilledUses = 6;  // the first ones of Use

class UsageJournal {
 public:
  static constexpr std::size_t kMaxTenants = 1 << 18;  // 256 bytes each
  // Those that the format began with. Later ones stand behind the marks, where older files have
  // zeros and an older program does not look: either reads what the other left.
  static constexpr std::size_t kFirstUses = 5, kLaterUses = kBilledUses - kFirstUses;

  // Where a tenant's counters are in the file.
  class Counters {
   public:
    using Counter = std::atomic<std::uint64_t>;
    Counters(Counter* first, Counter* later) : first_(first), later_(later) {}
    Counter& operator[](std::size_t use) const {
      return use < kFirstUses ? first_[use] : later_[use - kFirstUses];
    }

   private:
    Counter* first_;
    Counter* later_;
  };

  struct Row {
    std::string tenant;
    std::array<std::uint64_t, kBilledUses> used{};
  };
  struct Period {
    std::string journal;  // its id
    std::uint64_t number =
        0;              // 1 for the journal's first; a number that was kept is not used again
    Timestamp start{};  // a whole minute
    Timestamp end{};
    std::vector<Row> rows;  // of those that used something
  };

  // A new file. The error is `unavailable`.
  static Result<std::unique_ptr<UsageJournal>> make(const std::string& path, Timestamp now);
  // One that a process left behind, to be sealed. `kept`: whether the period of a journal was kept.
  // Null where a process uses it; `corrupt` for what is no journal.
  static Result<std::unique_ptr<UsageJournal>> adopt(
      const std::string& path,
      const std::function<bool(const std::string& journal, std::uint64_t number)>& kept);
  ~UsageJournal();
  UsageJournal(const UsageJournal&) = delete;
  UsageJournal& operator=(const UsageJournal&) = delete;

  // The tenant's counters, as long as the journal; null where there is no room for one more, until
  // there is: a full disk is tried, and told, once a minute of the times that sync() was given. Any
  // thread.
  Counters* find(std::string_view tenant);

  // Ends the period: calls `keep` with it, which makes it durable, unless nothing was used. Where
  // that fails, the period goes on. One thread at a time.
  Status seal(Timestamp now, const std::function<Status(const Period&)>& keep);
  // Makes durable what was counted. The same thread.
  void sync(Timestamp now);
  // When sync() or seal() was last called, by this process or by the one that left it.
  Timestamp last_seen() const;

 private:
  struct Head;
  struct Slot;
  UsageJournal(Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Status map();
  bool grow(std::size_t slots);
  bool is_whole(std::size_t room) const;
  void write_back();
  Head& head() const;
  Slot& slot(std::size_t number) const;

  const Fd file_;
  const std::string path_;
  void* mapped_ = nullptr;
  std::mutex mutex_;
  std::size_t room_ = 0;                              // guarded by mutex_, as is the following
  Timestamp grow_again_{};                            // not before, after a try that failed
  std::map<std::string, Counters, std::less<>> all_;  // by tenant
};

}  // namespace mesh
