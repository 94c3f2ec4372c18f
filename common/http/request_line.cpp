// What cpp-httplib does here, and what not.
//
// Server::process_request divides the request line into method, target and version; nobody else
// does. Everything else of it is led past:
// - Framing and strictness: it reads with blocking calls, keeps reading after many an error, and
//   accepts what two parsers could understand differently. RequestReader judges the parts.
// - Header fields: it percent-decodes their values (CloudEvents attributes would be decoded twice,
//   and "%0d%0a" would become a line break), loses their order, and refuses requests for an Accept
//   or Range that this server ignores. So it is shown an empty list.
// - The answer: it may come much later and from another thread; append_response writes it.
#include "common/http/request_line.h"

// RequestReader bounds the line, by the server's options.
#define CPPHTTPLIB_REQUEST_URI_MAX_LENGTH (1 << 20)
#define CPPHTTPLIB_MAX_LINE_LENGTH (1 << 20)
#include <httplib.h>

namespace mesh::http {
namespace {

// Serves the request line and the empty line behind it.
class LineStream final : public httplib::Stream {
 public:
  explicit LineStream(std::string_view line) : line_(line) {}

  ssize_t read(char* out, std::size_t size) override {
    std::string_view& left = line_.empty() ? end_ : line_;
    const auto n = left.copy(out, size);
    left.remove_prefix(n);
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char*, std::size_t size) override { return static_cast<ssize_t>(size); }
  bool is_readable() const override { return !end_.empty(); }
  bool wait_readable() const override { return is_readable(); }
  bool wait_writable() const override { return true; }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return INVALID_SOCKET; }
  time_t duration() const override { return 0; }

 private:
  std::string_view line_;
  std::string_view end_ = "\r\n";
};

class Library final : public httplib::Server {
 public:
  Library() {
    set_pre_routing_handler(
        [](const httplib::Request&, httplib::Response&) { return HandlerResponse::Handled; });
    set_header_writer([](httplib::Stream&, httplib::Headers&) -> ssize_t { return 0; });
    // A method or version that the library does not serve: RequestReader knows what to say of it.
    set_error_logger([this](const httplib::Error&, const httplib::Request* request) {
      if (request != nullptr) take(*request);
    });
  }

  const RequestLine& parse(std::string_view line) {
    // Requests that write come with few different lines, and the library takes a fifth of all that
    // such a request costs here; so the last one is remembered.
    if (line == line_) return parts_;
    line_.clear();
    parts_ = {};
    LineStream stream(line);
    bool closed = false;
    process_request(stream, {}, 0, {}, 0, false, closed, [&](httplib::Request& request) {
      take(request);
      request.body_consumed_ = true;  // there is none in this stream
    });
    line_ = line;
    return parts_;
  }

 private:
  void take(const httplib::Request& request) {
    parts_ = {request.method, request.target, request.version};
  }

  std::string line_;
  RequestLine parts_;
};

}  // namespace

// A parser for each thread, since it keeps the last line and its parts.
const RequestLine& parse_request_line(std::string_view line) {
  thread_local Library library;
  return library.parse(line);
}

}  // namespace mesh::http
