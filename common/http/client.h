// A small HTTP client over libcurl: pooled connections, time-outs, bounded answers.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/http/event_stream_reader.h"
#include "common/http/message.h"

namespace mesh::http {

// Of https:// servers. Whom not to believe is never a default: without any of this the system's
// authorities and the host's name count.
struct ClientTls {
  std::string ca_file;              // PEM file of the authorities in place of the system's
  std::string ca_setting;           // where a user sets ca_file, for messages: "qdrant.ca_file"
  std::string cert_file, key_file;  // PEM, of the client
  // "sha256//…": the server's public key, which then counts in place of authorities and name.
  std::string pinned_key;
  bool skip_verify = false;  // anybody may be the server
};

struct ClientOptions {
  Duration connect_timeout{3'000};
  Duration timeout{30'000};  // of the whole exchange
  std::size_t max_response_bytes = 64 << 20;
  std::string user_agent = "mesh";
  ClientTls tls{};
  bool direct = false;  // no proxy of the environment is asked
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://; no other scheme, no redirects are followed
  HeaderList headers;
  std::string body;
  std::optional<Duration> timeout;  // in place of the client's
};

// How a stream of events is read.
struct StreamReading {
  // Called on the caller's thread, one after the other; false ends the reading.
  EventStreamReader::OnEvent on_event;
  // Asked several times a second, also while nothing comes; true ends the reading. May be empty.
  std::function<bool()> stop = {};
  // The id of the last event of a stream before, to go on behind it; empty: from now on.
  std::string last_event_id = {};
  // Without a byte for so long the server is taken for gone. meshd sends a comment every 15 s.
  Duration idle_timeout{45'000};
  std::size_t max_event_bytes = 1 << 20;
};

// What came of a stream.
struct StreamEnd {
  Response response;              // without a body where it was a stream
  bool streamed = false;          // it was one: 200 and text/event-stream
  bool stopped = false;           // the caller ended it, else the server
  std::string last_event_id;      // for a stream that goes on where this one ended
  std::optional<Duration> retry;  // after how long the server wishes to be asked again
};

// Any thread; blocks, at most for the time-out. `unavailable` when nobody answers or the answer is
// cut off (the message names host and port, and the proxy of the environment where one stands
// between; where a certificate was refused, whose, why, and what may be done), `timeout` where the
// connection stands and no answer comes, `too_large` beyond max_response_bytes, `invalid` for a
// URL, method or header that cannot be sent, `internal` where libcurl has no memory. Any status is
// an answer, not an error; but for 407, which only a proxy says.
class Client {
 public:
  explicit Client(ClientOptions options = {});
  ~Client();
  Result<Response> send(const ClientRequest& request);
  // Reads a stream of events until it ends, or the caller ends it; whether to come again, and when,
  // is the caller's. The time-out of the request counts until the head of the answer has come; one
  // that is no stream is given back whole. Errors as of send; `unavailable` also where the stream
  // is cut off, `timeout` where nothing came for idle_timeout, `too_large` for an event beyond the
  // bound; what was read before has been given to on_event.
  Result<StreamEnd> stream(const ClientRequest& request, const StreamReading& reading);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::http
