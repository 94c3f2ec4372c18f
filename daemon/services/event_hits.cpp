#include "daemon/services/event_hits.h"

#include "common/base/time.h"

namespace mesh::services {
namespace {

// Of both, since they name alike what they have in common.
template <typename Told>
Json told_json(const Told& told, std::string_view type) {
  return {{"event_id", told.event_id},     {"type", type},
          {"subject", told.subject},       {"time", format_rfc3339(told.time)},
          {"title", told.title},           {"fields", to_json(told.fields)},
          {"topic", told.position.topic},  {"partition", told.position.partition},
          {"offset", told.position.offset}};
}

}  // namespace

Json hit_json(const EventHit& hit, std::string_view type) { return told_json(hit, type); }

Json hit_json(const EventDocument& document) { return told_json(document, document.type); }

}  // namespace mesh::services
