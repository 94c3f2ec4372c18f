#include "cli/import/csv_rows.h"

#include <csv.h>

#include <algorithm>
#include <deque>

#include "cli/render/csv.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kMaxRow = LineReader::kMaxLine;
constexpr std::string_view kDelimiters = ",;\t|";

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
  Parser() { begin(); }
  ~Parser() { csv_free(&parser_); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  void set_delimiter(char delimiter) {
    delimiter_ = delimiter;
    reset();
  }
  // False on broken syntax.
  bool feed(std::string_view text) {
    return csv_parse(&parser_, text.data(), text.size(), on_field, on_row, this) == text.size();
  }
  bool finish() { return csv_fini(&parser_, on_field, on_row, this) == 0; }
  void reset() {
    csv_free(&parser_);
    begin();
    fields.clear();
    complete = false;
  }

  std::vector<std::string> fields;
  bool complete = false;

 private:
  void begin() {
    // Strict, also at the end: without it libcsv guesses where a stray quote belongs, and swallows
    // rows.
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&parser_, static_cast<unsigned char>(delimiter_));
  }
  static void on_field(void* text, std::size_t size, void* self) {
    static_cast<Parser*>(self)->fields.emplace_back(static_cast<const char*>(text), size);
  }
  static void on_row(int, void* self) { static_cast<Parser*>(self)->complete = true; }

  csv_parser parser_{};
  char delimiter_ = ',';
};

std::string shown(char delimiter) {
  return delimiter == '\t' ? "tab" : "\"" + std::string(1, delimiter) + "\"";
}

// The most frequent separator outside of quotes; a comma where there is none.
char detected_delimiter(std::string_view line) {
  std::size_t counts[kDelimiters.size()] = {};
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    const auto at = kDelimiters.find(c);
    // A header such as "Name, Vorname" in quotes is one column.
    if (!quoted && at != kDelimiters.npos) ++counts[at];
  }
  return kDelimiters[static_cast<std::size_t>(std::max_element(counts, std::end(counts)) - counts)];
}

class CsvReader final : public RowReader {
 public:
  CsvReader(LineReader& lines, std::optional<char> delimiter, const ColumnChoice& columns)
      : lines_(lines), delimiter_(delimiter), finder_(columns) {}

  Result<std::optional<UserRow>> next() override {
    if (!columns_) MESH_TRY(read_header());
    while (true) {
      auto row = MESH_TRY(read_row());
      if (!row) return std::nullopt;
      if (!row->broken.empty()) {
        return UserRow{row->line, BrokenRow{std::move(row->broken)}, std::move(row->text)};
      }
      // Spreadsheets write rows of nothing but separators for lines that were once filled.
      if (is_blank(*row)) continue;
      auto content = to_user(*row);
      return UserRow{row->line, std::move(content), std::move(row->text), std::move(row->fields)};
    }
  }

  std::string recognized() const override {
    std::string text = "CSV in " + lines_.input().encoding() + ", separator " + shown(*delimiter_);
    if (!columns_) return text;
    text += ", e-mail address from \"" + std::string(trim(header_[columns_->email]));
    text += "\", name from ";
    std::vector<std::string> parts;
    for (const auto part : columns_->name) parts.push_back(header_[part]);
    return text + quoted_list(parts);
  }

  // The reason comes first, so that rows of too many fields keep them all.
  std::string failures_header() const override {
    return (lines_.input().marked() ? "\xef\xbb\xbf" : "") + with_reason(kReasonColumn, header_);
  }

  // Text whose quotes are broken goes into one field, or it would swallow the rows behind it.
  std::string failed_row(const UserRow& row, const std::string& reason) const override {
    // Of the file that was imported: in the file of failures the row stands elsewhere.
    const std::string why = "line " + std::to_string(row.line) + ": " + reason;
    return with_reason(why, row.fields.empty() ? std::vector{row.text} : row.fields);
  }

 private:
  struct Row {
    std::int64_t line = 0;
    std::vector<std::string> fields;
    std::string broken;  // why; then there are no fields
    std::string text;
  };

  Result<std::optional<LineReader::Line>> next_line() {
    if (again_.empty()) return lines_.next(LineReader::Ends::carriage_return_too);
    auto line = std::move(again_.front());
    again_.pop_front();
    return line;
  }

  // A row may span lines: a quoted field holds line ends. The parser is fed line by line, so that
  // the line where a row begins is known. A broken row costs its first line only: the others are
  // read again, since a quote that is missing somewhere must not swallow them.
  Result<std::optional<Row>> read_row() {
    Row row;
    parser_.reset();
    quote_.reset();
    std::vector<LineReader::Line> taken;
    const auto broken = [&](std::string why) {
      row.broken = std::move(why);
      row.text = std::move(taken.front().text);
      again_.insert(again_.begin(), std::make_move_iterator(taken.begin() + 1),
                    std::make_move_iterator(taken.end()));
      return std::move(row);
    };
    while (true) {
      auto line = MESH_TRY(next_line());
      if (!line) {
        if (taken.empty()) return std::nullopt;
        if (!parser_.finish()) return broken(quote_.text() + " is never closed");
        row.fields = std::move(parser_.fields);
        return row;
      }
      if (taken.empty()) {
        // Between rows only: within a quoted field an empty line is part of the value.
        if (trim(line->text).empty()) continue;
        row.line = line->number;
      } else {
        row.text += taken.back().by_return ? '\r' : '\n';
      }
      taken.push_back(std::move(*line));
      const auto& [number, text, too_long, ended, by_return] = taken.back();
      const OpenQuote before = quote_;
      quote_.feed(text, number);
      row.text += text;
      if (too_long || row.text.size() > kMaxRow) {
        std::string why = "the row is longer than 1 MiB";
        if (quote_.line() != 0) why += "; is " + quote_.text() + " ever closed?";
        return broken(std::move(why));
      }
      if (!parser_.feed(text + (by_return ? '\r' : '\n'))) {
        std::string why = "a quote stands where none may stand; quotes within a field are doubled";
        if (before.line() != 0) why += "; is " + before.text() + " closed where it should be?";
        return broken(std::move(why));
      }
      if (parser_.complete) {
        row.fields = std::move(parser_.fields);
        return row;
      }
    }
  }

  tl::unexpected<Error> bad_header(const Row& row, const std::string& why) const {
    std::string text = lines_.input().name() + ": line " + std::to_string(row.line);
    if (row.fields.empty()) return fail(ErrorKind::invalid, text + ": " + why);
    text += " has the columns " + quoted_list(row.fields) + " (separator " + shown(*delimiter_) +
            ", " + lines_.input().encoding() + "): " + why;
    if (row.text.starts_with("dn:") || row.text.starts_with("version:")) {
      return fail(ErrorKind::invalid, text + ". It looks like LDIF: export CSV or JSON instead");
    }
    text += row.text.find('@') != row.text.npos
                ? ". The first row must name the columns; this one looks like a user"
                : ". --email-column and --name-column name them, --delimiter the separator";
    return fail(ErrorKind::invalid, text);
  }

  // "sep=;" is what Excel takes as the first line of a file.
  Status choose_delimiter() {
    auto line = next_line();
    while (line && *line && trim((*line)->text).empty()) line = next_line();
    if (!line) return fail(line.error());
    if (!*line) {
      return fail(ErrorKind::invalid, lines_.input().name() +
                                          ": the file is empty: the first row must name the "
                                          "columns, the e-mail address and the name among them");
    }
    std::string_view text = (*line)->text;
    // LineReader leaves the carriage return before a line feed to libcsv.
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (text.size() == 5 && to_lower(text).starts_with("sep=")) {
      if (!delimiter_) delimiter_ = text[4];
    } else {
      if (!delimiter_) delimiter_ = detected_delimiter(text);
      again_.push_back(std::move(**line));
    }
    parser_.set_delimiter(*delimiter_);
    return {};
  }

  Status read_header() {
    MESH_TRY(choose_delimiter());
    auto row = MESH_TRY(read_row());
    if (!row) return bad_header({1, {}, {}, {}}, "no row names the columns");
    if (!row->broken.empty()) return bad_header(*row, row->broken);
    if (auto fault = utf8_fault(row->text, row->line); !fault.empty())
      return fail(ErrorKind::invalid,
                  lines_.input().name() + ": line " + std::to_string(row->line) + ": " + fault);
    auto columns = finder_.find(row->fields);
    if (!columns) return bad_header(*row, columns.error().message);
    columns_ = std::move(*columns);
    header_ = std::move(row->fields);
    return {};
  }

  static bool is_blank(const Row& row) {
    return std::ranges::all_of(row.fields, [](const auto& field) { return trim(field).empty(); });
  }

  std::variant<NewUser, BrokenRow> to_user(const Row& row) const {
    // A field too many or too few mostly means a separator in a value: which column is which is not
    // known then.
    if (row.fields.size() != header_.size()) {
      return BrokenRow{std::to_string(row.fields.size()) + " fields where the header has " +
                       std::to_string(header_.size()) + " (separator " + shown(*delimiter_) + ")"};
    }
    auto user = user_of_fields(*columns_, row.fields);
    if (!user) return BrokenRow{user.error().message};
    // Only of what is sent: a broken byte in a column that is passed over costs nothing.
    if (!is_valid_utf8(user->email) || !is_valid_utf8(user->name))
      return BrokenRow{utf8_fault(row.text, row.line)};
    return std::move(*user);
  }

  std::string with_reason(std::string_view reason, const std::vector<std::string>& fields) const {
    std::string row;
    append_csv_field(row, reason, *delimiter_);
    // A reason of an earlier import makes room for the new one.
    const bool again = !header_.empty() && header_.front() == kReasonColumn && fields.size() > 1;
    for (std::size_t i = again ? 1 : 0; i < fields.size(); ++i) {
      row += *delimiter_;
      append_csv_field(row, fields[i], *delimiter_);
    }
    return row + "\n";
  }

  LineReader& lines_;
  std::optional<char> delimiter_;  // known once the header is read
  ColumnFinder finder_;
  Parser parser_;
  OpenQuote quote_;
  std::deque<LineReader::Line> again_;  // to be read before the file's
  std::vector<std::string> header_;
  std::optional<UserColumns> columns_;
};

}  // namespace

std::unique_ptr<RowReader> make_csv_reader(LineReader& lines, std::optional<char> delimiter,
                                           const ColumnChoice& columns) {
  return std::make_unique<CsvReader>(lines, delimiter, columns);
}

}  // namespace mesh::cli
