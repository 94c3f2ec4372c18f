// A stream without a connection, whose other end is its queue.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/http/event_queue.h"
#include "common/http/event_stream_reader.h"

namespace mesh::test {

struct Watcher {
  explicit Watcher(std::size_t most_bytes = 256 << 10)
      : queue(std::make_shared<http::EventQueue>(
            http::StreamOptions{.max_buffered_bytes = most_bytes})) {}
  std::shared_ptr<http::EventStream> stream() const {
    return std::make_shared<http::EventStream>(queue);
  }
  // What came since the last time.
  std::vector<http::ReadEvent> read() {
    std::vector<http::ReadEvent> events;
    http::EventStreamReader reader([&](const http::ReadEvent& event) {
      events.push_back(event);
      return true;
    });
    const auto taken = queue->take();
    ended = ended || taken.last;
    EXPECT_TRUE(reader.feed(taken.bytes));
    queue->sent();
    return events;
  }
  // The events of a type, by their data.
  std::vector<std::string> data(std::string_view type) {
    std::vector<std::string> all;
    for (const auto& event : read()) {
      if (event.type == type) all.push_back(event.data);
      if (!event.id.empty()) last_id = event.id;
    }
    return all;
  }

  std::shared_ptr<http::EventQueue> queue;
  bool ended = false;
  std::string last_id;
};

}  // namespace mesh::test
