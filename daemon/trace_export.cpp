#include "daemon/trace_export.h"

#include "common/base/http_date.h"
#include "common/base/strings.h"
#include "common/config/header_lines.h"
#include "common/http/client.h"

namespace mesh {
namespace {

// RFC 9110, 10.2.3: seconds, or a date.
std::optional<Duration> retry_after_of(const http::Response& answer, Timestamp now) {
  for (const auto& [name, value] : answer.headers) {
    if (to_lower(name) != "retry-after") continue;
    const auto text = trim(value);
    if (const auto seconds = parse_int(text); seconds && *seconds >= 0 && *seconds < 1'000'000) {
      return std::chrono::seconds(*seconds);
    }
    if (const auto date = parse_http_date(text)) return std::max(Duration{0}, *date - now);
  }
  return std::nullopt;
}

}  // namespace

std::unique_ptr<Spans> make_spans(const config::Config& config, const std::string& version,
                                  const std::string& instance, Clock& clock, Metrics& metrics) {
  const auto& otlp = config.telemetry.otlp;
  if (!otlp.endpoint) return nullptr;
  std::string url = *otlp.endpoint;
  while (url.ends_with('/')) url.pop_back();
  url += "/v1/traces";

  http::ClientOptions options;
  options.max_response_bytes = 1 << 20;
  options.user_agent = "meshd/" + version;
  options.tls.ca_file = otlp.ca_file.value_or("");
  options.tls.ca_setting = "telemetry.otlp.ca_file";
  http::HeaderList headers{{"Content-Type", "application/json"}};
  // They were looked at when the configuration was loaded.
  if (const auto own = config::header_lines(config.secrets.otlp_headers.reveal())) {
    headers.insert(headers.end(), own->begin(), own->end());
  }
  auto send = [client = std::make_shared<http::Client>(options), url, headers, &clock](
                  const std::string& json, Duration timeout) -> Result<Spans::Answer> {
    http::ClientRequest request{
        .method = "POST", .url = url, .headers = headers, .body = json, .timeout = timeout};
    const auto answer = MESH_TRY(client->send(request));
    return Spans::Answer{answer.status, answer.body, retry_after_of(answer, clock.now())};
  };
  return std::make_unique<Spans>(Spans::Options{.sample = otlp.sample,
                                                .slow = config.http.slow_request,
                                                .resource = {{"service.name", "meshd"},
                                                             {"service.version", version},
                                                             {"service.instance.id", instance}}},
                                 std::move(send), clock, metrics);
}

}  // namespace mesh
