#include "common/http/client.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include "common/base/strings.h"
#include "common/http/syntax.h"

namespace mesh::http {
namespace {

constexpr std::size_t kIdleHandles = 16;

struct CurlDeleter {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Curl = std::unique_ptr<CURL, CurlDeleter>;
// CURL and CURLM are both void to a compiler.
struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using CurlMulti = std::unique_ptr<CURLM, CurlMultiDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter>;

void append(CurlList& list, const std::string& line) {
  // Where it fails, for want of memory, the list stays as it was.
  if (auto* grown = curl_slist_append(list.get(), line.c_str())) {
    (void)list.release();
    list.reset(grown);
  }
}

struct Exchanged {
  Response response;
  std::size_t max_bytes = 0;
  bool too_large = false;
  int port = 0;                     // that was connected to last; 0 where an open connection served
  char text[CURL_ERROR_SIZE] = "";  // what libcurl says of a failure
};

curl_socket_t on_socket(void* user, curlsocktype, curl_sockaddr* address) {
  // A sockaddr_in6 has its port where a sockaddr_in has it.
  static_cast<Exchanged*>(user)->port =
      ntohs(reinterpret_cast<const sockaddr_in*>(&address->addr)->sin_port);
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* user) {
  auto& exchanged = *static_cast<Exchanged*>(user);
  if (size > exchanged.max_bytes - exchanged.response.body.size()) {
    exchanged.too_large = true;
    return 0;  // ends the transfer
  }
  exchanged.response.body.append(bytes, size);
  return size;
}

std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* user) {
  auto& headers = static_cast<Exchanged*>(user)->response.headers;
  std::string_view line(bytes, size);
  if (line.starts_with("HTTP/")) headers.clear();  // after "100 Continue" comes another
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  auto value = line.substr(colon + 1);
  const auto first = value.find_first_not_of(" \t\r\n");
  const auto last = value.find_last_not_of(" \t\r\n");
  value = first == std::string_view::npos ? "" : value.substr(first, last - first + 1);
  headers.emplace_back(line.substr(0, colon), value);
  return size;
}

int status_of_answer(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

// One stream while it is read.
struct Streamed {
  CURL* const curl;
  EventStreamReader& reader;
  Exchanged exchanged{};
  SteadyTime heard{};              // when something came last
  bool enough = false;             // on_event wants no more
  std::optional<Error> failure{};  // of the stream's text

  bool is_stream() const {
    const char* type = nullptr;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    return status_of_answer(curl) == 200 && type != nullptr &&
           to_lower(type).starts_with("text/event-stream");
  }
};

std::size_t on_stream_body(char* bytes, std::size_t, std::size_t size, void* user) {
  auto& streamed = *static_cast<Streamed*>(user);
  streamed.heard = system_clock().steady();
  if (!streamed.is_stream()) return on_body(bytes, 1, size, &streamed.exchanged);
  auto wanted = streamed.reader.feed({bytes, size});
  if (!wanted) streamed.failure = std::move(wanted.error());
  streamed.enough = wanted && !*wanted;
  // Another number than `size` ends the transfer.
  return wanted && *wanted ? size : CURL_WRITEFUNC_ERROR;
}

// How often a caller that wants to stop is asked.
constexpr int kStopMilliseconds = 100;
// No code that libcurl gives: nothing came for too long.
constexpr CURLcode kSilent = CURL_LAST;

// Until the exchange ends: its code, or nothing where the caller ended it.
std::optional<CURLcode> read_stream(CURLM* multi, Streamed& streamed, const StreamReading& reading,
                                    Duration timeout) {
  streamed.heard = system_clock().steady();
  while (true) {
    if (reading.stop && reading.stop()) return std::nullopt;
    int running = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    if (streamed.enough) return std::nullopt;
    if (running == 0) {
      int left = 0;
      const auto* message = curl_multi_info_read(multi, &left);
      return message != nullptr ? message->data.result : CURLE_FAILED_INIT;
    }
    const auto silent = system_clock().steady() - streamed.heard;
    if (silent >= (streamed.is_stream() ? reading.idle_timeout : timeout)) return kSilent;
    curl_multi_poll(multi, nullptr, 0, kStopMilliseconds, nullptr);
  }
}

// "http://host:port" of a URL, for messages: no path, no credentials.
std::string server_of(const std::string& url) {
  const auto scheme = url.find("://");
  const auto start = scheme == std::string::npos ? 0 : scheme + 3;
  const auto end = std::min(url.find_first_of("/?#", start), url.size());
  // The last one before the path: a password may hold another.
  const auto at = url.rfind('@', end);
  const auto host = at != std::string::npos && at >= start && at < end ? at + 1 : start;
  return url.substr(0, start) + url.substr(host, end - host);
}

// A proxy of the environment is never asked for this machine's own servers.
std::string no_proxy() {
  std::string hosts = "localhost,127.0.0.1,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    if (const char* value = std::getenv(name)) return hosts + "," + value;
  }
  return hosts;
}

int port_of(const std::string& url, int fallback) {
  const std::string server = server_of(url);
  const auto colon = server.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parse_int(server.substr(colon + 1));
  return port ? static_cast<int>(*port) : fallback;
}

// " through the proxy URL ($NAME)" where the environment has libcurl ask one and it was connected
// to, else nothing. libcurl takes http_proxy in lower case only.
std::string through_proxy(const ClientRequest& request, const Exchanged& exchanged) {
  const bool tls = request.url.starts_with("https:");
  for (const char* name : {tls ? "https_proxy" : "http_proxy", tls ? "HTTPS_PROXY" : "http_proxy",
                           "all_proxy", "ALL_PROXY"}) {
    const char* proxy = std::getenv(name);
    if (proxy == nullptr || *proxy == '\0') continue;
    // libcurl does not tell whether it asked the proxy, so the port that it connected to has to.
    // Where both have one port it stays unsaid.
    const bool asked = exchanged.port == port_of(proxy, 1080) &&
                       exchanged.port != port_of(request.url, tls ? 443 : 80);
    return asked ? " through the proxy " + server_of(proxy) + " ($" + name + ")" : std::string();
  }
  return {};
}

// Why a server could not be talked to, for people.
std::string reason(CURLcode code, CURL* curl) {
  long os = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "there is no such host";
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "there is no such host as the proxy of the environment";
    case CURLE_OPERATION_TIMEDOUT:
      return "connecting timed out";
    case CURLE_COULDNT_CONNECT:
      if (os == ECONNREFUSED) return "the connection was refused: nothing listens there";
      if (os == ETIMEDOUT) return "connecting timed out";
      return os == 0 ? "no connection" : std::strerror(static_cast<int>(os));
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return "it closed the connection before its answer was whole";
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return "it does not speak HTTP";
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return "it is not the server that it was: its public key is another one";
    default:
      return curl_easy_strerror(code);
  }
}

// Why no TLS connection came about, for people; nothing where something else was the matter.
std::optional<std::string> tls_reason(CURLcode code, CURL* curl, const ClientTls& tls,
                                      std::string_view text) {
  const auto says = [text](std::string_view word) { return text.find(word) != text.npos; };
  const std::string name_ca =
      tls.ca_setting.empty() ? "" : "; name its authority with " + tls.ca_setting;
  long verdict = X509_V_OK;
  curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verdict);
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
      if (verdict == X509_V_ERR_CERT_HAS_EXPIRED) {
        return "its certificate has expired; renew it there";
      }
      if (verdict == X509_V_ERR_CERT_NOT_YET_VALID) {
        return "its certificate is not valid yet; compare the clocks";
      }
      // Of a name that does not match there is no other sign.
      if (says("target host name")) {
        return "its certificate is for another name than the one that it was asked by; ask it by a "
               "name that the certificate holds";
      }
      return "its certificate is of an authority that is not trusted here (" +
             std::string(X509_verify_cert_error_string(verdict)) + ")" + name_ca;
    case CURLE_SSL_CACERT_BADFILE:
      return "the file of authorities " + tls.ca_file + " cannot be used";
    case CURLE_SSL_CERTPROBLEM:
      return "the client's certificate " + tls.cert_file + " and key " + tls.key_file +
             " cannot be used";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      if (says("wrong version number")) return "it does not speak TLS; ask it by http://";
      if (says("alert")) {
        return "it refused the TLS handshake" +
               std::string(tls.cert_file.empty() ? ", perhaps for want of a client's certificate"
                                                 : "; is the client's certificate good there?");
      }
      return code == CURLE_SSL_CONNECT_ERROR ? std::optional<std::string>("no TLS handshake")
                                             : std::nullopt;
    default:
      return std::nullopt;
  }
}

tl::unexpected<Error> failure(CURLcode code, CURL* curl, const Exchanged& exchanged,
                              const ClientRequest& request, const ClientTls& tls,
                              const char* text) {
  const std::string server = server_of(request.url);
  const std::string cause = *text != 0 ? text : curl_easy_strerror(code);
  // First: to libcurl it is an error of ours in a callback, which says nothing.
  if (exchanged.too_large) {
    return fail(ErrorKind::too_large, server + " answered with more than " +
                                          std::to_string(exchanged.max_bytes) + " bytes");
  }
  // Where an open connection served again no time went into connecting.
  curl_off_t connecting = 0, before_request = 0;
  curl_easy_getinfo(curl, CURLINFO_CONNECT_TIME_T, &connecting);
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &before_request);
  const bool connected = connecting > 0 || before_request > 0;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      // Once connected the request may have been done; before, nobody has seen it.
      if (connected) return fail(ErrorKind::timeout, server + " did not answer in time", cause);
      break;
    case CURLE_UNSUPPORTED_PROTOCOL:
      if (connected) break;  // what answers is no HTTP
      [[fallthrough]];
    case CURLE_URL_MALFORMAT:
      return fail(ErrorKind::invalid, "not an http:// or https:// URL: " + server, cause);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return fail(ErrorKind::internal, "the request could not be sent", cause);
    default:
      break;
  }
  // In TLS 1.3 it says so after the handshake.
  if (cause.find("certificate required") != cause.npos) {
    return fail(ErrorKind::unauthenticated, server + " asks for a certificate of the client",
                cause);
  }
  const auto why = tls_reason(code, curl, tls, cause).value_or(reason(code, curl));
  return fail(ErrorKind::unavailable,
              "cannot reach " + server + through_proxy(request, exchanged) + ": " + why, cause);
}

void set_tls(CURL* c, const ClientTls& tls) {
  if (!tls.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, tls.ca_file.c_str());
  if (!tls.cert_file.empty()) {
    curl_easy_setopt(c, CURLOPT_SSLCERT, tls.cert_file.c_str());
    curl_easy_setopt(c, CURLOPT_SSLKEY, tls.key_file.c_str());
  }
  if (!tls.pinned_key.empty()) {
    curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, tls.pinned_key.c_str());
  }
  if (tls.skip_verify || !tls.pinned_key.empty()) {
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

}  // namespace

struct Client::Impl {
  explicit Impl(ClientOptions o) : options(std::move(o)) {
    // A static's initialisation is once for all threads, which curl_global_init by itself is not.
    static const auto initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)initialised;
  }

  // A handle with open connections, if there is one.
  Curl take() {
    {
      std::lock_guard lock(mutex);
      if (!idle.empty()) {
        Curl curl = std::move(idle.back());
        idle.pop_back();
        return curl;
      }
    }
    return Curl(curl_easy_init());
  }
  void give_back(Curl curl) {
    curl_easy_reset(curl.get());  // keeps the connections
    std::lock_guard lock(mutex);
    // Beyond it the handle and its connections end, or a burst would leave as many open as it had
    // requests.
    if (idle.size() < kIdleHandles) idle.push_back(std::move(curl));
  }

  Result<CurlList> fields_of(const ClientRequest& request) const;
  void set_up(CURL* c, const ClientRequest& request, curl_slist* headers,
              Exchanged& exchanged) const;
  // With the status of the answer, where there is one.
  Status conclude(CURLcode code, CURL* c, const ClientRequest& request, Exchanged& exchanged) const;

  const ClientOptions options;
  const std::string no_proxy_hosts = no_proxy();
  std::mutex mutex;
  std::vector<Curl> idle;  // guarded by mutex
};

// The header fields of a request, as libcurl takes them.
Result<CurlList> Client::Impl::fields_of(const ClientRequest& request) const {
  CurlList headers;
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return fail(ErrorKind::invalid, "the header " + name +
                                          " cannot be sent: its name or value "
                                          "holds a character that HTTP does not allow");
    }
    // "name:" would take a header away that libcurl sets; a semicolon sends it empty.
    append(headers, value.empty() ? name + ";" : name + ": " + value);
  }
  if (!is_token(request.method)) {
    return fail(ErrorKind::invalid, "not an HTTP method: " + request.method);
  }
  append(headers, "Expect:");  // no "100-continue", which costs a round trip
  return headers;
}

// All that one exchange asks of a handle, but for its time-out.
void Client::Impl::set_up(CURL* c, const ClientRequest& request, curl_slist* headers,
                          Exchanged& exchanged) const {
  exchanged.max_bytes = options.max_response_bytes;
  curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
  // libcurl would else use SIGALRM for time-outs of names, which is not for programs with threads.
  curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);  // a name server that is slow does not hold it up
  curl_easy_setopt(c, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, long{options.connect_timeout.count()});
  curl_easy_setopt(c, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(c, CURLOPT_NOPROXY, options.direct ? "*" : no_proxy_hosts.c_str());
  curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(c, CURLOPT_WRITEDATA, &exchanged);
  curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(c, CURLOPT_HEADERDATA, &exchanged);
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, exchanged.text);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
  curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, &exchanged);
  // POST first and CUSTOMREQUEST over it: libcurl then sends the length of a body, also of an empty
  // one, whatever the method.
  const auto& method = request.method;
  if (!request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    curl_easy_setopt(c, CURLOPT_POST, 1L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  if (request.method == "HEAD") {
    curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  set_tls(c, options.tls);
}

Status Client::Impl::conclude(CURLcode code, CURL* c, const ClientRequest& request,
                              Exchanged& exchanged) const {
  if (code != CURLE_OK) return failure(code, c, exchanged, request, options.tls, exchanged.text);
  exchanged.response.status = status_of_answer(c);
  if (exchanged.response.status == 407) {
    return fail(ErrorKind::unavailable, "cannot reach " + server_of(request.url) +
                                            through_proxy(request, exchanged) +
                                            ": the proxy asks for a credential (407)");
  }
  return {};
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

Result<Response> Client::send(const ClientRequest& request) {
  const auto headers = MESH_TRY(impl_->fields_of(request));
  Curl curl = impl_->take();
  if (!curl) return fail(ErrorKind::internal, "the request could not be sent", "curl_easy_init");
  Exchanged exchanged;
  impl_->set_up(curl.get(), request, headers.get(), exchanged);
  const auto timeout = request.timeout.value_or(impl_->options.timeout);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, long{timeout.count()});
  const CURLcode code = curl_easy_perform(curl.get());
  auto concluded = impl_->conclude(code, curl.get(), request, exchanged);
  // After a 407 the handle goes with it: its connection is to a proxy that will not serve it.
  if (exchanged.response.status != 407) impl_->give_back(std::move(curl));
  if (!concluded) return tl::unexpected(std::move(concluded.error()));
  return std::move(exchanged.response);
}

Result<StreamEnd> Client::stream(const ClientRequest& request, const StreamReading& reading) {
  ClientRequest asked = request;
  const bool accepts = std::ranges::any_of(
      asked.headers, [](const auto& field) { return equal_ignore_case(field.first, "Accept"); });
  if (!accepts) asked.headers.emplace_back("Accept", "text/event-stream");
  if (!reading.last_event_id.empty()) {
    asked.headers.emplace_back("Last-Event-ID", reading.last_event_id);
  }
  const auto headers = MESH_TRY(impl_->fields_of(asked));
  // Neither is kept: a connection that carried a stream serves no other request.
  const Curl curl(curl_easy_init());
  const CurlMulti multi(curl_multi_init());
  if (!curl || !multi) {
    return fail(ErrorKind::internal, "the request could not be sent", "curl_easy_init");
  }
  EventStreamReader reader(reading.on_event, reading.max_event_bytes);
  Streamed streamed{curl.get(), reader};
  impl_->set_up(curl.get(), asked, headers.get(), streamed.exchanged);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, on_stream_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &streamed);
  curl_multi_add_handle(multi.get(), curl.get());
  const auto timeout = request.timeout.value_or(impl_->options.timeout);
  const auto code = read_stream(multi.get(), streamed, reading, timeout);
  curl_multi_remove_handle(multi.get(), curl.get());

  StreamEnd end;
  end.last_event_id = reader.last_id().empty() ? reading.last_event_id : reader.last_id();
  end.retry = reader.retry();
  if (streamed.failure) return tl::unexpected(std::move(*streamed.failure));
  if (code == kSilent) {
    return fail(ErrorKind::timeout,
                server_of(request.url) +
                    (streamed.is_stream() ? " sends nothing any more" : " did not answer in time"));
  }
  end.stopped = !code;
  if (!end.stopped) {
    MESH_TRY(impl_->conclude(*code, curl.get(), asked, streamed.exchanged));
  }
  end.streamed = streamed.is_stream();
  end.response = std::move(streamed.exchanged.response);
  end.response.status = status_of_answer(curl.get());
  return end;
}

}  // namespace mesh::http
