// What the forms of an event over HTTP (cloudevents.h) have in common: attributes, their rules, and
// what the data of a typed event says.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/catalogue.h"
#include "common/domain/event.h"
#include "daemon/services/cloudevents.h"

namespace mesh::services {

inline constexpr std::string_view kJsonContent = "application/json";

// `unprocessable`, of one event.
tl::unexpected<Error> offence(const std::string& pointer, const std::string& detail);

// An event of the credential's tenant that has happened now.
Event blank_event(const http::Request& request, Timestamp now);

// Takes an attribute in, by its CloudEvents name. `forbidden` for another tenant's.
Status set_attribute(Event& event, std::string_view name, std::string value);

// What must be there: in lines `type` alone.
enum class Strictness { cloudevents, lines };
Status require_attributes(const Event& event, bool has_version, Strictness strictness);

Status check_size(const Event& event, const IngestRules& rules);
// Of bytes that come without one: typed data is JSON, of other data nothing is known.
void assume_content_type(Event& event);
// The source and the trace of an event that names none.
void fill_defaults(Event& event, const http::Request& request);
// A time that the data names is when it happened, unless the event itself says otherwise.
void take_timestamp(Event& event, const EventTypeDef& type, const Json& data);

// Checks type and data and fills in topic-dependent parts. `data` is the parsed event.data, or null
// where it is not JSON.
Status complete_event(Event& event, const Json* data, const IngestRules& rules);

}  // namespace mesh::services
