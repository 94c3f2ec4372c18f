#include "daemon/services/users.h"

#include "common/base/strings.h"
#include "daemon/pipeline/groups.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"
#include "daemon/services/users_batch.h"

namespace mesh::services {
namespace {

using RequestPtr = std::shared_ptr<const http::Request>;

constexpr IntRange kPage{1, 1000, 100};
constexpr Acks kAcks{pipeline::kUserIndex.done};

Result<std::int64_t> user_id(const http::Request& request) {
  const std::string& text = request.path_params.at("id");
  const auto id = parse_int(text);
  if (!id || *id < 1) {
    return fail(ErrorKind::invalid, "user id \"" + text + "\" is not a positive whole number");
  }
  return *id;
}

http::Response change_answer(http::Response answer, const ChangedUser& user) {
  return with_position(std::move(answer), place_of_change(user.event, user.id));
}

http::Response user_answer(int status, const ChangedUser& user) {
  return change_answer(
      http::Response::json_text(status, to_json_text(user)).with("ETag", entity_tag(user.version)),
      user);
}

http::Response created_answer(const ChangedUser& user) {
  return user_answer(201, user).with("Location", "/users/" + std::to_string(user.id));
}

ChangeContext change_of(const http::Request& request) {
  return {.traceparent = request.trace.traceparent(),
          .only_at = if_match(request),
          .tracestate = request.trace.state,
          .extensions = acceptance(request)};
}

// A change is an event.
UserDone answer_with(Usage& usage, const http::Request& request, Ended respond,
                     http::Response (*make)(const ChangedUser&)) {
  // By value: the store's thread calls it, when nobody may hold the request any more.
  return [&usage, bytes = request.body.size(), conditional = if_match(request).has_value(),
          respond = std::move(respond), make](Result<ChangedUser> user) {
    if (!user) return respond(change_problem(user.error(), conditional));
    const std::uint64_t events = user->event == 0 ? 0 : 1;  // a patch may change nothing
    usage.add(user->tenant.str(), {{Use::events, events}, {Use::bytes, bytes}});
    respond(make(*user));
  };
}

// What one who sends a create again under its key gets.
StoredAnswer kept_answer(const ChangedUser& user) { return stored_answer(created_answer(user)); }

// A change of a user that is kept. It goes into the search index, which embeds it.
QuotaKeeper::Cost cost_of(const http::Request& request, std::int64_t users) {
  return {.events = 1,
          .bytes = static_cast<std::int64_t>(request.body.size()),
          .users = users,
          .embeds = true};
}

// Settles what the tenant's quotas were charged; what is uncertain may have come to be.
UserDone charged(QuotaKeeper::Taken taken, const QuotaKeeper::Cost& cost, UserDone done) {
  // Shared, as a completion can be copied.
  return [taken = std::make_shared<QuotaKeeper::Taken>(std::move(taken)), cost,
          done = std::move(done)](Result<ChangedUser> user) {
    const bool nothing = user ? user->event == 0 : user.error().kind != ErrorKind::uncertain;
    taken->settle(nothing ? QuotaKeeper::Cost{} : cost);
    done(std::move(user));
  };
}

void create(UserStore& users, IdempotencyStore& idempotency, Admission& admission, Usage& usage,
            WriteWaits& waits, RequestPtr request, http::Responder respond) {
  auto body = object_body(*request);
  if (!body) return respond(body.error());
  if (auto same = same_tenant(*request, *body); !same) return respond(same.error());
  auto user = new_user_from_json(*body);
  if (!user) return respond(user.error());
  // What the request itself gets wrong is refused before its key is claimed.
  auto held = waits.hold(*request, kAcks, respond);
  if (!held) return respond(held.error());
  idempotent(idempotency, Keep::store, *request, std::move(*held),
             [&users, &admission, &usage, request, user = std::move(*user)](
                 std::optional<KeyedWork> keyed, Ended ended) mutable {
               const auto cost = cost_of(*request, 1);
               auto within = admission.spend(*request->principal, cost);
               if (!within) return ended(fail(within.error()));
               ChangeContext context{.traceparent = request->trace.traceparent(),
                                     .claim = {},
                                     .answer = kept_answer,
                                     .tracestate = request->trace.state,
                                     .extensions = acceptance(*request)};
               if (keyed) context.claim = std::move(keyed->claim);
               users.create(
                   request->tenant(), std::move(user), std::move(context),
                   charged(*std::move(within), cost,
                           answer_with(usage, *request, std::move(ended), created_answer)));
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
  auto limit = int_param(*request, "limit", kPage);
  if (!limit) return respond(limit.error());
  std::int64_t after = 0;
  if (const auto cursor = request->param("cursor")) {
    auto text = read_cursor("users", *cursor);
    if (!text) return respond(text.error());
    const auto id = parse_int(*text);
    // The empty cursor is none of this list: for the text of its error.
    if (!id || *id < 0) return respond(read_cursor("users", "").error());
    after = *id;
  }
  std::optional<std::string> email;
  if (const auto text = request->param("email")) email = std::string(*text);
  const int count = static_cast<int>(*limit);
  auto found = users.list(request->tenant(), after, count + 1, email);
  if (!found) return respond(found.error());
  // One more than is shown was asked for, which tells whether there is a next page.
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

void update(UserStore& users, Admission& admission, Usage& usage, WriteWaits& waits,
            RequestPtr request, http::Responder respond) {
  auto id = user_id(*request);
  if (!id) return respond(id.error());
  auto body = object_body(*request);
  if (!body) return respond(body.error());
  if (auto same = same_tenant(*request, *body); !same) return respond(same.error());
  auto patch = user_patch_from_json(*body);
  if (!patch) return respond(patch.error());
  auto held = waits.hold(*request, kAcks, respond);
  if (!held) return respond(held.error());
  const auto cost = cost_of(*request, 0);
  auto within = admission.spend(*request->principal, cost);
  if (!within) return respond(within.error());
  users.update(
      request->tenant(), *id, std::move(*patch), change_of(*request),
      charged(*std::move(within), cost,
              answer_with(usage, *request, answer_by(std::move(*held)),
                          [](const ChangedUser& user) { return user_answer(200, user); })));
}

// No quota holds it: it is the way back under one.
void remove(UserStore& users, Usage& usage, WriteWaits& waits, RequestPtr request,
            http::Responder respond) {
  auto id = user_id(*request);
  if (!id) return respond(id.error());
  auto held = waits.hold(*request, kAcks, respond);
  if (!held) return respond(held.error());
  users.remove(
      request->tenant(), *id, change_of(*request),
      answer_with(usage, *request, answer_by(std::move(*held)), [](const ChangedUser& user) {
        return change_answer(http::Response::no_content(), user);
      }));
}

}  // namespace

http::RouteTable users_routes(UserStore& users, IdempotencyStore& idempotency, Admission& admission,
                              Usage& usage, WriteWaits& waits) {
  using http::Access;
  using http::Body;
  const http::Parameter id = api::path("id", "The user's id, unique within the tenant.",
                                       {{"type", "integer"},
                                        {"format", "int64"},
                                        {"minimum", 1},
                                        {"maximum", std::numeric_limits<std::int64_t>::max()}});
  http::RouteTable table{
      {.method = "GET",
       .pattern = "/users",
       .access = Access::tenant,
       .scope = "users",
       .operation = "listUsers",
       .tag = "users",
       .summary = "Lists the tenant's users in the order of their ids",
       .parameters = {api::limit("users", kPage), api::cursor("the Link of the answer before"),
                      api::query(
                          "email", "Only the user with this e-mail address, however it is written.",
                          {{"type", "string"}, {"examples", Json::array({"ada@acme.dev"})}})},
       .answers = {api::with_header(
           api::gives_value({{"type", "array"}, {"items", api::ref("User")}}, "A page of users."),
           {"Link", "header", "Where there are more: `</users?…>; rel=\"next\"`."})},
       .handler = [&users](auto request, auto respond) { list(users, request, respond); }},
      {.method = "POST",
       .pattern = "/users/create",
       .access = Access::tenant,
       .scope = "users",
       .body = Body::json,
       .operation = "createUser",
       .tag = "users",
       .summary = "Creates a user",
       .details = "Answers once the user is durable; soon after, searches find it, or `ack` waits "
                  "for that.",
       .parameters = {api::idempotency_key()},
       .request = api::json("NewUser"),
       .answers = {api::leads_to(
           api::with_header(api::with_etag(api::gives("User", "The user was created.", 201)),
                            api::header("Location", "The path of the user.")),
           {"getUser", "updateUser", "deleteUser"}, "id", "id")},
       .problems = {409, 422},
       .handler =
           [&](auto request, auto respond) {
             create(users, idempotency, admission, usage, waits, request, respond);
           }},
      users_batch_route(users, idempotency, admission, usage, waits),
      {.method = "GET",
       .pattern = "/users/{id}",
       .access = Access::tenant,
       .scope = "users",
       .operation = "getUser",
       .tag = "users",
       .summary = "Gives one user",
       .parameters = {id, api::if_none_match()},
       .answers = {api::with_etag(api::gives("User", "The user.")), api::not_modified()},
       .problems = {404},
       .handler = [&users](auto request, auto respond) { get(users, request, respond); }},
      {.method = "PATCH",
       .pattern = "/users/{id}",
       .access = Access::tenant,
       .scope = "users",
       .body = Body::json,
       .operation = "updateUser",
       .tag = "users",
       .summary = "Changes a user's name or e-mail address",
       .parameters = {id, api::if_match()},
       .request = api::json("UserPatch"),
       .answers = {api::with_etag(api::gives("User", "The user as it is now."))},
       .problems = {404, 409, 412, 422},
       .handler = [&](auto request,
                      auto respond) { update(users, admission, usage, waits, request, respond); }},
      {.method = "DELETE",
       .pattern = "/users/{id}",
       .access = Access::tenant,
       .scope = "users",
       .operation = "deleteUser",
       .tag = "users",
       .summary = "Deletes a user",
       .details = "It leaves the search index too.",
       .parameters = {id, api::if_match()},
       .answers = {api::nothing("The user is gone.")},
       .problems = {404, 412},
       .handler = [&](auto request,
                      auto respond) { remove(users, usage, waits, request, respond); }},
  };
  for (auto& row : table) {
    if (row.method == "GET" || row.operation == "createUsers") continue;
    const bool removes = row.method == "DELETE";
    row = api::held(std::move(row), {pipeline::kUserIndex.done},
                    removes ? "PendingRemoval" : "PendingUser");
  }
  return table;
}

}  // namespace mesh::services
