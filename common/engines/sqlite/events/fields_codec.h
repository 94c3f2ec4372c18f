// Values of fields as events.db keeps them: a form that filters read where it lies, since a search
// asks it of every event of a tenant. JSON of the same values took twenty times as long to read.
//
// For each value: its name's length (u16), the name, 0 and the text's length (u16) and the text, or
// 1 and the number (f64). Numbers are little-endian.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/event_filter.h"

namespace mesh::sqlite {

// `invalid` for a name or a text of over 64 KiB.
Result<std::string> encode_fields(const FieldValues& fields);
// `corrupt` for what encode_fields has not made.
Result<FieldValues> decode_fields(std::string_view bytes);
// As mesh::holds of the decoded values.
Result<bool> stored_holds(const EventFilter& filter, std::string_view bytes);

}  // namespace mesh::sqlite
