// A connection's bytes: the same requests however they are cut into pieces, each read in one way,
// routed and handled over the real route tables, and answered with one well-formed answer that
// holds nothing of another tenant.
#include "common/auth/authenticator.h"
#include "common/base/strings.h"
#include "common/http/chain.h"
#include "common/http/reader.h"
#include "common/http/syntax.h"
#include "common/http/wire.h"
#include "daemon/services/analytics.h"
#include "daemon/services/health.h"
#include "daemon/services/publish.h"
#include "daemon/services/search.h"
#include "daemon/services/users.h"
#include "tests/fuzz/world.h"
#include "tests/support/manual_clock.h"

namespace mesh::fuzz {
namespace {

using http::RequestReader;
using State = RequestReader::State;

constexpr std::size_t kMaxHead = 1024;
constexpr int kMaxFields = 16;
constexpr std::size_t kMaxBody = 512;

// What one reader made of a request.
struct Read {
  State state = State::head;
  int refusal = 0;
  std::string detail, method, target, head, body;
  http::HeaderList fields;
  bool keep_alive = true, chunked = false, has_length = false, expects = false;
  bool operator==(const Read&) const = default;
};

Read outcome(const RequestReader& reader) {
  Read read{reader.state(),
            0,
            {},
            std::string(reader.method()),
            std::string(reader.target()),
            {},
            {},
            {},
            true,
            false,
            false,
            false};
  if (read.state == State::refused) {
    read.refusal = reader.refusal_status();
    read.detail = reader.refusal_detail();
  } else {
    read.head = reader.head();
    read.fields = reader.fields();
    read.body = reader.body();
    read.keep_alive = reader.keep_alive();
    read.chunked = reader.chunked();
    read.has_length = reader.has_body_length();
    read.expects = reader.expects_continue();
  }
  return read;
}

// All requests of the stream, the last perhaps unfinished. `piece` answers how long the next is.
std::vector<Read> read_all(std::string_view stream, const std::function<std::size_t()>& piece) {
  std::vector<Read> all;
  RequestReader reader(kMaxHead, kMaxFields);
  while (!stream.empty()) {
    auto bytes = stream.substr(0, piece());
    stream.remove_prefix(bytes.size());
    while (true) {
      const auto used = reader.feed(bytes);
      holds(used <= bytes.size(), "no more is taken than is there");
      bytes.remove_prefix(used);
      holds(reader.head().size() <= kMaxHead && reader.body().size() <= kMaxBody,
            "head and body stay within their bounds");
      if (reader.state() == State::head_done) {
        reader.begin_body(kMaxBody);
      } else if (reader.state() == State::complete) {
        all.push_back(outcome(reader));
        reader.reset();
        holds(reader.untouched(), "after a request nothing of it is left");
      } else if (reader.state() == State::refused) {
        all.push_back(outcome(reader));
        return all;
      } else {
        break;
      }
    }
    holds(bytes.empty(), "a reader that waits has taken everything");
  }
  if (!reader.untouched()) all.push_back(outcome(reader));
  return all;
}

std::size_t count_fields(const http::Request& request, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::count_if(request.headers, [&](const auto& header) {
    return http::equal_ignore_case(header.first, name);
  }));
}

// The head as the handlers see it says what the framing said.
void check_reading(const Read& read, const http::Request& request) {
  holds(read.head.starts_with(read.method + " " + read.target + " HTTP/1."),
        "the head begins with the parts of the request line");
  holds(request.headers.size() <= static_cast<std::size_t>(kMaxFields),
        "fields stay within bounds");
  const auto lengths = count_fields(request, "Content-Length");
  const auto codings = count_fields(request, "Transfer-Encoding");
  holds(lengths + codings <= 1, "a body has one length");
  holds(read.chunked == (codings == 1) && read.has_length == (lengths + codings == 1),
        "the length is the one that the fields say");
  if (lengths == 1) {
    const auto length = parse_int(*request.header("Content-Length"));
    holds(length && *length == static_cast<std::int64_t>(read.body.size()),
          "a body is as long as it says");
  }
  holds(read.has_length || read.body.empty(), "a request without a length has no body");
  holds(count_fields(request, "Host") <= 1, "a request is for one host");
  for (const auto& [name, value] : request.headers) {
    holds(http::is_token(name) && http::is_field_value(value), "fields hold no control characters");
    holds(trim(value) == value, "values have no blanks around them");
  }
}

// Written again from what was understood, the request is understood in the same way.
void check_rewritten(const Read& read, const http::Request& request) {
  std::string text = read.method + " " + read.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) {
    if (!http::equal_ignore_case(name, "Transfer-Encoding")) text += name + ":" + value + "\r\n";
  }
  if (count_fields(request, "Host") == 0) text += "Host: x\r\n";
  if (read.chunked) text += "Content-Length: " + std::to_string(read.body.size()) + "\r\n";
  text += "\r\n" + read.body;
  RequestReader reader(2 * kMaxHead, kMaxFields + 1);
  std::string_view rest = text;
  rest.remove_prefix(reader.feed(rest));
  // HTTP/1.0 ignores the expectation.
  if (reader.state() == State::refused && reader.refusal_status() == 417) return;
  holds(reader.state() == State::head_done, "a request can be written again");
  reader.begin_body(kMaxBody);
  rest.remove_prefix(reader.feed(rest));
  holds(reader.state() == State::complete && rest.empty() && reader.method() == read.method &&
            reader.target() == read.target && reader.body() == read.body,
        "a request reads back as it was written");
}

// Everything behind the reader, over engines that remember nothing.
class Service {
 public:
  Service() {
    auth::Options options;
    options.anonymous_tenant = *TenantId::parse("acme");
    options.operator_token = "operator-token-of-the-fuzz-target-0123456789";
    authenticator_ = auth::Authenticator::create(options, clock_).value();
    hooks_.authenticate = [this](const http::Request& request, const http::Route& route) {
      const auto copy = [](auto text) {
        return text ? std::optional<std::string>(*text) : std::nullopt;
      };
      return authenticator_->authenticate(
          {copy(request.header("Authorization")), copy(request.header("X-Tenant-Id")),
           copy(request.param("tenant_id"))},
          route.access == http::Access::tenant_or_anonymous ? auth::Wanted::tenant_or_anonymous
                                                            : auth::Wanted::tenant);
    };
    hooks_.admit = [this](const TenantId& tenant, const std::string& scope, const auto& later) {
      return admission_.take(tenant, scope, 1, later);
    };
    (void)index_.create_generation({4, "fake/4"}, 0);
    (void)index_.serve(1, 0);
    polls_.stop();  // who would wait is answered as it is then
    add(services::users_routes(users_, keys_, admission_, usage_, waits_));
    add(services::search_routes(serving_, index_, clock_, metrics_, usage_, waits_));
    add(services::analytics_routes(analytics_, chemical_));
    add(services::publish_routes({log_,
                                  log_,
                                  keys_,
                                  directory_,
                                  admission_,
                                  clock_,
                                  metrics_,
                                  usage_,
                                  waits_,
                                  {},
                                  kMaxBody}));
    add(services::health_routes(
        {"fuzz", "0", [] { return std::string(); }, [] { return std::vector<services::Check>(); },
         metrics_, [](const auto&) { return false; }},
        listener_.routes));
    for (const auto& route : listener_.routes) {
      holds(listener_.router.add(route).has_value(), "the route tables fit together");
    }
  }

  http::Response answer(http::Exchange& exchange, const std::string& target) {
    exchange.listener = &listener_;
    const bool has_body = !exchange.request.body.empty();
    if (auto refusal = http::open_exchange(target, exchange)) return std::move(*refusal);
    if (auto refusal = http::check_body(exchange, has_body)) return std::move(*refusal);
    if (auto refusal = http::authenticate(exchange, hooks_)) return std::move(*refusal);
    http::Refusal refused;
    holds(http::admit(exchange, hooks_, {}, refused), "the limiter answers at once");
    if (refused) return std::move(*refused);
    exchange.memory = http::Reservation(buffers_);
    if (auto refusal = http::decode_body(exchange)) return std::move(*refusal);
    const auto& principal = exchange.request.principal;
    log_.tenant = principal && principal->tenant ? principal->tenant->str() : std::string();
    std::vector<http::Response> answers;
    exchange.route->handler(
        std::shared_ptr<const http::Request>(std::shared_ptr<void>(), &exchange.request),
        http::Responder([&](http::Response response) { answers.push_back(std::move(response)); }));
    holds(answers.size() == 1, "a request is answered once");
    return std::move(answers.front());
  }
  Clock& clock() { return clock_; }

 private:
  void add(http::RouteTable table) {
    for (auto& route : table) listener_.routes.push_back(std::move(route));
  }

  ManualClock clock_;
  Metrics metrics_{5};
  Usage usage_{clock_};
  Users users_;
  Keys keys_;
  Tenants tenants_;
  Limiter limiter_;
  Log log_;
  test::FakeEmbedder embedder_;
  test::FakeVectorIndex index_;
  test::FakeEmbedders embedders_{embedder_};
  pipeline::ServingEmbedder serving_{index_, embedders_, clock_};
  test::FakeLeaseStore leases_{clock_};
  test::FakeOutbox outbox_{leases_, clock_};
  test::FakeRetryStore retries_;
  pipeline::Progress progress_{{outbox_, log_, log_, retries_, index_}, clock_};
  services::LongPolls polls_{clock_, metrics_, 1};
  services::WriteWaits waits_{progress_, polls_, clock_, Duration{25'000}, "a key"};
  test::FakeAnalyticsStore analytics_;
  test::FakeChemicalStore chemical_;
  services::TenantDirectory directory_{tenants_,
                                       {{"search", {10, std::chrono::seconds(1), 10}},
                                        {"publish", {10, std::chrono::seconds(1), 10}}},
                                       clock_};
  services::Admission admission_{limiter_, directory_, true, clock_, metrics_};
  std::unique_ptr<auth::Authenticator> authenticator_;
  http::Hooks hooks_;
  std::shared_ptr<http::Buffers> buffers_ = std::make_shared<http::Buffers>(64 * kMaxBody, 1);
  http::Listener listener_;
};

// One status line, fields, an empty line, and a body as long as announced.
void check_answer(const Read& read, const http::Request& request, const http::Response& response,
                  std::string_view wire) {
  // Here no search ever sees a write.
  const bool too_early = response.status == 503 && request.param("min_position").has_value();
  holds(too_early || (response.status >= 200 && response.status < 500),
        "no request makes the server fail");
  holds(wire.starts_with("HTTP/1.1 " + std::to_string(response.status) + " "),
        "an answer begins with its status");
  const auto end = wire.find("\r\n\r\n");
  holds(end != wire.npos, "an answer has a head");
  std::optional<std::int64_t> length;
  for (const auto& line : split(wire.substr(0, end), '\n')) {
    const auto text =
        std::string_view(line).substr(0, line.ends_with('\r') ? line.size() - 1 : line.size());
    holds(http::is_field_value(text), "a line of the head is one line");
    if (line.starts_with("Content-Length: ")) {
      holds(!length, "an answer has one length");
      length = parse_int(text.substr(16));
    }
  }
  const auto body = wire.substr(end + 4);
  const bool headless = request.method == "HEAD";
  holds(headless ? body.empty() : static_cast<std::int64_t>(body.size()) == length.value_or(0),
        "a body is as long as announced");
  const auto type = std::ranges::find(response.headers, "Content-Type",
                                      [](const auto& header) { return header.first; });
  if (type != response.headers.end() && type->second.ends_with("json")) {
    const auto json =
        parse_json(response.body, {.max_depth = 64, .max_bytes = response.body.size()});
    holds(json.has_value(), "a JSON answer is JSON");
    if (response.status >= 400) {
      holds((*json)["status"] == response.status && json->contains("request_id"),
            "a problem says its status and its request");
    }
  }
  const auto& principal = request.principal;
  if (!principal || !principal->tenant || principal->tenant->str() != "globex") {
    // The name may come back to those who sent it, in whatever spelling.
    const bool asked =
        request.path.find(kForeign) != std::string::npos ||
        request.body.find(kForeign) != std::string::npos ||
        request.body.find("\\u") != std::string::npos ||
        std::ranges::any_of(request.query,
                            [](const auto& pair) {
                              return (pair.first + pair.second).find(kForeign) != std::string::npos;
                            }) ||
        read.head.find(kForeign) != std::string::npos;
    holds(asked || response.body.find(kForeign) == std::string::npos,
          "an answer holds nothing of another tenant");
  }
}

void check_request(const Read& read) {
  static auto& service = *new Service;
  http::Exchange exchange;
  exchange.request.method = read.method;
  exchange.request.headers = read.fields;
  exchange.request.body = read.body;
  check_reading(read, exchange.request);
  check_rewritten(read, exchange.request);
  auto response = service.answer(exchange, read.target);
  http::complete(exchange, response);
  std::string wire;
  const bool head_only = exchange.request.method == "HEAD";
  http::append_response(wire, response, {read.keep_alive, head_only, service.clock().now()});
  check_answer(read, exchange.request, response, wire);
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh::fuzz;
  const auto stream = text_of(data, size);
  const auto whole = read_all(stream, [&] { return stream.size(); });
  Choices choices(stream);
  holds(read_all(stream, [] { return std::size_t{1}; }) == whole,
        "byte by byte makes no difference");
  holds(read_all(stream, [&] { return choices.size(40); }) == whole, "pieces make no difference");
  for (const auto& read : whole) {
    if (read.state == State::complete) check_request(read);
    if (read.state == State::refused) {
      holds(read.refusal >= 400 && read.refusal < 600 && !read.detail.empty(),
            "a refusal has a status and a reason");
    }
  }
  return 0;
}
