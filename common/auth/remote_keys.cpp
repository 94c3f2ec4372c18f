#include "common/auth/remote_keys.h"

#include <algorithm>

#include "common/base/strings.h"
#include "common/base/thread.h"
#include "common/telemetry/log.h"

namespace mesh::auth {
namespace {

using std::chrono::seconds;

constexpr seconds kLeastLifetime{60};
constexpr seconds kMostLifetime{24 * 3600};
constexpr seconds kUsualLifetime{300};
constexpr seconds kBetweenFetches{30};  // for unknown keys, and after a failure
// How long the last keys serve while the issuer does not answer: an outage of it is none of ours.
constexpr seconds kStale{24 * 3600};

}  // namespace

seconds lifetime(std::string_view cache_control) {
  std::optional<seconds> found;
  for (const auto& part : split(std::string(cache_control), ',')) {
    const std::string directive = to_lower(trim(part));
    if (directive == "no-store" || directive == "no-cache") return kLeastLifetime;
    constexpr std::string_view kMaxAge = "max-age=";
    if (!directive.starts_with(kMaxAge)) continue;
    auto digits = std::string_view(directive).substr(kMaxAge.size());
    if (digits.size() > 2 && digits.front() == '"' && digits.back() == '"') {
      digits = digits.substr(1, digits.size() - 2);
    }
    if (digits.empty() || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
      continue;
    const auto number = parse_int(digits);  // nothing: more than 64 bits hold
    found =
        number ? seconds{std::min<std::int64_t>(*number, kMostLifetime.count())} : kMostLifetime;
  }
  return std::clamp(found.value_or(kUsualLifetime), kLeastLifetime, kMostLifetime);
}

RemoteKeys::RemoteKeys(std::string url, FetchKeys fetch, Clock& clock)
    : url_(std::move(url)), fetch_(std::move(fetch)), clock_(clock) {}

RemoteKeys::~RemoteKeys() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void RemoteKeys::start() {
  std::unique_lock lock(mutex_);
  // The first keys are there, or known to be missing, before the first request comes.
  fetch_once(lock);
  thread_ = std::thread([this] { run(); });
}

bool RemoteKeys::alive(SteadyTime now) const { return keys_ && now < dead_from_; }

std::shared_ptr<const PublicKeys> RemoteKeys::keys() const {
  std::lock_guard lock(mutex_);
  return alive(clock_.steady()) ? keys_ : nullptr;
}

std::optional<Duration> RemoteKeys::ask_again() {
  std::lock_guard lock(mutex_);
  const auto now = clock_.steady();
  if (alive(now) && now < fetched_ + kBetweenFetches) return std::nullopt;
  constexpr Duration kFetch{1'000};  // what one usually takes, at most
  if (fetching_) return kFetch;
  if (!wanted_) {
    wanted_ = true;
    changed_.notify_all();
  }
  const auto left = std::chrono::ceil<Duration>(asked_ + kBetweenFetches - now);
  return std::max(left, Duration::zero()) + kFetch;
}

void RemoteKeys::fetch_once(std::unique_lock<std::mutex>& lock) {
  wanted_ = false;
  asked_ = clock_.steady();
  due_ = asked_ + kBetweenFetches;
  fetching_ = true;
  // A server that does not answer must not hold up those who have keys.
  lock.unlock();
  auto answer = fetch_();
  Result<PublicKeys> keys = answer ? parse_jwks(answer->jwks) : fail(answer.error());
  lock.lock();
  fetching_ = false;
  if (!keys) {
    log::warn(alive(clock_.steady())
                  ? "the issuer's keys cannot be fetched; those of the last time serve"
                  : "the issuer's keys cannot be fetched; tokens that need them are answered 503",
              {{"key", "auth.jwt.jwks_url"}, {"url", url_}, {"cause", keys.error().to_string()}});
    return;
  }
  const auto fresh = lifetime(answer->cache_control);
  keys_ = std::make_shared<const PublicKeys>(std::move(*keys));
  fetched_ = asked_;
  due_ = asked_ + fresh;
  dead_from_ = due_ + kStale;
  log::info("the issuer's keys were fetched", {{"url", url_}, {"keys", keys_->size()}});
}

void RemoteKeys::run() {
  name_thread("jwks");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next = wanted_ ? std::min(due_, asked_ + kBetweenFetches) : due_;
    if (clock_.steady() >= next) {
      fetch_once(lock);
      continue;
    }
    const bool was_wanted = wanted_;
    clock_.wait_until(lock, changed_, next, [&] { return stopping_ || wanted_ != was_wanted; });
  }
}

}  // namespace mesh::auth
