#include <algorithm>
#include <map>

#include "common/base/strings.h"
#include "common/domain/log_cursor.h"
#include "common/domain/record_json.h"
#include "daemon/pipeline/replay/bounds.h"
#include "daemon/pipeline/scan.h"
#include "daemon/services/admin_log.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

using http::Response;
using pipeline::find_topic;

constexpr IntRange kRecords{1, 1000, 100};
constexpr std::size_t kMaxPageBytes = 8 << 20;  // of keys and values; one record always fits
constexpr std::size_t kScanBatch = 1000;
// A look while it waits is short: it takes a worker, and other requests wait for the same ones.
constexpr int kMaxScannedWaiting = 5'000;
// With the rest of the head below what the server reads of one, 16 KiB.
constexpr std::size_t kMaxCursorBytes = 12 << 10;

// "0:17,1:4" ↔ offsets of the partitions of one topic.
Result<LogOffsets> parse_positions(const TopicInfo& topic, std::string_view text) {
  LogOffsets offsets;
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

std::string format_positions(const LogOffsets& offsets) {
  std::string text;
  for (const auto& [partition, offset] : offsets) {
    text += (text.empty() ? "" : ",") + std::to_string(partition.partition) + ":" +
            std::to_string(offset);
  }
  return text;
}

// Where the parameter `from` says.
Status begin_at_bound(const LogAdminDeps& deps, const TopicInfo& topic,
                      const http::Request& request, LogOffsets& offsets) {
  const std::string bound(request.param("from").value_or("end"));
  for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
    const TopicPartition partition{topic.spec.name, p};
    auto offset = MESH_TRY(pipeline::resolve_bound(deps.log, partition, bound, deps.clock.now()));
    offsets[partition] = offset;
  }
  return {};
}

struct RecordFilter {
  std::string tenant, type, key;
  bool empty() const { return tenant.empty() && type.empty() && key.empty(); }
  bool admits(const StoredRecord& record) const {
    if (!key.empty() && record.key != key) return false;
    if (tenant.empty() && type.empty()) return true;
    const auto event = from_record(record);
    return event && (tenant.empty() || event->tenant.str() == tenant) &&
           (type.empty() || event->type == type);
  }
};

// What one request reads, and how far it is.
struct Reading {
  LogOffsets offsets;
  RecordFilter filter;
  std::size_t limit = 0;
  bool hides_payloads = false;
  bool all_topics = false;  // also those that are made while it waits
  std::string (*format)(const LogOffsets&) = nullptr;
};

struct Found {
  std::vector<StoredRecord> records;  // by time
  bool ended_early = false;           // it looked through as many as it may
};

// Partitions in turns, so that a busy one does not keep the others' records back: each of those
// that have more gives its share of what there is still room for. Where there is room for fewer
// than there are partitions, the first turn goes around with the offsets.
Result<Found> collect(EventLog& log, Reading& reading, int max_scanned) {
  Found found;
  std::size_t bytes = 0;
  int scanned = 0;
  std::vector<LogOffsets::value_type*> open;
  std::uint64_t sum = 0;  // of any size: clients choose the offsets
  for (auto& entry : reading.offsets) {
    open.push_back(&entry);
    sum += static_cast<std::uint64_t>(entry.second);
  }
  if (!open.empty()) {
    std::ranges::rotate(open, open.begin() + static_cast<std::ptrdiff_t>(sum % open.size()));
  }
  const auto full = [&] { return found.records.size() >= reading.limit || bytes >= kMaxPageBytes; };
  while (!open.empty() && !full()) {
    const auto room = reading.limit - found.records.size();
    const auto share = std::max<std::size_t>(1, room / open.size());
    std::vector<LogOffsets::value_type*> more;
    for (auto* entry : open) {
      if (full()) break;
      if (scanned >= max_scanned) {
        found.ended_early = true;
        break;
      }
      auto& [partition, offset] = *entry;
      auto batch = log.read(partition, offset,
                            {.max_records = reading.filter.empty() ? share : kScanBatch,
                             .max_bytes = kMaxPageBytes - bytes});
      if (!batch) return fail(batch.error());
      if (!batch->at_end || !batch->records.empty()) more.push_back(entry);
      // A fetch that brought nothing took its time: a request makes some of them only.
      if (batch->records.empty() && !batch->at_end) scanned += static_cast<int>(kScanBatch);
      std::size_t taken = 0;
      std::int64_t next = batch->next;
      for (auto& record : batch->records) {
        if (taken == share || full()) {
          next = record.position.offset;
          break;
        }
        ++scanned;
        if (!reading.filter.admits(record)) continue;
        ++taken;
        bytes += record.key.size() + (record.value ? record.value->size() : 0);
        found.records.push_back(std::move(record));
      }
      offset = next;
    }
    if (found.ended_early) break;
    open = std::move(more);
  }
  std::ranges::stable_sort(found.records, {}, &StoredRecord::time);
  return found;
}

// Those but the dead letters', from their starts where they are new.
Status add_topics(LogAdmin& admin, LogOffsets& offsets) {
  auto all = MESH_TRY(admin.topics());
  for (const auto& topic : all) {
    if (is_dead_letter_topic(topic.spec.name)) continue;
    for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
      // Offset 0 is the start of what is left: a read below the start begins there.
      offsets.try_emplace({topic.spec.name, p}, 0);
    }
  }
  return {};
}

Result<std::optional<Response>> look(const LogAdminDeps& deps, Reading& reading, int max_scanned,
                                     bool last) {
  if (reading.all_topics) {
    MESH_TRY(add_topics(deps.admin, reading.offsets));
  }
  auto found = collect(deps.log, reading, max_scanned);
  if (!found) return fail(found.error());
  // One that looked through many answers with where it is, so that the next request goes on.
  if (found->records.empty() && !last && !found->ended_early) return std::nullopt;
  std::string next = reading.format(reading.offsets);
  if (next.size() > kMaxCursorBytes) {
    return fail(ErrorKind::invalid,
                "so many topics are too many to follow in one request: their positions take " +
                    std::to_string(next.size()) + " bytes, at most " +
                    std::to_string(kMaxCursorBytes) + " fit; name fewer topics");
  }
  Json items = Json::array();
  for (const auto& record : found->records) {
    auto json = mesh::to_json(record);
    items.push_back(reading.hides_payloads ? without_payload(std::move(json)) : std::move(json));
  }
  return page(std::move(items), std::move(next));
}

// Answers with what there is from `reading` on, or once there is something.
Status answer(const std::shared_ptr<const LogAdminDeps>& deps, const http::Request& request,
              const http::Responder& respond, Reading reading) {
  auto limit = MESH_TRY(int_param(request, "limit", kRecords));
  auto wait = MESH_TRY(int_param(request, "wait", kWaitSeconds));
  reading.limit = static_cast<std::size_t>(limit);
  reading.hides_payloads = hides_payloads(request);
  reading.filter = {text_param(request, "tenant"), text_param(request, "type"),
                    text_param(request, "key")};
  // The looks move its offsets on, and the watch waits from where the last look ended. The two are
  // never called at once (LongPolls), so nothing guards it.
  const auto state = std::make_shared<Reading>(std::move(reading));
  deps->polls.answer(
      {[deps, state, max_scanned = kMaxScanned](bool last) mutable -> std::optional<Response> {
         auto found = look(*deps, *state, std::exchange(max_scanned, kMaxScannedWaiting), last);
         return found ? std::move(*found) : Response::problem(found.error());
       },
       [deps, state](Told told) { return deps->log.watch(state->offsets, std::move(told)); }, true},
      std::chrono::seconds(wait), respond);
  return {};
}

Status records_of_topic(const std::shared_ptr<const LogAdminDeps>& deps,
                        const http::Request& request, const http::Responder& respond) {
  auto topic = MESH_TRY(find_topic(deps->admin, request.path_params.at("topic")));
  Reading reading{.format = format_positions};
  if (const auto positions = request.param("positions")) {
    auto offsets = MESH_TRY(parse_positions(topic, *positions));
    reading.offsets = std::move(offsets);
  } else
    MESH_TRY(begin_at_bound(*deps, topic, request, reading.offsets));
  return answer(deps, request, respond, std::move(reading));
}

// The topics that the parameter names; all but the dead letters' where it names none.
Result<std::vector<TopicInfo>> topics_of(const LogAdminDeps& deps, std::string_view names) {
  if (names.empty()) {
    auto all = deps.admin.topics();
    if (all) {
      std::erase_if(*all, [](const auto& topic) { return is_dead_letter_topic(topic.spec.name); });
    }
    return all;
  }
  std::vector<TopicInfo> topics;
  for (const auto& name : split(names, ',')) {
    auto topic = MESH_TRY(find_topic(deps.admin, name));
    topics.push_back(std::move(topic));
  }
  return topics;
}

Status records(const std::shared_ptr<const LogAdminDeps>& deps, const http::Request& request,
               const http::Responder& respond) {
  const auto names = text_param(request, "topics");
  auto topics = MESH_TRY(topics_of(*deps, names));
  Reading reading{.all_topics = names.empty(), .format = format_log_cursor};
  const auto cursor = request.param("cursor");
  for (const auto& topic : topics) {
    if (!cursor) {
      MESH_TRY(begin_at_bound(*deps, topic, request, reading.offsets));
    }
    for (std::int32_t p = 0; p < topic.spec.partitions; ++p) {
      reading.offsets.try_emplace({topic.spec.name, p}, 0);
    }
  }
  if (!cursor) return answer(deps, request, respond, std::move(reading));
  auto offsets = parse_log_cursor(*cursor);
  if (!offsets) {
    return fail(ErrorKind::invalid, "query parameter cursor: " + offsets.error().message);
  }
  // The offsets decide what is read: a cursor of other topics must not add any.
  for (const auto& [partition, offset] : *offsets) {
    const auto at = reading.offsets.find(partition);
    if (at == reading.offsets.end()) {
      return fail(ErrorKind::invalid, "query parameter cursor: partition " +
                                          std::to_string(partition.partition) + " of " +
                                          partition.topic + " is none of those that are read");
    }
    at->second = offset;
  }
  return answer(deps, request, respond, std::move(reading));
}

}  // namespace

http::RouteTable record_routes(const std::shared_ptr<const LogAdminDeps>& deps) {
  using Work = Status (*)(const std::shared_ptr<const LogAdminDeps>&, const http::Request&,
                          const http::Responder&);
  const auto route = [&](const char* pattern, const char* operation, const char* summary,
                         std::vector<http::Parameter> parameters, Work work) {
    for (auto&& common : std::vector<http::Parameter>{
             api::query("from", "Where to begin.", api::bound("end")),
             api::limit("records", kRecords), api::tenant_filter(),
             api::query("type", "Only events of this type."),
             api::query("key", "Only records of this key."), api::wait("there is a record")}) {
      parameters.push_back(std::move(common));
    }
    return http::Route{.method = "GET",
                       .pattern = pattern,
                       .pool = http::Pool::slow,
                       .payloads = http::Payloads::omitted,
                       .operation = operation,
                       .summary = summary,
                       .details =
                           "To follow what is appended, ask again with what the answer's "
                           "`next` says, and with `wait`.",
                       .parameters = std::move(parameters),
                       .answers = {api::gives("RecordPage", "Records, the oldest first.")},
                       .problems = {404},
                       .handler = [deps, work](auto request, auto respond) {
                         if (auto done = work(deps, *request, respond); !done) {
                           respond(done.error());
                         }
                       }};
  };
  return api::for_operators(
      "log",
      {route("/admin/v1/records", "listRecords",
             "Records of many topics, from a place or a cursor on",
             {api::query("topics",
                         "Names of topics with commas between. Without it all but those of dead "
                         "letters, also new ones.",
                         {{"type", "string"},
                          {"examples", Json::array({"user.events,analytics.events"})}}),
              api::cursor("the `next` of the answer before, in place of `from`")},
             records),
       route("/admin/v1/topics/{topic}/records", "listTopicRecords",
             "Records of a topic, from a place or a cursor on",
             {api::path("topic", "The topic."),
              api::query("positions",
                         "Where to begin, in place of `from`: the `next` of the answer before, "
                         "`<partition>:<offset>` with commas between.",
                         {{"type", "string"},
                          {"pattern", "^[0-9]+:[0-9]+(,[0-9]+:[0-9]+)*$"},
                          {"examples", Json::array({"0:17,1:4"})}})},
             records_of_topic)});
}

}  // namespace mesh::services
