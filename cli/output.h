// Data to stdout in the chosen format, everything else to stderr.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/render/view.h"
#include "cli/settings.h"
#include "cli/terminal.h"

namespace mesh::cli {

class Output {
 public:
  Output(std::ostream& data, std::ostream& notes, Terminal terminal)
      : data_(data), notes_(notes), terminal_(terminal) {}

  void set_format(Format format) { format_ = format; }
  Format format() const { return format_; }
  const Terminal& terminal() const { return terminal_; }

  // A table, a JSON array (also of nothing), a YAML sequence, names.
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
  // JSON line, a YAML document, a name, else `line`.
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
  void document(const std::string& text);

  std::ostream& data_;
  std::ostream& notes_;
  const Terminal terminal_;
  Format format_ = Format::table;
};

}  // namespace mesh::cli
