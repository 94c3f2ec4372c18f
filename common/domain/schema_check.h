// The two ways to check data against a catalogue schema; validate_data is their sum.
#pragma once

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/catalogue.h"

namespace mesh {

// Quick: true only for data that check_schema would pass, false where that has to be asked. Types
// that clients publish are decided here, so that ingest pays for the schema engine only when there
// is something to complain about.
bool conforms(const EventTypeDef& type, const Json& data);

// Thorough: by the schema itself, with a pointer per violation.
Status check_schema(const EventTypeDef& type, const Json& data);

}  // namespace mesh
