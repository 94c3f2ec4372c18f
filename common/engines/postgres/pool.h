// The connections of a store, and what becomes of a call whose connection broke.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <type_traits>
#include <vector>

#include "common/base/clock.h"
#include "common/engines/postgres/session.h"

namespace mesh::postgres {

inline constexpr std::int64_t kHolderLock = 0x6d657368;  // "mesh"

enum class Repeat {
  read,      // changes nothing: repeated on another connection
  harmless,  // twice is as once: repeated; `uncertain` where that is of no avail
  never      // repeated only where nothing can have been committed, else `uncertain`
};

// What is told after the store was closed.
tl::unexpected<Error> stopped();

// Any thread.
class Pool {
 public:
  Pool(StoreOptions options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

  // Calls `work`, a Result<…>(Session&), with a connection of its own for as long. Work that
  // collided with another transaction is called again, a few times. So it must bear being called
  // again: what it leaves outside the database is set, never added to.
  template <typename Work>
  std::invoke_result_t<Work, Session&> run(Repeat repeat, Work work) {
    if (closed_ && repeat != Repeat::read) return stopped();
    bool maybe_done = false;
    for (int attempt = 1;; ++attempt) {
      auto session = take();
      if (!session) return failed(std::move(session.error()), maybe_done);
      auto result = work(**session);
      const bool over = result || !again(**session, repeat, attempt, maybe_done);
      const bool broken = (*session)->broken();
      give_back(std::move(*session));
      if (result) return result;
      if (over) return failed(std::move(result.error()), maybe_done && broken);
      pause(attempt);
    }
  }

  // From now on only reads are run.
  void close() { closed_ = true; }
  // Why the last attempt to connect failed; nothing once one succeeded. Does not block.
  std::optional<Error> trouble() const;
  // A connection that counts for nothing here: for whoever keeps it.
  Result<std::unique_ptr<Session>> connect();
  const StoreOptions& options() const { return options_; }
  // Names this process among those of the schema: its listener holds the advisory lock
  // (kHolderLock, holder) in shared mode, which goes with its connection. So the server knows who
  // was killed, and what that one held need not be waited out.
  std::int64_t holder() const { return holder_; }

 private:
  static constexpr int kAttempts = 8;

  Result<std::unique_ptr<Session>> take();
  void give_back(std::unique_ptr<Session> session);
  // Whether work that failed is to be called again; notes in `maybe_done` where it may be done.
  static bool again(const Session& session, Repeat repeat, int attempt, bool& maybe_done);
  static tl::unexpected<Error> failed(Error error, bool maybe_done);
  void pause(int attempt);
  std::unique_ptr<Session> take_idle();  // with the mutex held

  const StoreOptions options_;
  Clock& clock_;
  const std::int64_t holder_ = static_cast<std::int64_t>(std::random_device{}() % 0x7fffffff) + 1;
  std::atomic<bool> closed_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Session>> idle_;  // this and the following guarded by mutex_
  int open_ = 0;                                // idle ones and those in use
  std::optional<Error> trouble_;
  int failures_ = 0;       // since a connection was made
  SteadyTime retry_at_{};  // not before, where there is trouble
  std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace mesh::postgres
