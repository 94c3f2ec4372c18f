// A service of the cluster on a port of this machine, by kubectl port-forward.
#pragma once

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/manifests.h"

namespace mesh::cli::deploy {

class Tunnel {
 public:
  // To the port of a service that has this number; blocks until it is open. `unavailable` with what
  // kubectl says.
  static Result<Tunnel> open(const Cluster& cluster, const std::string& service, int port);
  const std::string& url() const { return url_; }

 private:
  Tunnel(Background program, std::string url)
      : program_(std::move(program)), url_(std::move(url)) {}
  Background program_;
  std::string url_;
};

// The service of the manifests with this port; nothing where none has it.
std::optional<std::string> service_with_port(const std::vector<Object>& objects, int port);

// The port in kubectl's "Forwarding from 127.0.0.1:40001 -> 8081"; nothing in other lines.
std::optional<int> forwarded_port(const std::string& line);

}  // namespace mesh::cli::deploy
