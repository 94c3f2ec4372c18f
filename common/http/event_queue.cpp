#include "common/http/event_queue.h"

#include <string_view>

namespace mesh::http {
namespace {

bool fits_line(std::string_view text) {
  return text.find_first_of("\r\n") == std::string_view::npos;
}

// One with a NUL is passed over by readers.
bool is_id(std::string_view text) {
  return !text.empty() && fits_line(text) && text.find('\0') == std::string_view::npos;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  // The space is no part of the value, and without it one at the value's front would be lost.
  out.append(name).append(": ").append(value).append("\n");
}

std::string lost_event(std::uint64_t dropped) {
  return format_event(
      {.data = "{\"dropped\":" + std::to_string(dropped) + "}", .event = kLostEvent});
}

}  // namespace

std::string format_event(const ServerEvent& event) {
  std::string out;
  out.reserve(event.data.size() + event.event.size() + event.id.size() + 32);
  if (is_id(event.id)) append_field(out, "id", event.id);
  if (!event.event.empty() && fits_line(event.event)) append_field(out, "event", event.event);
  std::string_view rest = event.data;
  while (true) {
    const auto end = rest.find_first_of("\r\n");
    append_field(out, "data", rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return out += '\n';
}

std::string format_retry(Duration after) {
  return "retry: " + std::to_string(after.count()) + "\n\n";
}

bool EventQueue::send(const ServerEvent& event) {
  const auto text = format_event(event);
  std::lock_guard lock(mutex_);
  if (over_ || closed_) return false;
  const auto marker = lost_ > 0 ? lost_event(lost_) : std::string();
  const auto size = in_flight_ + waiting_.size() + marker.size() + text.size();
  if (size > options_.max_buffered_bytes ||
      (begun_ && !reader_.memory.grow(size, reader_.remote, reader_.tenant))) {
    drop();
    return true;
  }
  // In front of what follows the gap.
  waiting_.append(marker).append(text);
  lost_ = 0;
  ++waiting_events_;
  tell();
  return true;
}

void EventQueue::drop() {
  ++lost_;
  ++counts_.dropped;
  if (reader_.dropped != nullptr) reader_.dropped->add();
}

void EventQueue::tell() {
  if (!begun_ || std::exchange(told_, true)) return;
  reader_.wake();
}

void EventQueue::close() {
  std::lock_guard lock(mutex_);
  if (over_ || std::exchange(closed_, true)) return;
  tell();
}

void EventQueue::begin(Reader reader) {
  std::lock_guard lock(mutex_);
  if (over_) return;
  reader_ = std::move(reader);
  begun_ = true;
  if (counts_.dropped > 0) reader_.dropped->add(static_cast<double>(counts_.dropped));
  if (reader_.memory.grow(waiting_.size(), reader_.remote, reader_.tenant)) return;
  for (; waiting_events_ > 0; --waiting_events_) drop();
  std::string().swap(waiting_);
}

EventQueue::Taken EventQueue::take() {
  std::lock_guard lock(mutex_);
  told_ = false;
  Taken taken{std::exchange(waiting_, {}), std::exchange(waiting_events_, 0), closed_};
  // A reader that has caught up hears of the gap, though nothing may follow it for long.
  if (lost_ > 0) taken.bytes += lost_event(std::exchange(lost_, 0));
  in_flight_ += taken.bytes.size();
  counts_.taken += taken.events;
  return taken;
}

void EventQueue::sent() {
  std::lock_guard lock(mutex_);
  in_flight_ = 0;
  if (waiting_.empty()) reader_.memory.clear();
}

void EventQueue::end() {
  Reader reader;  // ends after the lock: it may hold the last of who holds this
  std::lock_guard lock(mutex_);
  over_ = true;
  begun_ = false;
  std::swap(reader, reader_);
  std::string().swap(waiting_);
  waiting_events_ = 0;
}

EventQueue::Counts EventQueue::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace mesh::http
