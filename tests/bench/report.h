// The figures of a run: a table for people, rows for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mesh::bench {

struct Row {
  std::string name;  // "post/create/256/rate"
  double value = 0;
  std::string unit;                     // "1/s", "ms", "MB", …
  std::optional<double> baseline{};     // what it is compared with, measured in the same run
  std::optional<double> ratio() const;  // value / baseline
};

class Report {
 public:
  // Begins a group: what it measures and what the column `baseline` holds.
  void group(const std::string& name, const std::string& what, const std::string& baseline);
  void add(Row row);
  // The rows of a file that another benchmark wrote with write_json().
  void add_file(const std::string& path);
  // [{"name","value","unit","baseline","ratio"}]; numbers or null. False: it cannot be written.
  bool write_json(const std::string& path) const;

 private:
  std::vector<Row> rows_;
};

}  // namespace mesh::bench
