// What of an event stream waits for its reader: between the handler, on any thread, and the
// connection. The newest events are dropped where it is full, so that what was promised by order
// stays in order, and a gap is told where it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "common/http/buffers.h"
#include "common/http/event_stream.h"
#include "common/telemetry/metrics.h"

namespace mesh::http {

// The event as it is written: fields in lines, and an empty line.
std::string format_event(const ServerEvent& event);
// The field `retry` alone, which is no event.
std::string format_retry(Duration after);

class EventQueue {
 public:
  explicit EventQueue(StreamOptions options) : options_(std::move(options)) {}
  const StreamOptions& options() const { return options_; }

  // --- the handler's side: see EventStream

  bool send(const ServerEvent& event);
  void close();

  // --- the connection's side

  struct Reader {
    // There is something to take; called with the queue's lock held, once until take().
    std::function<void()> wake;
    Reservation memory;  // for what waits, in these names
    std::string remote, tenant;
    Counter* dropped = nullptr;  // outlives end()
  };
  // Once, before the first take. Events may wait already, which take() has.
  void begin(Reader reader);
  struct Taken {
    std::string bytes;  // whole events
    std::uint64_t events = 0;
    bool last = false;  // the handler has closed the stream: nothing follows
  };
  // What was taken counts as waiting until sent().
  Taken take();
  void sent();
  // The stream is over; what waits goes nowhere. Callable twice.
  void end();

  struct Counts {
    std::uint64_t taken = 0;    // events that were handed to the connection
    std::uint64_t dropped = 0;  // for want of room
  };
  Counts counts() const;

 private:
  void drop();
  void tell();

  const StreamOptions options_;
  mutable std::mutex mutex_;
  Reader reader_;  // this and the rest guarded by mutex_
  bool begun_ = false;
  bool closed_ = false;  // by the handler
  bool over_ = false;
  bool told_ = false;
  std::string waiting_;
  std::uint64_t waiting_events_ = 0;
  std::size_t in_flight_ = 0;  // bytes that were taken and not yet sent
  std::uint64_t lost_ = 0;     // events that the reader has not been told of
  Counts counts_;
};

}  // namespace mesh::http
