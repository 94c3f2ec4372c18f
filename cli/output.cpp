#include "cli/output.h"

#include "cli/render/width.h"
#include "common/config/yaml_json.h"

namespace mesh::cli {
namespace {

std::string pretty(const Json& value) { return dump(value, 2) + "\n"; }

}  // namespace

TableStyle Output::style() const {
  return {terminal_.out ? terminal_.out_width : 0, terminal_.color};
}

void Output::note(std::string_view text) { notes_ << printable_lines(text) << '\n' << std::flush; }

void Output::document(const std::string& text) {
  data_ << (terminal_.out ? printable_json(text) : text);
}

void Output::items(const View& view, const std::vector<Json>& items) {
  switch (format_) {
    case Format::json:
      document(pretty(Json(items)));
      break;
    case Format::yaml:
      document(json_to_yaml(Json(items)));
      break;
    case Format::name:
      data_ << view_names(view, items);
      break;
    case Format::help:
      data_ << view_help(view);
      break;
    case Format::table:
    case Format::wide:
      if (items.empty()) {
        note("none");
      } else {
        data_ << view_table(view, items, format_ == Format::wide, style());
      }
  }
}

void Output::row(const View& view, const Json& item) {
  switch (format_) {
    case Format::json:
      document(pretty(item));
      break;
    case Format::yaml:
      document(json_to_yaml(item));
      break;
    default:
      items(view, {item});
  }
}

void Output::record(const View& view, const Json& item, const std::vector<Part>& parts) {
  if (format_ != Format::table && format_ != Format::wide) return row(view, item);
  data_ << view_record(view, item);
  for (const Part& part : parts) {
    const Json& array = at_path(item, part.path);
    if (!array.is_array() || array.empty()) continue;
    const std::vector<Json> rows(array.begin(), array.end());
    data_ << '\n'
          << part.title << "\n"
          << view_table(*part.view, rows, format_ == Format::wide, style());
  }
}

void Output::stream(const View& view, const Json& item, const std::string& line) {
  switch (format_) {
    case Format::json:
      document(dump(item) + "\n");
      break;
    case Format::yaml:
      document("---\n" + json_to_yaml(item));
      break;
    case Format::name:
      data_ << view_names(view, {item});
      break;
    default:
      data_ << line;
  }
}

}  // namespace mesh::cli
