#include "daemon/pipeline/dead_letters/dead_letters.h"

#include <algorithm>
#include <set>

#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"
#include "common/domain/record_json.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/dead_letters/mending.h"
#include "daemon/pipeline/dead_letters/settling.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

std::string letters_of(const std::string& topic) {
  return is_dead_letter_topic(topic) ? topic : dead_letter_topic(topic);
}

// Letters of a partition that are not settled and match, newest first, until `use` returns false;
// a letter's marker stands behind it in its partition.
Status each_letter_in(EventLog& log, const TopicPartition& partition,
                      const DeadLetterFilter& filter,
                      const std::function<bool(const StoredRecord&)>& use) {
  std::set<std::string> settled;
  return scan_back(log, partition, [&](std::vector<StoredRecord>& records) {
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      if (is_marker(*record)) {
        settled.emplace(find_header(record->headers, kSettles));
      } else if (settled.erase(settled_name(record->position)) == 0 && matches(filter, *record) &&
                 !use(*record)) {
        return false;
      }
    }
    return true;
  });
}

// The record of an event in the JSON format of CloudEvents, all attributes as they are stored. The
// content type decides about the data: what is JSON is a value, other text a string, the rest
// base64.
Json event_json(const StoredRecord& record, const Event& event) {
  Json json = {{"specversion", "1.0"}, {"id", event.id}, {"type", event.type}};
  if (!event.source.empty()) json["source"] = event.source;
  json["time"] = time_text_of(event);
  if (!event.subject.empty()) json["subject"] = event.subject;
  json["tenantid"] = event.tenant.str();
  if (event.sequence > 0) json["sequence"] = event.sequence;
  if (!event.content_type.empty()) json["datacontenttype"] = event.content_type;
  if (!event.traceparent.empty()) json["traceparent"] = event.traceparent;
  if (!event.tracestate.empty()) json["tracestate"] = event.tracestate;
  for (const auto& [name, value] : event.extensions) json[name] = value;
  if (!record.value) return json;
  const bool is_json = event.content_type.empty() || is_json_content(event.content_type);
  // Inserted as it stands, so only what parses: else the whole answer would be no JSON.
  if (is_json && parse_json(event.data, {32, event.data.size()})) {
    json["data"] = raw_json(event.data);
  } else if (!is_json && is_valid_utf8(event.data)) {
    json["data"] = event.data;
  } else {
    json["data_base64"] = base64_encode(event.data);
  }
  return json;
}

std::string counts_text(const std::map<std::string, std::int64_t>& causes) {
  std::string text;
  for (const auto& [cause, count] : causes) {
    text += (text.empty() ? "" : ", ") + cause + " (" + std::to_string(count) + ")";
  }
  return text;
}

}  // namespace

Json to_json(const DeadLetter& letter) {
  Json json = {{"topic", letter.position.topic},
               {"partition", letter.position.partition},
               {"offset", letter.position.offset},
               {"died_at", format_rfc3339(letter.died_at)},
               {"first_died_at", format_rfc3339(letter.first_died_at)},
               {"pipeline", letter.pipeline},
               {"source", letter.source},
               {"tenant", letter.tenant},
               {"attempts", letter.attempts},
               {"attempts_before", letter.attempts_before},
               {"redrives", letter.redrives},
               {"cause_class", letter.cause_class},
               {"cause", letter.cause},
               {"fingerprint", letter.fingerprint},
               {"key", letter.key},
               {"event", nullptr}};
  if (letter.event) {
    json["event"] = event_json(letter.record, *letter.event);
  } else {
    put_data(json, "value", {}, letter.record.value);
  }
  return json;
}

DeadLetters::DeadLetters(LettersDeps deps) : deps_(std::move(deps)) {}

Result<std::vector<DeadLetter>> DeadLetters::list(const std::string& topic,
                                                  const DeadLetterFilter& filter, int limit) {
  const std::string name = letters_of(topic);
  const auto info = MESH_TRY(find_topic(deps_.admin, name));
  std::vector<DeadLetter> letters;
  for (int p = 0; p < info.spec.partitions; ++p) {
    int found = 0;  // the newest of all are among the newest of each partition
    MESH_TRY(each_letter_in(deps_.log, {name, p}, filter, [&](const StoredRecord& record) {
      if (found >= limit) return false;
      ++found;
      letters.push_back(letter_of(record));
      return true;
    }));
  }
  // By time of death, since offsets of different partitions cannot be compared.
  std::ranges::stable_sort(
      letters, [](const DeadLetter& a, const DeadLetter& b) { return a.died_at > b.died_at; });
  if (letters.size() > static_cast<std::size_t>(std::max(limit, 0))) {
    letters.erase(letters.begin() + std::max(limit, 0), letters.end());
  }
  return letters;
}

Status DeadLetters::each(const std::string& topic, const DeadLetterFilter& filter,
                         const std::function<bool(const DeadLetter&)>& use) {
  const std::string name = letters_of(topic);
  const auto info = MESH_TRY(find_topic(deps_.admin, name));
  bool more = true;
  for (int p = 0; more && p < info.spec.partitions; ++p) {
    MESH_TRY(each_letter_in(deps_.log, {name, p}, filter, [&](const StoredRecord& record) {
      return more = use(letter_of(record));
    }));
  }
  return {};
}

Result<std::int64_t> DeadLetters::count(const std::string& topic, const DeadLetterFilter& filter) {
  const std::string name = letters_of(topic);
  const auto info = MESH_TRY(find_topic(deps_.admin, name));
  std::int64_t matching = 0;
  // All letters of the tenant are looked at, since only they tell a slip from a search in vain.
  std::map<std::string, std::int64_t> causes;  // of the tenant's letters, by class
  bool known = false;                          // one of them has the cause that is named
  for (int p = 0; p < info.spec.partitions; ++p) {
    MESH_TRY(each_letter_in(
        deps_.log, {name, p}, {filter.tenant, {}, {}}, [&](const StoredRecord& record) {
          ++causes[std::string(find_header(record.headers, dead_letter::kCauseClass))];
          known = known || (filter.cause && is_of_cause(*filter.cause, record));
          if (matches(filter, record)) ++matching;
          return true;
        }));
  }
  if (matching > 0) return matching;
  const std::string where = name + (filter.tenant ? ", tenant " + *filter.tenant : "");
  if (filter.cause && !causes.empty() && !known) {
    return fail(ErrorKind::not_found, "no letters of cause \"" + *filter.cause + "\" in " + where +
                                          "; there are: " + counts_text(causes));
  }
  if (filter.event_id) {
    return fail(ErrorKind::not_found, "no letter of event \"" + *filter.event_id + "\" in " +
                                          where + "; `mesh dlq show` lists those that there are");
  }
  return matching;
}

Result<DeadLetter> DeadLetters::at(const Position& letter) {
  auto record = MESH_TRY(letter_at(deps_, letter));
  return letter_of(record);
}

Result<Mended> DeadLetters::mend(const Position& letter, const Event& event) {
  return mend_letter(deps_, letter, event);
}

Status DeadLetters::redrive(TaskContext& context) { return settle_all(context, true); }

Status DeadLetters::purge(TaskContext& context) { return settle_all(context, false); }

Status DeadLetters::settle_all(TaskContext& context, bool redrive) {
  const Json& spec = context.task().spec;
  // A misspelt member must not widen a purge to everything.
  MESH_TRY(only_members(spec, {"topic", "tenant", "cause", "id", "wait", "rate"}));
  const auto filter = MESH_TRY(dead_letter_filter_from_json(spec));
  const auto wait = MESH_TRY(int_member(spec, "wait"));
  const auto rate = MESH_TRY(int_member(spec, "rate"));
  const SettlingSpec settling{letters_of(spec.value("topic", std::string())), filter, redrive,
                              wait.has_value() ? std::chrono::seconds(*wait) : kOutcomeWait, rate};
  return settle_letters(deps_, context, settling);
}

}  // namespace mesh::pipeline
