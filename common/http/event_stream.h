// Server-sent events (WHATWG HTML §9.2): an answer that goes on, event by event.
//
//   auto stream = respond.stream();
//   respond.when_gone([…] { /* forget the stream */ });
//   stream->send({.data = dump(hit), .event = "hit", .id = position});
//
// The thread of the connection owns the socket: an open stream that is idle costs its connection
// and nothing else, and whoever sends never waits for who reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"

namespace mesh::http {

class EventQueue;

struct ServerEvent {
  std::string data;        // each of its lines, ended by LF, CR LF or CR, is one of the event's
  std::string event = {};  // its type; empty: "message"
  // What a client that comes again names as Last-Event-ID; empty: that of the event before. A type
  // or id with a line break or a NUL would be read as another field and is left out.
  std::string id = {};
};

// The type of the event that the stream puts in by itself where some were dropped; its data is
// {"dropped":n}.
inline constexpr const char* kLostEvent = "lost";

struct StreamOptions {
  // What waits for a reader that is slow, as written on the wire. More lets it lag for longer and
  // costs memory, which counts as that of answers (ServerOptions::max_buffered_bytes).
  std::size_t max_buffered_bytes = 64 << 10;
  // After how long a client is to come again, said where the server ends the stream.
  Duration retry{3'000};
  std::vector<std::pair<std::string, std::string>> headers = {};  // beside Content-Type
};

// A stream as its handler has it. Any thread; nothing blocks. The stream ends when this goes.
class EventStream {
 public:
  explicit EventStream(std::shared_ptr<EventQueue> queue);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // False once the stream is over, for which no event counts. True otherwise, also where the event
  // was dropped, since the reader has not taken what came before: the next thing it reads there is
  // the event `lost`.
  bool send(const ServerEvent& event);
  // Ends the stream behind what was sent.
  void close();
  // How many events were dropped so far.
  std::uint64_t dropped() const;

 private:
  const std::shared_ptr<EventQueue> queue_;
};

}  // namespace mesh::http
