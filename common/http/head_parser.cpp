#include "common/http/head_parser.h"

// RequestReader has bounded all of this before, by the server's options.
#define CPPHTTPLIB_REQUEST_URI_MAX_LENGTH (1 << 20)
#define CPPHTTPLIB_HEADER_MAX_LENGTH (1 << 20)
#define CPPHTTPLIB_MAX_LINE_LENGTH (1 << 20)
#define CPPHTTPLIB_HEADER_MAX_COUNT (1 << 16)
#include <httplib.h>

namespace mesh::http {
namespace {

// Serves the head to the library. The library percent-decodes the values of header fields, which
// would decode CloudEvents attributes twice and let %0d%0a through; so each '%' of a field is
// served as "%25" and comes out as it was sent.
class HeadStream final : public httplib::Stream {
 public:
  explicit HeadStream(std::string_view head)
      : head_(head), fields_(head.find('\n') + 1) {}

  ssize_t read(char* out, std::size_t size) override {
    std::size_t n = 0;
    while (n < size && position_ < head_.size()) {
      if (pending_ > 0) {
        out[n++] = "52"[--pending_];
        if (pending_ == 0) ++position_;
        continue;
      }
      const char c = head_[position_];
      out[n++] = c;
      if (c == '%' && position_ >= fields_) {
        pending_ = 2;
      } else {
        ++position_;
      }
    }
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char*, std::size_t size) override { return static_cast<ssize_t>(size); }
  bool is_readable() const override { return position_ < head_.size(); }
  bool wait_readable() const override { return is_readable(); }
  bool wait_writable() const override { return true; }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }
  time_t duration() const override { return 0; }

 private:
  const std::string_view head_;
  const std::size_t fields_;
  std::size_t position_ = 0;
  int pending_ = 0;
};

}  // namespace

class HeadParser::Library final : public httplib::Server {
 public:
  Library() {
    set_pre_routing_handler(
        [](const httplib::Request&, httplib::Response&) { return HandlerResponse::Handled; });
    // The answer is written by append_response, perhaps much later and on another thread.
    set_header_writer([](httplib::Stream&, httplib::Headers&) -> ssize_t { return 0; });
  }

  bool parse(std::string_view head, Request& out) {
    HeadStream stream(head);
    bool parsed = false;
    bool closed = false;
    process_request(stream, {}, 0, {}, 0, false, closed, [&](httplib::Request& in) {
      parsed = true;
      out.method = in.method;
      out.headers.reserve(in.headers.size());
      for (auto& [name, value] : in.headers) out.headers.emplace_back(name, std::move(value));
      in.headers.clear();        // no "100 Continue", no upgrade: the connection sees to that
      in.body_consumed_ = true;  // there is none in this stream
    });
    return parsed;
  }
};

HeadParser::HeadParser() : library_(std::make_unique<Library>()) {}
HeadParser::~HeadParser() = default;

bool HeadParser::parse(std::string_view head, Request& request) const {
  return library_->parse(head, request);
}

}  // namespace mesh::http
