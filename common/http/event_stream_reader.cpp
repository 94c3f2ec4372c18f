#include "common/http/event_stream_reader.h"

#include <algorithm>
#include <string>

#include "common/base/strings.h"

namespace mesh::http {
namespace {

// Longer waits mean nothing: whoever asks for one is as good as gone.
constexpr std::int64_t kLongestRetry = 24 * 3'600'000;

}  // namespace

EventStreamReader::EventStreamReader(OnEvent on_event, std::size_t max_event_bytes)
    : on_event_(std::move(on_event)), max_(max_event_bytes) {}

Result<bool> EventStreamReader::feed(std::string_view bytes) {
  while (wanted_ && !bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const auto end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    if (line_.size() + data_.size() + end > max_) {
      return fail(ErrorKind::too_large,
                  "the stream holds an event of more than " + std::to_string(max_) + " bytes");
    }
    line_.append(bytes.substr(0, end));
    if (end == bytes.size()) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line();
  }
  return wanted_;
}

void EventStreamReader::end_line() {
  std::string_view line = line_;
  if (std::exchange(first_line_, false)) line = without_bom(line);
  if (line.empty()) {
    dispatch();
  } else {
    const auto colon = std::min(line.find(':'), line.size());
    auto value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) value.remove_prefix(1);
    take_field(line.substr(0, colon), value);
  }
  line_.clear();
}

void EventStreamReader::take_field(std::string_view name, std::string_view value) {
  if (name == "event") {
    type_ = value;
  } else if (name == "data") {
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_ += value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) next_id_ = value;
  } else if (name == "retry") {
    const bool digits =
        !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return;
    retry_ = Duration{std::min(parse_int(value).value_or(kLongestRetry), kLongestRetry)};
  }
}

void EventStreamReader::dispatch() {
  last_id_ = next_id_;
  if (std::exchange(has_data_, false)) {
    wanted_ = on_event_({type_.empty() ? "message" : std::move(type_), std::move(data_), last_id_});
  }
  type_.clear();
  data_.clear();
}

}  // namespace mesh::http
