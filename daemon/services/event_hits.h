// Events as searches and watches tell of them.
#pragma once

#include <string_view>

#include "common/base/json.h"
#include "common/ports/event_index.h"

namespace mesh::services {

// The members of the schema EventHit that say what it is, without those that say how it was found.
Json hit_json(const EventHit& hit, std::string_view type);
Json hit_json(const EventDocument& document);

}  // namespace mesh::services
