#include "daemon/pipeline/trace/trace.h"

#include <algorithm>
#include <map>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

constexpr int kMaxRedrives = 20;  // that are followed
// Times of two partitions may be of two machines.
constexpr Duration kClockSlack{5'000};
// A marker is written once its record is back.
constexpr Duration kBeforeMarker{60'000};

// The record that went back from a letter; `left` as of letters_of().
Result<std::optional<StoredRecord>> back_from(EventLog& log, const DeadLetter& letter,
                                              Timestamp settled, std::int64_t& left) {
  const Position& source = letter.record.position;
  const TopicPartition partition{source.topic, source.partition};
  const auto from = MESH_TRY(log.offset_at(partition, earlier(settled, kBeforeMarker)));
  const auto to = MESH_TRY(log.offset_at(partition, settled + kClockSlack));
  std::optional<StoredRecord> found;
  if (left <= 0) return found;
  MESH_TRY(scan(log, partition, from, to, [&](std::vector<StoredRecord>& records) {
    const auto at = std::ranges::find_if(records, [&](const StoredRecord& record) {
      return came_from(record.headers, letter.position);
    });
    if (at != records.end()) found = std::move(*at);
    left -= std::ssize(records);
    return !found && left > 0;
  }));
  return found;
}

// What every group is asked about one record.
struct Facts {
  const TracePorts& ports;
  const StoredRecord& record;
  const Event& event;
  const std::vector<LettersFound::One>& letters;
  bool whole;          // `letters` are all
  std::int64_t start;  // of its partition
};

// The user of a point, if the generation has it.
Result<std::optional<IndexedUser>> indexed(VectorIndex& index, int generation,
                                           const TenantId& tenant, std::int64_t id) {
  auto found = MESH_TRY(index.scan(generation, tenant, id - 1, 1));
  if (found.empty() || found.front().user_id != id) return std::nullopt;
  return std::move(found.front());
}

Result<std::optional<Effect>> effect_in_index(const Facts& facts, const GenerationInfo& info) {
  const auto id = parse_int(facts.event.subject);
  if (!id || *id < 1) return std::nullopt;
  const auto point = MESH_TRY(indexed(facts.ports.index, info.number, facts.event.tenant, *id));
  Effect effect{info.name, false, {}, {}, {}};
  const std::string user = "user " + facts.event.subject;
  const std::string version = "version " + std::to_string(facts.event.sequence);
  if (!point) {
    effect.text = "holds no " + user;
    return effect;
  }
  effect.version = point->version;
  effect.reached = point->version >= facts.event.sequence && !is_removal(facts.event.type);
  effect.text = "holds " + user + " at version " + std::to_string(point->version);
  if (point->version < facts.event.sequence) effect.text += ", not yet at " + version;
  return effect;
}

Result<std::optional<Effect>> effect_in_rows(const Facts& facts) {
  const Event& event = facts.event;
  std::optional<Timestamp> since;
  if (event.type == "analytics.recorded") {
    since = MESH_TRY(facts.ports.analytics.recorded(event.tenant, event.source, event.id));
  } else if (event.type == "chemical.recorded") {
    since = MESH_TRY(facts.ports.chemical.recorded(event.tenant, event.source, event.id));
  } else {
    return std::nullopt;
  }
  return Effect{{}, since.has_value(), since, {}, since ? "is counted" : "is not counted"};
}

// The letter of a group: one that is not settled, else the last one. Of generations of the index
// one writes it for all.
const LettersFound::One* letter_for(const Facts& facts, const std::string& group) {
  const LettersFound::One* last = nullptr;
  for (const auto& one : facts.letters) {
    const DeadLetter& letter = one.letter;
    if (letter.source != to_string(facts.record.position)) continue;
    if (letter.pipeline == group || (is_of_index(group) && is_of_index(letter.pipeline))) {
      last = &one;
      if (!one.settled) break;
    }
  }
  return last;
}

void bury(PipelineTrace& trace, const LettersFound::One& found) {
  const DeadLetter& letter = found.letter;
  trace.settled = found.settled.has_value();
  trace.state = TraceState::dead;
  trace.attempts = letter.attempts;
  trace.history = letter.history;
  trace.cause_class = letter.cause_class;
  trace.cause = letter.cause;
  trace.letter = letter;
}

// `committed` was read before: an event is parked, or its letter written, before it is committed.
Result<PipelineTrace> trace_group(const Facts& facts, const std::string& group,
                                  std::int64_t committed, const GenerationInfo* generation) {
  const std::int64_t offset = facts.record.position.offset;
  PipelineTrace trace{.pipeline = group};
  if (generation != nullptr) trace.serves = generation->serving;
  auto parked = MESH_TRY(facts.ports.retries.find(group, facts.record.position));
  // The rest of a trace holds although the index is away.
  auto effect = generation != nullptr ? effect_in_index(facts, *generation)
                : is_of_index(group)  ? std::optional<Effect>()
                                      : effect_in_rows(facts);
  if (effect) trace.effect = std::move(*effect);
  if (!effect) {
    trace.effect = Effect{generation != nullptr ? generation->name : std::string(),
                          false,
                          {},
                          {},
                          "cannot be told: " + effect.error().message};
  }
  const LettersFound::One* const letter = letter_for(facts, group);
  const bool reached = trace.effect && trace.effect->reached;
  trace.passed = committed > offset;
  // The index shows that the change did not come, though the group is past it.
  const bool missed = generation != nullptr && trace.effect && trace.effect->version && !reached &&
                      !is_removal(facts.event.type);
  if (parked && parked->attempts > 0) {
    trace.state = TraceState::retrying;
    trace.attempts = parked->attempts;
    trace.history = std::move(parked->history);
    trace.next_attempt = parked->next_attempt;
    trace.cause_class = std::move(parked->cause_class);
    trace.cause = std::move(parked->cause);
  } else if (parked) {
    trace.behind_its_key = true;
  } else if (letter != nullptr && !letter->settled) {
    bury(trace, *letter);
  } else if (reached) {
    trace.state = TraceState::done;
  } else if (letter != nullptr && facts.whole) {
    // No record came back from it: it was purged, or that record is gone.
    bury(trace, *letter);
  } else if (trace.passed && facts.whole && !missed) {
    trace.state = TraceState::done;
  } else {
    trace.behind = std::max<std::int64_t>(0, offset - std::max(committed, facts.start));
  }
  return trace;
}

// Of a group of another program only its position is known.
PipelineTrace trace_other(const Facts& facts, const std::string& group, std::int64_t committed) {
  const std::int64_t offset = facts.record.position.offset;
  PipelineTrace trace{.pipeline = group, .serves = false};
  trace.passed = committed > offset;
  if (trace.passed) {
    trace.state = TraceState::done;
  } else {
    trace.behind = offset - std::max(committed, facts.start);
  }
  return trace;
}

// The worst of those that serve; done where nothing reads the topic.
TraceState worst(const std::vector<PipelineTrace>& pipelines, const std::string& topic) {
  bool any = false, pending = false, retrying = false, dead = false;
  for (const PipelineTrace& one : pipelines) {
    if (!one.serves) continue;
    any = true;
    pending |= one.state == TraceState::pending;
    retrying |= one.state == TraceState::retrying;
    dead |= one.state == TraceState::dead;
  }
  if (dead) return TraceState::dead;
  if (retrying) return TraceState::retrying;
  if (pending) return TraceState::pending;
  // Of a topic that a pipeline is to read, and none does yet, nothing is done.
  return any || group_of(topic) == nullptr ? TraceState::done : TraceState::pending;
}

Status trace_groups(const TracePorts& ports, const std::vector<LettersFound::One>& letters,
                    bool others, Trace& trace) {
  const Position& at = trace.record->position;
  const TopicPartition partition{at.topic, at.partition};
  const auto groups = MESH_TRY(ports.admin.groups());
  const auto marks = MESH_TRY(ports.log.watermarks(partition));
  std::vector<GenerationInfo> generations;
  if (at.topic == kUserIndex.topic) generations = MESH_TRY(ports.index.generations());
  const Facts facts{ports, *trace.record, trace.event, letters, trace.search.whole, marks.start};
  for (const GroupInfo& group : groups) {
    const auto committed = group.committed.find(partition);
    if (committed == group.committed.end()) continue;
    const auto generation = std::ranges::find_if(generations, [&](const GenerationInfo& info) {
      return generation_group(kUserIndex.group, info.number) == group.name;
    });
    // Groups that are none of the mesh's own are shown, and nothing hangs on them.
    const bool ours = generation != generations.end() ||
                      std::ranges::any_of(kTopicGroups, [&](const TopicGroup& reads) {
                        return reads.group == group.name;
                      });
    if (!ours) {
      if (others) trace.pipelines.push_back(trace_other(facts, group.name, committed->second));
      continue;
    }
    trace.pipelines.push_back(
        MESH_TRY(trace_group(facts, group.name, committed->second,
                             generation == generations.end() ? nullptr : &*generation)));
  }
  trace.state = worst(trace.pipelines, at.topic);
  return {};
}

// What cannot be decoded died of it, and is traced by its headers and its key.
Result<Event> readable(const StoredRecord& record) {
  auto event = from_record(record);
  if (event) return event;
  const auto header = [&](std::string_view name) { return find_header(record.headers, name); };
  const auto named = header("ce_tenantid");
  auto tenant = TenantId::parse(named.empty() ? tenant_of_key(record.key) : named);
  if (!tenant) return event;
  return Event{.id = std::string(header("ce_id")),
               .type = std::string(header("ce_type")),
               .source = std::string(header("ce_source")),
               .time = record.time,
               .tenant = std::move(*tenant),
               .subject = std::string(header("ce_subject"))};
}

// `left`: how many records may be read yet.
Result<Trace> trace_record(const TracePorts& ports, EventSearch search, std::int64_t left,
                           bool others) {
  auto event = MESH_TRY(readable(*search.record));
  auto standing = MESH_TRY(
      follow_redrives(ports.log, ports.admin, *std::exchange(search.record, std::nullopt), left));
  Trace trace{std::move(event)};
  trace.record = std::move(standing.record);
  trace.redriven = std::move(standing.redriven);
  trace.search = std::move(search);
  trace.search.whole = trace.search.whole && standing.whole;
  MESH_TRY(trace_groups(ports, standing.letters, others, trace));
  return trace;
}

// A record that has no place yet.
Result<Event> event_of(const Record& record) {
  return from_record(
      {{record.topic, 0, 0}, Timestamp::max(), record.key, record.value, record.headers});
}

}  // namespace

Result<std::optional<OutboxPlace>> find_in_outbox(Outbox& outbox,
                                                  const std::function<bool(const Record&)>& wanted,
                                                  std::int64_t most) {
  constexpr int kPage = 1'000;
  if (outbox.size() == 0) return std::nullopt;
  // Reading asks for no lease.
  const auto reader = outbox.open(Lease{});
  std::int64_t ahead = 0;
  while (ahead < most) {
    auto entries = MESH_TRY(reader->next(kPage));
    if (entries.empty()) break;
    for (OutboxEntry& entry : entries) {
      if (wanted(entry.record)) return OutboxPlace{entry.sequence, ahead, std::move(entry.record)};
      ++ahead;
    }
  }
  return std::nullopt;
}

Result<LettersFound> letters_of(EventLog& log, LogAdmin& admin, const std::string& topic,
                                const std::string& key, Timestamp since, std::int64_t& left,
                                const std::function<bool(const StoredRecord&)>& wanted) {
  LettersFound found;
  const auto topics = MESH_TRY(admin.topics());
  const auto letters = std::ranges::find(topics, dead_letter_topic(topic),
                                         [](const TopicInfo& info) { return info.spec.name; });
  if (letters == topics.end()) return found;
  std::map<std::string, std::size_t> places;  // of found.letters, by what markers name
  for (std::int32_t p = 0; p < letters->spec.partitions; ++p) {
    // A letter has its event's key; without one it may be anywhere.
    const auto own = stable_hash(key) % static_cast<std::uint64_t>(letters->spec.partitions);
    if (!key.empty() && own != static_cast<std::uint64_t>(p)) continue;
    const TopicPartition partition{letters->spec.name, p};
    const auto from = MESH_TRY(log.offset_at(partition, earlier(since, kClockSlack)));
    const auto marks = MESH_TRY(log.watermarks(partition));
    if (from >= marks.end) continue;
    if (left <= 0) {
      found.whole = false;
      break;
    }
    MESH_TRY(scan(log, partition, from, marks.end, [&](std::vector<StoredRecord>& records) {
      for (const StoredRecord& record : records) {
        if (is_marker(record)) {
          const auto at = places.find(std::string(find_header(record.headers, kSettles)));
          if (at != places.end()) found.letters[at->second].settled = record.time;
        } else if (record.key == key && wanted(record)) {
          places[settled_name(record.position)] = found.letters.size();
          found.letters.push_back({letter_of(record), std::nullopt});
        }
      }
      left -= std::ssize(records);
      found.whole = left > 0;
      return found.whole;
    }));
  }
  return found;
}

Result<Standing> follow_redrives(EventLog& log, LogAdmin& admin, StoredRecord record,
                                 std::int64_t& left) {
  Standing standing{std::move(record)};
  for (int hop = 0;; ++hop) {
    const StoredRecord& at = standing.record;
    const std::string place = to_string(at.position);
    auto found = MESH_TRY(letters_of(log, admin, at.position.topic, at.key, at.time, left,
                                     [&](const StoredRecord& letter) {
                                       return to_string(source_of(letter).position) == place;
                                     }));
    standing.whole = standing.whole && found.whole;
    // Of a record that died more than once, since its group went back, the last one counts.
    std::optional<StoredRecord> last;
    DeadLetter died;
    for (const auto& [letter, settled] : found.letters) {
      if (!settled) continue;
      if (hop == kMaxRedrives) {
        standing.whole = false;
        break;
      }
      auto back = MESH_TRY(back_from(log, letter, *settled, left));
      if (!back && left <= 0) standing.whole = false;
      if (!back || (last && back->position.offset < last->position.offset)) continue;
      last = std::move(back);
      died = letter;
    }
    if (!last) {
      standing.letters = std::move(found.letters);
      return standing;
    }
    standing.redriven.push_back(std::move(died));
    standing.record = *std::move(last);
  }
}

Result<Trace> trace_event(const TracePorts& ports, const EventQuery& query,
                          const TraceBounds& bounds) {
  if (is_dead_letter_topic(query.topic)) {
    return fail(ErrorKind::invalid,
                "topic " + query.topic + " holds dead letters; name the source topic");
  }
  std::int64_t left = bounds.records;
  const auto look = [&]() -> Result<EventSearch> {
    auto search = MESH_TRY(find_event(ports.log, ports.admin, query, ports.clock.now(), left));
    left -= search.records;
    return search;
  };
  auto search = MESH_TRY(look());
  if (search.record) return trace_record(ports, std::move(search), left, bounds.others);
  auto waiting = MESH_TRY(find_in_outbox(
      ports.outbox,
      [&](const Record& record) {
        return find_header(record.headers, "ce_id") == query.id &&
               (query.tenant.empty() ||
                find_header(record.headers, "ce_tenantid") == query.tenant) &&
               (query.topic.empty() || record.topic == query.topic);
      },
      bounds.outbox));
  if (waiting) {
    auto event = MESH_TRY(event_of(waiting->record));
    return Trace{.event = std::move(event), .outbox = std::move(waiting)};
  }
  // It may have gone from the outbox to the log between the two looks.
  if (search.whole && left > 0) {
    auto again = MESH_TRY(look());
    if (again.record) return trace_record(ports, std::move(again), left, bounds.others);
  }
  return fail(not_found(query, search));
}

}  // namespace mesh::pipeline
