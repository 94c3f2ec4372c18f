#include <algorithm>
#include <map>

#include "common/base/range_text.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"
#include "daemon/services/admin.h"
#include "daemon/services/cloudevents.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

Response task_answer(const Result<Task>& task) {
  return task ? Response::json(202, mesh::to_json(*task))
                    .with("Location", "/admin/v1/tasks/" + task->id)
              : Response::problem(task.error());
}

// --- dead letters ----------------------------------------------------------------------------

Result<std::string> dead_topic(const http::Request& request) {
  const std::string& topic = request.path_params.at("topic");
  return is_dead_letter_topic(topic) ? topic : dead_letter_topic(topic);
}

std::optional<std::string> optional_param(const http::Request& request, std::string_view name) {
  const auto value = request.param(name);
  return value && !value->empty() ? std::optional<std::string>(*value) : std::nullopt;
}

Result<Response> dead_letter_topics(const WorkAdminDeps& deps, const http::Request& request) {
  const pipeline::DeadLetterFilter filter{optional_param(request, "tenant"), {}, {}};
  auto topics = deps.admin.topics();
  if (!topics) return fail(topics.error());
  Json items = Json::array();
  for (const auto& topic : *topics) {
    if (!is_dead_letter_topic(topic.spec.name)) continue;
    std::map<std::string, std::int64_t> causes;
    std::int64_t count = 0;
    auto oldest = Timestamp::max();
    auto read =
        deps.dead_letters.each(topic.spec.name, filter, [&](const pipeline::DeadLetter& letter) {
          ++count;
          ++causes[letter.cause_class];
          oldest = std::min(oldest, letter.died_at);
          return true;
        });
    if (!read) return fail(read.error());
    items.push_back({{"topic", topic.spec.name},
                     {"letters", count},
                     {"oldest", count == 0 ? Json(nullptr) : Json(format_rfc3339(oldest))},
                     {"causes", causes}});
  }
  return page(std::move(items));
}

// A cause or an id that fits nothing is a slip, and said to be one.
Result<Response> letters(const WorkAdminDeps& deps, const http::Request& request) {
  auto topic = dead_topic(request);
  if (!topic) return fail(topic.error());
  auto limit = int_param(request, "limit", 20, 1, 1000);
  if (!limit) return fail(limit.error());
  const pipeline::DeadLetterFilter filter{optional_param(request, "tenant"),
                                          optional_param(request, "cause"),
                                          optional_param(request, "id")};
  auto found = deps.dead_letters.list(*topic, filter, static_cast<int>(*limit));
  if (!found) return fail(found.error());
  if (found->empty()) {
    if (auto count = deps.dead_letters.count(*topic, filter); !count) return fail(count.error());
  }
  Json items = Json::array();
  for (const auto& letter : *found) items.push_back(pipeline::to_json(letter));
  return page(std::move(items));
}

Result<std::optional<std::int64_t>> wait_member(const Json& body) {
  constexpr std::int64_t kMost = pipeline::kMaxOutcomeWait.count();
  auto wait = int_member(body, "wait");
  if (wait && *wait && (**wait < 0 || **wait > kMost)) {
    return bad_member("wait", "must be " + whole_number_text(0, kMost) + ", in seconds");
  }
  return wait;
}

// "redrive" and "purge": a task; a dry run counts.
Result<Response> settle(const WorkAdminDeps& deps, const http::Request& request,
                        const std::string& kind) {
  auto topic = dead_topic(request);
  if (!topic) return fail(topic.error());
  auto body = object_body(request);
  if (!body) return fail(body.error());
  const bool redrive = kind == "redrive";
  auto known = redrive ? only_members(*body, {"tenant", "cause", "id", "dry_run", "wait"})
                       : only_members(*body, {"tenant", "cause", "id", "dry_run"});
  if (!known) return fail(known.error());
  auto dry_run = bool_member(*body, "dry_run");
  if (!dry_run) return fail(dry_run.error());
  auto wait = wait_member(*body);
  if (!wait) return fail(wait.error());
  auto filter = pipeline::dead_letter_filter_from_json(*body);
  if (!filter) return fail(filter.error());
  if (auto exists = deps.tenants.require_if_named(filter->tenant.value_or("")); !exists)
    return fail(exists.error());
  auto matching = deps.dead_letters.count(*topic, *filter);
  if (!matching) return fail(matching.error());
  if (*dry_run) return Response::json(200, {{"matching", *matching}});
  Json spec{{"topic", *topic}};
  body->erase("dry_run");
  spec.update(*body);
  return task_answer(deps.runner.submit(kind, std::move(spec), *matching));
}

// "3:17", as in the cursors of topics.
Result<Position> letter_place(const http::Request& request) {
  auto topic = dead_topic(request);
  if (!topic) return fail(topic.error());
  const std::string& text = request.path_params.at("letter");
  const auto colon = text.find(':');
  const auto partition = parse_int(std::string_view(text).substr(0, colon));
  const auto offset = colon == std::string::npos
                          ? std::nullopt
                          : parse_int(std::string_view(text).substr(colon + 1));
  if (!partition || !offset || *partition < 0 || *partition > INT32_MAX || *offset < 0) {
    return fail(ErrorKind::invalid, "\"" + text + "\" is not <partition>:<offset> of a letter");
  }
  return Position{*topic, static_cast<std::int32_t>(*partition), *offset};
}

// The tenant of the letter, or where its record names none, of the event that replaces it.
Result<TenantId> tenant_of(const pipeline::DeadLetter& letter, const Json& event) {
  if (!letter.tenant.empty()) return TenantId::parse(letter.tenant);
  auto text = string_member(event, "tenantid");
  if (!text) return fail(text.error());
  if (!*text) return bad_member("tenantid", "is missing, and the letter names no tenant");
  auto tenant = TenantId::parse(**text);
  if (!tenant) return bad_member("tenantid", tenant.error().message);
  return tenant;
}

// The body is the event as a letter shows it, edited: it is read as a published event is.
Result<Response> mend(const WorkAdminDeps& deps, const http::Request& request) {
  auto place = letter_place(request);
  if (!place) return fail(place.error());
  auto body = object_body(request);
  if (!body) return fail(body.error());
  auto letter = deps.dead_letters.at(*place);
  if (!letter) return fail(letter.error());
  auto tenant = tenant_of(*letter, *body);
  if (!tenant) return fail(tenant.error());
  http::Request event = request;
  event.headers = {{"Content-Type", "application/cloudevents+json"}};
  event.principal = Principal{};
  event.principal->tenant = *tenant;
  auto events =
      read_events(event, {.allow_unknown_types = true, .mesh_types = true}, deps.clock.now());
  if (!events) return fail(events.error());
  auto mended = deps.dead_letters.mend(*place, events->front());
  if (!mended) return fail(mended.error());
  return Response::json(202, {{"message", "Letter mended"},
                              {"id", mended->id},
                              {"position", to_string(mended->position)}});
}

// --- index generations -----------------------------------------------------------------------

Json generation_json(const pipeline::GenerationStatus& status) {
  return {{"name", status.info.name},
          {"number", status.info.number},
          {"role", status.role},
          {"serving", status.info.serving},
          {"vectors", status.info.vectors},
          {"tenants", status.info.tenants},
          {"bytes", status.info.bytes},
          {"dimension", status.info.spec.dimension},
          {"embedder", status.info.spec.embedder},
          {"lag", status.pipeline.lag_events},
          {"state", status.filling ? "filling" : to_string(status.pipeline.state)}};
}

Result<Response> list_indexes(const WorkAdminDeps& deps, const http::Request&) {
  auto all = deps.generations.list();
  if (!all) return fail(all.error());
  Json items = Json::array();
  for (const auto& status : *all) items.push_back(generation_json(status));
  return page(std::move(items));
}

Result<Response> rollback(const WorkAdminDeps& deps, const http::Request& request) {
  if (auto none = no_members(request); !none) return fail(none.error());
  if (auto now = deps.generations.rollback(); !now) return fail(now.error());
  return list_indexes(deps, request);
}

Result<Response> verify(const WorkAdminDeps& deps, const http::Request& request) {
  if (auto none = no_members(request); !none) return fail(none.error());
  auto report = deps.generations.verify();
  if (!report) return fail(report.error());
  return Response::json(200, pipeline::to_json(*report));
}

// --- replays and tasks -----------------------------------------------------------------------

// A pipeline knows the events of its own topic only; another topic's would die of it.
Status follows_topic(const pipeline::ReplaySpec& spec) {
  static const std::map<std::string, std::string> followed{{"user-index", "user.events"},
                                                           {"analytics", "analytics.events"},
                                                           {"chemical", "chemical.events"}};
  const auto it = followed.find(spec.pipeline);
  const bool known =
      std::ranges::any_of(topics(), [&](const auto& topic) { return topic.name == spec.topic; });
  if (!known || it == followed.end() || it->second == spec.topic) return {};
  return fail(ErrorKind::invalid,
              "pipeline " + spec.pipeline + " follows " + it->second + ", not " + spec.topic);
}

Result<Response> replay(const WorkAdminDeps& deps, const http::Request& request) {
  auto body = object_body(request);
  if (!body) return fail(body.error());
  auto dry_run = bool_member(*body, "dry_run");
  if (!dry_run) return fail(dry_run.error());
  body->erase("dry_run");
  auto spec = pipeline::replay_spec_from_json(*body);
  if (!spec) return fail(spec.error());
  if (auto follows = follows_topic(*spec); !follows) return fail(follows.error());
  if (auto exists = deps.tenants.require_if_named(spec->tenant.value_or("")); !exists)
    return fail(exists.error());
  if (*dry_run) {
    auto estimate = deps.replayer.estimate(*spec);
    if (!estimate) return fail(estimate.error());
    return Response::json(200, pipeline::to_json(*estimate));
  }
  if (auto accepted = deps.runner.accepts("replay"); !accepted) return fail(accepted.error());
  auto fixed = deps.replayer.fix(*spec);
  if (!fixed) return fail(fixed.error());
  return task_answer(deps.runner.submit("replay", std::move(fixed->spec), fixed->total));
}

Result<Response> back_up(const WorkAdminDeps& deps, const http::Request& request) {
  auto body = object_body(request);
  if (!body) return fail(body.error());
  if (auto known = only_members(*body, {"path"}); !known) return fail(known.error());
  auto path = string_member(*body, "path");
  if (!path) return fail(path.error());
  Error error{ErrorKind::unprocessable, "a backup needs \"path\", the folder to make", {}, {}, {}};
  if (*path) {
    auto can = deps.can_back_up(**path);
    if (can) return task_answer(deps.runner.submit("backup", {{"path", **path}}, 0));
    error = can.error();
  }
  if (error.kind == ErrorKind::unprocessable) error.fields = {{"/path", error.message}};
  return fail(std::move(error));
}

constexpr int kMaxTasks = 10'000;  // looked through for a tenant's

// Whose events alone it is about; empty: everyone's.
std::string task_tenant(const Task& task) {
  const auto it = task.spec.is_object() ? task.spec.find("tenant") : task.spec.end();
  return it != task.spec.end() && it->is_string() ? it->get<std::string>() : std::string();
}

Result<Response> list_tasks(const WorkAdminDeps& deps, const http::Request& request) {
  auto limit = int_param(request, "limit", 50, 1, 1000);
  if (!limit) return fail(limit.error());
  const auto tenant = text_param(request, "tenant");
  auto tasks = deps.tasks.list(tenant.empty() ? static_cast<int>(*limit) : kMaxTasks);
  if (!tasks) return fail(tasks.error());
  Json items = Json::array();
  for (const auto& task : *tasks) {
    if (items.size() == static_cast<std::size_t>(*limit)) break;
    if (tenant.empty() || task_tenant(task) == tenant) items.push_back(mesh::to_json(task));
  }
  return page(std::move(items));
}

Status get_task(const std::shared_ptr<const WorkAdminDeps>& deps, const http::Request& request,
                const http::Responder& respond) {
  auto wait = int_param(request, "wait", 0, 0, kMaxWaitSeconds);
  if (!wait) return fail(wait.error());
  const std::string& id = request.path_params.at("id");
  deps->polls.answer({[deps, id](bool last) -> std::optional<Response> {
                        auto task = deps->tasks.get(id);
                        if (!task) return Response::problem(task.error());
                        if (!last && !has_ended(*task)) return std::nullopt;
                        return Response::json(200, mesh::to_json(*task));
                      },
                      [deps, id](Told told) { return deps->runner.watch(id, std::move(told)); }},
                     std::chrono::seconds(*wait), respond);
  return {};
}

Result<Response> cancel_task(const WorkAdminDeps& deps, const http::Request& request) {
  if (auto none = no_members(request); !none) return fail(none.error());
  const std::string& id = request.path_params.at("id");
  if (auto cancelled = deps.runner.cancel(id); !cancelled) return fail(cancelled.error());
  auto task = deps.tasks.get(id);
  if (!task) return fail(task.error());
  return Response::json(200, mesh::to_json(*task));
}

}  // namespace

http::RouteTable work_routes(WorkAdminDeps deps) {
  using http::Body;
  using Work = std::function<Result<Response>(const WorkAdminDeps&, const http::Request&)>;
  const auto shared = std::make_shared<const WorkAdminDeps>(std::move(deps));
  const auto route = [&](const char* method, const char* pattern, Body body, const char* summary,
                         std::vector<http::Parameter> parameters, Work work) {
    return http::Route{.method = method,
                       .pattern = pattern,
                       .access = http::Access::operator_,
                       .body = body,
                       .blocking = true,
                       .summary = summary,
                       .parameters = std::move(parameters),
                       .handler = answering(shared, std::move(work))};
  };
  const http::Parameter id{"id", "path", "the task's id", "string", true};
  // Answers later where it waits.
  http::Route one_task =
      route("GET", "/admin/v1/tasks/{id}", Body::none, "A task; can wait for its end",
            {id, {"wait", "query", "seconds to wait for its end, 0 to 25 (0)", "integer"}}, {});
  one_task.handler = [shared](auto request, auto respond) {
    if (auto done = get_task(shared, *request, respond); !done) respond(done.error());
  };
  const http::Parameter topic{"topic", "path", "the topic whose dead letters, with or without .dlq",
                              "string", true};
  return {
      route("GET", "/admin/v1/dlq", Body::none, "Dead letters by topic and cause",
            {{"tenant", "query", "only this tenant's"}}, dead_letter_topics),
      route("GET", "/admin/v1/dlq/{topic}/letters", Body::none, "Dead letters, newest first",
            {topic,
             {"limit", "query", "letters, 1 to 1000 (20)", "integer"},
             {"tenant", "query", "only this tenant's"},
             {"cause", "query", "only this class of cause"},
             {"id", "query", "only this event"}},
            letters),
      route("POST", "/admin/v1/dlq/{topic}/redrive", Body::json,
            "Sends dead letters back to their topic", {topic},
            [](const WorkAdminDeps& d, const http::Request& r) { return settle(d, r, "redrive"); }),
      route("POST", "/admin/v1/dlq/{topic}/purge", Body::json,
            "Settles dead letters without sending them again", {topic},
            [](const WorkAdminDeps& d, const http::Request& r) { return settle(d, r, "purge"); }),
      route("POST", "/admin/v1/dlq/{topic}/letters/{letter}/mend", Body::json,
            "Sends an edited event in the place of a dead one and settles its letter",
            {topic, {"letter", "path", "the letter's partition:offset", "string", true}}, mend),
      route("GET", "/admin/v1/indexes", Body::none, "Generations of the user index", {},
            list_indexes),
      route("POST", "/admin/v1/indexes/rebuild", Body::json, "Builds a new generation from the log",
            {},
            [](const WorkAdminDeps& d, const http::Request& r) -> Result<Response> {
              if (auto none = no_members(r); !none) return fail(none.error());
              return task_answer(d.runner.submit("rebuild", Json::object(), 0));
            }),
      route("POST", "/admin/v1/indexes/rollback", Body::json, "Serves the generation before again",
            {}, rollback),
      route("POST", "/admin/v1/indexes/verify", Body::json, "Compares the index with the log", {},
            verify),
      route("POST", "/admin/v1/replays", Body::json,
            "Runs a pipeline over a range of the log again", {}, replay),
      route("POST", "/admin/v1/backups", Body::json,
            "Copies the data folder, as it is at one instant, to a new folder of this machine", {},
            back_up),
      route("GET", "/admin/v1/tasks", Body::none, "Tasks, newest first",
            {{"limit", "query", "tasks, 1 to 1000 (50)", "integer"},
             {"tenant", "query", "only those about this tenant's events alone"}},
            list_tasks),
      one_task,
      route("POST", "/admin/v1/tasks/{id}/cancel", Body::json, "Asks a task to stop", {id},
            cancel_task),
  };
}

http::RouteTable process_routes(ProcessAdminDeps deps) {
  const auto shared = std::make_shared<ProcessAdminDeps>(std::move(deps));
  return {
      {.method = "GET",
       .pattern = "/admin/v1/config",
       .access = http::Access::operator_,
       .summary = "The running configuration, secrets masked",
       .handler = [shared](auto, auto respond) { respond(Response::json(200, shared->config())); }},
      {.method = "POST",
       .pattern = "/admin/v1/check",
       .access = http::Access::operator_,
       .body = http::Body::json,
       .blocking = true,
       .summary = "Checks what the process depends on",
       .handler =
           [shared](auto, auto respond) {
             Json checks = Json::array();
             for (const auto& check : shared->checks()) {
               checks.push_back({{"name", check.name},
                                 {"ok", check.ok},
                                 {"warning", check.warning},
                                 {"detail", check.detail}});
             }
             respond(Response::json(200, {{"checks", std::move(checks)}}));
           }},
  };
}

}  // namespace mesh::services
