// Finds where a request begins and ends in a stream of bytes.
//
// Strict on purpose: whatever two parsers could read differently (a bare LF, a folded line, a blank
// before a colon, two lengths, a length and chunks, …) is refused and the connection closed, so
// that nothing can be smuggled past a proxy in front. Pure: no sockets, no time.
// http-parser (Debian 12) is no longer maintained; cpp-httplib reads leniently (request_line.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/http/message.h"

namespace mesh::http {

class RequestReader {
 public:
  enum class State {
    head,       // before or within the request line and header fields
    head_done,  // the head is whole; begin_body() comes next
    body,
    complete,
    refused,
  };

  RequestReader(std::size_t max_header_bytes, int max_headers)
      : max_header_bytes_(max_header_bytes), max_headers_(max_headers) {}

  // Takes what belongs to this request and answers how many bytes that were; stops at head_done,
  // complete and refused.
  std::size_t feed(std::string_view bytes);
  // In head_done only: refuses (413) a longer body, now or when its chunks exceed the limit.
  void begin_body(std::size_t max_body_bytes);
  // In body only: what comes is no longer kept; beyond `max_bytes` of it: 413.
  void drop_body(std::size_t max_bytes);
  // Ready for the next request of the connection.
  void reset();

  State state() const { return state_; }
  // No byte of a request has come yet.
  bool untouched() const { return state_ == State::head && head_.empty(); }

  // In `refused`. 431 also for too many header fields.
  int refusal_status() const { return refusal_status_; }
  std::string_view refusal_detail() const { return refusal_detail_; }

  // The following are set as soon as the request line is whole; method() is empty before.
  std::string_view method() const { return std::string_view(head_).substr(0, method_size_); }
  // Origin form ("/users?limit=1") or "*"; an absolute form has been reduced to it.
  std::string_view target() const {
    return method_size_ == 0 ? std::string_view()
                             : std::string_view(head_).substr(method_size_ + 1, target_size_);
  }

  // From head_done on.
  std::string_view head() const { return head_; }  // with the final empty line
  const HeaderList& fields() const { return fields_; }
  HeaderList take_fields() { return std::move(fields_); }
  bool keep_alive() const { return keep_alive_; }
  bool is_http_1_0() const { return http_1_0_; }
  bool chunked() const { return chunked_; }
  // Content-Length or chunks, be it of zero bytes.
  bool has_body_length() const { return chunked_ || has_length_; }
  std::uint64_t content_length() const { return length_; }
  // The client waits for "100 Continue" before it sends the body.
  bool expects_continue() const { return expects_continue_; }

  // Bytes of the body that have come, kept or not.
  std::uint64_t received() const { return received_; }
  const std::string& body() const { return body_; }
  std::string take_body() { return std::move(body_); }

 private:
  enum class Chunk { size_line, data, data_end, trailer };

  std::size_t feed_head(std::string_view bytes);
  void end_head_line();
  void read_request_line();
  void read_target(std::string_view target);
  void read_field(std::string_view line);
  void read_length(std::string_view value);
  void read_transfer_encoding(std::string_view value);
  void end_head();

  void take(std::string_view bytes);
  std::size_t feed_sized(std::string_view bytes);
  std::size_t feed_chunks(std::string_view bytes);
  void end_chunk_line();
  void refuse(int status, std::string_view detail);

  const std::size_t max_header_bytes_;
  const int max_headers_;

  State state_ = State::head;
  int refusal_status_ = 0;
  std::string_view refusal_detail_;  // of static storage

  std::string head_;
  std::size_t line_start_ = 0;
  std::size_t method_size_ = 0;
  std::size_t target_size_ = 0;
  HeaderList fields_;
  int hosts_ = 0;
  std::string host_;
  std::string authority_;  // of an absolute-form target; must equal the host
  bool http_1_0_ = false;
  bool keep_alive_ = true;
  bool expects_continue_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
  std::uint64_t length_ = 0;

  std::size_t max_body_bytes_ = 0;
  bool keep_body_ = true;
  std::uint64_t received_ = 0;
  std::string body_;
  Chunk chunk_ = Chunk::size_line;
  std::uint64_t chunk_left_ = 0;
  std::string line_;  // of a chunk's size or a trailer field
  std::size_t trailer_bytes_ = 0;
};

}  // namespace mesh::http
