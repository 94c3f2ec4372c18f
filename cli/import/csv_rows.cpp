#include "cli/import/csv_rows.h"

#include <csv.h>

#include "common/base/strings.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kMaxRow = LineReader::kMaxLine;
constexpr const char* kHeader =
    "the first row must name the columns, with \"email\" and \"name\" among them";

// The line in which the quote opened that is open at the end of what was fed; libcsv does not tell.
class OpenQuote {
 public:
  void feed(std::string_view line, std::int64_t number) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '"') continue;
      if (line_ == 0) {
        line_ = number;
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        ++i;  // a doubled one
      } else {
        line_ = 0;
      }
    }
  }
  std::int64_t line() const { return line_; }  // 0: none is open
  std::string text() const { return "the quote that opens in line " + std::to_string(line_); }
  void reset() { line_ = 0; }

 private:
  std::int64_t line_ = 0;
};

// libcsv behind a holder: fields are gathered until the row ends.
class Parser {
 public:
  Parser() { csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI); }
  ~Parser() { csv_free(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  // False on broken syntax.
  bool feed(std::string_view text) {
    return csv_parse(&parser_, text.data(), text.size(), on_field, on_row, this) == text.size();
  }
  bool finish() { return csv_fini(&parser_, on_field, on_row, this) == 0; }
  void reset() {
    csv_free(&parser_);
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    fields.clear();
    complete = false;
  }

  std::vector<std::string> fields;
  bool complete = false;

 private:
  static void on_field(void* text, std::size_t size, void* self) {
    static_cast<Parser*>(self)->fields.emplace_back(static_cast<const char*>(text), size);
  }
  static void on_row(int, void* self) { static_cast<Parser*>(self)->complete = true; }

  csv_parser parser_{};
};

class CsvReader final : public RowReader {
 public:
  explicit CsvReader(LineReader& lines) : lines_(lines) {}

  Result<std::optional<UserRow>> next() override {
    if (!header_read_) {
      if (auto header = read_header(); !header) return fail(header.error());
    }
    auto row = read_row();
    if (!row) return fail(row.error());
    if (!*row) return std::nullopt;
    auto content = (*row)->broken.empty() ? to_user(**row) : BrokenRow{std::move((*row)->broken)};
    return UserRow{(*row)->line, std::move(content), std::move((*row)->text)};
  }

 private:
  struct Row {
    std::int64_t line = 0;
    std::vector<std::string> fields;
    std::string broken;  // why; then there are no fields
    std::string text;
  };

  // A row may span lines: a quoted field holds line ends. The parser is fed line by line, so that
  // the line where a row begins is known and a broken one costs only its own lines.
  Result<std::optional<Row>> read_row() {
    Row row;
    parser_.reset();
    quote_.reset();
    char end = '\n';  // of the line before
    while (true) {
      auto line = lines_.next(LineReader::Ends::carriage_return_too);
      if (!line) return fail(line.error());
      if (!*line) {
        if (row.line == 0) return std::nullopt;
        if (!parser_.finish()) {
          row.broken =
              quote_.text() + " is never closed: all up to the end of the file is its field";
        }
        row.fields = std::move(parser_.fields);
        return row;
      }
      const auto& [number, text, too_long, ended, by_return] = **line;
      if (row.line == 0) {
        if (trim(text).empty()) continue;
        row.line = number;
      }
      const OpenQuote before = quote_;
      quote_.feed(text, number);
      if (!row.text.empty()) row.text += end;
      row.text += text;
      end = by_return ? '\r' : '\n';
      if (too_long || row.text.size() > kMaxRow) {
        row.text.resize(std::min(row.text.size(), kMaxRow));
        row.broken = "the row is longer than 1 MiB";
        if (quote_.line() != 0) row.broken += "; is " + quote_.text() + " ever closed?";
        return row;
      }
      if (!parser_.feed(text + end)) {
        row.broken = "a quote stands where none may stand; quotes within a field are doubled";
        if (before.line() != 0)
          row.broken += "; is " + before.text() + " closed where it should be?";
        return row;
      }
      if (parser_.complete) {
        row.fields = std::move(parser_.fields);
        return row;
      }
    }
  }

  Status read_header() {
    auto row = read_row();
    if (!row) return fail(row.error());
    header_read_ = true;
    if (!*row) return fail(ErrorKind::invalid, lines_.name() + ": the file is empty: " + kHeader);
    if (!(*row)->broken.empty()) {
      return fail(ErrorKind::invalid,
                  lines_.name() + ": line " + std::to_string((*row)->line) + ": " + (*row)->broken);
    }
    for (std::size_t i = 0; i < (*row)->fields.size(); ++i) {
      std::string_view name = (*row)->fields[i];
      if (i == 0 && name.starts_with("\xef\xbb\xbf")) name.remove_prefix(3);
      const std::string column = to_lower(trim(name));
      if (column == "email") email_ = i;
      if (column == "name") name_ = i;
    }
    if (!email_ || !name_) {
      return fail(ErrorKind::invalid, lines_.name() + ": " + kHeader);
    }
    columns_ = (*row)->fields.size();
    return {};
  }

  std::variant<NewUser, BrokenRow> to_user(const Row& row) const {
    if (row.fields.size() != columns_) {
      return BrokenRow{std::to_string(row.fields.size()) + " fields where the header has " +
                       std::to_string(columns_)};
    }
    NewUser user{std::string(trim(row.fields[*email_])), std::string(trim(row.fields[*name_]))};
    if (!is_valid_utf8(user.email) || !is_valid_utf8(user.name))
      return BrokenRow{"the text is not UTF-8"};
    if (user.email.empty()) return BrokenRow{"the email is empty"};
    if (user.name.empty()) return BrokenRow{"the name is empty"};
    return user;
  }

  LineReader& lines_;
  Parser parser_;
  OpenQuote quote_;
  bool header_read_ = false;
  std::optional<std::size_t> email_, name_;
  std::size_t columns_ = 0;
};

}  // namespace

std::unique_ptr<RowReader> make_csv_reader(LineReader& lines) {
  return std::make_unique<CsvReader>(lines);
}

}  // namespace mesh::cli
