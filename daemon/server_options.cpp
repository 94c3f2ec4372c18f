#include "daemon/server_options.h"

#include <algorithm>
#include <thread>

#include "common/config/listeners.h"
#include "daemon/services/admission.h"

namespace mesh {
namespace {

// The names that requests may be addressed to; nothing where any may be used.
std::optional<std::vector<std::string>> allowed_hosts(const config::Config& config) {
  // With tokens a page of another site has no credential to send; in dev mode anybody who reaches
  // the port is let in.
  if (config.auth.mode != "dev" && config.http.allowed_hosts.empty()) return std::nullopt;
  auto hosts = config.http.allowed_hosts;
  for (const auto& [role, address] : config::listeners(config)) {
    // What it listens at by name is a name of its own.
    hosts.push_back(address.substr(0, address.rfind(':')));
  }
  return hosts;
}

}  // namespace

http::ServerOptions server_options(const config::Config& config) {
  const auto processors = static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
  const auto& limits = config.http;
  http::ServerOptions options;
  // Two at least, so that one that is held up by a quick handler does not hold up all.
  options.workers = limits.workers > 0 ? limits.workers : std::max(2, processors);
  options.blocking_workers = limits.blocking_workers;
  // The embedded engines compute; none of their routes waits for another server. Two for each
  // processor, since one alone leaves it idle while a request is handed over.
  options.tenant_workers = 2 * processors;
  options.admission_timeout = services::Admission::kTimeout;
  options.answer_timeout = limits.answer_timeout;
  options.slow_request = limits.slow_request;
  options.max_connections = limits.max_connections;
  options.max_operator_connections = limits.max_admin_connections;
  options.max_streams = limits.max_streams;
  options.max_tenant_streams = limits.max_streams_per_tenant;
  options.max_stream_age = limits.max_stream_age;
  options.max_body_bytes = limits.max_body;
  options.max_bulk_body_bytes = limits.max_bulk_body;
  options.max_buffered_bytes = limits.max_buffered;
  options.header_timeout = limits.header_timeout;
  options.body_timeout = limits.body_timeout;
  options.idle_timeout = limits.idle_timeout;
  options.write_timeout = limits.write_timeout;
  options.allowed_hosts = allowed_hosts(config);
  options.cors = {limits.cors.origins, limits.cors.max_age};
  return options;
}

}  // namespace mesh
