// A redis-server of a test's own: in a temporary folder, on a free port of loopback, in memory
// only.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace mesh::test {

class RedisServer {
 public:
  static bool installed();
  static constexpr const char* kMissing = "no redis-server here; ./scripts/bootstrap installs it";

  // Starts it, with these further options of its command line: {"--requirepass", "x"}.
  explicit RedisServer(std::vector<std::string> options = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  // Empty, on the same port; blocks until it answers.
  void start();
  void kill();  // SIGKILL, and waits
  void pause();
  void resume();

  int port() const { return port_; }
  // One command on a connection of its own. Lists are joined by spaces, nil is "", an error its
  // text.
  std::string ask(const std::vector<std::string>& words, int database = 0) const;

 private:
  bool try_start();

  const TempDir dir_;
  const std::vector<std::string> options_;
  std::string password_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace mesh::test
