// Data to stdout in the chosen format, everything else to stderr.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/render/view.h"
#include "cli/settings.h"
#include "cli/terminal.h"
#include "common/base/clock.h"

namespace mesh::cli {

class Output {
 public:
  Output(std::ostream& data, std::ostream& notes, Terminal terminal, Clock& clock)
      : data_(data), notes_(notes), terminal_(terminal), clock_(clock) {}

  void set_format(Format format) { format_ = format; }
  Format format() const { return format_; }
  bool for_people() const { return format_ == Format::table || format_ == Format::wide; }
  // For what is longer than the screen, on a terminal; empty: none.
  void set_pager(std::string command) { pager_ = std::move(command); }
  const Terminal& terminal() const { return terminal_; }

  // A table, a JSON array (also of nothing), a YAML sequence, CSV, names; it blocks while a pager
  // shows it. The line of CSV that names the fields comes once for one view.
  void items(const View& view, const std::vector<Json>& items);
  // One object as a table of one row.
  void row(const View& view, const Json& item);
  // One object as lines of "TITLE: value"; the tables of `parts` follow it.
  struct Part {
    std::string title;
    std::string path;  // of an array in the object
    const View* view;
  };
  void record(const View& view, const Json& item, const std::vector<Part>& parts = {});

  // One of many that come as they are found, beginning with nothing known of the rest: a compact
  // JSON line, a YAML document, a row of CSV, a name, else `line`; never by a pager.
  void stream(const View& view, const Json& item, const std::string& line);

  void data(std::string_view text) { data_ << text; }
  void note(std::string_view text);  // fit to print, a line or more
  void flush() { data_.flush(); }
  // False once stdout takes no more: the reader has gone, the disk is full.
  bool ok() const { return data_.good(); }
  std::ostream& notes() { return notes_; }

 private:
  TableStyle style() const;
  // JSON or YAML: exact, and on a terminal fit to print as well.
  std::string document(const std::string& text) const;
  std::string csv(const View& view, const std::vector<Json>& items);
  std::string table_of(const View& view, const std::vector<Json>& items) const;
  bool fits(std::string_view text) const;
  // By the pager where it is longer than the screen.
  void show(const std::string& text);

  std::ostream& data_;
  std::ostream& notes_;
  const Terminal terminal_;
  Clock& clock_;
  Format format_ = Format::table;
  std::string pager_;
  const View* named_ = nullptr;  // the view whose fields CSV has named
};

}  // namespace mesh::cli
