#include "daemon/services/admin_log.h"

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/record_json.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/trace/event_search.h"
#include "daemon/pipeline/trace/trace.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;
using pipeline::find_topic;

Json topic_json(const TopicInfo& topic) {
  const auto& spec = topic.spec;
  return {{"name", spec.name},
          {"kind", spec.kind == TopicKind::entity ? "entity" : "activity"},
          {"partitions", spec.partitions},
          {"records", topic.records},
          {"bytes", topic.bytes},
          {"held", topic.held},
          {"passed_over", topic.passed_over},
          {"retention",
           {{"age", spec.max_age ? Json(format_duration(*spec.max_age)) : Json(nullptr)},
            {"size", spec.max_bytes ? Json(*spec.max_bytes) : Json(nullptr)}}}};
}

Result<Response> event_by_id(const LogAdminDeps& deps, const http::Request& request) {
  const pipeline::EventQuery query{request.path_params.at("id"),
                                   text_param(request, "tenant"),
                                   text_param(request, "topic"),
                                   {}};
  auto search = MESH_TRY(pipeline::find_event(deps.log, deps.admin, query, deps.clock.now()));
  if (!search.record) return fail(pipeline::not_found(query, search));
  // As the trace shows it: what was mended is another record of the same id.
  auto left = pipeline::kMaxSearched;
  const auto standing =
      MESH_TRY(pipeline::follow_redrives(deps.log, deps.admin, *std::move(search.record), left));
  auto json = mesh::to_json(standing.record);
  if (hides_payloads(request)) json = without_payload(std::move(json));
  return Response::json(200, json);
}

void append(const LogAdminDeps& deps, const http::Request& request, http::Responder respond) {
  auto body = object_body(request);
  if (!body) return respond(body.error());
  const auto unprocessable = [&](std::string pointer, const char* detail) {
    respond(Error{ErrorKind::unprocessable,
                  "the records are not valid",
                  {},
                  {{std::move(pointer), detail}},
                  {}});
  };
  if (auto known = only_members(*body, {"topic", "records"}); !known) return respond(known.error());
  if (!body->contains("topic") || !(*body)["topic"].is_string()) {
    return unprocessable("/topic", "must name a topic");
  }
  if (!body->contains("records") || !(*body)["records"].is_array() || (*body)["records"].empty()) {
    return unprocessable("/records", "must be an array of {\"key\",\"value\",\"headers\"}");
  }
  auto held = deps.waits.hold(request, acks_of_topic((*body)["topic"].get<std::string>()), respond);
  if (!held) return respond(held.error());
  std::vector<Record> batch;
  // Values are taken as text: a parsed number would lose digits when it is written again.
  const auto texts = element_texts(member_text(request.body, "records"));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Json& item = (*body)["records"][i];
    const std::string at = "/records/" + std::to_string(i);
    if (!item.is_object() || !only_members(item, {"key", "value", "value_base64", "headers"})) {
      return unprocessable(at,
                           "every record must be an object of key, value or value_base64, headers");
    }
    if (!item.contains("key") || !item["key"].is_string() ||
        item["key"].get_ref<const std::string&>().empty()) {
      return unprocessable(at + "/key", "every record needs a key, a string");
    }
    if (item.contains("headers") && !item["headers"].is_object()) {
      return unprocessable(at + "/headers", "must map names to values");
    }
    if (item.contains("value") && item.contains("value_base64")) {
      return unprocessable(at + "/value_base64", "excludes value");
    }
    Record record{(*body)["topic"], item["key"], std::nullopt, {}};
    if (item.contains("value") && !item["value"].is_null()) {
      record.value = item["value"].is_string() ? item["value"].get<std::string>()
                                               : one_line(member_text(texts[i], "value"));
    } else if (item.contains("value_base64")) {
      record.value = item["value_base64"].is_string()
                         ? base64_decode(item["value_base64"].get_ref<const std::string&>())
                         : std::nullopt;
      if (!record.value) return unprocessable(at + "/value_base64", "must be base64 text");
    }
    if (item.contains("headers")) {
      for (const auto& [name, value] : item["headers"].items()) {
        if (!value.is_string())
          return unprocessable(at + "/headers" + pointer_to(name), "must be a string");
        record.headers.emplace_back(name, value.get<std::string>());
      }
    }
    batch.push_back(std::move(record));
  }
  // Before the append, which takes the records away. Of one that is no event the tenant is not
  // known.
  for (const Record& record : batch) {
    const auto event =
        from_record({{record.topic, 0, 0}, {}, record.key, record.value, record.headers});
    if (event) deps.used(event->tenant);
  }
  deps.log.append(std::move(batch), [held = std::move(*held)](Result<std::vector<Position>> at) {
    if (!at) return held(at.error());
    Json list = Json::array();
    for (const auto& position : *at) list.push_back(to_string(position));
    held(with_position(Response::json(202, {{"positions", std::move(list)}}), place_of(*at)));
  });
}

}  // namespace

http::RouteTable log_routes(LogAdminDeps deps) {
  using http::Body;
  using Plain = Result<Response> (*)(const LogAdminDeps&, const http::Request&);
  const auto shared = std::make_shared<const LogAdminDeps>(std::move(deps));
  const auto plain = [shared](Plain work) { return answering(shared, work); };
  const http::Parameter topic = api::path("topic", "The topic.");
  http::RouteTable table = api::for_operators(
      "log",
      {{.method = "GET",
        .pattern = "/admin/v1/topics",
        .pool = http::Pool::quick,
        .operation = "listTopics",
        .summary = "Lists the topics",
        .answers = {api::gives("TopicPage", "All topics.")},
        .handler = plain([](const LogAdminDeps& d, const http::Request&) -> Result<Response> {
          auto all = MESH_TRY(d.admin.topics());
          Json items = Json::array();
          for (const auto& info : all) items.push_back(topic_json(info));
          return page(std::move(items));
        })},
       {.method = "GET",
        .pattern = "/admin/v1/topics/{topic}",
        .pool = http::Pool::quick,
        .operation = "getTopic",
        .summary = "A topic and its partitions",
        .parameters = {topic},
        .answers = {api::gives("TopicDetails", "The topic.")},
        .problems = {404},
        .handler =
            plain([](const LogAdminDeps& d, const http::Request& request) -> Result<Response> {
              auto info = MESH_TRY(find_topic(d.admin, request.path_params.at("topic")));
              Json json = topic_json(info);
              json["partition_offsets"] = Json::array();
              for (std::size_t p = 0; p < info.partitions.size(); ++p) {
                json["partition_offsets"].push_back({{"partition", p},
                                                     {"start", info.partitions[p].start},
                                                     {"end", info.partitions[p].end}});
              }
              return Response::json(200, json);
            })},
       {.method = "GET",
        .pattern = "/admin/v1/events/{id}",
        .pool = http::Pool::slow,
        .payloads = http::Payloads::omitted,
        .operation = "getEvent",
        .summary = "The record of an event",
        .details =
            "Of one that was redriven or mended that which went back last, as its trace has it; "
            "the ones before stay in the topic.",
        .parameters = {api::path("id", "The event's id."),
                       api::query("topic", "Look only in this topic."), api::tenant_filter()},
        .answers = {api::gives("Record", "The record.")},
        .problems = {404},
        .handler = plain(event_by_id)},
       api::held(
           {.method = "POST",
            .pattern = "/admin/v1/events",
            .body = Body::json,
            .operation = "appendRecords",
            .summary = "Appends raw records to a topic, without checks",
            .details =
                "For tools that stand in for another producer, and for tombstones. What clients "
                "publish goes to the publisher.",
            .request = api::json("RawRecords"),
            .answers = {api::gives("Positions", "Where the records stand now.", 202)},
            .problems = {404, 422},
            .handler = [shared](auto request,
                                auto respond) { append(*shared, *request, std::move(respond)); }},
           kAllAcks)});
  for (const auto& more : {record_routes(shared), group_routes(shared)}) {
    table.insert(table.end(), more.begin(), more.end());
  }
  return table;
}

}  // namespace mesh::services
