#include "common/engines/redis/session.h"

// hiredis.h includes it without saying that it is C.
extern "C" {
#include <hiredis/sds.h>
}

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "common/base/free_with.h"
#include "common/base/mask.h"
#include "common/base/wait_fd.h"

namespace mesh::redis {
namespace {

using RawReply = std::unique_ptr<redisReply, FreeWith<freeReplyObject>>;

timeval to_timeval(Duration duration) {
  return {duration.count() / 1000, duration.count() % 1000 * 1000};
}

std::string text_of(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
  return reply.str == nullptr ? std::string() : std::string(reply.str, reply.len);
}

Reply read_reply(const redisReply& raw) {
  Reply reply;
  reply.refused = raw.type == REDIS_REPLY_ERROR;
  if (raw.type != REDIS_REPLY_ARRAY) {
    reply.texts.push_back(text_of(raw));
  } else {
    for (std::size_t i = 0; i < raw.elements; ++i) reply.texts.push_back(text_of(*raw.element[i]));
  }
  return reply;
}

void append_words(redisContext& context, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  // It fails without memory only.
  redisAppendCommandArgv(&context, static_cast<int>(words.size()), texts.data(), sizes.data());
}

}  // namespace

void Session::Free::operator()(redisContext* context) const { redisFree(context); }

Result<Session> Session::open(const ServerOptions& options) {
  Session session(Context(redisConnectWithTimeout(options.host.c_str(), options.port,
                                                  to_timeval(options.timeout))),
                  server_name(options));
  redisContext* context = session.context_.get();
  if (context == nullptr || context->err != 0) {
    return fail(ErrorKind::unavailable, "the Redis server cannot be reached; see redis.url",
                "redis " + session.server_ + ": " + (context ? context->errstr : "no memory"));
  }
  // A server that vanished without a word is then noticed while nobody asks, too.
  redisEnableKeepAlive(context);
  context->flags &= ~REDIS_BLOCK;
  if (fcntl(context->fd, F_SETFD, FD_CLOEXEC) != 0 ||
      fcntl(context->fd, F_SETFL, fcntl(context->fd, F_GETFL) | O_NONBLOCK) != 0) {
    return fail(ErrorKind::unavailable, "the connection to Redis cannot be set up",
                std::strerror(errno));
  }
  if (options.tls) {
    // Of its own: nothing bounds how long the name took to resolve.
    const SteadyTime deadline = std::chrono::steady_clock::now() + options.timeout;
    session.tls_ = MESH_TRY(Tls::connect(context->fd, options, session.server_, deadline));
  }
  MESH_TRY(session.greet(options));
  return session;
}

Status Session::greet(const ServerOptions& options) {
  // The step's own words, unless what Redis says is about something else.
  const auto expect_done = [&](const Reply& reply, std::string message) -> Status {
    if (!reply.refused) return {};
    if (reply.text().starts_with("LOADING")) {
      message = "the Redis server is starting";
    } else if (reply.text().starts_with("NOAUTH")) {
      message = "the Redis server wants a password; see redis.password_file";
    }
    // A command that a server does not know it cites with its arguments.
    return fail(ErrorKind::unavailable, std::move(message),
                "redis " + server_ + ": " + masked(reply.text(), options.password));
  };
  if (!options.password.empty()) {
    std::vector<std::string> words{"AUTH", options.password};
    // Redis 5 knows no users.
    if (!options.user.empty()) words.insert(words.begin() + 1, options.user);
    MESH_TRY(expect_done(MESH_TRY(ask(words, options.timeout)),
                         "the Redis server refuses user or password; check "
                         "redis.url and redis.password_file"));
  }
  if (options.database != 0) {
    const std::string number = std::to_string(options.database);
    MESH_TRY(expect_done(MESH_TRY(ask({"SELECT", number}, options.timeout)),
                         "the Redis server refuses database " + number + "; check redis.url"));
  }
  for (const Script script : kScripts) {
    const Reply reply = MESH_TRY(ask({"SCRIPT", "LOAD", redis::text_of(script)}, options.timeout));
    MESH_TRY(
        expect_done(reply,
                    "the Redis server refuses scripts; its user needs SCRIPT, EVAL, EVALSHA, TIME, "
                    "GET, SET, PEXPIREAT and DEL, and for the cache HGET, HSET, HLEN, "
                    "PEXPIRE and UNLINK"));
    digests_[static_cast<std::size_t>(script)] = reply.text();
  }
  return {};
}

Result<Reply> Session::ask(const std::vector<std::string>& words, Duration timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  append_words(*context_, words);
  while (!MESH_TRY(write())) {
    if (!wait_fd(fd(), POLLOUT, deadline)) return no_answer(server_);
  }
  while (true) {
    MESH_TRY(read());
    if (auto reply = MESH_TRY(next())) return *std::move(reply);
    if (!wait_fd(fd(), POLLIN, deadline)) return no_answer(server_);
  }
}

tl::unexpected<Error> Session::broken() const {
  return fail(ErrorKind::unavailable, "the connection to the Redis server broke",
              "redis " + server_ + ": " + context_->errstr);
}

int Session::fd() const { return context_->fd; }

void Session::append(const Command& command, bool whole) {
  if (!command.script) return append_words(*context_, command.words);
  std::vector<std::string> words{
      whole ? "EVAL" : "EVALSHA",
      whole ? redis::text_of(*command.script) : digests_[static_cast<std::size_t>(*command.script)],
      "1"};
  words.insert(words.end(), command.words.begin(), command.words.end());
  append_words(*context_, words);
}

Result<bool> Session::write() {
  while (tls_ && sdslen(context_->obuf) > 0) {
    const auto sent = MESH_TRY(tls_->write({context_->obuf, sdslen(context_->obuf)}));
    if (sent == 0) return false;
    sdsrange(context_->obuf, static_cast<ssize_t>(sent), -1);
  }
  if (tls_) return true;
  int all = 0;
  if (redisBufferWrite(context_.get(), &all) != REDIS_OK) return broken();
  return all != 0;
}

Result<bool> Session::receive() {
  if (!tls_) {
    if (redisBufferRead(context_.get()) != REDIS_OK) return broken();
    return true;
  }
  std::array<char, 16 << 10> bytes;
  const auto came = MESH_TRY(tls_->read(bytes));
  if (came > 0 && redisReaderFeed(context_->reader, bytes.data(), came) != REDIS_OK) {
    return broken();
  }
  return came > 0;
}

Status Session::read() {
  // A record that OpenSSL holds is nothing that poll would tell of.
  while (MESH_TRY(receive()) && tls_) {
  }
  return {};
}

Result<std::optional<Reply>> Session::next() {
  void* raw = nullptr;
  if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) return broken();
  if (raw == nullptr) return std::nullopt;
  return read_reply(*RawReply(static_cast<redisReply*>(raw)));
}

}  // namespace mesh::redis
