#include "daemon/services/users.h"

#include "common/base/strings.h"
#include "daemon/services/common.h"
#include "daemon/services/users_batch.h"

namespace mesh::services {
namespace {

using RequestPtr = std::shared_ptr<const http::Request>;

constexpr int kMaxPage = 1000;

Result<std::int64_t> user_id(const http::Request& request) {
  const std::string& text = request.path_params.at("id");
  const auto id = parse_int(text);
  if (!id || *id < 1) {
    return fail(ErrorKind::invalid, "user id \"" + text + "\" is not a positive whole number");
  }
  return *id;
}

http::Response user_answer(int status, const User& user) {
  return http::Response::json_text(status, to_json_text(user))
      .with("ETag", entity_tag(user.version));
}

http::Response created_answer(const User& user) {
  return user_answer(201, user).with("Location", "/users/" + std::to_string(user.id));
}

ChangeContext change_of(const http::Request& request) {
  return {.traceparent = request.trace.traceparent(),
          .only_at = if_match(request),
          .tracestate = request.trace.state};
}

// Each change is an event.
UserDone answer_with(Usage& usage, const http::Request& request, http::Responder respond,
                     http::Response (*make)(const User&)) {
  return [&usage, bytes = request.body.size(), conditional = if_match(request).has_value(),
          respond = std::move(respond), make](Result<User> user) {
    if (!user) return respond(change_problem(user.error(), conditional));
    usage.add(user->tenant.str(), {{Use::events}, {Use::bytes, bytes}});
    respond(make(*user));
  };
}

void create(UserStore& users, IdempotencyStore& idempotency, Usage& usage, RequestPtr request,
            http::Responder respond) {
  auto body = object_body(*request);
  if (!body) return respond(body.error());
  if (auto same = same_tenant(*request, *body); !same) return respond(same.error());
  auto user = new_user_from_json(*body);
  if (!user) return respond(user.error());
  idempotent(idempotency, Keep::store, *request, std::move(respond),
             [&](std::optional<IdempotencyKey> key, http::Responder answer) {
               users.create(request->tenant(), std::move(*user),
                            {.traceparent = request->trace.traceparent(),
                             .idempotency = std::move(key),
                             .answer_headers =
                                 [](const User& made) {
                                   return stored_answer(created_answer(made)).headers;
                                 },
                             .tracestate = request->trace.state},
                            answer_with(usage, *request, std::move(answer), created_answer));
             });
}

void get(UserStore& users, RequestPtr request, http::Responder respond) {
  auto id = user_id(*request);
  if (!id) return respond(id.error());
  auto user = users.get(request->tenant(), *id);
  if (!user) return respond(user.error());
  respond(
      unless_seen(*request, user->version, http::Response::json_text(200, to_json_text(*user))));
}

void list(UserStore& users, RequestPtr request, http::Responder respond) {
  auto limit = int_param(*request, "limit", 100, 1, kMaxPage);
  if (!limit) return respond(limit.error());
  std::int64_t after = 0;
  if (const auto cursor = request->param("cursor")) {
    auto text = read_cursor("users", *cursor);
    if (!text) return respond(text.error());
    const auto id = parse_int(*text);
    if (!id || *id < 0) return respond(read_cursor("users", "").error());
    after = *id;
  }
  std::optional<std::string> email;
  if (const auto text = request->param("email")) email = std::string(*text);
  const int count = static_cast<int>(*limit);
  auto found = users.list(request->tenant(), after, count + 1, email);
  if (!found) return respond(found.error());
  const bool more = static_cast<int>(found->size()) > count;
  if (more) found->pop_back();
  std::string body = "[";
  for (const auto& user : *found)
    body.append(body.size() > 1 ? "," : "").append(to_json_text(user));
  auto answer = http::Response::json_text(200, std::move(body) + "]");
  if (more) {
    std::string next = "/users?limit=" + std::to_string(count) +
                       "&cursor=" + make_cursor("users", std::to_string(found->back().id));
    if (email) next += "&email=" + percent_encode(*email);
    answer.headers.emplace_back("Link", "<" + next + ">; rel=\"next\"");
  }
  respond(std::move(answer));
}

void update(UserStore& users, Usage& usage, RequestPtr request, http::Responder respond) {
  auto id = user_id(*request);
  if (!id) return respond(id.error());
  auto body = object_body(*request);
  if (!body) return respond(body.error());
  if (auto same = same_tenant(*request, *body); !same) return respond(same.error());
  auto patch = user_patch_from_json(*body);
  if (!patch) return respond(patch.error());
  users.update(request->tenant(), *id, std::move(*patch), change_of(*request),
               answer_with(usage, *request, std::move(respond),
                           [](const User& user) { return user_answer(200, user); }));
}

void remove(UserStore& users, Usage& usage, RequestPtr request, http::Responder respond) {
  auto id = user_id(*request);
  if (!id) return respond(id.error());
  users.remove(request->tenant(), *id, change_of(*request),
               answer_with(usage, *request, std::move(respond),
                           [](const User&) { return http::Response::no_content(); }));
}

}  // namespace

http::RouteTable users_routes(UserStore& users, IdempotencyStore& idempotency, Admission& admission,
                              Usage& usage) {
  using http::Access;
  using http::Body;
  const http::Parameter match{"If-Match", "header",
                              "changes only the version of this ETag (412 otherwise)"};
  const http::Parameter id{"id", "path", "the user's id, unique within the tenant", "integer",
                           true};
  return {
      {.method = "GET",
       .pattern = "/users",
       .access = Access::tenant,
       .scope = "users",
       .summary = "Lists the tenant's users in id order; the next page is in the Link header",
       .parameters = {{"limit", "query", "users per page, 1 to 1000 (100)", "integer"},
                      {"cursor", "query", "from the Link header of the page before"},
                      {"email", "query", "only the user with this e-mail"}},
       .handler = [&users](auto request, auto respond) { list(users, request, respond); }},
      {.method = "POST",
       .pattern = "/users/create",
       .access = Access::tenant,
       .scope = "users",
       .body = Body::json,
       .summary = "Creates a user; answers once it is durable",
       .parameters = {{"Idempotency-Key", "header", "the same key and body give the same answer"}},
       .handler = [&](auto request,
                      auto respond) { create(users, idempotency, usage, request, respond); }},
      users_batch_route(users, idempotency, admission, usage),
      {.method = "GET",
       .pattern = "/users/{id}",
       .access = Access::tenant,
       .scope = "users",
       .summary = "Gives one user",
       .parameters = {id, {"If-None-Match", "header", "304 where the ETag is still this one"}},
       .handler = [&users](auto request, auto respond) { get(users, request, respond); }},
      {.method = "PATCH",
       .pattern = "/users/{id}",
       .access = Access::tenant,
       .scope = "users",
       .body = Body::json,
       .summary = "Changes a user's name or e-mail",
       .parameters = {id, match},
       .handler = [&](auto request, auto respond) { update(users, usage, request, respond); }},
      {.method = "DELETE",
       .pattern = "/users/{id}",
       .access = Access::tenant,
       .scope = "users",
       .summary = "Deletes a user; it also disappears from search",
       .parameters = {id, match},
       .handler = [&](auto request, auto respond) { remove(users, usage, request, respond); }},
  };
}

}  // namespace mesh::services
