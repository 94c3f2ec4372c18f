// Records as JSON: what the admin API answers, the CLI prints, and `mesh events publish` takes
// back.
//
// {"topic","partition","offset","time","key","id","type","tenant","subject","source","event_time",
//  "sequence","traceparent","headers":{…},"value":…}
//
// Data stands in a member by its content type, so that its bytes can be told from it:
//   JSON                 "value": the JSON as it was written, on one line
//   no content type      likewise for objects and arrays, else text
//   anything else        "value": the text
//   what these cannot hold to the byte (not UTF-8, broken JSON, several lines)
//                        "value_base64", beside "value" where that has a form for people
//   none                 "value": null
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/event.h"

namespace mesh {

// What cannot be read as an event has null for the members of one.
Json to_json(const StoredRecord& record);

// Sets the member `name`, or `name`_base64, to data of that content type.
void put_data(Json& object, const std::string& name, std::string_view content_type,
              const std::optional<std::string>& data);
// What put_data put; nothing for null. Where both members are there and say different things,
// `name` was mended and counts. `invalid` for base64 that is none, and where neither is there.
Result<std::optional<std::string>> data_of(const Json& object, const std::string& name,
                                           std::string_view content_type);

// Readers of an object's text: makes the member raw_json where it is JSON, so that nothing of it is
// lost. `text`: of `object`, as parse_json took it.
void keep_data(Json& object, std::string_view text, const std::string& name,
               std::string_view content_type);
// Likewise for a record as to_json gives it.
void keep_value(Json& record, std::string_view text);
std::string content_type_of(const Json& record);

}  // namespace mesh
