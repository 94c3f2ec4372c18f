#include "cli/commands/deploy/tunnel.h"

#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

constexpr int kPatienceSeconds = 30;

}  // namespace

std::optional<int> forwarded_port(const std::string& line) {
  constexpr std::string_view kBefore = "Forwarding from 127.0.0.1:";
  if (!line.starts_with(kBefore)) return {};
  const auto end = line.find(' ', kBefore.size());
  const auto port = parse_int(std::string_view(line).substr(kBefore.size(), end - kBefore.size()));
  if (!port || *port < 1 || *port > 65535) return {};
  return static_cast<int>(*port);
}

std::optional<std::string> service_with_port(const std::vector<Object>& objects, int port) {
  for (const Object& object : objects) {
    if (object.kind != "Service") continue;
    const Json& ports = at_path(object.json, "spec.ports");
    if (!ports.is_array()) continue;
    for (const Json& one : ports) {
      if (at_path(one, "port") == Json(port)) return object.name;
    }
  }
  return {};
}

Result<Tunnel> Tunnel::open(const Cluster& cluster, const std::string& service, int port) {
  auto program = MESH_TRY(Background::start(cluster.kubectl(
      {"port-forward", "service/" + service, ":" + std::to_string(port), "--address=127.0.0.1"})));
  const auto line = program.line(kPatienceSeconds);
  const auto local = forwarded_port(line.value_or(""));
  if (!local) {
    const std::string said = last_lines(program.errors(), 3);
    return fail(ErrorKind::unavailable,
                "no way to service/" + service + ": " +
                    (said.empty() ? "kubectl port-forward opens no port" : said));
  }
  return Tunnel(std::move(program), "http://127.0.0.1:" + std::to_string(*local));
}

}  // namespace mesh::cli::deploy
