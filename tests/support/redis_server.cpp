#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "common/base/fd.h"
#include "common/base/free_with.h"
#include "common/base/strings.h"
#include "tests/support/eventually.h"
#include "tests/support/server_process.h"

namespace mesh::test {
namespace {

using Context = std::unique_ptr<redisContext, FreeWith<redisFree>>;
using RawReply = std::unique_ptr<redisReply, FreeWith<freeReplyObject>>;

std::string text_of(const redisReply& reply) {
  if (reply.type == REDIS_REPLY_INTEGER) return std::to_string(reply.integer);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < reply.elements; ++i) parts.push_back(text_of(*reply.element[i]));
  if (reply.type == REDIS_REPLY_ARRAY) return join(parts, " ");
  return reply.str == nullptr ? std::string() : std::string(reply.str, reply.len);
}

std::string ask_on(redisContext& context, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const auto& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  const RawReply reply(static_cast<redisReply*>(
      redisCommandArgv(&context, static_cast<int>(words.size()), texts.data(), sizes.data())));
  return reply ? text_of(*reply) : std::string("no answer: ") + context.errstr;
}

}  // namespace

bool RedisServer::installed() { return !program_in_path("redis-server").empty(); }

RedisServer::RedisServer(std::vector<std::string> options) : options_(std::move(options)) {
  for (std::size_t i = 0; i + 1 < options_.size(); ++i) {
    if (options_[i] == "--requirepass") password_ = options_[i + 1];
  }
  // Another process may take the port before the server does.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    if (try_start()) return;
  }
  throw std::runtime_error("redis-server does not start; see " + dir_.file("log"));
}

RedisServer::~RedisServer() { kill(); }

void RedisServer::start() {
  if (!try_start()) throw std::runtime_error("redis-server does not start again");
}

bool RedisServer::try_start() {
  const std::string program = program_in_path("redis-server");
  std::vector<std::string> words{
      program,  "--port", std::to_string(port_), "--bind",    "127.0.0.1",
      "-::1",   "--dir",  dir_.path(),           "--logfile", dir_.file("log"),
      "--save", "",       "--appendonly",        "no"};
  words.insert(words.end(), options_.begin(), options_.end());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    // It must not outlive a test that crashes.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) execv(program.c_str(), arguments.data());
    _exit(127);
  }
  bool ended = false;
  const bool answers = eventually([&] {
    ended = waitpid(pid_, nullptr, WNOHANG) == pid_;
    return ended || ask({"PING"}) == "PONG";
  });
  if (ended) pid_ = -1;
  if (!answers) kill();
  return answers && !ended;
}

void RedisServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void RedisServer::pause() {
  ::kill(pid_, SIGSTOP);
  // Until it stands still: a signal is not taken at once.
  waitpid(pid_, nullptr, WUNTRACED);
}

void RedisServer::resume() { ::kill(pid_, SIGCONT); }

std::string RedisServer::ask(const std::vector<std::string>& words, int database) const {
  const Context context(redisConnectWithTimeout("127.0.0.1", port_, {10, 0}));
  if (!context || context->err != 0) return "no connection";
  redisSetTimeout(context.get(), {30, 0});
  if (!password_.empty()) ask_on(*context, {"AUTH", password_});
  if (database != 0) ask_on(*context, {"SELECT", std::to_string(database)});
  return ask_on(*context, words);
}

}  // namespace mesh::test
