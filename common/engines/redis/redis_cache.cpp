#include "common/engines/redis/redis_cache.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "common/base/ids.h"
#include "common/engines/redis/connection.h"

namespace mesh::redis {
namespace {

constexpr std::size_t kMostQuestions = 1'000;        // of a subject
constexpr std::size_t kMostAnswerBytes = 256 << 10;  // a larger one holds up the others' commands
constexpr std::size_t kBytesAround = 150;            // a key, its hash, a field
constexpr std::size_t kTicketBytes = 8;
constexpr Duration kExaminedTtl{1'000};  // where the key cannot be removed
constexpr int kKeysAtOnce = 1'000;       // looked at while nobody else has a turn

// The text as a pattern that it alone matches.
std::string literally(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[]^-\\").find(c) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

// What was kept in the last time to live is all that can be there: half of the bound in each such
// stretch of time, since the last two of them count.
class Budget {
 public:
  Budget(std::uint64_t most, Duration ttl, Clock& clock)
      : most_(most / 2), ttl_(ttl), clock_(clock) {}

  bool allows(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    if (clock_.steady() - since_ >= ttl_) {
      since_ = clock_.steady();
      spent_ = 0;
    }
    return spent_ + bytes <= most_;
  }
  void spend(std::size_t bytes) {
    std::lock_guard lock(mutex_);
    spent_ += bytes;
  }

 private:
  const std::uint64_t most_;
  const Duration ttl_;
  Clock& clock_;
  std::mutex mutex_;
  SteadyTime since_{};  // this and the next guarded by mutex_
  std::uint64_t spent_ = 0;
};

class Cache final : public RedisCache {
 public:
  Cache(CacheOptions options, Clock& clock, Fd wake)
      : options_(std::move(options)),
        budget_(options_.max_bytes, options_.ttl, clock),
        connection_(options_.server, clock, std::move(wake)) {}

  Found find(const CacheSubject& subject, std::string_view question) override {
    Found found = look_up(subject, question);
    if (options_.on_find) options_.on_find(found.answer.has_value());
    return found;
  }

  void keep(const CacheSubject& subject, std::string_view question, const std::string& ticket,
            std::string_view answer) override {
    const std::size_t bytes = answer.size() + question.size() + kBytesAround;
    if (ticket.empty() || answer.size() > kMostAnswerBytes || !budget_.allows(bytes)) return;
    if (!connection_.reserve()) return;
    budget_.spend(bytes);
    connection_.send({Script::keep,
                      {key(subject), std::string(question), ticket, std::string(answer),
                       std::to_string(kMostQuestions)}},
                     [](const Result<Reply>&) {});
  }

  void forget(std::span<const CacheSubject> subjects) override {
    if (subjects.empty()) return;
    Command command{std::nullopt, {"UNLINK"}};
    for (const auto& subject : subjects) command.words.push_back(key(subject));
    // Not tried again: whoever waits for the change would wait longer, and what cannot be forgotten
    // now is gone after the time to live.
    const auto forgotten = connection_.ask(std::move(command));
    if (!forgotten && options_.on_unforgotten) options_.on_unforgotten();
  }

  // All keys of the database are looked at, some at a time so that others have their turns: a set
  // of each tenant's would be a write more for each answer, and for nothing else.
  Status forget_all(const TenantId& tenant) override {
    const std::string begin = key({tenant, ""});
    std::string cursor = "0";
    do {
      const auto reply = MESH_TRY(connection_.ask(
          {Script::drop, {begin, cursor, literally(begin) + "*", std::to_string(kKeysAtOnce)}}));
      cursor = reply.text();
    } while (cursor != "0");
    return {};
  }

  std::optional<Error> trouble() const override { return connection_.trouble(); }

  std::vector<ServerFinding> examine() override {
    if (trouble()) return {};
    // No tenant's: their ids do not begin with a dash.
    const std::string key = prefix() + "-examined";
    const std::string ticket = "ticket", ttl = std::to_string(kExaminedTtl.count());
    const Command commands[] = {
        {Script::find, {key, "question", ticket, ttl, "1"}},
        {Script::keep, {key, "question", ticket, "answer", std::to_string(kMostQuestions)}},
        {Script::drop, {key, "0", literally(key), "1"}},
        {std::nullopt, {"UNLINK", key}}};
    for (const Command& command : commands) {
      if (const auto reply = connection_.ask(command); !reply) {
        return {unseen(
            "permissions", reply.error(),
            "the user needs SCRIPT, EVAL, EVALSHA, HGET, HSET, HLEN, PEXPIRE, SCAN and UNLINK "
            "of keys " +
                prefix() + "*, on a server that may write and has room")};
      }
    }
    return {{"permissions", true, "answers can be kept and forgotten", ""}};
  }

 private:
  std::string prefix() const { return options_.server.prefix + "cache:" + options_.mesh + ":"; }
  std::string key(const CacheSubject& subject) const {
    return prefix() + subject.tenant.str() + ":" + subject.name;
  }

  Found look_up(const CacheSubject& subject, std::string_view question) {
    if (!connection_.stands_since(options_.ttl)) return {};
    const std::size_t bytes = subject.name.size() + kBytesAround;  // of a new hash
    const auto reply = connection_.ask(
        {Script::find,
         {key(subject), std::string(question), random_hex(kTicketBytes),
          std::to_string(options_.ttl.count()), budget_.allows(bytes) ? "1" : "0"}});
    if (!reply) return {};
    const std::string text = reply->text();
    if (text.starts_with('=')) return {text.substr(1), {}};
    if (text.empty()) return {};
    if (text.starts_with('!')) budget_.spend(bytes);
    return {std::nullopt, text.substr(1)};
  }

  const CacheOptions options_;
  Budget budget_;
  Connection connection_;
};

}  // namespace

Result<std::unique_ptr<RedisCache>> open_cache(CacheOptions options, Clock& clock) {
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) {
    return fail(ErrorKind::unavailable, "the read cache cannot be set up",
                std::string("eventfd: ") + std::strerror(errno));
  }
  return std::make_unique<Cache>(std::move(options), clock, std::move(wake));
}

}  // namespace mesh::redis
