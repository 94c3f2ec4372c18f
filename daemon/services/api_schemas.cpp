#include "daemon/services/api_schemas.h"

#include <algorithm>

#include <string>

#include "common/domain/catalogue.h"
#include "daemon/pipeline/dead_letters/dead_letters.h"
#include "daemon/services/admin_schemas.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/api_patterns.h"
#include "daemon/services/index_schemas.h"
#include "daemon/services/log_schemas.h"
#include "daemon/services/overview_schemas.h"
#include "daemon/services/record_schemas.h"
#include "daemon/services/tenant_schemas.h"
#include "daemon/services/trace_schemas.h"

namespace mesh::services {
namespace {

Json of_catalogue(std::string_view type) { return Json::parse(find_event_type(type)->schema); }

// What the mesh itself answers has all members.
Json complete(Json schema) {
  schema["required"] = Json::array();
  for (const auto& [name, property] : schema["properties"].items()) {
    schema["required"].push_back(name);
  }
  return schema;
}

Json with_example(Json schema, const char* example) {
  schema["examples"] = Json::array({Json::parse(example)});
  return schema;
}

Json page_of(const std::string& item) {
  return {{"type", "object"},
          {"required", {"items", "next"}},
          {"properties",
           {{"items", {{"type", "array"}, {"items", api::ref(item)}}},
            {"next",
             {{"type", {"string", "null"}},
              {"description", "Where the list goes on; null at its end."}}}}}};
}

// Data that clients send: no text of it may hold NUL.
Json data_of(std::string_view type, const char* example) {
  Json schema = with_example(of_catalogue(type), example);
  for (auto& property : schema["properties"]) {
    if (property["type"] == "string" && !property.contains("format")) {
      property["pattern"] = no_nul_pattern();
    }
  }
  return schema;
}

// An event of a type whose data has a schema, which also says what its subject is.
Json typed_event(Json event, std::string_view type, const std::string& data,
                 const std::string& description) {
  event["description"] = description;
  event["properties"]["type"] = {{"type", "string"}, {"enum", Json::array({type})}};
  event["properties"]["data"] = api::ref(data);
  event["properties"]["datacontenttype"]["pattern"] = json_media_pattern();
  for (const char* member : {"data_base64", "subject"}) event["properties"].erase(member);
  event.erase("not");
  event["propertyNames"]["pattern"] = "^(?!subject$)[a-z0-9]{1,64}$";
  event["required"].push_back("data");
  return event;
}

void add_events(Json& all) {
  all["AnalyticsData"] = data_of("analytics.recorded", R"({
    "user_id": "7", "event_type": "login", "timestamp": "2026-11-21T08:32:00Z",
    "metadata": {"ip": "192.0.2.7"}})");
  all["ChemicalData"] = data_of("chemical.recorded", R"({
    "molecule_id": "caffeine", "researcher": "Marie Curie", "data": {"formula": "C8H10N4O2"}})");
  Json event = all["Event"];  // a copy: what is added moves the others
  event["properties"]["data_base64"]["pattern"] = base64_pattern();
  for (const char* attribute : {"id", "source", "subject", "datacontenttype"}) {
    event["properties"][attribute]["pattern"] = no_control_pattern();
  }
  event["additionalProperties"]["pattern"] = no_control_pattern();
  all["MendedEvent"] = event;
  all["MendedEvent"]["description"] = "The event as its letter shows it, edited.";
  all["AnalyticsEvent"] =
      with_example(typed_event(event, "analytics.recorded", "AnalyticsData", "An analytics event."),
                   R"({"specversion": "1.0", "id": "a-1", "source": "/shop",
    "type": "analytics.recorded", "data": {"user_id": "7", "event_type": "login"}})");
  all["ChemicalEvent"] =
      with_example(typed_event(event, "chemical.recorded", "ChemicalData", "An experiment."),
                   R"({"specversion": "1.0", "id": "c-1", "source": "/lab",
    "type": "chemical.recorded", "data": {"molecule_id": "caffeine", "researcher": "Marie Curie",
    "data": {"formula": "C8H10N4O2"}}})");
  Json other = event;
  other["description"] =
      "An event of a type outside the catalogue, `<entity>.<action>`: for tenants whose record "
      "says "
      "`allow_unknown_types`.";
  other["properties"]["type"] = {
      {"type", "string"}, {"maxLength", 200}, {"pattern", other_type_pattern()}};
  // Data of JSON stands in it as a value, of other types as a text or in base64.
  const Json no_type{{"not", {{"required", Json::array({"datacontenttype"})}}}};
  const Json text{{"properties", {{"data", {{"type", Json::array({"string", "null"})}}}}}};
  other["if"] = {{"required", Json::array({"datacontenttype"})},
                 {"properties", {{"datacontenttype", {{"pattern", json_media_pattern()}}}}}};
  other["then"] = {{"not", {{"required", Json::array({"data_base64"})}}}};
  other["else"] = {{"anyOf", Json::array({no_type, text})}};
  all["OtherEvent"] = std::move(other);
  all["CloudEvent"] = {
      {"anyOf", {api::ref("AnalyticsEvent"), api::ref("ChemicalEvent"), api::ref("OtherEvent")}}};
  all.erase("Event");
}

Json make() {
  Json all = Json::parse(tenant_schemas());
  all.update(Json::parse(log_schemas()));
  all.update(Json::parse(admin_schemas()));
  all.update(Json::parse(index_schemas()));
  all.update(Json::parse(overview_schemas()));
  all.update(Json::parse(record_schemas()));
  all.update(Json::parse(trace_schemas()));
  all["Duration"]["pattern"] = duration_pattern();
  all["TenantRetention"]["pattern"] = retention_pattern();
  all["Bound"]["pattern"] = bound_pattern();
  all["UserName"]["pattern"] = user_name_pattern();
  all["RawRecord"]["properties"]["value_base64"]["pattern"] = base64_pattern();
  add_events(all);

  all["User"] = with_example(of_catalogue("user.created"), R"({
    "id": 7, "email": "ada@acme.dev", "name": "Ada Lovelace", "tenantId": "acme"})");
  all["User"]["properties"]["id"]["format"] = "int64";
  Json tenant = complete(of_catalogue("tenant.created"));
  // Only where the tenant has them.
  for (const char* member :
       {"quotas", "roles", "types", "search", "retention", "managed_by", "closed"}) {
    auto& required = tenant["required"];
    required.erase(std::ranges::find(required, member));
  }
  Json& policies = tenant["properties"]["rate_limits"]["additionalProperties"];
  all["RatePolicy"] = with_example(std::move(policies), R"({"rate": 30, "per": "1m", "burst": 0})");
  policies = api::ref("RatePolicy");
  all["Tenant"] = with_example(std::move(tenant), R"({
    "id": "acme", "name": "Acme", "allow_unknown_types": false, "rate_limits": {}, "version": 1,
    "created_at": "2026-11-21T08:32:00.123Z", "updated_at": "2026-11-21T08:32:00.123Z"})");
  for (const auto& [name, whole] : {std::pair{"PendingUser", "User"},
                                    {"PendingBatch", "BatchResults"},
                                    {"PendingTenant", "Tenant"}}) {
    Json& schema = all[name] = Json(all[whole]);
    schema.erase("examples");
    schema["required"].push_back("pending");
    schema["properties"]["pending"] = api::ref("Pending");
  }
  all["Task"]["properties"]["state"] = of_catalogue("task.created")["properties"]["state"];
  all["Task"]["properties"]["state"]["type"] = "string";

  all["TopicDetails"] = Json(all["Topic"]);
  all["TopicDetails"].erase("examples");
  all["TopicDetails"]["required"].push_back("partition_offsets");
  all["TopicDetails"]["properties"]["partition_offsets"] = {
      {"type", "array"}, {"items", api::ref("PartitionOffsets")}};
  Json& group = all["GroupDetails"] = Json(all["Group"]);
  group.erase("examples");
  for (const char* member : {"members", "lag_seconds", "parked", "last_error", "partitions"}) {
    group["required"].push_back(member);
  }
  group["properties"].update(
      {{"members",
        {{"type", "array"},
         {"items", {{"type", "string"}}},
         {"description", "The processes that read with it, by their ids."}}},
       {"lag_seconds", {{"type", "number"}, {"minimum", 0}}},
       {"parked", {{"type", "integer"}, {"minimum", 0}}},
       {"last_error",
        {{"type", "string"}, {"description", "What the process that answers knows of."}}},
       {"partitions", {{"type", "array"}, {"items", api::ref("GroupPartition")}}}});
  all["Redrive"] = Json(all["Purge"]);
  all["Redrive"]["properties"]["wait"] = {
      {"type", "integer"},
      {"minimum", 0},
      {"maximum", pipeline::kMaxOutcomeWait.count()},
      {"default", pipeline::kOutcomeWait.count()},
      {"description", "For how many seconds the task waits for what becomes of the events."}};
  all["Redrive"]["properties"]["rate"] = {
      {"type", "integer"},
      {"minimum", 1},
      {"maximum", pipeline::kMaxRedriveRate},
      {"description", "At most so many letters a second; without it, as fast as it can."}};
  for (const char* item :
       {"Topic", "Record", "Group", "DeadLetterTopic", "CauseGroup", "DeadLetter", "Generation",
        "EventGeneration", "Task", "Member", "Setting", "ServerFinding", "LogLine", "Tenant",
        "RateLimit", "UserState", "QuotaState", "OwnType"}) {
    all[std::string(item) + "Page"] = page_of(item);
  }
  all["TaskPage"]["required"].push_back("version");
  all["TaskPage"]["properties"]["version"] = {
      {"type", "string"},
      {"description", "Another one once a task came, began or ended; for `seen`."}};
  return all;
}

}  // namespace

const Json& api_schemas() {
  static const Json all = make();
  return all;
}

}  // namespace mesh::services
