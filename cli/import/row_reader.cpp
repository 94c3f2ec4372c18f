#include "cli/import/row_reader.h"

#include "cli/import/csv_rows.h"
#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

class NdjsonReader final : public RowReader {
 public:
  explicit NdjsonReader(LineReader& lines) : lines_(lines) {}

  Result<std::optional<UserRow>> next() override {
    while (true) {
      auto line = lines_.next();
      if (!line) return fail(line.error());
      if (!*line) return std::nullopt;
      const std::string_view text = trim((*line)->text);
      if (text.empty()) continue;
      auto found = content(**line, text);
      return UserRow{(*line)->number, std::move(found), std::move((*line)->text)};
    }
  }

 private:
  static std::variant<NewUser, BrokenRow> content(const LineReader::Line& line,
                                                  std::string_view text) {
    if (line.too_long) return BrokenRow{"the line is longer than 1 MiB"};
    const auto json = parse_json(text);
    if (!json) return BrokenRow{json.error().message};
    if (!json->is_object()) return BrokenRow{"not a JSON object"};
    NewUser user;
    for (const auto& [name, member] : {std::pair{"email", &user.email}, {"name", &user.name}}) {
      const auto value = json->find(name);
      if (value == json->end() || !value->is_string() ||
          trim(value->get_ref<const std::string&>()).empty()) {
        return BrokenRow{std::string("\"") + name + "\" must be a text that is not empty"};
      }
      *member = std::string(trim(value->get_ref<const std::string&>()));
    }
    return user;
  }

  LineReader& lines_;
};

}  // namespace

std::optional<RowFormat> row_format_of(const std::string& name) {
  const std::string lower = to_lower(name);
  if (lower.ends_with(".csv")) return RowFormat::csv;
  if (lower.ends_with(".ndjson") || lower.ends_with(".jsonl")) return RowFormat::ndjson;
  return std::nullopt;
}

std::unique_ptr<RowReader> make_row_reader(RowFormat format, LineReader& lines) {
  if (format == RowFormat::csv) return make_csv_reader(lines);
  return std::make_unique<NdjsonReader>(lines);
}

}  // namespace mesh::cli
