// Records of the log: their bytes, the events and dead letters they carry.
#include "common/base/time.h"
#include "common/engines/sqlite/log/codec.h"
#include "daemon/pipeline/dead_letters/dead_letter_record.h"
#include "daemon/pipeline/dead_letters/letter.h"
#include "daemon/pipeline/stages/user_change.h"
#include "tests/fuzz/fuzz.h"

namespace mesh::fuzz {
namespace {

bool same(const Event& a, const Event& b) {
  return a.id == b.id && a.type == b.type && a.source == b.source && a.time == b.time &&
         a.tenant == b.tenant && a.subject == b.subject && a.sequence == b.sequence &&
         a.content_type == b.content_type && a.traceparent == b.traceparent && a.data == b.data &&
         a.extensions == b.extensions;
}

void check_event(const StoredRecord& record) {
  const auto event = from_record(record);
  if (!event) {
    holds(event.error().kind == ErrorKind::unprocessable, "no event: a dead letter, not a crash");
    return;
  }
  holds(!event->id.empty() && !event->type.empty(), "an event has an id and a type");
  const Record written = to_record(*event);
  const StoredRecord stored{record.position, record.time, written.key, written.value,
                            written.headers};
  auto again = from_record(stored);
  // An event without data is a tombstone on a compacted topic.
  if (!again && event->data.empty()) return;
  // Not written, so that the record's place would tell.
  if (again && event->sequence == 0) again->sequence = 0;
  holds(again.has_value() && same(*again, *event), "an event reads back as it was written");
  if (pipeline::is_user_event(*event)) {
    const auto change = pipeline::user_change(*event);
    if (change) {
      holds(change->user_id > 0, "a user's id is positive");
    } else {
      holds(change.error().kind == ErrorKind::unprocessable, "no user: a dead letter, not a crash");
    }
  }
}

void check_letter(const StoredRecord& record) {
  const pipeline::Death death{"pipeline", "acme", 3, "unprocessable", record.key, record.time};
  const Record letter = pipeline::dead_letter_record(record, death);
  StoredRecord stored{{letter.topic, 1, 7}, record.time, letter.key, letter.value, letter.headers};
  const auto source = pipeline::source_of(stored);
  holds(source.position == record.position && source.key == record.key &&
            source.value == record.value &&
            source.headers == pipeline::without_death(record.headers),
        "a dead letter holds the event as it was");
  const auto read = pipeline::letter_of(stored);
  holds(read.pipeline == death.pipeline && read.tenant == death.tenant &&
            read.attempts == death.attempts && read.died_at == death.died_at,
        "nobody but the pipeline says how an event died");
  // Letters of other writers say what they like.
  stored.headers = record.headers;
  (void)pipeline::letter_of(stored);
  (void)pipeline::is_marker(stored);
  pipeline::DeadLetterFilter filter;
  filter.event_id = record.key;
  (void)pipeline::matches(filter, stored);
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  const auto body = text_of(data, size);
  StoredRecord record;
  if (!sqlite::decode_body(body, record)) return 0;
  std::string written;
  sqlite::encode_body({"", record.key, record.value, record.headers}, written);
  holds(written == body, "a record has one form");
  sqlite::BodyHead head;
  holds(
      sqlite::decode_head(body, head) && head.key == record.key && head.tombstone == !record.value,
      "the head of a record says the same as the whole");
  record.time = *parse_rfc3339("2026-01-01T00:00:00Z");
  for (const char* topic : {"user.events", "analytics.events", "other.events"}) {
    record.position = {topic, 3, 41};
    check_event(record);
    check_letter(record);
  }
  return 0;
}
