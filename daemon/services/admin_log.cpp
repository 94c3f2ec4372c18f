#include <map>
#include <set>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "daemon/services/admin.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;
using Offsets = std::map<TopicPartition, std::int64_t>;

constexpr int kMaxRecords = 1000;
constexpr std::size_t kScanBatch = 1000;
// How long a request that waits for records may hold up a drain.
constexpr Duration kDrainCheck{500};
constexpr int kMaxWaiting = 8;  // half of the default http.blocking_workers
// How many records one request looks through for a filter before it answers with a cursor.
constexpr int kMaxScanned = 200'000;

Json topic_json(const TopicInfo& topic) {
  const auto& spec = topic.spec;
  return {{"name", spec.name},
          {"kind", spec.kind == TopicKind::entity ? "entity" : "activity"},
          {"partitions", spec.partitions},
          {"records", topic.records},
          {"bytes", topic.bytes},
          {"retention",
           {{"age", spec.max_age ? Json(format_duration(*spec.max_age)) : Json(nullptr)},
            {"size", spec.max_bytes ? Json(*spec.max_bytes) : Json(nullptr)}}}};
}

Result<TopicInfo> find_topic(LogAdmin& admin, const std::string& name) {
  auto all = admin.topics();
  if (!all) return fail(all.error());
  for (auto& topic : *all) {
    if (topic.spec.name == name) return std::move(topic);
  }
  return fail(ErrorKind::not_found, "no topic \"" + name + "\"; `mesh topics list` shows them");
}

// --- records ---------------------------------------------------------------------------------

// "0:17,1:4" ↔ offsets by partition.
Result<Offsets> parse_positions(const TopicInfo& topic, std::string_view text) {
  Offsets offsets;
  for (const auto& part : split(text, ',')) {
    const auto colon = part.find(':');
    const auto partition = parse_int(std::string_view(part).substr(0, colon));
    const auto offset = colon == std::string::npos
                            ? std::nullopt
                            : parse_int(std::string_view(part).substr(colon + 1));
    if (!partition || !offset || *partition < 0 || *partition >= topic.spec.partitions ||
        *offset < 0) {
      return fail(ErrorKind::invalid, "query parameter positions: \"" + part +
                                          "\" is not <partition>:<offset> of topic " +
                                          topic.spec.name + " with " +
                                          std::to_string(topic.spec.partitions) + " partitions");
    }
    offsets[{topic.spec.name, static_cast<std::int32_t>(*partition)}] = *offset;
  }
  return offsets;
}

std::string format_positions(const Offsets& offsets) {
  std::string text;
  for (const auto& [partition, offset] : offsets) {
    text += (text.empty() ? "" : ",") + std::to_string(partition.partition) + ":" +
            std::to_string(offset);
  }
  return text;
}

Result<Offsets> start_of(const LogAdminDeps& deps, const TopicInfo& topic,
                         const http::Request& request) {
  if (const auto positions = request.param("positions")) return parse_positions(topic, *positions);
  const std::string bound(request.param("from").value_or("end"));
  Offsets offsets;
  for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
    const TopicPartition partition{topic.spec.name, p};
    auto offset = pipeline::resolve_bound(deps.log, partition, bound, deps.clock.now());
    if (!offset) return fail(offset.error());
    offsets[partition] = *offset;
  }
  return offsets;
}

// Counts the requests that wait, for as long as it lives.
class Waiting {
 public:
  explicit Waiting(std::atomic<int>& all) : all_(all), count_(++all) {}
  ~Waiting() { --all_; }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  int count() const { return count_; }

 private:
  std::atomic<int>& all_;
  const int count_;
};

struct RecordFilter {
  std::string tenant, type, key;
  bool admits(const StoredRecord& record) const {
    if (!key.empty() && record.key != key) return false;
    if (tenant.empty() && type.empty()) return true;
    const auto event = from_record(record);
    return event && (tenant.empty() || event->tenant.str() == tenant) &&
           (type.empty() || event->type == type);
  }
};

// Adds records that pass, oldest first across partitions, and moves the offsets past all it read.
Status collect(EventLog& log, const RecordFilter& filter, int limit, Offsets& offsets,
               std::vector<StoredRecord>& found) {
  int scanned = 0;
  for (auto& [partition, offset] : offsets) {
    while (static_cast<int>(found.size()) < limit && scanned < kMaxScanned) {
      auto batch = log.read(partition, offset, {.max_records = kScanBatch});
      if (!batch) return fail(batch.error());
      if (batch->empty()) break;
      for (auto& record : *batch) {
        if (static_cast<int>(found.size()) >= limit) break;
        offset = record.position.offset + 1;
        ++scanned;
        if (filter.admits(record)) found.push_back(std::move(record));
      }
    }
  }
  std::ranges::stable_sort(found, {}, &StoredRecord::time);
  return {};
}

Result<Response> records(const LogAdminDeps& deps, const http::Request& request) {
  auto topic = find_topic(deps.admin, request.path_params.at("topic"));
  if (!topic) return fail(topic.error());
  auto limit = int_param(request, "limit", 100, 1, kMaxRecords);
  if (!limit) return fail(limit.error());
  auto wait = int_param(request, "wait", 0, 0, kMaxWaitSeconds);
  if (!wait) return fail(wait.error());
  auto offsets = start_of(deps, *topic, request);
  if (!offsets) return fail(offsets.error());
  const RecordFilter filter{text_param(request, "tenant"), text_param(request, "type"),
                            text_param(request, "key")};
  // Who waits holds a worker; the others stay for requests that have work to do.
  const Waiting waiting(*deps.waiting);
  if (*wait > 0 && waiting.count() > kMaxWaiting) {
    return fail({ErrorKind::unavailable,
                 "too many requests wait for records already; try again in a moment",
                 {},
                 {},
                 Duration{1'000}});
  }
  const auto deadline = deps.clock.steady() + std::chrono::seconds(*wait);
  std::vector<StoredRecord> found;
  while (true) {
    if (auto read = collect(deps.log, filter, static_cast<int>(*limit), *offsets, found); !read) {
      return fail(read.error());
    }
    const auto left = std::chrono::ceil<Duration>(deadline - deps.clock.steady());
    if (!found.empty() || left <= Duration::zero() || deps.draining()) break;
    deps.log.wait(*offsets, std::min(left, kDrainCheck));
  }
  Json items = Json::array();
  for (const auto& record : found) items.push_back(to_json(record));
  return page(std::move(items), format_positions(*offsets));
}

// The time inside a UUIDv7 tells where to begin; a foreign id is looked for from the start.
Result<Response> event_by_id(const LogAdminDeps& deps, const http::Request& request) {
  const std::string& id = request.path_params.at("id");
  auto all = deps.admin.topics();
  if (!all) return fail(all.error());
  const auto made = uuid_v7_time(id);
  const std::string only = text_param(request, "topic");
  for (const auto& topic : *all) {
    if (only.empty() ? is_dead_letter_topic(topic.spec.name) : topic.spec.name != only) continue;
    for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
      const TopicPartition partition{topic.spec.name, p};
      Result<std::int64_t> offset = 0;
      if (made) offset = deps.log.offset_at(partition, *made - std::chrono::seconds(1));
      if (!offset) return fail(offset.error());
      for (int scanned = 0; scanned < kMaxScanned;) {
        auto batch = deps.log.read(partition, *offset, {.max_records = kScanBatch});
        if (!batch) return fail(batch.error());
        if (batch->empty()) break;
        for (const auto& record : *batch) {
          const auto ce_id = find_header(record.headers, "ce_id");
          if (ce_id == id) return Response::json(200, to_json(record));
        }
        scanned += static_cast<int>(batch->size());
        offset = batch->back().position.offset + 1;
      }
    }
  }
  return fail(
      ErrorKind::not_found,
      "no event " + id + " was found" +
          (made ? std::string(" from the time in its id on")
                : " among the first " + std::to_string(kMaxScanned) +
                      " records of each partition; name its topic and look with mesh events tail"));
}

void append(const LogAdminDeps& deps, const http::Request& request, http::Responder respond) {
  auto body = object_body(request);
  if (!body) return respond(body.error());
  const auto unprocessable = [&](const char* pointer, const char* detail) {
    respond(
        Error{ErrorKind::unprocessable, "the records are not valid", {}, {{pointer, detail}}, {}});
  };
  if (!body->contains("topic") || !(*body)["topic"].is_string()) {
    return unprocessable("/topic", "must name a topic");
  }
  if (!body->contains("records") || !(*body)["records"].is_array() || (*body)["records"].empty()) {
    return unprocessable("/records", "must be an array of {\"key\",\"value\",\"headers\"}");
  }
  std::vector<Record> batch;
  for (const auto& item : (*body)["records"]) {
    if (!item.is_object() || !only_members(item, {"key", "value", "headers"})) {
      return unprocessable("/records", "every record must be an object of key, value and headers");
    }
    if (!item.contains("key") || !item["key"].is_string() ||
        item["key"].get_ref<const std::string&>().empty()) {
      return unprocessable("/records/key", "every record needs a key, a string");
    }
    if (item.contains("headers") && !item["headers"].is_object()) {
      return unprocessable("/records/headers", "must map names to values");
    }
    Record record{(*body)["topic"], item["key"], std::nullopt, {}};
    if (item.contains("value") && !item["value"].is_null()) {
      record.value =
          item["value"].is_string() ? item["value"].get<std::string>() : dump(item["value"]);
    }
    if (item.contains("headers")) {
      for (const auto& [name, value] : item["headers"].items()) {
        record.headers.emplace_back(name,
                                    value.is_string() ? value.get<std::string>() : dump(value));
      }
    }
    batch.push_back(std::move(record));
  }
  deps.log.append(std::move(batch), [respond](Result<std::vector<Position>> positions) {
    if (!positions) return respond(positions.error());
    Json list = Json::array();
    for (const auto& position : *positions) list.push_back(to_string(position));
    respond(Response::json(202, {{"positions", std::move(list)}}));
  });
}

// --- groups ----------------------------------------------------------------------------------

std::string_view state_name(pipeline::PipelineStatus::State state) {
  using State = pipeline::PipelineStatus::State;
  switch (state) {
    case State::running:
      return "running";
    case State::paused_outage:
      return "paused: engine outage";
    case State::paused_backlog:
      return "paused: too many retries";
    case State::stopped:
      return "stopped";
    case State::failed:
      return "failed";
  }
  return "unknown";
}

struct GroupView {
  GroupInfo info;
  std::optional<pipeline::PipelineStatus> pipeline;
  std::map<TopicPartition, Watermarks> ends;

  std::int64_t lag() const {
    std::int64_t sum = 0;
    for (const auto& [partition, marks] : ends) sum += marks.end - at(partition);
    return sum;
  }
  std::int64_t at(const TopicPartition& partition) const {
    const auto it = info.committed.find(partition);
    const std::int64_t start = ends.at(partition).start;
    return it == info.committed.end() ? start : std::max(start, it->second);
  }
};

Result<std::vector<GroupView>> group_views(const LogAdminDeps& deps) {
  auto groups = deps.admin.groups();
  if (!groups) return fail(groups.error());
  const auto running = deps.pipelines();
  std::vector<GroupView> views;
  for (auto& info : *groups) {
    GroupView view{std::move(info), {}, {}};
    for (const auto& status : running) {
      if (status.name == view.info.name) view.pipeline = status;
    }
    for (const auto& [partition, offset] : view.info.committed) {
      auto marks = deps.log.watermarks(partition);
      if (marks) view.ends[partition] = *marks;  // a topic that is gone has no lag
    }
    views.push_back(std::move(view));
  }
  return views;
}

Json group_json(const GroupView& view, bool details) {
  std::set<std::string> topics;
  for (const auto& [partition, marks] : view.ends) topics.insert(partition.topic);
  Json json{{"group", view.info.name},
            {"active", view.info.active},
            {"state", view.pipeline ? state_name(view.pipeline->state)
                                    : (view.info.active ? "running" : "inactive")},
            {"lag", view.lag()},
            {"topics", topics}};
  if (!details) return json;
  json["lag_seconds"] = view.pipeline ? view.pipeline->lag_seconds : 0.0;
  json["parked"] = view.pipeline ? view.pipeline->parked : 0;
  json["last_error"] = view.pipeline ? view.pipeline->last_error : "";
  json["partitions"] = Json::array();
  for (const auto& [partition, marks] : view.ends) {
    const auto at = view.at(partition);
    json["partitions"].push_back({{"topic", partition.topic},
                                  {"partition", partition.partition},
                                  {"committed", at},
                                  {"end", marks.end},
                                  {"lag", marks.end - at}});
  }
  return json;
}

Result<GroupView> find_group(const LogAdminDeps& deps, const std::string& name) {
  auto views = group_views(deps);
  if (!views) return fail(views.error());
  for (auto& view : *views) {
    if (view.info.name == name) return std::move(view);
  }
  return fail(ErrorKind::not_found, "no group \"" + name + "\"; `mesh groups list` shows them");
}

Result<Response> list_groups(const LogAdminDeps& deps, const http::Request&) {
  auto views = group_views(deps);
  if (!views) return fail(views.error());
  Json items = Json::array();
  for (const auto& view : *views) items.push_back(group_json(view, false));
  return page(std::move(items));
}

Result<Response> seek_group(const LogAdminDeps& deps, const http::Request& request) {
  auto body = object_body(request);
  if (!body) return fail(body.error());
  if (auto known = only_members(*body, {"to", "topic", "partition", "dry_run"}); !known)
    return fail(known.error());
  auto to = string_member(*body, "to");
  auto topic = string_member(*body, "topic");
  auto partition = int_member(*body, "partition");
  auto dry_run = bool_member(*body, "dry_run");
  for (const auto* error :
       {to ? nullptr : &to.error(), topic ? nullptr : &topic.error(),
        partition ? nullptr : &partition.error(), dry_run ? nullptr : &dry_run.error()}) {
    if (error != nullptr) return fail(*error);
  }
  if (!*to)
    return fail({ErrorKind::unprocessable, "say where to", {}, {{"/to", "is missing"}}, {}});
  auto view = find_group(deps, request.path_params.at("group"));
  if (!view) return fail(view.error());
  Offsets target;
  Json moves = Json::array();
  for (const auto& [where, marks] : view->ends) {
    if (*topic && where.topic != **topic) continue;
    if (*partition && where.partition != **partition) continue;
    auto offset = pipeline::resolve_bound(deps.log, where, **to, deps.clock.now());
    if (!offset) return fail(offset.error());
    target[where] = *offset;
    moves.push_back({{"topic", where.topic},
                     {"partition", where.partition},
                     {"from", view->at(where)},
                     {"to", *offset}});
  }
  if (target.empty()) {
    return fail(ErrorKind::not_found,
                "group " + view->info.name + " reads no such topic or partition");
  }
  if (!*dry_run) {
    if (auto sought = deps.admin.seek_group(view->info.name, target); !sought)
      return fail(sought.error());
  }
  return Response::json(200, {{"group", view->info.name}, {"partitions", std::move(moves)}});
}

}  // namespace

Json to_json(const StoredRecord& record) {
  Json json{{"topic", record.position.topic},
            {"partition", record.position.partition},
            {"offset", record.position.offset},
            {"time", format_rfc3339(record.time)},
            {"key", record.key}};
  if (auto event = from_record(record)) {
    json.update({{"id", event->id},
                 {"type", event->type},
                 {"tenant", event->tenant.str()},
                 {"subject", event->subject},
                 {"source", event->source},
                 {"event_time", format_rfc3339(event->time)},
                 {"sequence", event->sequence},
                 {"traceparent", event->traceparent}});
  } else {
    for (const char* name :
         {"id", "type", "tenant", "subject", "source", "event_time", "sequence", "traceparent"}) {
      json[name] = nullptr;
    }
  }
  json["headers"] = Json::object();
  for (const auto& [name, value] : record.headers) json["headers"][name] = value;
  if (!record.value) {
    json["value"] = nullptr;
  } else {
    auto value = parse_json(*record.value, {.max_depth = 64, .max_bytes = record.value->size()});
    json["value"] = value ? std::move(*value) : Json(*record.value);
  }
  return json;
}

http::RouteTable log_routes(LogAdminDeps deps) {
  using http::Access;
  using http::Body;
  using Plain = Result<Response> (*)(const LogAdminDeps&, const http::Request&);
  const auto shared = std::make_shared<const LogAdminDeps>(std::move(deps));
  const auto plain = [shared](Plain work) { return answering(shared, work); };
  const http::Parameter topic{"topic", "path", "the topic", "string", true};
  const http::Parameter group{"group", "path", "the consumer group", "string", true};
  return {
      {.method = "GET",
       .pattern = "/admin/v1/topics",
       .access = Access::operator_,
       .blocking = true,
       .summary = "Lists the topics",
       .handler = plain([](const LogAdminDeps& d, const http::Request&) -> Result<Response> {
         auto all = d.admin.topics();
         if (!all) return fail(all.error());
         Json items = Json::array();
         for (const auto& info : *all) items.push_back(topic_json(info));
         return page(std::move(items));
       })},
      {.method = "GET",
       .pattern = "/admin/v1/topics/{topic}",
       .access = Access::operator_,
       .blocking = true,
       .summary = "A topic and its partitions",
       .parameters = {topic},
       .handler =
           plain([](const LogAdminDeps& d, const http::Request& request) -> Result<Response> {
             auto info = find_topic(d.admin, request.path_params.at("topic"));
             if (!info) return fail(info.error());
             Json json = topic_json(*info);
             json["partition_offsets"] = Json::array();
             for (std::size_t p = 0; p < info->partitions.size(); ++p) {
               json["partition_offsets"].push_back({{"partition", p},
                                                    {"start", info->partitions[p].start},
                                                    {"end", info->partitions[p].end}});
             }
             return Response::json(200, json);
           })},
      {.method = "GET",
       .pattern = "/admin/v1/topics/{topic}/records",
       .access = Access::operator_,
       .blocking = true,
       .summary = "Records of a topic, from a place or a cursor on; can wait for new ones",
       .parameters = {topic,
                      {"from", "query", "start, end, an offset, @<time> or @-<duration> (end)"},
                      {"positions", "query", "the cursor of the answer before, as 0:17,1:4"},
                      {"limit", "query", "records, 1 to 1000 (100)", "integer"},
                      {"tenant", "query", "only this tenant's"},
                      {"type", "query", "only events of this type"},
                      {"key", "query", "only records of this key"},
                      {"wait", "query", "seconds to wait for the first, 0 to 25 (0)", "integer"}},
       .handler = plain(records)},
      {.method = "GET",
       .pattern = "/admin/v1/events/{id}",
       .access = Access::operator_,
       .blocking = true,
       .summary = "The record of an event",
       .parameters = {{"id", "path", "the event's id", "string", true},
                      {"topic", "query", "look only in this topic"}},
       .handler = plain(event_by_id)},
      {.method = "POST",
       .pattern = "/admin/v1/events",
       .access = Access::operator_,
       .body = Body::json,
       .summary = "Appends raw records to a topic",
       .handler = [shared](auto request,
                           auto respond) { append(*shared, *request, std::move(respond)); }},
      {.method = "GET",
       .pattern = "/admin/v1/groups",
       .access = Access::operator_,
       .blocking = true,
       .summary = "Lists the consumer groups",
       .handler = plain(list_groups)},
      {.method = "GET",
       .pattern = "/admin/v1/groups/{group}",
       .access = Access::operator_,
       .blocking = true,
       .summary = "A group's position and lag per partition",
       .parameters = {group},
       .handler =
           plain([](const LogAdminDeps& d, const http::Request& request) -> Result<Response> {
             auto view = find_group(d, request.path_params.at("group"));
             if (!view) return fail(view.error());
             return Response::json(200, group_json(*view, true));
           })},
      {.method = "POST",
       .pattern = "/admin/v1/groups/{group}/seek",
       .access = Access::operator_,
       .body = Body::json,
       .blocking = true,
       .summary = "Moves a group's committed offsets",
       .parameters = {group},
       .handler = plain(seek_group)},
  };
}

}  // namespace mesh::services
