// A view: which fields of a verb's answer are shown, and how. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/render/table.h"
#include "common/base/json.h"

namespace mesh::cli {

struct Field {
  enum class Show { always, wide, never };  // in tables; JSON and YAML have every field

  std::string path;   // "progress.done"; empty: the whole object, for a column made of several
  std::string title;  // "DONE"
  std::string help;   // a line for -o help
  Show show = Show::always;
  // Of the value at `path`, which may be null; default: plain_text.
  std::function<std::string(const Json&)> text = {};
};

struct View {
  std::string id;  // path of what -o name prints
  std::vector<Field> fields;
};

// The value at a path of member names with dots; null where there is none.
const Json& at_path(const Json& value, std::string_view path);
// Text as it is, numbers plain, true and false, "-" for null, "a,b" for lists of scalars,
// "k=v,…" for objects of scalars, else compact JSON.
std::string plain_text(const Json& value);

// Columns of numbers stand right.
std::string view_table(const View& view, const std::vector<Json>& items, bool wide,
                       const TableStyle& style = {});
// One object as "TITLE:  value" lines.
std::string view_record(const View& view, const Json& item);
// The fields and a line on each.
std::string view_help(const View& view);
// A line per item.
std::string view_names(const View& view, const std::vector<Json>& items);

// For Field::text.
std::string size_text(const Json& bytes);       // "1.5 MiB"
std::string count_text(const Json& number);     // "12,345"
std::string time_text(const Json& rfc3339);     // without fractions of a second
std::string seconds_text(const Json& seconds);  // "1h30m", "0.2s"
std::string json_text(const Json& value);

}  // namespace mesh::cli
