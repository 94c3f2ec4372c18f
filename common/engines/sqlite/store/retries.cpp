#include "common/engines/sqlite/store/retries.h"

#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/store/record_codec.h"

namespace mesh::sqlite {
namespace {

#define MESH_PARKED_COLUMNS \
  "topic,partition,\"offset\",time,record,attempts,next_attempt,cause_class,cause,history"

Result<ParkedEvent> parked_event(const Statement& row) {
  auto record = MESH_TRY(decode_record(row.text(4)));
  Position at{std::string(row.text(0)), static_cast<std::int32_t>(row.integer(1)), row.integer(2)};
  return ParkedEvent{{std::move(at), timestamp(row, 3), std::move(record.key),
                      std::move(record.value), std::move(record.headers)},
                     static_cast<int>(row.integer(5)),
                     timestamp(row, 6),
                     std::string(row.text(7)),
                     std::string(row.text(8)),
                     attempts_of(row.text(9))};
}

}  // namespace

// Within a job, so that it holds for what the job writes.
Status SqliteRetries::check(const Parker& parker, const Position& at) const {
  const auto owner = owners_.find({parker.pipeline, {at.topic, at.partition}});
  if (owner == owners_.end() || owner->second == parker.id) return {};
  return fail(ErrorKind::conflict, "another of the pipeline " + parker.pipeline + " has taken " +
                                       at.topic + "/" + std::to_string(at.partition));
}

Status SqliteRetries::park(const Parker& parker, std::span<const ParkedEvent> events) {
  if (events.empty()) return {};
  std::vector<std::string> records;
  records.reserve(events.size());
  for (const auto& event : events) {
    const StoredRecord& record = event.record;
    records.push_back(
        encode_record(record.position.topic, record.key, record.value, record.headers));
  }
  return committer_.run([&](Database& db) -> Status {
    for (std::size_t i = 0; i < events.size(); ++i) {
      const ParkedEvent& event = events[i];
      const Position& at = event.record.position;
      MESH_TRY(check(parker, at));
      MESH_TRY(execute(db,
                       "INSERT OR REPLACE INTO retries(pipeline,topic,partition,\"offset\","
                       "time,record,attempts,next_attempt,cause_class,cause,history)"
                       " VALUES(?,?,?,?,?,?,?,?,?,?,?)",
                       parker.pipeline, at.topic, at.partition, at.offset, event.record.time,
                       Blob{records[i]}, event.attempts, event.next_attempt, event.cause_class,
                       event.cause, dump(to_json(event.history))));
    }
    return {};
  });
}

Status SqliteRetries::remove(const Parker& parker, std::span<const Position> positions) {
  if (positions.empty()) return {};
  return committer_.run([&](Database& db) -> Status {
    for (const Position& at : positions) {
      MESH_TRY(check(parker, at));
      MESH_TRY(execute(db,
                       "DELETE FROM retries WHERE pipeline=? AND topic=? AND partition=?"
                       " AND \"offset\"=?",
                       parker.pipeline, at.topic, at.partition, at.offset));
    }
    return {};
  });
}

Result<std::vector<ParkedEvent>> SqliteRetries::take(const Parker& parker,
                                                     const std::set<TopicPartition>& partitions) {
  // Behind every change of the owner before: once this job is durable these are, and can be read.
  MESH_TRY(committer_.run([&](Database&) -> Status {
    for (const TopicPartition& partition : partitions) {
      owners_.insert_or_assign({parker.pipeline, partition}, parker.id);
    }
    return {};
  }));
  return read_from(readers_, [&](Database& db) -> Result<std::vector<ParkedEvent>> {
    std::vector<ParkedEvent> events;
    const auto add = [&](const Statement& row) -> Status {
      auto event = MESH_TRY(parked_event(row));
      events.push_back(std::move(event));
      return {};
    };
    for (const TopicPartition& partition : partitions) {
      MESH_TRY(each_row(query(db,
                              "SELECT " MESH_PARKED_COLUMNS
                              " FROM retries WHERE pipeline=? AND topic=? AND partition=?"
                              " ORDER BY \"offset\"",
                              parker.pipeline, partition.topic, partition.partition),
                        add));
    }
    return events;
  });
}

Result<std::vector<ParkedKey>> SqliteRetries::parked_keys(const std::string& pipeline) {
  return read_from(readers_, [&](Database& db) -> Result<std::vector<ParkedKey>> {
    std::vector<ParkedKey> keys;
    MESH_TRY(each_row(query(db,
                            "SELECT topic,partition,\"offset\",record FROM retries WHERE pipeline=?"
                            " ORDER BY topic,partition,\"offset\"",
                            pipeline),
                      [&](const Statement& row) -> Status {
                        auto record = MESH_TRY(decode_record(row.text(3)));
                        Position at{std::string(row.text(0)),
                                    static_cast<std::int32_t>(row.integer(1)), row.integer(2)};
                        keys.push_back({std::move(at), std::move(record.key)});
                        return {};
                      }));
    return keys;
  });
}

Result<std::optional<ParkedEvent>> SqliteRetries::find(const std::string& pipeline,
                                                       const Position& position) {
  return read_from(readers_, [&](Database& db) -> Result<std::optional<ParkedEvent>> {
    auto found = MESH_TRY(
        first_row(query(db,
                        "SELECT " MESH_PARKED_COLUMNS " FROM retries WHERE pipeline=? AND topic=?"
                        " AND partition=? AND \"offset\"=?",
                        pipeline, position.topic, position.partition, position.offset),
                  parked_event));
    if (!found) return std::nullopt;
    auto event = MESH_TRY(std::move(*found));
    return event;
  });
}

}  // namespace mesh::sqlite
