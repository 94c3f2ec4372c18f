#include "common/http/event_stream.h"

#include "common/http/event_queue.h"

namespace mesh::http {

EventStream::EventStream(std::shared_ptr<EventQueue> queue) : queue_(std::move(queue)) {}
EventStream::~EventStream() { close(); }
bool EventStream::send(const ServerEvent& event) { return queue_->send(event); }
void EventStream::close() { queue_->close(); }
std::uint64_t EventStream::dropped() const { return queue_->counts().dropped; }

}  // namespace mesh::http
