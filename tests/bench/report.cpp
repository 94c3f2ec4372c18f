#include "tests/bench/report.h"

#include <cmath>
#include <cstdio>
#include <fstream>

#include "common/base/json.h"

namespace mesh::bench {
namespace {

std::string number(double value) {
  char text[32];
  const int decimals = std::abs(value) >= 1000 ? 0 : std::abs(value) >= 10 ? 1 : 3;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string number(const std::optional<double>& value) { return value ? number(*value) : "–"; }

Json json(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

std::optional<double> Row::ratio() const {
  if (!baseline || *baseline == 0) return std::nullopt;
  return value / *baseline;
}

void Report::group(const std::string& name, const std::string& what, const std::string& baseline) {
  std::printf("\n%s: %s\n", name.c_str(), what.c_str());
  if (!baseline.empty()) std::printf("baseline: %s\n", baseline.c_str());
  std::printf("%-52s %12s %-6s %12s %8s\n", "name", "value", "unit", "baseline", "ratio");
}

void Report::add(Row row) {
  // The dash has three bytes and one column.
  const auto cell = [](const std::optional<double>& value, int width) {
    const std::string text = number(value);
    return std::string(static_cast<std::size_t>(
                           std::max(0, width - static_cast<int>(value ? text.size() : 1))),
                       ' ') +
           text;
  };
  std::printf("%-52s %12s %-6s %s %s\n", row.name.c_str(), number(row.value).c_str(),
              row.unit.c_str(), cell(row.baseline, 12).c_str(), cell(row.ratio(), 8).c_str());
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

void Report::add_file(const std::string& path) {
  std::ifstream file(path);
  const Json rows = Json::parse(file, nullptr, false);
  if (!rows.is_array()) {
    std::fprintf(stderr, "no rows in %s\n", path.c_str());
    return;
  }
  for (const auto& row : rows) {
    Row copy{row.value("name", ""), row.value("value", 0.0), row.value("unit", "")};
    if (row.contains("baseline") && row["baseline"].is_number()) copy.baseline = row["baseline"];
    add(std::move(copy));
  }
}

bool Report::write_json(const std::string& path) const {
  Json all = Json::array();
  for (const auto& row : rows_) {
    all.push_back({{"name", row.name},
                   {"value", row.value},
                   {"unit", row.unit},
                   {"baseline", json(row.baseline)},
                   {"ratio", json(row.ratio())}});
  }
  std::ofstream file(path);
  file << all.dump(1) << "\n";
  return file.good();
}

}  // namespace mesh::bench
