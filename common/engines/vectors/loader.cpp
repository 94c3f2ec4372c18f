#include "common/engines/vectors/loader.h"

#include <string_view>
#include <utility>

#include "common/base/thread.h"

namespace mesh::vectors {
namespace {

constexpr std::size_t kBatchBytes = 256 << 10;  // stays in a core's cache

}  // namespace

Loader::Loader() : thread_([this] { run(); }) {}

Loader::~Loader() {
  hand_over();
  {
    std::lock_guard lock(mutex_);
    last_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Loader::add(Generation& generation, const StoredPartition& partition,
                 const StoredPoint& point) {
  batch_.points.push_back({&generation, &partition, point.user_id, point.version, point.code.size(),
                           point.email.size(), point.name.size()});
  batch_.bytes += point.code;
  batch_.bytes += point.email;
  batch_.bytes += point.name;
  if (batch_.bytes.size() >= kBatchBytes) hand_over();
}

void Loader::hand_over() {
  {
    std::unique_lock lock(mutex_);
    // One batch waits at most, which bounds the memory whichever side is slower.
    changed_.wait(lock, [&] { return !waiting_; });
    waiting_ = std::move(batch_);
  }
  changed_.notify_all();
  batch_ = {};
  // The point that fills a batch goes a little beyond its size.
  batch_.bytes.reserve(kBatchBytes + (64 << 10));
}

void Loader::run() {
  name_thread("vectors-load");
  for (;;) {
    Batch batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return waiting_ || last_; });
      // Only behind the last batch, so that nothing is left out.
      if (!waiting_) return;
      batch = std::move(*waiting_);
      waiting_.reset();
    }
    changed_.notify_all();
    bring_to_memory(batch);
  }
}

void Loader::bring_to_memory(const Batch& batch) {
  // The views of a point hold until the reader goes on, so that its bytes were copied, one after
  // the other.
  std::string_view left = batch.bytes;
  const auto take = [&left](std::size_t size) {
    const auto piece = left.substr(0, size);
    left.remove_prefix(size);
    return piece;
  };
  for (const auto& place : batch.points) {
    StoredPoint point{place.user_id, place.version, take(place.code), {}, {}};
    point.email = take(place.email);
    point.name = take(place.name);
    place.generation->upsert(place.partition->tenant.str(), place.partition->id, point);
  }
}

}  // namespace mesh::vectors
