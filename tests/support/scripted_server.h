// An HTTP server on a free port of loopback whose answers a test says, byte by byte where it must:
// cut off, late, malformed, or none.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/raw_listener.h"

namespace mesh::test {

struct ScriptedRequest {
  std::string method, target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

struct ScriptedAnswer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::size_t> cut_after =
      std::nullopt;     // bytes of the body; then the connection ends
  bool silent = false;  // nothing comes, until the client gives up
};

class ScriptedServer {
 public:
  // From a thread per connection; may block, but not for longer than the server lives.
  using Handler = std::function<ScriptedAnswer(const ScriptedRequest&)>;

  explicit ScriptedServer(Handler handler);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string url() const { return listener_.url(); }
  int connections() const;  // that were ever made

 private:
  void accept_all();
  void serve(int fd);

  const Handler handler_;
  RawListener listener_;
  mutable std::mutex mutex_;
  std::list<std::pair<int, std::thread>>
      served_;  // descriptors, closed at the end; guarded by mutex_
  std::thread acceptor_;
};

}  // namespace mesh::test
