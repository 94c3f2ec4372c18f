#include "daemon/console/tries.h"

#include <arpa/inet.h>

#include <algorithm>
#include <string_view>

namespace mesh::console {
namespace {

constexpr std::size_t kNetworkBytes = 8;  // /64

// What is counted together.
std::string source_of(std::string_view remote) {
  remote = remote.substr(0, remote.rfind(':'));
  if (!remote.starts_with('[') || !remote.ends_with(']')) return std::string(remote);
  const std::string host(remote.substr(1, remote.size() - 2));
  in6_addr address{};
  // One of IPv4 that is written as IPv6 is no network's.
  if (::inet_pton(AF_INET6, host.c_str(), &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address)) {
    return host;
  }
  return "[" + std::string(reinterpret_cast<const char*>(address.s6_addr), kNetworkBytes);
}

}  // namespace

Status SignInTries::begin(const std::string& remote) {
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(clock_.steady().time_since_epoch())
          .count();
  std::lock_guard lock(mutex_);
  const auto [it, added] = tats_.try_emplace(source_of(remote), 0);
  const auto [decision, new_tat] = gcra(kPolicy, it->second, now, 1);
  if (!decision.allowed) {
    return fail(Error{ErrorKind::rate_limited,
                      "too many tries to sign in to the console from this address failed; wait, "
                      "and look the token up (auth.operator_token_file, else "
                      "<data_dir>/operator.token)",
                      {},
                      {},
                      std::chrono::ceil<Duration>(decision.retry_after)});
  }
  it->second = new_tat;
  if (added && tats_.size() > kMaxAddresses) {
    // Of the others the one that is forgiven soonest.
    tats_.erase(std::ranges::min_element(tats_, {}, [&](const auto& known) {
      return std::pair(known.first == it->first, known.second);
    }));
  }
  return {};
}

void SignInTries::succeeded(const std::string& remote) {
  std::lock_guard lock(mutex_);
  tats_.erase(source_of(remote));
}

}  // namespace mesh::console
