// What the servers that tests start need alike.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "common/base/fd.h"
#include "common/base/strings.h"

namespace mesh::test {

// The program of that name in $PATH; empty where there is none.
inline std::string program_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (const auto& folder : split(path == nullptr ? "" : path, ':')) {
    const std::string program = folder + "/" + name;
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

// A port of loopback that nobody has at the moment: another process may take it before it is used,
// so whoever starts a server on it tries again.
inline int free_port() {
  const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* at = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd.get(), at, size) != 0 || getsockname(fd.get(), at, &size) != 0) {
    throw std::runtime_error("no free port");
  }
  return ntohs(address.sin_port);
}

}  // namespace mesh::test
