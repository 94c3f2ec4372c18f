// A TCP cable between clients and a server of loopback that a test may pull out: then nothing
// passes and nobody is told, as where packets are dropped on their way. Plugged in again it
// delivers what was sent meanwhile.
#pragma once

#include <atomic>
#include <list>
#include <string>
#include <thread>

#include "common/base/fd.h"

namespace mesh::test {

class Cable {
 public:
  Cable();
  ~Cable();
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  // Where clients connect; the same for as long as it lives.
  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // Where it leads to; before that connections get no answer. Any thread.
  void lead_to(int server_port) { set(State::plugged, server_port); }
  void pull() { set(State::pulled, server_port_); }
  void plug() { set(State::plugged, server_port_); }
  // Ends every connection, and each new one as soon as it is made, until it is plugged in: the
  // server has gone.
  void end() { set(State::ended, server_port_); }

 private:
  enum class State { pulled, plugged, ended };
  struct Line;  // a connection of a client

  void set(State state, int server_port);
  void run();
  void accept_one(std::list<Line>& lines);

  Fd listener_, news_;  // news_: an eventfd, readable where the state changed
  int port_ = 0;
  std::atomic<State> state_{State::pulled};
  std::atomic<int> server_port_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace mesh::test
