// The issuer's public keys as its server has them (auth.jwt.jwks_url): kept here, fetched again in
// the background.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "common/auth/jwks.h"
#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::auth {

struct FetchedKeys {
  std::string jwks;
  std::string cache_control;  // the field's value; "" where the answer has none
};
// Asks the issuer's server. Blocks, for a bounded time; an answer that is no success is an error.
using FetchKeys = std::function<Result<FetchedKeys>()>;

// Until when fetched keys are fresh: max-age within 60 s and 24 h, 300 s where none is said. What
// must not be kept at all (no-store, no-cache) is kept for the least time.
std::chrono::seconds lifetime(std::string_view cache_control);

// All methods: any thread. Keys and ask_again do not block. One thread of its own fetches, so that
// no two fetches run at once: when the keys are no longer fresh, when a token names an unknown key
// (at most every 30 s), and every 30 s while fetching fails. Until it succeeds the old keys serve,
// for 24 h after they were fresh; then there are none, so that a removed key ends.
class RemoteKeys {
 public:
  // `url` is for the log: without a password.
  RemoteKeys(std::string url, FetchKeys fetch, Clock& clock);
  ~RemoteKeys();  // waits for a fetch under way

  // Fetches once, blocking, and begins to fetch in the background. That a fetch failed is logged,
  // and no reason not to begin. Called once.
  void start();

  // Nothing where none are known.
  std::shared_ptr<const PublicKeys> keys() const;
  // A token names a key that is not among them. Nothing where keys() were fetched less than 30 s
  // ago: then there is no such key. Else it may be a new one, the issuer is asked as soon as that
  // is allowed, and the answer is how long to wait before a second try.
  std::optional<Duration> ask_again();

 private:
  bool alive(SteadyTime now) const;
  void fetch_once(std::unique_lock<std::mutex>& lock);
  void run();

  const std::string url_;
  const FetchKeys fetch_;
  Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const PublicKeys> keys_;
  SteadyTime fetched_{};    // when keys_ were asked for
  SteadyTime dead_from_{};  // of keys_
  SteadyTime asked_{};      // when the last fetch began
  SteadyTime due_{};        // the next fetch, unless one is wanted
  bool wanted_ = false;     // as soon as 30 s have passed since asked_
  bool fetching_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mesh::auth
