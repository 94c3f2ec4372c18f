#include "common/engines/postgres/retries.h"

#include "common/domain/header_codec.h"
#include "common/engines/postgres/stored_json.h"

namespace mesh::postgres {
namespace {

struct Partitions {
  std::vector<std::string> topics;
  std::vector<std::int64_t> partitions;
};

Partitions columns(const std::set<TopicPartition>& set) {
  Partitions all;
  for (const TopicPartition& one : set) {
    all.topics.push_back(one.topic);
    all.partitions.push_back(one.partition);
  }
  return all;
}

struct Positions : Partitions {
  std::vector<std::int64_t> offsets;
};

// Begins a transaction in which the partitions stay whose they are: a row that is locked cannot be
// taken, and there is one after this, of nobody where nobody has taken the partition. `conflict`
// where one is another's.
Status hold(Session& session, const Parker& parker, const std::set<TopicPartition>& set) {
  const Partitions all = columns(set);
  const auto rows = MESH_TRY(session.begin({
      query("INSERT INTO retry_owners(pipeline,topic,partition)"
            " SELECT $1,* FROM unnest($2,$3) AS p(topic,partition) ORDER BY 2,3"
            " ON CONFLICT DO NOTHING",
            parker.pipeline, all.topics, all.partitions),
      query("SELECT o.topic,o.partition,o.parker FROM retry_owners o"
            " JOIN unnest($2,$3) AS p(topic,partition) USING(topic,partition)"
            " WHERE o.pipeline=$1 ORDER BY 1,2 FOR SHARE OF o",
            parker.pipeline, all.topics, all.partitions),
  }));
  const Rows& owners = rows[1];
  for (int i = 0; i < owners.size(); ++i) {
    if (owners.is_null(i, 2) || owners.text(i, 2) == parker.id) continue;
    return fail(ErrorKind::conflict, "another of the pipeline " + parker.pipeline + " has taken " +
                                         owners.string(i, 0) + "/" +
                                         std::to_string(owners.integer(i, 1)));
  }
  return {};
}

Query insert_query(const Parker& parker, std::span<const ParkedEvent> events) {
  Positions at;
  std::vector<std::int64_t> times, attempts, next_attempts;
  std::vector<std::string> classes, histories;
  BytesList keys, headers, causes;
  MaybeBytesList values;
  // Of a position that is named twice the last one counts.
  std::map<Position, const ParkedEvent*> last;
  for (const ParkedEvent& event : events) last[event.record.position] = &event;
  for (const auto& [position, event] : last) {
    at.topics.push_back(position.topic);
    at.partitions.push_back(position.partition);
    at.offsets.push_back(position.offset);
    times.push_back(event->record.time.time_since_epoch().count());
    keys.items.push_back(event->record.key);
    values.items.push_back(event->record.value);
    headers.items.push_back(encode_headers(event->record.headers));
    attempts.push_back(event->attempts);
    next_attempts.push_back(event->next_attempt.time_since_epoch().count());
    classes.push_back(event->cause_class);
    causes.items.push_back(event->cause);
    histories.push_back(dump(to_json(event->history)));
  }
  return query(
      "INSERT INTO retries(pipeline,topic,partition,\"offset\",time,key,value,headers,attempts,"
      "next_attempt,cause_class,cause,history)"
      " SELECT $1,* FROM unnest($2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)"
      " ON CONFLICT(pipeline,topic,partition,\"offset\") DO UPDATE SET time=excluded.time,"
      "key=excluded.key,value=excluded.value,headers=excluded.headers,attempts=excluded.attempts,"
      "next_attempt=excluded.next_attempt,cause_class=excluded.cause_class,cause=excluded.cause,"
      "history=excluded.history",
      parker.pipeline, at.topics, at.partitions, at.offsets, times, keys, values, headers, attempts,
      next_attempts, classes, causes, histories);
}

#define MESH_PARKED_COLUMNS                                                                    \
  "r.topic,r.partition,r.\"offset\",r.time,r.key,r.value,r.headers,r.attempts,r.next_attempt," \
  "r.cause_class,r.cause,r.history"

Result<ParkedEvent> parked_event(const Rows& rows, int i) {
  auto headers = decode_headers(rows.text(i, 6));
  if (!headers) return fail(damaged("a record"));
  auto value = rows.is_null(i, 5) ? std::nullopt : std::optional(rows.string(i, 5));
  Position at{rows.string(i, 0), static_cast<std::int32_t>(rows.integer(i, 1)), rows.integer(i, 2)};
  return ParkedEvent{
      {std::move(at), rows.time(i, 3), rows.string(i, 4), std::move(value), std::move(*headers)},
      static_cast<int>(rows.integer(i, 7)),
      rows.time(i, 8),
      rows.string(i, 9),
      rows.string(i, 10),
      attempts_of(rows.text(i, 11))};
}

}  // namespace

Status Retries::park(const Parker& parker, std::span<const ParkedEvent> events) {
  if (events.empty()) return {};
  std::set<TopicPartition> partitions;
  for (const ParkedEvent& event : events) {
    partitions.insert({event.record.position.topic, event.record.position.partition});
  }
  return pool_.run(Repeat::harmless, [&](Session& session) -> Status {
    MESH_TRY(hold(session, parker, partitions));
    (void)MESH_TRY(session.commit({insert_query(parker, events)}));
    return {};
  });
}

Status Retries::remove(const Parker& parker, std::span<const Position> positions) {
  if (positions.empty()) return {};
  std::set<TopicPartition> partitions;
  Positions at;
  for (const Position& position : positions) {
    partitions.insert({position.topic, position.partition});
    at.topics.push_back(position.topic);
    at.partitions.push_back(position.partition);
    at.offsets.push_back(position.offset);
  }
  return pool_.run(Repeat::harmless, [&](Session& session) -> Status {
    MESH_TRY(hold(session, parker, partitions));
    (void)MESH_TRY(session.commit(
        {query("DELETE FROM retries r USING unnest($2,$3,$4) AS p(topic,partition,at)"
               " WHERE r.pipeline=$1 AND r.topic=p.topic AND r.partition=p.partition AND "
               "r.\"offset\"=p.at",
               parker.pipeline, at.topics, at.partitions, at.offsets)}));
    return {};
  });
}

Result<std::vector<ParkedEvent>> Retries::take(const Parker& parker,
                                               const std::set<TopicPartition>& partitions) {
  if (partitions.empty()) return std::vector<ParkedEvent>();
  const Partitions all = columns(partitions);
  // The first statement waits for what the owner before is writing; the second one sees it.
  const auto results = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run({
        query("INSERT INTO retry_owners(pipeline,topic,partition,parker)"
              " SELECT $1,topic,partition,$4 FROM unnest($2,$3) AS p(topic,partition) ORDER BY 2,3"
              " ON CONFLICT(pipeline,topic,partition) DO UPDATE SET parker=excluded.parker",
              parker.pipeline, all.topics, all.partitions, parker.id),
        query("SELECT " MESH_PARKED_COLUMNS " FROM retries r"
              " JOIN unnest($2,$3) AS p(topic,partition) USING(topic,partition)"
              " WHERE r.pipeline=$1 ORDER BY 1,2,3",
              parker.pipeline, all.topics, all.partitions),
    });
  }));
  const Rows& rows = results[1];
  std::vector<ParkedEvent> events;
  for (int i = 0; i < rows.size(); ++i) {
    auto event = MESH_TRY(parked_event(rows, i));
    events.push_back(std::move(event));
  }
  return events;
}

Result<std::vector<ParkedKey>> Retries::parked_keys(const std::string& pipeline) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT topic,partition,\"offset\",key FROM retries WHERE pipeline=$1"
              " ORDER BY topic,partition,\"offset\"",
              pipeline));
  }));
  std::vector<ParkedKey> keys;
  for (int i = 0; i < rows.size(); ++i) {
    keys.push_back(
        {{rows.string(i, 0), static_cast<std::int32_t>(rows.integer(i, 1)), rows.integer(i, 2)},
         rows.string(i, 3)});
  }
  return keys;
}

Result<std::optional<ParkedEvent>> Retries::find(const std::string& pipeline,
                                                 const Position& position) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT " MESH_PARKED_COLUMNS
                             " FROM retries r WHERE r.pipeline=$1 AND r.topic=$2"
                             " AND r.partition=$3 AND r.\"offset\"=$4",
                             pipeline, position.topic, position.partition, position.offset));
  }));
  if (rows.size() == 0) return std::nullopt;
  auto event = MESH_TRY(parked_event(rows, 0));
  return event;
}

}  // namespace mesh::postgres
