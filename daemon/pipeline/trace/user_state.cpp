#include "daemon/pipeline/trace/user_state.h"

#include <algorithm>
#include <cstdio>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/generations/search_users.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

using Reason = WhyNot::Reason;

constexpr std::int64_t kMaxKeys = 1'000'000;  // looked through for a removed user's last event

// The partition of the user's events; nothing before the topic is made.
Result<std::optional<TopicPartition>> partition_of(LogAdmin& admin, const std::string& key) {
  const auto topic = find_topic(admin, kUserIndex.topic);
  if (!topic && topic.error().kind == ErrorKind::not_found) return std::nullopt;
  if (!topic) return fail(topic.error());
  const auto partition = stable_hash(key) % static_cast<std::uint64_t>(topic->spec.partitions);
  return TopicPartition{kUserIndex.topic, static_cast<std::int32_t>(partition)};
}

// The last record of a key in [from, to), and the first one.
struct OfKey {
  std::optional<StoredRecord> first, last;
};
Result<OfKey> records_of(EventLog& log, const TopicPartition& partition, const std::string& key,
                         std::int64_t from, std::int64_t to) {
  OfKey found;
  // Keys first: the values of others are of no interest.
  std::optional<Position> first, last;
  std::int64_t left = kMaxKeys;
  MESH_TRY(scan(log, partition, from, to,
                [&](std::vector<StoredRecord>& records) {
                  for (const StoredRecord& record : records) {
                    if (record.key != key) continue;
                    if (!first) first = record.position;
                    last = record.position;
                  }
                  left -= std::ssize(records);
                  return left > 0;
                },
                {.max_records = 10'000, .keys_only = true}));
  if (first) found.first = MESH_TRY(record_at(log, *first));
  if (last) found.last = MESH_TRY(record_at(log, *last));
  return found;
}

// What the pipeline of the serving generation has done and not done of the user's events.
Status look_at_log(const TracePorts& ports, const std::string& key, UserState& state) {
  const auto partition = MESH_TRY(partition_of(ports.admin, key));
  if (!partition) return {};
  const auto marks = MESH_TRY(ports.log.watermarks(*partition));
  std::int64_t committed = marks.end;
  if (state.serving) {
    const std::string group = generation_group(kUserIndex.group, state.serving->number);
    const auto groups = MESH_TRY(ports.admin.groups());
    const auto info = std::ranges::find(groups, group, &GroupInfo::name);
    if (info != groups.end()) {
      const auto at = info->committed.find(*partition);
      committed = at == info->committed.end() ? marks.start : std::max(marks.start, at->second);
    }
    const auto parked = MESH_TRY(ports.retries.parked_keys(group));
    for (const ParkedKey& one : parked) {
      if (one.key != key || state.parked) continue;
      state.parked = MESH_TRY(ports.retries.find(group, one.position));
    }
  }
  auto found = MESH_TRY(records_of(ports.log, *partition, key, committed, marks.end));
  state.waiting = std::move(found.first);
  state.record = std::move(found.last);
  if (state.waiting) state.behind = state.waiting->position.offset - committed;
  return {};
}

// The user's last event where it is not among those that wait: the index names it, or of a user
// that is gone the log is read for it.
Status find_last_event(const UserPorts& ports, const std::string& key, UserState& state) {
  const TracePorts& trace = ports.trace;
  if (state.record) return {};
  if (state.indexed && !state.indexed->event_id.empty()) {
    auto search = MESH_TRY(find_event(
        trace.log, trace.admin, {state.indexed->event_id, state.tenant.str(), kUserIndex.topic, {}},
        trace.clock.now()));
    state.record = std::move(search.record);
    return {};
  }
  const auto partition = MESH_TRY(partition_of(trace.admin, key));
  if (!partition) return {};
  const auto marks = MESH_TRY(trace.log.watermarks(*partition));
  auto found = MESH_TRY(records_of(trace.log, *partition, key,
                                   std::max(marks.start, marks.end - kMaxKeys), marks.end));
  state.record = std::move(found.last);
  return {};
}

Status find_letter(const TracePorts& ports, const std::string& key, UserState& state) {
  std::int64_t left = kMaxLetters;
  auto found =
      MESH_TRY(letters_of(ports.log, ports.admin, kUserIndex.topic, key, Timestamp{}, left,
                          [](const StoredRecord& letter) {
                            return is_of_index(find_header(letter.headers, dead_letter::kPipeline));
                          }));
  for (auto& [letter, settled] : found.letters) {
    if (!settled) state.letter = std::move(letter);
  }
  return {};
}

bool was_removed(const UserState& state) {
  return state.record && find_header(state.record->headers, "ce_type") == "user.deleted";
}

// Why the index does not have the user as the store has it.
Reason index_reason(const UserState& state) {
  if (!state.serving) return Reason::no_index;
  if (!state.no_embedder.empty()) return Reason::embedder;
  if (state.outbox) return Reason::outbox;
  if (state.parked && state.parked->attempts > 0) return Reason::retrying;
  if (state.waiting) return Reason::behind;
  if (state.letter) return Reason::dead;
  return Reason::not_indexed;
}

std::string number(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(value));
  return text;
}

std::string plural(std::int64_t n, const char* noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

std::string user_name(const UserState& state) {
  return "user " + std::to_string(state.id) + " of tenant " + state.tenant.str();
}

}  // namespace

bool is_searchable(const UserState& state) {
  return state.user && state.serving && state.no_embedder.empty() && state.indexed &&
         state.indexed->version >= state.user->version;
}

std::string index_text(const UserState& state) {
  if (!state.user) {
    return was_removed(state)
               ? "was deleted, by event " + std::string(find_header(state.record->headers, "ce_id"))
               : "is not there";
  }
  if (is_searchable(state)) {
    return "is searchable, in " + state.serving->name + " at version " +
           std::to_string(state.indexed->version);
  }
  const std::string version = "version " + std::to_string(state.user->version);
  switch (index_reason(state)) {
    case Reason::no_index:
      return "is not searchable: no generation of the index serves yet";
    case Reason::embedder:
      return "is not searchable: " + state.serving->name + " was made with the embedder " +
             state.serving->spec.embedder + "; " + state.no_embedder +
             "; `mesh index rebuild` makes one of the configured embedder";
    case Reason::outbox:
      return version + " waits in the outbox for the log, behind " +
             plural(state.outbox->ahead, "other");
    case Reason::retrying:
      return version + " is tried again: " + plural(state.parked->attempts, "attempt") +
             " failed, the last of " + state.parked->cause_class + ": " + state.parked->cause;
    case Reason::behind:
      return version + " is in the log; " + state.serving->name + " has " +
             plural(state.behind, "event") + " of its partition to do before it";
    case Reason::dead:
      return version + " is a dead letter: " + state.letter->cause_class + ": " +
             state.letter->cause;
    default:
      return version + " is not in " + state.serving->name +
             ", and no event of it waits; `mesh index verify` compares the index with the log";
  }
}

Json to_json(const UserState& state) {
  Json event = nullptr;
  if (state.record) {
    event = {{"id", find_header(state.record->headers, "ce_id")},
             {"type", find_header(state.record->headers, "ce_type")},
             {"topic", state.record->position.topic},
             {"partition", state.record->position.partition},
             {"offset", state.record->position.offset},
             {"time", format_rfc3339(state.record->time)}};
  }
  return {{"tenant", state.tenant.str()},
          {"user_id", state.id},
          {"email", state.user ? Json(state.user->email) : Json(nullptr)},
          {"name", state.user ? Json(state.user->name) : Json(nullptr)},
          {"version", state.user ? Json(state.user->version) : Json(nullptr)},
          {"event", std::move(event)},
          {"index",
           {{"generation", state.serving ? Json(state.serving->name) : Json(nullptr)},
            {"version", state.indexed ? Json(state.indexed->version) : Json(nullptr)},
            {"searchable", is_searchable(state)},
            {"behind", state.behind}}},
          {"text", index_text(state)}};
}

Result<UserState> user_state(const UserPorts& ports, const TenantId& tenant, std::int64_t id) {
  const TracePorts& trace = ports.trace;
  UserState state{tenant, id};
  auto user = ports.users.get(tenant, id);
  if (!user && user.error().kind != ErrorKind::not_found) return fail(user.error());
  if (user) state.user = std::move(*user);
  auto generations = MESH_TRY(trace.index.generations());
  const auto serving = std::ranges::find_if(generations, &GenerationInfo::serving);
  if (serving != generations.end()) {
    auto points = MESH_TRY(trace.index.scan(serving->number, tenant, id - 1, 1));
    if (!points.empty() && points.front().user_id == id) state.indexed = std::move(points.front());
    const auto embedder = trace.embedders.of(serving->spec);
    if (!embedder) state.no_embedder = embedder.error().message;
    state.serving = std::move(*serving);
  }
  const std::string key = key_of(tenant, std::to_string(id));
  state.outbox = MESH_TRY(find_in_outbox(trace.outbox, [&](const Record& record) {
    return record.topic == kUserIndex.topic && record.key == key;
  }));
  MESH_TRY(look_at_log(trace, key, state));
  MESH_TRY(find_last_event(ports, key, state));
  if (state.user && !is_searchable(state)) MESH_TRY(find_letter(trace, key, state));
  return state;
}

std::string_view to_string(WhyNot::Reason reason) {
  switch (reason) {
    case Reason::found:
      return "found";
    case Reason::not_created:
      return "not_created";
    case Reason::other_tenant:
      return "other_tenant";
    case Reason::deleted:
      return "deleted";
    case Reason::outbox:
      return "outbox";
    case Reason::behind:
      return "behind";
    case Reason::retrying:
      return "retrying";
    case Reason::dead:
      return "dead";
    case Reason::no_index:
      return "no_index";
    case Reason::embedder:
      return "embedder";
    case Reason::not_indexed:
      return "not_indexed";
    case Reason::score:
      return "score";
    case Reason::rank:
      return "rank";
  }
  return "unknown";
}

namespace {

Result<WhyNot> not_there(const UserPorts& ports, const WhyNotQuery& asked,
                         std::optional<UserState> state) {
  if (state && was_removed(*state)) {
    return WhyNot{Reason::deleted, user_name(*state) + " " + index_text(*state), std::move(state)};
  }
  const std::string missing = "tenant " + asked.tenant.str() + " has no user " + asked.who;
  if (state) {
    // Ids are given out in their order, and never again.
    const auto later = MESH_TRY(ports.users.list(asked.tenant, state->id, 1, std::nullopt));
    if (later.empty()) return WhyNot{Reason::not_created, missing + ": none was created"};
    return WhyNot{Reason::deleted,
                  missing + ", and higher ids are there: it was deleted, or its creation failed"};
  }
  WhyNot why{Reason::not_created,
             missing +
                 ": none was created with this address, or it was deleted, which leaves no "
                 "address behind"};
  why.elsewhere = MESH_TRY(ports.users.everywhere(asked.who, kMaxSearchHits));
  if (why.elsewhere.empty()) return why;
  why.reason = Reason::other_tenant;
  std::vector<std::string> tenants;
  for (const User& user : why.elsewhere) tenants.push_back(user.tenant.str());
  why.text = missing + "; the address is of another tenant: " + join(tenants, ", ");
  return why;
}

// Of a user that is searchable: what the search itself says.
Result<WhyNot> ask_index(const UserPorts& ports, const WhyNotQuery& asked, UserState state) {
  const TracePorts& trace = ports.trace;
  // In the generation that was looked at, though another may serve by now.
  const GenerationInfo& serving = *state.serving;
  const auto embedder = MESH_TRY(trace.embedders.of(serving.spec));
  auto vectors =
      MESH_TRY(embedder->embed_query({asked.tenant, asked.query, false}, asked.semantic_ratio));
  const UserSearch search{asked.tenant, serving.spec.embedder, SearchText(asked.query),
                          asked.limit,  asked.min_score,       serving.number};
  const auto place = [&](const std::vector<SearchHit>& hits) -> std::optional<std::size_t> {
    const auto at = std::ranges::find(hits, state.id, &SearchHit::user_id);
    if (at == hits.end()) return std::nullopt;
    return static_cast<std::size_t>(at - hits.begin());
  };
  WhyNot why;
  auto [hits, vector] = MESH_TRY(search_users(trace.index, search, std::move(vectors)));
  auto at = place(hits);
  const bool found = at.has_value();
  if (!found) {
    hits = MESH_TRY(trace.index.search_in(
        serving.number, asked.tenant, {vector, serving.spec.embedder}, kMaxRank, -1, search.text));
    at = place(hits);
  }
  if (at) {
    why.score = hits[*at].score;
    why.rank = static_cast<std::int64_t>(*at) + 1;
  } else {
    // Beyond the last hit that is looked at: by its own vector.
    const TenantText own{asked.tenant, embedding_text(state.user->name, state.user->email), false};
    const auto mine = MESH_TRY(embedder->embed(std::span(&own, 1)));
    float score = 0;
    for (std::size_t i = 0; i < mine.front().size() && i < vector.size(); ++i) {
      score += mine.front()[i] * vector[i];
    }
    why.score = std::clamp(score, -1.0F, 1.0F);
  }
  const std::string score = "score " + number(*why.score);
  if (found) {
    why.reason = Reason::found;
    why.text = user_name(state) + " is found: rank " + std::to_string(*why.rank) + " of limit " +
               std::to_string(asked.limit) + ", " + score;
  } else if (*why.score < asked.min_score) {
    why.reason = Reason::score;
    why.text = score + " is below min_score " + number(asked.min_score);
  } else {
    why.reason = Reason::rank;
    why.text = "rank " +
               (why.rank ? std::to_string(*why.rank) : "beyond " + std::to_string(kMaxRank)) +
               " of limit " + std::to_string(asked.limit) + ", with " + score;
  }
  why.user = std::move(state);
  return why;
}

}  // namespace

Result<WhyNot> why_not(const UserPorts& ports, const WhyNotQuery& asked) {
  auto id = parse_int(asked.who);
  if (!id) {
    const auto users = MESH_TRY(ports.users.list(asked.tenant, 0, 1, asked.who));
    if (users.empty()) return not_there(ports, asked, std::nullopt);
    id = users.front().id;
  }
  auto state = MESH_TRY(user_state(ports, asked.tenant, *id));
  if (!state.user) return not_there(ports, asked, std::move(state));
  if (is_searchable(state)) return ask_index(ports, asked, std::move(state));
  const Reason reason = index_reason(state);
  std::string text = user_name(state) + ": " + index_text(state);
  return WhyNot{reason, std::move(text), std::move(state)};
}

Json to_json(const WhyNot& why, const WhyNotQuery& asked) {
  Json elsewhere = Json::array();
  for (const User& user : why.elsewhere) {
    elsewhere.push_back({{"tenant", user.tenant.str()}, {"user_id", user.id}});
  }
  return {{"tenant", asked.tenant.str()},
          {"query", asked.query},
          {"who", asked.who},
          {"reason", to_string(why.reason)},
          {"text", why.text},
          {"score", why.score ? Json(*why.score) : Json(nullptr)},
          {"min_score", asked.min_score},
          {"semantic_ratio", asked.semantic_ratio ? Json(*asked.semantic_ratio) : Json(nullptr)},
          {"rank", why.rank ? Json(*why.rank) : Json(nullptr)},
          {"limit", asked.limit},
          {"user", why.user ? to_json(*why.user) : Json(nullptr)},
          {"elsewhere", std::move(elsewhere)}};
}

}  // namespace mesh::pipeline
