#include "common/client/client.h"

#include "common/base/strings.h"
#include "common/client/transport.h"

namespace mesh::client {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::users:
      return "users";
    case Role::gateway:
      return "gateway";
    case Role::publisher:
      return "publisher";
    case Role::subscriber:
      return "subscriber";
    case Role::admin:
      break;
  }
  return "admin";
}

std::optional<Role> parse_role(std::string_view name) {
  for (const Role role : kRoles) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

std::string& Endpoints::of(Role role) {
  switch (role) {
    case Role::users:
      return users;
    case Role::gateway:
      return gateway;
    case Role::publisher:
      return publisher;
    case Role::subscriber:
      return subscriber;
    case Role::admin:
      break;
  }
  return admin;
}

Endpoints Endpoints::all(const std::string& url) {
  // Paths begin with a slash, so that one more would make "//users", another path.
  std::string base = url;
  while (base.ends_with('/')) base.pop_back();
  return {base, base, base, base, base};
}

Endpoints Endpoints::none() { return {"", "", "", "", ""}; }

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
const Options& Client::options() const { return impl_->options; }

Result<Answer> Client::probe(Role role, const std::string& path) {
  // Without a credential: the address may be another program's, which is what a probe finds out.
  auto response = MESH_TRY(impl_->exchange({.role = role, .path = path, .open = true}));
  Answer answer{response.status, std::move(response.body), std::nullopt};
  for (const auto& [name, value] : response.headers) {
    if (to_lower(name) == "date") answer.date = value;
  }
  return answer;
}

Result<Client::StreamEnd> Client::stream(const StreamQuery& query,
                                         const http::EventStreamReader::OnEvent& on_event,
                                         const std::function<bool()>& stop, std::string* last_id) {
  http::StreamReading reading;
  reading.on_event = [&](const http::ReadEvent& event) {
    if (last_id != nullptr) *last_id = event.id;
    return on_event(event);
  };
  reading.stop = stop;
  reading.last_event_id = query.last_event_id;
  const auto end = MESH_TRY(impl_->stream({.role = query.role,
                                           .path = query.path,
                                           .query = query.parameters,
                                           .headers = {{"Accept", "text/event-stream"}}},
                                          reading));
  return StreamEnd{end.stopped, end.retry};
}

}  // namespace mesh::client
