// What cpp-httplib does here, and what not.
//
// Server::process_request parses the request line: method, target, version. Everything else of it
// is led past:
// - Framing and strictness: it reads with blocking calls, keeps reading after many an error, and
//   accepts what two parsers could understand differently. RequestReader has gathered and checked
//   the whole request before.
// - Header fields: it percent-decodes their values (CloudEvents attributes would be decoded twice,
//   and "%0d%0a" would become a line break), loses their order, and refuses requests for an Accept
//   or Range that this server ignores. So it is shown an empty list, and the checked lines are
//   taken as they were sent.
// - The answer: it may come much later and from another thread; append_response writes it.
#include "common/http/head_parser.h"

// RequestReader has bounded the target before, by the server's options.
#define CPPHTTPLIB_REQUEST_URI_MAX_LENGTH (1 << 20)
#define CPPHTTPLIB_MAX_LINE_LENGTH (1 << 20)
#include <httplib.h>

#include <algorithm>

#include "common/base/strings.h"

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

struct Parsed {
  std::string line, method, target;
};

HeaderList read_fields(std::string_view lines) {
  HeaderList fields;
  fields.reserve(static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')));
  while (lines.size() > 2) {  // the empty line is the last
    const auto line = lines.substr(0, lines.find('\r'));
    const auto colon = line.find(':');
    fields.emplace_back(line.substr(0, colon), trim(line.substr(colon + 1)));
    lines.remove_prefix(line.size() + 2);
  }
  return fields;
}

}  // namespace

class HeadParser::Library final : public httplib::Server {
 public:
  Library() {
    set_pre_routing_handler(
        [](const httplib::Request&, httplib::Response&) { return HandlerResponse::Handled; });
    set_header_writer([](httplib::Stream&, httplib::Headers&) -> ssize_t { return 0; });
  }

  bool parse(std::string_view line, std::string& method, std::string& target) {
    // A method that the library does not know; the rest of its line reads like any other.
    constexpr std::string_view kQuery = "QUERY ";
    const bool query = line.starts_with(kQuery);
    const auto known = query ? "GET " + std::string(line.substr(kQuery.size())) : std::string(line);
    LineStream stream(known);
    bool parsed = false;
    bool closed = false;
    process_request(stream, {}, 0, {}, 0, false, closed, [&](httplib::Request& request) {
      parsed = true;
      method = request.method;
      target = request.target;
      request.body_consumed_ = true;  // there is none in this stream
    });
    if (query) method = "QUERY";
    return parsed;
  }
};

HeadParser::HeadParser() : library_(std::make_unique<Library>()) {}
HeadParser::~HeadParser() = default;

bool HeadParser::parse(std::string_view head, Request& request, std::string& target) const {
  const auto line = head.substr(0, head.find('\n') + 1);
  // Requests that write come with few different lines, and the library takes a fifth of all that
  // such a request costs here; so the thread remembers the last one.
  thread_local Parsed last;
  if (line != last.line) {
    last.line.clear();
    if (!library_->parse(line, last.method, last.target)) return false;
    last.line = line;
  }
  request.method = last.method;
  target = last.target;
  request.headers = read_fields(head.substr(line.size()));
  return true;
}

}  // namespace mesh::http
