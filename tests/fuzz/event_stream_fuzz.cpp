// Streams of server-sent events: however one is cut it reads alike, and what was read, written
// again, reads alike.
#include <optional>
#include <vector>

#include "common/http/event_queue.h"
#include "common/http/event_stream_reader.h"
#include "tests/fuzz/fuzz.h"

namespace mesh::fuzz {
namespace {

constexpr std::size_t kMost = 256;

struct Read {
  std::vector<http::ReadEvent> events;
  std::string last_id;
  std::optional<Duration> retry;
  bool refused = false;
};

bool same(const http::ReadEvent& a, const http::ReadEvent& b) {
  return a.type == b.type && a.data == b.data && a.id == b.id;
}

Read read(std::string_view text, Choices* cut, std::size_t most) {
  Read read;
  http::EventStreamReader reader(
      [&](const http::ReadEvent& event) {
        read.events.push_back(event);
        return true;
      },
      most);
  while (!text.empty() && !read.refused) {
    const auto part = text.substr(0, cut == nullptr ? text.size() : cut->size(9));
    read.refused = !reader.feed(part);
    text.remove_prefix(part.size());
  }
  read.last_id = reader.last_id();
  read.retry = reader.retry();
  return read;
}

void check_alike(const Read& a, const Read& b) {
  holds(a.refused == b.refused, "refused however it is cut");
  holds(a.last_id == b.last_id && a.retry == b.retry, "the same id and wait however it is cut");
  holds(a.events.size() == b.events.size(), "the same events however it is cut");
  for (std::size_t i = 0; i < a.events.size(); ++i) {
    holds(same(a.events[i], b.events[i]), "the same event however it is cut");
  }
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  const auto text = text_of(data, size);
  Choices cut(text);
  const auto whole = read(text, nullptr, kMost);
  check_alike(whole, read(text, &cut, kMost));

  // An id holds for the events behind it, so that one alone is written for each.
  std::string again;
  std::string id;
  for (const auto& event : whole.events) {
    holds(event.data.size() <= kMost && event.type.size() <= kMost, "an event is bounded");
    holds(event.data.find('\r') == std::string::npos, "lines of data are parted by LF");
    if (event.id.empty() && !id.empty()) again += "id\n";
    id = event.id;
    again += http::format_event({.data = event.data, .event = event.type, .id = event.id});
  }
  const auto second = read(again, nullptr, SIZE_MAX / 2);
  holds(!second.refused && second.events.size() == whole.events.size(), "as many events again");
  for (std::size_t i = 0; i < second.events.size(); ++i) {
    holds(same(second.events[i], whole.events[i]), "written again it reads alike");
  }

  // Whatever an event holds, it is one event.
  const auto third = text.size() / 3;
  const http::ServerEvent any{.data = std::string(text.substr(0, third)),
                              .event = std::string(text.substr(third, third)),
                              .id = std::string(text.substr(2 * third))};
  holds(read(http::format_event(any), nullptr, SIZE_MAX / 2).events.size() == 1, "one of one");
  return 0;
}
