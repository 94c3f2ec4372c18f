// Which types of events are searchable, and what of them is: a template for the text, fields for
// filters.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/event_filter.h"

namespace mesh {

struct Searchable {
  // Text with places of the event's data in braces: "{event_type} {metadata.*}". A place is a path
  // of member names; "*" is every text below, in order of names; what is not there is nothing. "{{"
  // is a brace.
  std::string text;
  // The name of a filter field is its path, with dots: "country", "metadata.plan".
  std::map<std::string, FieldKind, std::less<>> fields;
};

// {"text":"…","fields":{"country":"keyword","amount":"number"}}; `unprocessable` with pointers.
Result<Searchable> searchable_from_json(const Json& json);
Json to_json(const Searchable& searchable);

// Of the catalogue's types, unless the tenant's record says another: analytics.recorded and
// chemical.recorded. Null for others.
const Searchable* built_in_searchable(std::string_view type);

inline constexpr std::size_t kMaxSearchableText = 8 << 10;  // bytes; what is beyond is cut

// The text of an event's data, cut at a character; empty where nothing of it is there.
std::string searchable_text(const Searchable& searchable, const Json& data);
// The values of the fields; those of another kind than declared are left out, and so are keywords
// of over 256 bytes and more than 32 values of one.
FieldValues field_values(const Searchable& searchable, const Json& data);

}  // namespace mesh
