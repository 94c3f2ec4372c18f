#include "cli/render/view.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "cli/render/number.h"
#include "cli/render/width.h"
#include "common/base/time.h"

namespace mesh::cli {
namespace {

bool shown(const Field& field, bool wide) {
  return field.show == Field::Show::always || (wide && field.show == Field::Show::wide);
}

std::string counts_text(const Json& counts) {
  if (!counts.is_object()) return plain_text(counts);
  std::string text;
  for (const auto& [name, count] : counts.items()) {
    text += (text.empty() ? "" : "; ") + name + " " + count_text(count);
  }
  return text;
}

// `now`: nothing where the instant is asked for.
std::string text_of(const Field& field, const Json& value, std::optional<Timestamp> now) {
  // First: such a function may also say what null means.
  if (field.text) return field.text(value);
  switch (field.kind) {
    case Field::Kind::text:
      return plain_text(value);
    case Field::Kind::json:
      return value.is_null() ? plain_text(value) : dump(value);
    case Field::Kind::count:
      return count_text(value);
    case Field::Kind::counts:
      return counts_text(value);
    case Field::Kind::size:
      return size_text(value);
    case Field::Kind::rate:
      return value.is_number() ? rate_text(value.get<double>()) : plain_text(value);
    case Field::Kind::seconds:
      return seconds_text(value);
    case Field::Kind::millis:
      return value.is_number() ? seconds_text(value.get<double>() / 1'000) : plain_text(value);
    case Field::Kind::time:
      break;
  }
  if (!now || !value.is_string()) return plain_text(value);
  const auto then = parse_rfc3339(value.get_ref<const std::string&>());
  return then ? age_text(*now - *then) : plain_text(value);
}

std::string cell(const Field& field, const Json& item, std::optional<Timestamp> now) {
  std::string text = text_of(field, at_path(item, field.path), now);
  return text.empty() ? "-" : text;
}

bool is_number(Field::Kind kind) {
  return kind != Field::Kind::text && kind != Field::Kind::json && kind != Field::Kind::counts;
}

bool all_numbers(const Field& field, const std::vector<Json>& items) {
  // Ids and offsets are of kind text, and stand right as numbers do; null is a number that is
  // missing. A column of nulls alone is none.
  return !items.empty() && std::all_of(items.begin(), items.end(), [&](const Json& item) {
    const Json& value = at_path(item, field.path);
    return value.is_number() || value.is_null();
  }) && std::any_of(items.begin(), items.end(), [&](const Json& item) {
    return at_path(item, field.path).is_number();
  });
}

std::string joined(const Json& value) {
  std::string text;
  for (const auto& [key, item] : value.items()) {
    if (!text.empty()) text += ',';
    if (value.is_object()) text += key + "=";
    text += plain_text(item);
  }
  return text.empty() ? "-" : text;
}

}  // namespace

const Json& at_path(const Json& value, std::string_view path) {
  static const Json kNull;
  const Json* place = &value;
  while (!path.empty()) {
    const auto dot = path.find('.');
    if (!place->is_object()) return kNull;
    const auto member = place->find(path.substr(0, dot));
    if (member == place->end()) return kNull;
    place = &*member;
    path = dot == path.npos ? std::string_view{} : path.substr(dot + 1);
  }
  return *place;
}

std::string text_at(const Json& value, std::string_view path) {
  const Json& found = at_path(value, path);
  return found.is_string() ? found.get<std::string>() : std::string();
}

std::string plain_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_null()) return "-";
  if (!value.is_structured()) return dump(value);
  const bool flat = std::none_of(value.begin(), value.end(),
                                 [](const Json& item) { return item.is_structured(); });
  return flat ? joined(value) : dump(value);
}

std::string view_table(const View& view, const std::vector<Json>& items, bool wide, Timestamp now,
                       const TableStyle& style) {
  std::vector<TableColumn> columns;
  std::vector<const Field*> fields;
  for (const Field& field : view.fields) {
    if (!shown(field, wide)) continue;
    const bool numbers = is_number(field.kind) || all_numbers(field, items);
    const Cut cut = numbers                    ? Cut::never
                    : field.title == view.main ? Cut::last
                    : field.path == view.id    ? Cut::first
                                               : Cut::second;
    columns.push_back({field.title, numbers, cut});
    fields.push_back(&field);
  }
  // Wide tables are exact: the instant as it came.
  const auto ages_to = wide ? std::nullopt : std::optional(now);
  std::vector<std::vector<std::string>> rows;
  rows.reserve(items.size());
  for (const Json& item : items) {
    auto& row = rows.emplace_back();
    for (const Field* field : fields) row.push_back(cell(*field, item, ages_to));
  }
  return table(columns, rows, style);
}

std::string view_record(const View& view, const Json& item) {
  std::size_t width = 0;
  for (const Field& field : view.fields) {
    if (shown(field, true)) width = std::max(width, field.title.size());
  }
  std::string out;
  for (const Field& field : view.fields) {
    if (!shown(field, true)) continue;
    std::string label = field.title + ":";
    label.resize(width + 3, ' ');
    out += label + printable(cell(field, item, std::nullopt)) + "\n";
  }
  return out;
}

std::string view_help(const View& view) {
  std::vector<std::vector<std::string>> rows;
  for (const Field& field : view.fields) {
    rows.push_back({field.path.empty() ? "column " + field.title : field.path, field.help});
  }
  return table({{"FIELD"}, {"MEANING"}}, rows);
}

std::string view_names(const View& view, const std::vector<Json>& items) {
  std::string out;
  for (const Json& item : items) out += printable(plain_text(at_path(item, view.id))) + "\n";
  return out;
}

std::string size_text(const Json& bytes) {
  // format_size takes what is not below 0; anything else is shown as it is.
  if (!bytes.is_number() || bytes.get<double>() < 0) return plain_text(bytes);
  if (!bytes.is_number_integer()) return size_text(std::llround(bytes.get<double>()));
  return format_size(bytes.get<std::uint64_t>());
}

std::string count_text(const Json& number) {
  return number.is_number_integer() ? with_thousands(number.get<std::int64_t>())
                                    : plain_text(number);
}

std::string time_text(const Json& rfc3339) {
  if (!rfc3339.is_string()) return plain_text(rfc3339);
  std::string text = rfc3339.get<std::string>();
  const auto dot = text.find('.');
  const auto end = dot == text.npos ? text.npos : text.find_first_not_of("0123456789", dot + 1);
  if (end != text.npos) text.erase(dot, end - dot);
  return text;
}

std::string seconds_text(const Json& seconds) {
  if (!seconds.is_number()) return plain_text(seconds);
  const double value = seconds.get<double>();
  // duration_text takes what is finite and not below 0; beyond 30 years a number is no duration.
  return std::isfinite(value) && value >= 0 && value <= 1e9 ? duration_text(value)
                                                            : plain_text(seconds);
}

}  // namespace mesh::cli
