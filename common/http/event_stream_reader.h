// Reads a stream of server-sent events (WHATWG HTML §9.2.6) as its bytes come.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::http {

struct ReadEvent {
  std::string type;  // "message" where the stream gave none
  std::string data;  // lines are parted by LF; its bytes as they came: whoever reads it as text
                     // judges whether it is UTF-8
  std::string id;    // the last one that the stream gave, with this event or before; empty: none
};

// One thread. Lines end by LF, CR LF or CR; a byte order mark in front, comments and unknown fields
// are passed over, and so are events without data and one that the stream ends in.
class EventStreamReader {
 public:
  // False: no more is wanted, and feed passes over the rest.
  using OnEvent = std::function<bool(const ReadEvent&)>;
  // `max_event_bytes` bounds what is held of one event, and a line.
  explicit EventStreamReader(OnEvent on_event, std::size_t max_event_bytes = 1 << 20);

  // However the stream is cut into parts, the same events come of it. `too_large` for an event or
  // line beyond the bound, after which the reader is of no more use; true while more is wanted.
  Result<bool> feed(std::string_view bytes);

  // What to come again with, as Last-Event-ID: that of the last event that was given, or of a later
  // one without data.
  const std::string& last_id() const { return last_id_; }
  // What the server last asked to wait before one comes again.
  std::optional<Duration> retry() const { return retry_; }

 private:
  void end_line();
  void take_field(std::string_view name, std::string_view value);
  void dispatch();

  const OnEvent on_event_;
  const std::size_t max_;
  std::string line_;
  bool first_line_ = true;
  bool after_cr_ = false;  // a LF that comes next belongs to the line that has ended
  bool wanted_ = true;
  bool has_data_ = false;
  std::string type_, data_;
  std::string next_id_;  // takes effect with the end of its event
  std::string last_id_;
  std::optional<Duration> retry_;
};

}  // namespace mesh::http
