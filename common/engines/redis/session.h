// One connection to a Redis server, TCP or TLS over it, that has been greeted: authenticated, its
// database selected, the scripts loaded.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/engines/redis/scripts.h"
#include "common/engines/redis/server_options.h"
#include "common/engines/redis/tls.h"

struct redisContext;  // hiredis'

namespace mesh::redis {

struct Command {
  std::optional<Script> script;
  std::vector<std::string> words;  // of a script: its key and arguments
};

struct Reply {
  std::vector<std::string> texts;  // one, or those of a list; a number as text, nil as ""
  bool refused = false;            // then the one text says why
  std::string text() const { return texts.empty() ? std::string() : texts.front(); }
};

// One thread at a time. Errors are `unavailable`; after one of a method the session is of no use.
class Session {
 public:
  // Blocks for the time-out at most for the connection, its TLS with it, and for each step of the
  // greeting; and as long as it takes to resolve the host's name, which leaves TLS the less.
  static Result<Session> open(const ServerOptions& options);

  // Does not block from here on.
  int fd() const;
  // Joins what write() sends. A script goes by its digest, or `whole` where the server lacks it.
  void append(const Command& command, bool whole);
  // True once all that was appended is sent.
  Result<bool> write();
  // Takes what has come; next() answers it, in the order of the commands.
  Status read();
  Result<std::optional<Reply>> next();

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };
  using Context = std::unique_ptr<redisContext, Free>;

  Session(Context context, std::string server)
      : context_(std::move(context)), server_(std::move(server)) {}
  Status greet(const ServerOptions& options);
  Result<Reply> ask(const std::vector<std::string>& words, Duration timeout);
  Result<bool> receive();  // once; whether anything came
  tl::unexpected<Error> broken() const;

  Context context_;
  std::optional<Tls> tls_;  // over the socket of context_, whose buffers it fills and empties
  std::string server_;      // "127.0.0.1:6379", for causes
  std::array<std::string, std::size(kScripts)> digests_;
};

}  // namespace mesh::redis
