#include <algorithm>
#include <map>

#include "common/base/range_text.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "daemon/pipeline/dead_letters/cause_groups.h"
#include "daemon/services/admin_work.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/cloudevents.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;

constexpr IntRange kLetters{1, 1000, 20};
constexpr IntRange kCauses{1, 1000, 100};
constexpr const char* kCauseFilter =
    "Only this class of cause, or the cause with this fingerprint.";

Result<std::string> dead_topic(const http::Request& request) {
  const std::string& topic = request.path_params.at("topic");
  return is_dead_letter_topic(topic) ? topic : dead_letter_topic(topic);
}

std::optional<std::string> optional_param(const http::Request& request, std::string_view name) {
  const auto value = request.param(name);
  return value && !value->empty() ? std::optional<std::string>(*value) : std::nullopt;
}

Json shown_to(const http::Request& request, Json item) {
  return hides_payloads(request) ? without_payload(std::move(item)) : item;
}

Result<Response> dead_letter_topics(const WorkAdminDeps& deps, const http::Request& request) {
  const pipeline::DeadLetterFilter filter{optional_param(request, "tenant"), {}, {}};
  auto topics = MESH_TRY(deps.admin.topics());
  Json items = Json::array();
  for (const auto& topic : topics) {
    if (!is_dead_letter_topic(topic.spec.name)) continue;
    std::map<std::string, std::int64_t> causes;
    std::int64_t count = 0;
    auto oldest = Timestamp::max();
    MESH_TRY(
        deps.dead_letters.each(topic.spec.name, filter, [&](const pipeline::DeadLetter& letter) {
          ++count;
          ++causes[letter.cause_class];
          oldest = std::min(oldest, letter.died_at);
          return true;
        }));
    items.push_back({{"topic", topic.spec.name},
                     {"letters", count},
                     {"oldest", count == 0 ? Json(nullptr) : Json(format_rfc3339(oldest))},
                     {"causes", causes}});
  }
  return page(std::move(items));
}

Result<Response> causes(const WorkAdminDeps& deps, const http::Request& request) {
  const auto limit = MESH_TRY(int_param(request, "limit", kCauses));
  const auto only = text_param(request, "topic");
  const pipeline::DeadLetterFilter filter{
      optional_param(request, "tenant"), optional_param(request, "cause"), {}};
  std::vector<std::string> topics;
  if (!only.empty()) {
    topics.push_back(only);
  } else {
    auto all = MESH_TRY(deps.admin.topics());
    for (auto& topic : all) {
      if (is_dead_letter_topic(topic.spec.name)) topics.push_back(std::move(topic.spec.name));
    }
  }
  pipeline::CauseGroups groups;
  for (const auto& topic : topics) {
    MESH_TRY(deps.dead_letters.each(topic, filter, [&](const pipeline::DeadLetter& letter) {
      groups.add(letter);
      return true;
    }));
  }
  Json items = Json::array();
  for (const auto& group : groups.largest(static_cast<std::size_t>(limit))) {
    items.push_back(shown_to(request, pipeline::to_json(group)));
  }
  return page(std::move(items));
}

// A cause or an id that fits nothing is a slip, and said to be one.
Result<Response> letters(const WorkAdminDeps& deps, const http::Request& request) {
  auto topic = MESH_TRY(dead_topic(request));
  auto limit = MESH_TRY(int_param(request, "limit", kLetters));
  const pipeline::DeadLetterFilter filter{optional_param(request, "tenant"),
                                          optional_param(request, "cause"),
                                          optional_param(request, "id")};
  auto found = MESH_TRY(deps.dead_letters.list(topic, filter, static_cast<int>(limit)));
  if (found.empty()) {
    (void)MESH_TRY(deps.dead_letters.count(topic, filter));
  }
  Json items = Json::array();
  for (const auto& letter : found) items.push_back(shown_to(request, pipeline::to_json(letter)));
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

Result<std::optional<std::int64_t>> rate_member(const Json& body) {
  auto rate = int_member(body, "rate");
  if (rate && *rate && (**rate < 1 || **rate > pipeline::kMaxRedriveRate)) {
    return bad_member("rate", "must be " + whole_number_text(1, pipeline::kMaxRedriveRate) +
                                  ", letters a second");
  }
  return rate;
}

// "redrive" and "purge": a task; a dry run counts.
Result<Response> settle(const WorkAdminDeps& deps, const http::Request& request,
                        const std::string& kind) {
  auto topic = MESH_TRY(dead_topic(request));
  auto body = MESH_TRY(object_body(request));
  const bool redrive = kind == "redrive";
  MESH_TRY(redrive ? only_members(body, {"tenant", "cause", "id", "dry_run", "wait", "rate"})
                   : only_members(body, {"tenant", "cause", "id", "dry_run"}));
  auto dry_run = MESH_TRY(bool_member(body, "dry_run"));
  // Only checked here, so that a wrong one is refused at once: the task reads them from its spec.
  (void)MESH_TRY(wait_member(body));
  const auto rate = MESH_TRY(rate_member(body));
  auto filter = MESH_TRY(pipeline::dead_letter_filter_from_json(body));
  MESH_TRY(deps.tenants.require_if_named(filter.tenant.value_or("")));
  // Also refuses a cause or an id that no letter has, before a task is made for nothing.
  auto matching = MESH_TRY(deps.dead_letters.count(topic, filter));
  if (dry_run) {
    Json counted{{"matching", matching}};
    if (rate) counted["seconds"] = (matching + *rate - 1) / *rate;
    return Response::json(200, std::move(counted));
  }
  Json spec{{"topic", topic}};
  // The task takes the members of the filter, `wait` and `rate` alone.
  body.erase("dry_run");
  spec.update(body);
  return task_answer(deps.runner.submit(kind, std::move(spec), matching, started_by(request)));
}

// "3:17", as in the cursors of topics.
Result<Position> letter_place(const http::Request& request) {
  auto topic = MESH_TRY(dead_topic(request));
  const std::string& text = request.path_params.at("letter");
  const auto colon = text.find(':');
  const auto partition = parse_int(std::string_view(text).substr(0, colon));
  const auto offset = colon == std::string::npos
                          ? std::nullopt
                          : parse_int(std::string_view(text).substr(colon + 1));
  if (!partition || !offset || *partition < 0 || *partition > INT32_MAX || *offset < 0) {
    return fail(ErrorKind::invalid, "\"" + text + "\" is not <partition>:<offset> of a letter");
  }
  return Position{topic, static_cast<std::int32_t>(*partition), *offset};
}

// The tenant of the letter, or where its record names none, of the event that replaces it.
Result<TenantId> tenant_of(const pipeline::DeadLetter& letter, const Json& event) {
  if (!letter.tenant.empty()) return TenantId::parse(letter.tenant);
  auto text = MESH_TRY(string_member(event, "tenantid"));
  if (!text) return bad_member("tenantid", "is missing, and the letter names no tenant");
  auto tenant = TenantId::parse(*text);
  if (!tenant) return bad_member("tenantid", tenant.error().message);
  return tenant;
}

// The body is the event as a letter shows it, edited: it is read as a published event is.
Result<Response> mend(const WorkAdminDeps& deps, const http::Request& request) {
  auto place = MESH_TRY(letter_place(request));
  auto body = MESH_TRY(object_body(request));
  auto letter = MESH_TRY(deps.dead_letters.at(place));
  auto tenant = MESH_TRY(tenant_of(letter, body));
  // read_events takes the form from the media type and the tenant from the principal: those of the
  // operator's own request are neither the event's nor the letter's.
  http::Request event = request;
  event.headers = {{"Content-Type", "application/cloudevents+json"}};
  event.principal = Principal{};
  event.principal->tenant = tenant;
  // Letters come from every topic: types outside the catalogue and those that the mesh alone writes
  // are taken, whatever the tenant's record allows now. What has a schema is held to it.
  auto own = MESH_TRY(deps.tenants.own_types(tenant));
  auto events = MESH_TRY(read_events(
      event, {.allow_unknown_types = true, .own_types = std::move(own), .mesh_types = true},
      deps.clock.now()));
  auto mended = MESH_TRY(deps.dead_letters.mend(place, events.front()));
  return with_position(Response::json(202, {{"message", "Letter mended"},
                                            {"id", mended.id},
                                            {"position", to_string(mended.position)}}),
                       place_of({mended.position}));
}

// The event goes back to the topic that it came from.
Acks acks_of_mended(const http::Request& request) {
  std::string_view topic = request.path_params.at("topic");
  if (is_dead_letter_topic(topic)) topic.remove_suffix(dead_letter_topic("").size());
  return acks_of_topic(topic);
}

}  // namespace

http::RouteTable letter_routes(const std::shared_ptr<const WorkAdminDeps>& shared) {
  using http::Body;
  using Verb = Result<Response> (*)(const WorkAdminDeps&, const http::Request&);
  const auto work = [shared](Verb of) { return answering(shared, of); };
  const http::Parameter topic =
      api::path("topic", "The topic whose dead letters, with or without `.dlq`.");
  const auto counted = api::gives("Matching", "With `dry_run`: how many letters match.");
  return api::for_operators(
      "dead letters",
      {{.method = "GET",
        .pattern = "/admin/v1/dlq",
        .pool = http::Pool::slow,
        .operation = "listDeadLetterTopics",
        .summary = "Dead letters by topic and cause",
        .parameters = {api::tenant_filter()},
        .answers = {api::gives("DeadLetterTopicPage", "All dead-letter topics.")},
        .handler = work(dead_letter_topics)},
       {.method = "GET",
        .pattern = "/admin/v1/dlq/causes",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::omitted,
        .operation = "listDeadLetterCauses",
        .summary = "Dead letters by cause and tenant, the most first",
        .parameters = {api::limit("groups", kCauses), api::tenant_filter(),
                       api::query("topic", "Only of this topic, with or without `.dlq`."),
                       api::query("cause", kCauseFilter)},
        .answers = {api::gives("CauseGroupPage", "The groups.")},
        .problems = {404},
        .handler = work(causes)},
       {.method = "GET",
        .pattern = "/admin/v1/dlq/{topic}/letters",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::omitted,
        .operation = "listDeadLetters",
        .summary = "Dead letters, newest first",
        .parameters = {topic, api::limit("letters", kLetters), api::tenant_filter(),
                       api::query("cause", kCauseFilter),
                       api::query("id", "Only the letters of this event.")},
        .answers = {api::gives("DeadLetterPage", "The letters.")},
        .problems = {404},
        .handler = work(letters)},
       {.method = "POST",
        .pattern = "/admin/v1/dlq/{topic}/redrive",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "redriveDeadLetters",
        .summary = "Sends dead letters back to their topic",
        .details = "The task waits for what becomes of the events; its result counts `redriven`, "
                   "`done`, `died_again`, `pending`, `superseded` and `skipped`, and what is "
                   "`searchable` or `counted`.",
        .parameters = {topic},
        .request = api::json("Redrive"),
        .answers = {counted, api::starts_task("The task that sends them.")},
        .problems = {404, 409, 422},
        .handler = work([](const WorkAdminDeps& d, const http::Request& r) {
          return settle(d, r, "redrive");
        })},
       {.method = "POST",
        .pattern = "/admin/v1/dlq/{topic}/purge",
        .body = Body::json,
        .pool = http::Pool::slow,
        .operation = "purgeDeadLetters",
        .summary = "Settles dead letters without sending them again",
        .parameters = {topic},
        .request = api::json("Purge"),
        .answers = {counted, api::starts_task("The task that settles them.")},
        .problems = {404, 409, 422},
        .handler = work(
            [](const WorkAdminDeps& d, const http::Request& r) { return settle(d, r, "purge"); })},
       api::held(
           {.method = "POST",
            .pattern = "/admin/v1/dlq/{topic}/letters/{letter}/mend",
            .body = Body::json,
            .pool = http::Pool::slow,
            .payloads = http::Payloads::shown,
            .operation = "mendDeadLetter",
            .summary = "Sends an edited event in the place of a dead one and settles its letter",
            .parameters = {topic, api::path("letter", "The letter: `<partition>:<offset>`.",
                                            {{"type", "string"},
                                             {"pattern", "^[0-9]{1,9}:[0-9]{1,18}$"},
                                             {"examples", Json::array({"3:17"})}})},
            .request = api::json("MendedEvent"),
            .answers = {api::gives("Mended", "The event is back in its topic.", 202)},
            .problems = {404, 409, 422, 504},
            .handler = answering_write(shared, acks_of_mended, mend)},
           kAllAcks)});
}

}  // namespace mesh::services
