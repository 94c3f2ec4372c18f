// Private to the client's sources: one exchange with one role's listener.
#pragma once

#include <string>

#include "common/client/client.h"
#include "common/http/client.h"

namespace mesh::client {

struct Call {
  Role role = Role::admin;
  std::string method = "GET";
  std::string path = {};  // encoded
  Query query = {};
  std::string body = {};
  std::string content_type = "application/json";  // sent where there is a body
  http::HeaderList headers = {};
  Duration extra_wait{0};  // beside the time-out: what the server was asked to wait
  bool open = false;       // a route without a credential
};

// The answer of a write; null where it has no body.
struct Wrote {
  Json body;
  Written written;
  bool replayed = false;
};

// Makes of what was read of an object, with its text, what is to be passed on.
using Keep = void (*)(Json& object, std::string_view text);

struct Client::Impl {
  explicit Impl(Options given);
  Options options;
  http::Client http;

  // Any status. `unavailable` for a role without an address, `timeout` once the deadline has
  // passed; else the errors of http::Client.
  Result<http::Response> exchange(const Call& call);
  // What goes to the server: `unavailable` and `timeout` likewise. Its time-out is what is left.
  Result<http::ClientRequest> request_of(const Call& call) const;
  // For a protocol of requests; also where nobody answered: null.
  void observe(const std::string& method, const std::string& url, const http::Response* response,
               SteadyTime begin) const;
  // A stream of events, read by `reading`; else as send.
  Result<http::StreamEnd> stream(const Call& call, const http::StreamReading& reading);
  // Below 300 only; the body may be empty.
  Result<http::Response> send(const Call& call);
  Result<Json> json(const Call& call);
  // Of a write, with what its options ask for.
  Result<Wrote> write(Call call, const WriteOptions& wishes);
  // The same as json, and `text` as it came.
  Result<Json> json(const Call& call, std::string& text);
  // {"items":[…],"next"}: follows `next` until `limit` items are there (0: all). `internal` for a
  // list that does not end.
  Result<std::vector<Json>> items(Call call, int limit, Keep keep = nullptr);
};

// "/a/b" of already split parts, each percent-encoded.
std::string path_of(std::initializer_list<std::string_view> parts);
void prefer_wait(Call& call, std::optional<std::int64_t> seconds);
// Calls `keep` with each object of the answer's "items" and its text.
void keep_items(Json& answer, std::string_view text, Keep keep);
tl::unexpected<Error> unexpected_form(std::string_view what);

}  // namespace mesh::client
