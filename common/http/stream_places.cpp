#include "common/http/stream_places.h"

namespace mesh::http {
namespace {

// A stream stays open for long, so that one that is refused has no reason to come at once.
constexpr std::chrono::seconds kAgain{10};

}  // namespace

std::optional<Response> StreamPlaces::take(const std::string& listener, const std::string& tenant) {
  std::lock_guard lock(mutex_);
  const auto of_tenant = tenants_.find(tenant);
  if (!tenant.empty() && of_tenant != tenants_.end() && of_tenant->second >= most_of_tenant_) {
    return Response::problem(Error{ErrorKind::rate_limited,
                                   "The tenant has too many event streams open "
                                   "(http.max_streams_per_tenant is " +
                                       std::to_string(most_of_tenant_) +
                                       "); close one, or try again later.",
                                   {},
                                   {},
                                   kAgain});
  }
  int& of_listener = (tenant.empty() ? nobodys_ : listeners_)[listener];
  if (of_listener >= most_) {
    return Response::problem(Error{ErrorKind::unavailable,
                                   "Too many event streams are open (http.max_streams is " +
                                       std::to_string(most_) + "); try again later.",
                                   {},
                                   {},
                                   kAgain});
  }
  ++of_listener;
  if (!tenant.empty()) ++tenants_[tenant];
  return std::nullopt;
}

void StreamPlaces::give_back(const std::string& listener, const std::string& tenant) {
  std::lock_guard lock(mutex_);
  --(tenant.empty() ? nobodys_ : listeners_)[listener];
  if (tenant.empty()) return;
  const auto of_tenant = tenants_.find(tenant);
  // Kept only while there are some, or a server of many tenants would grow for ever.
  if (--of_tenant->second == 0) tenants_.erase(of_tenant);
}

}  // namespace mesh::http
