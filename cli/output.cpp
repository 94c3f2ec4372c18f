#include "cli/output.h"

#include <algorithm>
#include <utility>

#include "cli/pager.h"
#include "cli/render/csv.h"
#include "cli/render/width.h"
#include "common/base/strings.h"
#include "common/yaml/json.h"

namespace mesh::cli {
namespace {

std::string pretty(const Json& value) { return dump(value, 2) + "\n"; }

}  // namespace

TableStyle Output::style() const {
  // Only for eyes: whoever pipes a table, or asks for wide, gets all of it.
  const bool cut = terminal_.out && format_ == Format::table;
  return {cut ? terminal_.out_width : 0, terminal_.color};
}

void Output::note(std::string_view text) { notes_ << printable_lines(text) << '\n' << std::flush; }

std::string Output::document(const std::string& text) const {
  // To a program, the bytes as they came.
  return terminal_.out ? printable_json(text) : text;
}

std::string Output::csv(const View& view, const std::vector<Json>& items) {
  // Views are static, so that an address tells one from another.
  std::string text = std::exchange(named_, &view) == &view ? "" : csv_header(view);
  for (const Json& item : items) text += csv_row(view, item, terminal_.out);
  return text;
}

std::string Output::table_of(const View& view, const std::vector<Json>& items) const {
  return view_table(view, items, format_ == Format::wide, clock_.now(), style());
}

bool Output::fits(std::string_view text) const {
  int lines = 1;  // the prompt's
  for (const auto& line : split(text, '\n')) {
    // A line wider than the terminal takes several of its lines.
    lines += 1 + std::max(0, display_width(line) - 1) / terminal_.out_width;
    if (lines > terminal_.out_height + 1) return false;
  }
  return true;
}

void Output::show(const std::string& text) {
  if (terminal_.out && !pager_.empty() && !fits(text)) {
    flush();
    notes_.flush();
    // A pager that cannot be run must not cost the output.
    if (run_pager(pager_, text)) return;
  }
  data_ << text;
}

void Output::items(const View& view, const std::vector<Json>& items) {
  switch (format_) {
    case Format::json:
      show(document(pretty(Json(items))));
      break;
    case Format::yaml:
      show(document(yaml::from_json(Json(items))));
      break;
    case Format::csv:
      show(csv(view, items));
      break;
    case Format::name:
      show(view_names(view, items));
      break;
    case Format::help:
      data_ << view_help(view);
      break;
    case Format::table:
    case Format::wide:
      if (items.empty()) {
        // On stderr: a script that counts the lines of a table counts none.
        note("none");
      } else {
        show(table_of(view, items));
      }
  }
}

void Output::row(const View& view, const Json& item) {
  switch (format_) {
    case Format::json:
      show(document(pretty(item)));
      break;
    case Format::yaml:
      show(document(yaml::from_json(item)));
      break;
    default:
      items(view, {item});
  }
}

void Output::record(const View& view, const Json& item, const std::vector<Part>& parts) {
  // Parts are members of the object, which the exact forms have in it anyway.
  if (!for_people()) return row(view, item);
  std::string text = view_record(view, item);
  for (const Part& part : parts) {
    const Json& array = at_path(item, part.path);
    if (!array.is_array() || array.empty()) continue;
    text += "\n" + part.title + "\n" + table_of(*part.view, {array.begin(), array.end()});
  }
  show(text);
}

void Output::stream(const View& view, const Json& item, const std::string& line) {
  switch (format_) {
    case Format::json:
      data_ << document(dump(item) + "\n");
      break;
    case Format::yaml:
      data_ << document("---\n" + yaml::from_json(item));
      break;
    case Format::csv:
      data_ << csv(view, {item});
      break;
    case Format::name:
      data_ << view_names(view, {item});
      break;
    default:
      data_ << line;
  }
}

}  // namespace mesh::cli
