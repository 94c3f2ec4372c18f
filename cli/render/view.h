// A view: which fields of a verb's answer are shown, and how. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/render/table.h"
#include "common/base/clock.h"
#include "common/base/json.h"

namespace mesh::cli {

struct Field {
  enum class Show { always, wide, never };  // in tables; JSON, YAML and CSV have every field
  // Columns stand right whose kind is a number or a time (all but text, json and counts), or that
  // hold nothing but numbers.
  enum class Kind {
    text,  // plain_text
    json,
    count,    // "12,345"; a number that is typed in again, as an offset, is text
    counts,   // an object of them: "schema 12; timeout 3"
    size,     // of bytes: "1.5 MiB"
    rate,     // a second: "8.3"
    seconds,  // "1m30s", "250ms"
    millis,   // likewise, of milliseconds
    time,     // "3m12s" ago, "in 5m"; the instant as it came in wide tables and records
  };

  std::string path;   // "progress.done"; empty: the whole object, for a column made of several
  std::string title;  // "DONE"
  std::string help;   // a line for -o help
  Show show = Show::always;
  Kind kind = Kind::text;
  // Of the value at `path`, which may be null, in place of what the kind says.
  std::function<std::string(const Json&)> text = {};
};

struct View {
  std::string id;  // path of what -o name prints; in a table too wide it is shortened first
  std::vector<Field> fields;
  std::string main = {};  // title of the column that one comes for, which is cut last
};

// The value at a path of member names with dots; null where there is none.
const Json& at_path(const Json& value, std::string_view path);
// The text there; empty where there is none.
std::string text_at(const Json& value, std::string_view path);
// Text as it is, numbers plain, true and false, "-" for null, "a,b" for lists of scalars,
// "k=v,…" for objects of scalars, else compact JSON.
std::string plain_text(const Json& value);

// Ages count to `now`.
std::string view_table(const View& view, const std::vector<Json>& items, bool wide, Timestamp now,
                       const TableStyle& style = {});
// One object as "TITLE:  value" lines.
std::string view_record(const View& view, const Json& item);
// The fields and a line on each.
std::string view_help(const View& view);
// A line per item.
std::string view_names(const View& view, const std::vector<Json>& items);

// As the kinds of the same name; plain_text of what is none.
std::string size_text(const Json& bytes);
std::string count_text(const Json& number);
std::string time_text(const Json& rfc3339);  // the instant, without fractions of a second
std::string seconds_text(const Json& seconds);

}  // namespace mesh::cli
