// The routes of the operator: /admin/v1.
#include "common/base/strings.h"
#include "common/client/transport.h"
#include "common/domain/record_json.h"

namespace mesh::client {
namespace {

constexpr int kPage = 1000;  // the largest page the API gives
// Work that the server does before it answers, such as the count of a dry run.
constexpr Duration kLongWork{std::chrono::minutes{10}};

std::string admin(std::initializer_list<std::string_view> parts) {
  return "/admin/v1" + path_of(parts);
}

Call get(std::string path, Query query = {}) {
  return {.path = std::move(path), .query = std::move(query)};
}
Call post(std::string path) { return {.method = "POST", .path = std::move(path)}; }
Call post(std::string path, const Json& body) {
  return {.method = "POST", .path = std::move(path), .body = dump(body)};
}

// If-Match of a record's version.
std::pair<std::string, std::string> only_at(std::int64_t version) {
  return {"If-Match", "\"" + std::to_string(version) + "\""};
}

void put_text(Json& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

Json report_json(const TaskReport& report) {
  return {{"done", report.done}, {"total", report.total}, {"result", report.result}};
}

Result<ChangedTenant> changed_tenant(Result<Wrote> wrote) {
  if (!wrote) return fail(wrote.error());
  if (!wrote->body.is_object()) return unexpected_form("a tenant");
  wrote->body.erase("pending");  // no member of the record
  return ChangedTenant{std::move(wrote->body), std::move(wrote->written)};
}

Json letter_request(const LetterFilter& filter, bool dry_run) {
  Json body = Json::object();
  put_text(body, "tenant", filter.tenant);
  put_text(body, "cause", filter.cause);
  put_text(body, "id", filter.id);
  body["dry_run"] = dry_run;
  return body;
}

template <typename RecordFilter>
Query filters(const RecordFilter& query) {
  // Empty ones are left out by target_of.
  return {{"limit", std::to_string(query.limit)},
          {"tenant", query.tenant},
          {"type", query.type},
          {"key", query.key}};
}

Call wait_for(Call call, int seconds) {
  if (seconds == 0) return call;
  call.query.emplace_back("wait", std::to_string(seconds));
  call.extra_wait = std::chrono::seconds{seconds};
  return call;
}

// `text`: of the body, as it came.
Result<FollowPage> record_page(Result<Json> body, std::string_view text) {
  if (!body) return fail(body.error());
  // Before items are moved away: the texts are found by their places in the list.
  keep_items(*body, text, keep_value);
  const auto items = body->is_object() ? body->find("items") : body->end();
  const auto next = body->is_object() ? body->find("next") : body->end();
  if (items == body->end() || !items->is_array() || next == body->end() || !next->is_string()) {
    return unexpected_form("records");
  }
  FollowPage page{{}, next->get<std::string>()};
  page.records.reserve(items->size());
  for (Json& item : *items) {
    if (!item.is_object()) return unexpected_form("records");
    page.records.push_back(std::move(item));
  }
  return page;
}

// A dead letter's data as it was written.
void keep_letter(Json& letter, std::string_view text) {
  // A record that cannot be decoded has no event; its bytes stand in the letter itself.
  const auto event = letter.find("event");
  if (event == letter.end() || !event->is_object()) return keep_data(letter, text, "value", {});
  const auto type = event->find("datacontenttype");
  const std::string content_type =
      type != event->end() && type->is_string() ? type->get<std::string>() : std::string();
  keep_data(*event, member_text(text, "event"), "data", content_type);
}

Call patient(Call call) {
  call.extra_wait = kLongWork;
  return call;
}

}  // namespace

Result<std::vector<Json>> Client::topics() { return impl_->items(get(admin({"topics"})), 0); }

Result<Json> Client::topic(const std::string& name) {
  return impl_->json(get(admin({"topics", name})));
}

Result<RecordPage> Client::records(const RecordQuery& query) {
  Call call = get(admin({"topics", query.topic, "records"}), filters(query));
  // The API takes one of the two.
  if (query.positions.empty()) {
    call.query.emplace_back("from", query.from);
  } else {
    call.query.emplace_back("positions", format_positions(query.positions));
  }
  std::string text;
  auto body = impl_->json(wait_for(std::move(call), query.wait_seconds), text);
  auto page = MESH_TRY(record_page(std::move(body), text));
  auto positions = parse_positions(page.next);
  if (!positions) return unexpected_form("records");
  return RecordPage{std::move(page.records), std::move(*positions)};
}

Result<FollowPage> Client::follow(const FollowQuery& query) {
  Call call = get(admin({"records"}), filters(query));
  call.query.emplace_back("topics", join(query.topics, ","));
  if (query.cursor.empty()) {
    call.query.emplace_back("from", query.from);
  } else {
    call.query.emplace_back("cursor", query.cursor);
  }
  std::string text;
  auto body = impl_->json(wait_for(std::move(call), query.wait_seconds), text);
  return record_page(std::move(body), text);
}

Result<Json> Client::event(const std::string& id, const std::string& topic,
                           const std::string& tenant) {
  std::string text;
  auto record = impl_->json(
      patient(get(admin({"events", id}), {{"topic", topic}, {"tenant", tenant}})), text);
  if (record && record->is_object()) keep_value(*record, text);
  return record;
}

Result<std::vector<Json>> Client::groups() { return impl_->items(get(admin({"groups"})), 0); }

Result<Json> Client::group(const std::string& name) {
  return impl_->json(get(admin({"groups", name})));
}

Result<Json> Client::seek_group(const std::string& name, const SeekRequest& request) {
  Json body{{"to", request.to}};
  put_text(body, "topic", request.topic);
  if (request.partition) body["partition"] = *request.partition;
  body["dry_run"] = request.dry_run;
  return impl_->json(post(admin({"groups", name, "seek"}), body));
}

Status Client::delete_group(const std::string& name) {
  (void)MESH_TRY(impl_->send({.method = "DELETE", .path = admin({"groups", name})}));
  return {};
}

Result<std::vector<Json>> Client::dead_letter_topics(const std::string& tenant) {
  return impl_->items(patient(get(admin({"dlq"}), {{"tenant", tenant}})), 0);
}

Result<std::vector<Json>> Client::dead_letter_causes(const std::string& topic,
                                                     const std::string& cause,
                                                     const std::string& tenant, int limit) {
  return impl_->items(patient(get(admin({"dlq", "causes"}), {{"limit", std::to_string(limit)},
                                                             {"topic", topic},
                                                             {"cause", cause},
                                                             {"tenant", tenant}})),
                      limit);
}

Result<std::vector<Json>> Client::dead_letters(const std::string& topic, const LetterFilter& filter,
                                               int limit) {
  return impl_->items(
      patient(get(admin({"dlq", topic, "letters"}), {{"limit", std::to_string(limit)},
                                                     {"tenant", filter.tenant},
                                                     {"cause", filter.cause},
                                                     {"id", filter.id}})),
      limit, keep_letter);
}

Result<Json> Client::redrive(const std::string& topic, const LetterFilter& filter, bool dry_run,
                             const RedriveOptions& options) {
  Json body = letter_request(filter, dry_run);
  if (options.wait_seconds) body["wait"] = *options.wait_seconds;
  if (options.rate) body["rate"] = *options.rate;
  return impl_->json(patient(post(admin({"dlq", topic, "redrive"}), body)));
}

Result<MendedLetter> Client::mend(const std::string& topic, std::int64_t partition,
                                  std::int64_t offset, std::string event,
                                  const WriteOptions& write) {
  // The text as it is: parsed and written again, numbers could change.
  Call call = post(admin(
      {"dlq", topic, "letters", std::to_string(partition) + ":" + std::to_string(offset), "mend"}));
  call.body = std::move(event);
  auto wrote = MESH_TRY(impl_->write(std::move(call), write));
  const auto id = wrote.body.is_object() ? wrote.body.find("id") : wrote.body.end();
  if (id == wrote.body.end() || !id->is_string()) return unexpected_form("a mended letter");
  return MendedLetter{id->get<std::string>(), std::move(wrote.written)};
}

Result<Json> Client::purge(const std::string& topic, const LetterFilter& filter, bool dry_run) {
  return impl_->json(
      patient(post(admin({"dlq", topic, "purge"}), letter_request(filter, dry_run))));
}

Result<std::vector<Json>> Client::rate_limits(const std::string& tenant) {
  return impl_->items(get(admin({"ratelimits", tenant})), 0);
}

Result<Json> Client::rate_limit(const std::string& tenant, const std::string& scope) {
  return impl_->json(get(admin({"ratelimits", tenant, scope})));
}

Result<Json> Client::set_rate_limit(const std::string& tenant, const std::string& scope,
                                    const Json& policy) {
  return impl_->json(
      {.method = "PUT", .path = admin({"ratelimits", tenant, scope}), .body = dump(policy)});
}

Result<Json> Client::default_rate_limit(const std::string& tenant, const std::string& scope) {
  return impl_->json({.method = "DELETE", .path = admin({"ratelimits", tenant, scope})});
}

Result<Json> Client::reset_rate_limit(const std::string& tenant, const std::string& scope) {
  return impl_->json(post(admin({"ratelimits", tenant, scope, "reset"})));
}

Result<std::vector<Json>> Client::tenants(int limit, const std::string& only) {
  const int page = limit > 0 ? std::min(limit, kPage) : kPage;
  return impl_->items(get(admin({"tenants"}), {{"limit", std::to_string(page)}, {"tenant", only}}),
                      limit);
}

Result<ChangedTenant> Client::create_tenant(const Json& tenant, const WriteOptions& write) {
  return changed_tenant(impl_->write(post(admin({"tenants"}), tenant), write));
}

Result<Json> Client::tenant(const std::string& id) {
  return impl_->json(get(admin({"tenants", id})));
}

Result<ChangedTenant> Client::update_tenant(const std::string& id, const Json& patch,
                                            const WriteOptions& write) {
  return changed_tenant(impl_->write(
      {.method = "PATCH", .path = admin({"tenants", id}), .body = dump(patch)}, write));
}

Result<ChangedTenant> Client::replace_tenant(const std::string& id, const Json& record,
                                             std::int64_t at_version, const WriteOptions& write) {
  Call call{.method = "PUT", .path = admin({"tenants", id}), .body = dump(record)};
  call.headers.push_back(only_at(at_version));
  return changed_tenant(impl_->write(std::move(call), write));
}

Result<Written> Client::delete_tenant(const std::string& id, const WriteOptions& write,
                                      std::optional<std::int64_t> at_version) {
  Call call{.method = "DELETE", .path = admin({"tenants", id})};
  if (at_version) call.headers.push_back(only_at(*at_version));
  auto wrote = MESH_TRY(impl_->write(std::move(call), write));
  return std::move(wrote.written);
}

Result<std::vector<Json>> Client::quotas(const std::string& tenant) {
  return impl_->items(get(admin({"tenants", tenant, "quotas"})), 0);
}

Result<std::vector<Json>> Client::types(const std::string& tenant) {
  return impl_->items(get(admin({"tenants", tenant, "types"})), 0);
}

Result<Json> Client::type(const std::string& tenant, const std::string& name) {
  return impl_->json(get(admin({"tenants", tenant, "types", name})));
}

Result<Json> Client::register_type(const std::string& tenant, const std::string& name,
                                   const Json& schema, bool dry_run) {
  return impl_->json({.method = "PUT",
                      .path = admin({"tenants", tenant, "types", name}),
                      .query = {{"dry_run", dry_run ? "true" : ""}},
                      .body = dump(schema)});
}

Status Client::delete_type(const std::string& tenant, const std::string& name) {
  (void)MESH_TRY(
      impl_->send({.method = "DELETE", .path = admin({"tenants", tenant, "types", name})}));
  return {};
}

Result<Json> Client::usage(const std::string& window, const std::string& sort, int limit,
                           const std::string& tenant) {
  auto body = impl_->json(get(
      admin({"usage"}),
      {{"window", window}, {"sort", sort}, {"tenant", tenant}, {"limit", std::to_string(limit)}}));
  if (body && !(body->is_object() && body->contains("tenants") && (*body)["tenants"].is_array())) {
    return unexpected_form("usage");
  }
  return body;
}

Result<Json> Client::usage_totals(const UsageQuery& query) {
  Call call = get(admin({"usage", "totals"}), {{"since", query.since},
                                               {"until", query.until},
                                               {"by", query.by},
                                               {"tenant", query.own ? "" : query.tenant}});
  if (query.own) {
    call.role = Role::subscriber;
    call.path = "/api/v1/usage";
  }
  auto body = impl_->json(call);
  if (body && !(body->is_object() && body->contains("items") && (*body)["items"].is_array())) {
    return unexpected_form("usage");
  }
  return body;
}

Result<std::vector<Json>> Client::members() { return impl_->items(get(admin({"members"})), 0); }

Result<Json> Client::console_code(bool read_only, bool hides_payloads) {
  auto code =
      MESH_TRY(impl_->json(post(admin({"console", "codes"}),
                                {{"read_only", read_only}, {"hides_payloads", hides_payloads}})));
  if (!code.contains("path") || !code["path"].is_string()) return unexpected_form("console code");
  code["url"] = impl_->options.endpoints.admin + code["path"].get<std::string>();
  return code;
}

// These read the log.
Result<Json> Client::trace(const std::string& id, const std::string& topic, const std::string& from,
                           const std::string& tenant) {
  return impl_->json(
      patient(get(admin({"traces", id}), {{"topic", topic}, {"from", from}, {"tenant", tenant}})));
}

Result<Json> Client::why_not(const std::string& tenant, const std::string& text, int limit,
                             const SearchOptions& search, const std::string& who) {
  const auto given = [](const std::optional<double>& value) {
    return value ? dump(Json(*value)) : std::string();
  };
  return impl_->json(
      patient(get(admin({"search", "why-not"}), {{"tenant", tenant},
                                                 {"query", text},
                                                 {"limit", std::to_string(limit)},
                                                 {"min_score", given(search.min_score)},
                                                 {"semantic_ratio", given(search.semantic_ratio)},
                                                 {"who", who}})));
}

Result<std::vector<Json>> Client::explain_users(const std::string& email) {
  return impl_->items(patient(get(admin({"users"}), {{"email", email}})), 0);
}

Result<std::vector<Json>> Client::indexes() { return impl_->items(get(admin({"indexes"})), 0); }

Result<Json> Client::rebuild_index(const Json& asked) {
  return impl_->json(post(admin({"indexes", "rebuild"}), asked));
}

Status Client::serve_index(std::int64_t generation) {
  (void)MESH_TRY(
      impl_->send(patient(post(admin({"indexes", "serve"}), {{"generation", generation}}))));
  return {};
}

Status Client::drop_index(std::int64_t generation) {
  (void)MESH_TRY(
      impl_->send(patient(post(admin({"indexes", "drop"}), {{"generation", generation}}))));
  return {};
}

Result<std::vector<Json>> Client::event_indexes() {
  return impl_->items(get(admin({"indexes", "events"})), 0);
}

Result<Json> Client::rebuild_event_index(const Json& asked) {
  return impl_->json(post(admin({"indexes", "events", "rebuild"}), asked));
}

Status Client::rollback_event_index(const std::string& type) {
  (void)MESH_TRY(impl_->send(post(admin({"indexes", "events", "rollback"}), {{"type", type}})));
  return {};
}

Result<Json> Client::compare_indexes(const Json& asked) {
  return impl_->json(patient(post(admin({"indexes", "compare"}), asked)));
}

Status Client::rollback_index() {
  (void)MESH_TRY(impl_->send(post(admin({"indexes", "rollback"}), Json::object())));
  return {};
}

Result<Json> Client::verify_index() {
  return impl_->json(patient(post(admin({"indexes", "verify"}), Json::object())));
}

Result<Json> Client::purge_tenant(const std::string& tenant, const std::string& subject,
                                  bool dry_run) {
  Json body{{"dry_run", dry_run}};
  put_text(body, "subject", subject);
  return impl_->json(post(admin({"tenants", tenant, "purge"}), body));
}

Result<Json> Client::verify_receipt(const Json& signed_receipt) {
  return impl_->json(post(admin({"receipts", "verify"}), signed_receipt));
}

Result<Json> Client::back_up(const std::string& path) {
  return impl_->json(post(admin({"backups"}), {{"path", path}}));
}

Result<Json> Client::replay(const ReplayRequest& request) {
  Json body = Json::object();
  put_text(body, "topic", request.topic);
  put_text(body, "pipeline", request.pipeline);
  put_text(body, "from", request.from);
  put_text(body, "to", request.to);
  put_text(body, "tenant", request.tenant);
  put_text(body, "type", request.type);
  if (request.partition) body["partition"] = *request.partition;
  body["dry_run"] = request.dry_run;
  return impl_->json(patient(post(admin({"replays"}), body)));
}

Result<std::vector<Json>> Client::tasks(int limit, const std::string& tenant) {
  return impl_->items(get(admin({"tasks"}), {{"limit", std::to_string(limit)}, {"tenant", tenant}}),
                      limit);
}

Result<TaskPage> Client::watch_tasks(int limit, const std::string& tenant, const std::string& seen,
                                     int wait_seconds) {
  auto body = MESH_TRY(impl_->json(wait_for(
      get(admin({"tasks"}), {{"limit", std::to_string(limit)}, {"tenant", tenant}, {"seen", seen}}),
      wait_seconds)));
  const auto items = body.is_object() ? body.find("items") : body.end();
  if (items == body.end() || !items->is_array()) return unexpected_form("tasks");
  return TaskPage{{items->begin(), items->end()}, body.value("version", std::string())};
}

Result<Json> Client::task(const std::string& id, int wait_seconds) {
  return impl_->json(wait_for(get(admin({"tasks", id})), wait_seconds));
}

Result<Json> Client::cancel_task(const std::string& id) {
  return impl_->json(post(admin({"tasks", id, "cancel"})));
}

Result<Json> Client::begin_task(const std::string& kind, const Json& spec) {
  return impl_->json(post(admin({"tasks"}), {{"kind", kind}, {"spec", spec}}));
}

Result<bool> Client::report_task(const std::string& id, const TaskReport& report) {
  const auto body = MESH_TRY(impl_->json({.method = "PUT",
                                          .path = admin({"tasks", id, "progress"}),
                                          .body = dump(report_json(report))}));
  const auto cancel = body.is_object() ? body.find("cancel") : body.end();
  if (cancel == body.end() || !cancel->is_boolean()) return unexpected_form("a report");
  return cancel->get<bool>();
}

Result<Json> Client::end_task(const std::string& id, const TaskReport& report,
                              const std::string& state, const std::string& error) {
  Json body = report_json(report);
  body["state"] = state;
  put_text(body, "error", error);
  return impl_->json(post(admin({"tasks", id, "end"}), body));
}

Result<Json> Client::config() { return impl_->json(get(admin({"config"}))); }

Result<std::vector<Json>> Client::settings() {
  return impl_->items(get(admin({"config", "settings"})), 0);
}

Result<std::vector<Json>> Client::servers() { return impl_->items(get(admin({"servers"})), 0); }

Result<std::vector<Json>> Client::log_lines() { return impl_->items(get(admin({"logs"})), 0); }

Result<std::vector<Json>> Client::check() {
  auto body = MESH_TRY(impl_->json(post(admin({"check"}))));
  const auto checks = body.is_object() ? body.find("checks") : body.end();
  if (checks == body.end() || !checks->is_array()) return unexpected_form("a check");
  return std::vector<Json>(checks->begin(), checks->end());
}

}  // namespace mesh::client
