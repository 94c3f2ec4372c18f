// The routes of tenants: users, search, events, projections.
#include "common/base/strings.h"
#include "common/client/problem.h"
#include "common/client/transport.h"

namespace mesh::client {
namespace {

std::string user_path(std::int64_t id) { return "/users/" + std::to_string(id); }

Result<User> user_of(Result<Json> body) {
  if (!body) return fail(body.error());
  auto user = user_from_json(*body);
  if (!user) return unexpected_form("a user");
  return user;
}

Result<SearchHit> hit_of(const Json& json) {
  if (!json.is_object()) return unexpected_form("a search");
  const auto id = json.find("user_id"), tenant = json.find("tenant_id"), score = json.find("score"),
             email = json.find("email"), name = json.find("name"), none = json.end();
  if (id == none || tenant == none || score == none || email == none || name == none ||
      !id->is_number_integer() || !tenant->is_string() || !score->is_number() ||
      !email->is_string() || !name->is_string()) {
    return unexpected_form("a search");
  }
  auto checked = TenantId::parse(tenant->get<std::string>());
  if (!checked) return unexpected_form("a search");
  return SearchHit{id->get<std::int64_t>(), *checked, score->get<float>(),
                   email->get<std::string>(), name->get<std::string>()};
}

std::string number_text(double value) { return Json(value).dump(); }

Result<BatchResult> batch_result_of(const Json& json) {
  const auto outcome = json.is_object() ? json.find("outcome") : json.end();
  if (outcome == json.end() || !outcome->is_string()) return unexpected_form("a batch of users");
  const auto& word = outcome->get_ref<const std::string&>();
  // By hand rather than by nlohmann's enum macro, which takes an unknown word for the first.
  for (const auto& [name, value] : {std::pair{"created", BatchOutcome::created},
                                    {"existing", BatchOutcome::existing},
                                    {"updated", BatchOutcome::updated}}) {
    if (word == name) return BatchResult{value};
  }
  const auto status = json.find("status"), detail = json.find("detail"),
             errors = json.find("errors");
  if (word != "failed" || status == json.end() || !status->is_number_integer() ||
      detail == json.end() || !detail->is_string()) {
    return unexpected_form("a batch of users");
  }
  Error error{kind_of_status(status->get<int>()), detail->get<std::string>(), {}, {}, {}};
  for (const Json& field : errors == json.end() ? Json::array() : *errors) {
    error.fields.push_back({field.value("pointer", ""), field.value("detail", "")});
  }
  return BatchResult{BatchOutcome::failed, std::move(error)};
}

Result<PublishedEvents> published(Result<Wrote> wrote) {
  if (!wrote) return fail(wrote.error());
  const Json& body = wrote->body;
  const auto ids = body.is_object() ? body.find("ids") : body.end();
  if (ids == body.end() || !ids->is_array()) return unexpected_form("published events");
  PublishedEvents all{{}, std::move(wrote->written)};
  for (const Json& id : *ids) {
    if (!id.is_string()) return unexpected_form("published events");
    all.ids.push_back(id.get<std::string>());
  }
  return all;
}

// Of a search of events and of a watch alike.
Query asked_of(const Client::EventQuery& query) {
  Query parameters{{"type", query.type}, {"query", query.text}, {"filter", query.filter}};
  if (query.min_score) parameters.emplace_back("min_score", number_text(*query.min_score));
  if (query.semantic_ratio) {
    parameters.emplace_back("semantic_ratio", number_text(*query.semantic_ratio));
  }
  return parameters;
}

}  // namespace

Result<CreatedUser> Client::create_user(const NewUser& user, const WriteOptions& write) {
  auto wrote = MESH_TRY(impl_->write({.role = Role::users,
                                      .method = "POST",
                                      .path = "/users/create",
                                      .body = dump({{"email", user.email}, {"name", user.name}})},
                                     write));
  auto created = user_from_json(wrote.body);
  if (!created) return unexpected_form("a created user");
  return CreatedUser{std::move(*created), wrote.replayed, std::move(wrote.written)};
}

Result<CreatedUsers> Client::create_users(const std::vector<NewUser>& users,
                                          const BatchOptions& batch, const WriteOptions& write) {
  std::string lines;
  // Text, not a tree of JSON values for each of up to 1,000 users: this is the way of an import.
  for (const NewUser& user : users) {
    lines += R"({"email":)";
    append_quoted(lines, user.email);
    lines += R"(,"name":)";
    append_quoted(lines, user.name);
    lines += "}\n";
  }
  auto wrote = MESH_TRY(impl_->write({.role = Role::users,
                                      .method = "POST",
                                      .path = "/users/batch",
                                      .query = {{"existing", batch.update ? "update" : ""},
                                                {"dry_run", batch.dry_run ? "true" : ""}},
                                      .body = std::move(lines),
                                      .content_type = "application/x-ndjson"},
                                     write));
  const Json& body = wrote.body;
  const auto items = body.is_object() ? body.find("results") : body.end();
  // Results are told from each other by their place alone.
  if (items == body.end() || !items->is_array() || items->size() != users.size())
    return unexpected_form("a batch of users");
  std::vector<BatchResult> results;
  for (const Json& item : *items) {
    auto result = MESH_TRY(batch_result_of(item));
    results.push_back(std::move(result));
  }
  return CreatedUsers{std::move(results), std::move(wrote.written)};
}

Result<UserPage> Client::list_users(const UserQuery& query) {
  // A page's link has limit and filter in it.
  Call call{.role = Role::users, .path = query.page};
  if (query.page.empty()) {
    call.path = "/users";
    call.query = {{"limit", std::to_string(query.limit)}, {"email", query.email}};
  }
  auto response = MESH_TRY(impl_->send(call));
  // A page of 1,000 users is beyond the default 1 MiB when names are long.
  const auto body = parse_json(response.body, {16, 64 << 20});
  if (!body || !body->is_array()) return unexpected_form("a list of users");
  UserPage page;
  page.users.reserve(body->size());
  for (const Json& item : *body) {
    auto user = user_from_json(item);
    if (!user) return unexpected_form("a list of users");
    page.users.push_back(std::move(*user));
  }
  page.next = next_page(response).value_or("");
  return page;
}

Result<User> Client::get_user(std::int64_t id) {
  return user_of(impl_->json({.role = Role::users, .path = user_path(id)}));
}

Result<UpdatedUser> Client::update_user(std::int64_t id, const UserPatch& patch,
                                        const WriteOptions& write) {
  Json body = Json::object();
  if (patch.email) body["email"] = *patch.email;
  if (patch.name) body["name"] = *patch.name;
  auto wrote = MESH_TRY(impl_->write(
      {.role = Role::users, .method = "PATCH", .path = user_path(id), .body = dump(body)}, write));
  auto user = user_from_json(wrote.body);
  if (!user) return unexpected_form("a user");
  return UpdatedUser{std::move(*user), std::move(wrote.written)};
}

Result<Written> Client::delete_user(std::int64_t id, const WriteOptions& write) {
  auto wrote = MESH_TRY(
      impl_->write({.role = Role::users, .method = "DELETE", .path = user_path(id)}, write));
  return std::move(wrote.written);
}

Result<std::vector<SearchHit>> Client::search(const std::string& text, int limit,
                                              const SearchOptions& search) {
  Call call{.role = Role::gateway,
            .path = "/ai/users/search",
            .query = {{"query", text},
                      {"limit", std::to_string(limit)},
                      {"min_position", search.min_position}}};
  if (search.min_score) call.query.emplace_back("min_score", number_text(*search.min_score));
  if (search.semantic_ratio) {
    call.query.emplace_back("semantic_ratio", number_text(*search.semantic_ratio));
  }
  prefer_wait(call, search.wait_seconds);
  auto body = MESH_TRY(impl_->json(call));
  const auto results = body.is_object() ? body.find("results") : body.end();
  if (results == body.end() || !results->is_array()) return unexpected_form("a search");
  std::vector<SearchHit> hits;
  for (const Json& item : *results) {
    auto hit = MESH_TRY(hit_of(item));
    hits.push_back(std::move(hit));
  }
  return hits;
}

Result<Client::EventHits> Client::search_events(const EventQuery& query) {
  Query parameters = asked_of(query);
  parameters.insert(
      parameters.end(),
      {{"limit", std::to_string(query.limit)}, {"from", query.from}, {"to", query.to}});
  const auto body = MESH_TRY(
      impl_->json({.role = Role::gateway, .path = "/ai/search", .query = std::move(parameters)}));
  const auto results = body.is_object() ? body.find("results") : body.end();
  if (results == body.end() || !results->is_array()) return unexpected_form("a search");
  const auto vectors = body.find("vectors");
  return EventHits{
      {results->begin(), results->end()},
      vectors != body.end() && vectors->is_string() ? vectors->get<std::string>() : std::string()};
}

StreamQuery Client::watch_of(const EventQuery& query) {
  return {.path = "/ai/watch", .parameters = asked_of(query)};
}

Result<PublishedEvents> Client::publish(const Json& cloud_event, const WriteOptions& write) {
  auto wrote = MESH_TRY(impl_->write({.role = Role::publisher,
                                      .method = "POST",
                                      .path = "/api/v1/events",
                                      .body = dump(cloud_event),
                                      .content_type = "application/cloudevents+json"},
                                     write));
  const Json& body = wrote.body;
  const auto id = body.is_object() ? body.find("id") : body.end();
  if (id == body.end() || !id->is_string()) return unexpected_form("a published event");
  return PublishedEvents{{id->get<std::string>()}, std::move(wrote.written)};
}

Result<PublishedEvents> Client::publish_bulk(std::string ndjson, const WriteOptions& write) {
  return published(impl_->write({.role = Role::publisher,
                                 .method = "POST",
                                 .path = "/api/v1/events",
                                 .body = std::move(ndjson),
                                 .content_type = "application/x-ndjson"},
                                write));
}

}  // namespace mesh::client
