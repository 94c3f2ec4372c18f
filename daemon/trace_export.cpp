#include "daemon/trace_export.h"

#include "common/config/header_lines.h"
#include "common/http/client.h"
#include "common/http/retry_after.h"

namespace mesh {
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
    return Spans::Answer{answer.status, answer.body, http::retry_after(answer, clock.now())};
  };
  return std::make_unique<Spans>(Spans::Options{.sample = otlp.sample,
                                                .slow = config.http.slow_request,
                                                .resource = {{"service.name", "meshd"},
                                                             {"service.version", version},
                                                             {"service.instance.id", instance}}},
                                 std::move(send), clock, metrics);
}

}  // namespace mesh
