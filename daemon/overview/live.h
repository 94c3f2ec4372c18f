// The samples as a stream of server-sent events, for all who watch at once.
//
// Each sample is one text, made once, that every stream is sent. Its id is "<run>-<number>": who
// comes again to the same run of this process gets those that were made meanwhile, as far as they
// are kept; of more than that the event `lost` says how many. To another process, or another run,
// the id says nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/http/event_stream.h"

namespace mesh::overview {

// Any thread; nothing blocks.
class Live {
 public:
  using Id = std::uint64_t;
  // That are kept for who comes again: two minutes, unless there are many topics.
  static constexpr std::size_t kKept = 60;
  static constexpr std::size_t kKeptBytes = 192 << 10;
  // Of a stream: takes all that is kept.
  static constexpr std::size_t kStreamBytes = 256 << 10;

  // `run` names this run of the process: letters and digits.
  explicit Live(std::string run) : run_(std::move(run)) {}

  // Sends what was made since `seen`, a Last-Event-ID, or the newest sample where that is empty or
  // says nothing; then what needs attention. 0, and it is not kept, where the stream is over.
  Id add(std::shared_ptr<http::EventStream> stream, std::string_view seen);
  // Callable for one that is gone.
  void remove(Id id);
  // How many watch.
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  // To all, as the event `sample`. Streams that are over are forgotten.
  void send_sample(std::string json);
  // To all, as the event `attention`, where it is another text than the last one.
  void send_attention(std::string json);
  // Ends all streams. Callable twice.
  void close();

 private:
  struct Kept {
    std::uint64_t number;
    std::string json;
  };
  std::string id_of(std::uint64_t number) const { return run_ + "-" + std::to_string(number); }
  std::optional<std::uint64_t> number_of(std::string_view id) const;
  bool send_missed(http::EventStream& stream, std::string_view seen) const;
  bool send(http::EventStream& stream, const Kept& sample) const;
  void send_all(const http::ServerEvent& event);

  const std::string run_;
  std::atomic<std::size_t> size_{0};
  mutable std::mutex mutex_;
  std::map<Id, std::shared_ptr<http::EventStream>> streams_;  // this and the rest guarded by mutex_
  Id last_id_ = 0;
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t number_ = 0;  // of the newest sample
  std::string attention_;
};

}  // namespace mesh::overview
