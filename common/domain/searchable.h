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
  // The name of a filter field is its path, with dots: "country", "metadata.plan". Below an array
  // each of its elements is meant.
  std::map<std::string, FieldKind, std::less<>> fields = {};
  // The path of a member whose texts, numbers and truth values are fields without being declared,
  // by their paths: of "metadata" {"country":"DE"} the field "metadata.country". Filters may leave
  // its name out (parse_condition). Empty: none.
  std::string open = {};
  bool operator==(const Searchable&) const = default;
};
// By type.
using Searchables = std::map<std::string, Searchable, std::less<>>;

inline constexpr std::size_t kMaxTemplate = 1 << 10;  // bytes
inline constexpr std::size_t kMaxFields = 16;         // declared ones
inline constexpr std::size_t kMaxFieldName = 256;     // bytes

// {"text":"…","fields":{"country":"keyword","amount":"number"},"open":"metadata"}, where `text`
// alone has to be there; `unprocessable` with pointers, `at` before each.
Result<Searchable> searchable_from_json(const Json& json, const std::string& at = {});
Json to_json(const Searchable& searchable);
// {"order.placed":{"text":…}}: a tenant's, pointers begin "/search/<type>". Whether the types are
// there is check_search's to say (own_types.h).
Result<Searchables> searchables_from_json(const Json& json);

// Of the catalogue's types, unless the tenant's record says another: analytics.recorded and
// chemical.recorded. Null for others.
const Searchable* built_in_searchable(std::string_view type);
// What holds for a tenant whose record has `own`. Null: events of the type are not searchable.
const Searchable* searchable_of(const Searchables& own, std::string_view type);

inline constexpr std::size_t kMaxSearchableText = 8 << 10;  // bytes; what is beyond is cut

// The text of an event's data, cut at a character; empty where nothing of it is there.
std::string searchable_text(const Searchable& searchable, const Json& data);
// The values of the fields; those of another kind than declared are left out, and so are keywords
// of over 256 bytes, more than 32 values of one, and more than 64 values of open fields. A truth
// value is the keyword "true" or "false".
FieldValues field_values(const Searchable& searchable, const Json& data);

}  // namespace mesh
