#include "daemon/pipeline/dead_letters/mending.h"

#include "common/base/json_members.h"
#include "common/domain/catalogue.h"
#include "daemon/pipeline/append.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/dead_letters/turn.h"
#include "daemon/pipeline/entity_states.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

std::string name_of(const Position& letter) {
  return "letter " + std::to_string(letter.partition) + ":" + std::to_string(letter.offset) +
         " of " + letter.topic;
}

// An edit may change what an event says, not whose it is, nor the topic it lies in; nor, where the
// topic is one of entities, which state of which entity it is.
Status stays_what_it_is(const DeadLetter& letter, const Event& event, const Record& record,
                        TopicKind kind) {
  if (!letter.tenant.empty() && event.tenant.str() != letter.tenant) {
    return bad_member("tenantid", "must stay " + letter.tenant);
  }
  const std::string& topic = letter.record.position.topic;
  if (record.topic != topic) {
    return bad_member("type", "\"" + event.type + "\" belongs to " + record.topic + ", not to " +
                                  topic + ", where the event came from");
  }
  if (kind != TopicKind::entity) return {};
  if (record.key != letter.key) {
    return bad_member("data", "must stay of the same entity, which is " + letter.key);
  }
  // Of one that cannot be decoded nobody knows the number.
  if (letter.event && event.sequence != letter.event->sequence) {
    return bad_member("sequence", "must stay " + std::to_string(letter.event->sequence));
  }
  return {};
}

// What a producer wrote beside the attributes of CloudEvents goes along.
bool of_producer(const std::string& name) {
  return !name.starts_with("ce_") && !name.starts_with("mesh_") && name != "content-type" &&
         name != "traceparent";
}

}  // namespace

Result<StoredRecord> letter_at(const LettersDeps& deps, const Position& letter) {
  const auto info = MESH_TRY(find_topic(deps.admin, letter.topic));
  if (letter.partition >= 0 && letter.partition < info.spec.partitions && letter.offset >= 0) {
    auto read = MESH_TRY(record_at(deps.log, letter));
    if (read && !is_marker(*read)) return std::move(*read);
  }
  return fail(ErrorKind::not_found,
              "there is no " + name_of(letter) + "; `mesh dlq show` lists those that there are");
}

Result<Mended> mend_letter(const LettersDeps& deps, const Position& letter, const Event& event) {
  auto record = MESH_TRY(letter_at(deps, letter));
  const DeadLetter told = letter_of(record);
  const StoredRecord& source = told.record;
  if (source.position.topic.empty()) {
    return fail(ErrorKind::conflict,
                name_of(letter) + " was not written by a pipeline: there is nowhere to send it");
  }
  const auto topic = MESH_TRY(find_topic(deps.admin, source.position.topic));
  if (topic.spec.kind == TopicKind::entity && !is_place(source.position, topic.spec.partitions)) {
    return fail(ErrorKind::conflict, name_of(letter) + " names no place in " +
                                         source.position.topic +
                                         " that it can have come from: purge it");
  }
  Record mended = to_record(event);
  MESH_TRY(stays_what_it_is(told, event, mended, topic.spec.kind));
  for (const auto& header : source.headers) {
    if (of_producer(header.first)) mended.headers.push_back(header);
  }
  mended.headers = with_history(std::move(mended.headers), record, kMendedFrom);

  // Most of it is read before the turn, which then is short.
  Markers markers(deps.log, {letter.topic, letter.partition}, letter.offset + 1);
  MESH_TRY(markers.advance());
  auto turn = MESH_TRY(SettlingTurn::take(deps, letter.topic));
  MESH_TRY(markers.advance());
  if (markers.is_settled(letter)) {
    return fail(ErrorKind::conflict,
                name_of(letter) +
                    " is settled already: it was redriven, mended or purged; nothing was appended");
  }
  EntityStates states(deps.log);
  if (topic.spec.kind == TopicKind::entity) {
    states.watch({source.position.topic, source.position.partition}, source.key,
                 source.position.offset + 1);
    MESH_TRY(states.advance());
    // What an earlier try of this put there has not overtaken it.
    const Record* newest =
        states.newest({source.position.topic, source.position.partition}, source.key);
    const bool own = newest != nullptr && came_from(newest->headers, letter);
    const auto overtaken = MESH_TRY(own ? Result<bool>(false) : states.overtaken(source));
    if (overtaken) {
      // An earlier try may have put this one behind it, and have ended before it could heal that.
      MESH_TRY(states.heal(deps.clock));
      return fail(ErrorKind::conflict, "a newer state of " + source.key +
                                           " came after the event of " + name_of(letter) +
                                           ": purge it");
    }
  }
  // Asked before the append: behind it every failure leaves the letter unsettled.
  const auto letters = MESH_TRY(find_topic(deps.admin, letter.topic));
  MESH_TRY(turn.renew());
  auto appended = MESH_TRY(append_within(deps.log, deps.clock, {std::move(mended)}));
  const auto settle = [&]() -> Status {
    // A newer state may have come between the look and the append. Before the marker: a letter that
    // is settled is not mended again, and would leave the older state the last one.
    MESH_TRY(states.heal(deps.clock));
    MESH_TRY(turn.renew());
    (void)MESH_TRY(
        append_within(deps.log, deps.clock, {marker_of(record, letters.spec.partitions)}));
    return {};
  };
  if (const Status settled = settle(); !settled) {
    return fail(ErrorKind::uncertain,
                "the mended event is in the log, but " + name_of(letter) +
                    " may not be settled: mend it again with the same id",
                settled.error().to_string());
  }
  return Mended{event.id, appended.front()};
}

}  // namespace mesh::pipeline
