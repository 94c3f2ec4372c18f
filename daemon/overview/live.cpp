#include "daemon/overview/live.h"

#include "common/base/strings.h"

namespace mesh::overview {

Live::Id Live::add(std::shared_ptr<http::EventStream> stream, std::string_view seen) {
  std::lock_guard lock(mutex_);
  if (!send_missed(*stream, seen)) return 0;
  if (!attention_.empty() && !stream->send({.data = attention_, .event = "attention"})) return 0;
  streams_.emplace(++last_id_, std::move(stream));
  size_ = streams_.size();
  return last_id_;
}

void Live::remove(Id id) {
  std::shared_ptr<http::EventStream> last;  // ends after the lock: it tells a connection
  std::lock_guard lock(mutex_);
  const auto at = streams_.find(id);
  if (at == streams_.end()) return;
  last = std::move(at->second);
  streams_.erase(at);
  size_ = streams_.size();
}

std::optional<std::uint64_t> Live::number_of(std::string_view id) const {
  if (!id.starts_with(run_ + "-")) return std::nullopt;
  const auto number = parse_int(id.substr(run_.size() + 1));
  if (!number || *number < 0 || static_cast<std::uint64_t>(*number) > number_) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

bool Live::send(http::EventStream& stream, const Kept& sample) const {
  return stream.send({.data = sample.json, .event = "sample", .id = id_of(sample.number)});
}

bool Live::send_missed(http::EventStream& stream, std::string_view seen) const {
  if (kept_.empty()) return true;
  const auto last = number_of(seen);
  if (!last) return send(stream, kept_.back());
  const auto gone = static_cast<std::int64_t>(kept_.front().number - *last) - 1;
  if (gone > 0 && !stream.send({.data = R"({"dropped":)" + std::to_string(gone) + "}",
                                .event = http::kLostEvent})) {
    return false;
  }
  for (const auto& sample : kept_) {
    if (sample.number > *last && !send(stream, sample)) return false;
  }
  return true;
}

void Live::send_all(const http::ServerEvent& event) {
  std::erase_if(streams_, [&](const auto& one) { return !one.second->send(event); });
  size_ = streams_.size();
}

void Live::send_sample(std::string json) {
  std::lock_guard lock(mutex_);
  kept_bytes_ += json.size();
  kept_.push_back({++number_, std::move(json)});
  while (kept_.size() > 1 && (kept_.size() > kKept || kept_bytes_ > kKeptBytes)) {
    kept_bytes_ -= kept_.front().json.size();
    kept_.pop_front();
  }
  send_all({.data = kept_.back().json, .event = "sample", .id = id_of(number_)});
}

void Live::send_attention(std::string json) {
  std::lock_guard lock(mutex_);
  if (json == attention_) return;
  attention_ = std::move(json);
  send_all({.data = attention_, .event = "attention"});
}

void Live::close() {
  std::lock_guard lock(mutex_);
  for (const auto& [id, stream] : streams_) stream->close();
  streams_.clear();
  size_ = 0;
}

}  // namespace mesh::overview
