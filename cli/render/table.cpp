#include "cli/render/table.h"

#include <algorithm>
#include <numeric>

#include "cli/render/width.h"

namespace mesh::cli {
namespace {

constexpr int kGap = 2;
constexpr int kNarrowest = 8;
constexpr int kNameKept = 40;  // the first column names the row: it is cut last of all

std::string padded(const std::string& text, int width, bool right) {
  const std::string pad(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return right ? pad + text : text + pad;
}

// Takes from the widest columns until the line fits or nothing more may be cut.
void shrink(std::vector<int>& widths, const std::vector<int>& floors, int max_width) {
  const int gaps = kGap * (static_cast<int>(widths.size()) - 1);
  int excess = std::accumulate(widths.begin(), widths.end(), gaps) - max_width;
  while (excess > 0) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (widths[i] > floors[i] && (widest == widths.size() || widths[i] > widths[widest]))
        widest = i;
    }
    if (widest == widths.size()) return;
    --widths[widest];
    --excess;
  }
}

std::string line(const std::vector<std::string>& cells, const std::vector<TableColumn>& columns,
                 const std::vector<int>& widths) {
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) text.append(kGap, ' ');
    text += padded(truncate(cells[i], widths[i]), widths[i], columns[i].right);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

std::string table(const std::vector<TableColumn>& columns,
                  const std::vector<std::vector<std::string>>& rows, const TableStyle& style) {
  if (columns.empty()) return {};
  std::vector<std::string> headers;
  std::vector<int> widths, floors;
  for (const auto& column : columns) {
    headers.push_back(column.header);
    widths.push_back(display_width(column.header));
    floors.push_back(std::max(kNarrowest, widths.back()));
  }
  std::vector<std::vector<std::string>> cells;
  cells.reserve(rows.size());
  for (const auto& row : rows) {
    auto& clean = cells.emplace_back(columns.size());
    for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i) {
      clean[i] = printable(row[i]);
      widths[i] = std::max(widths[i], display_width(clean[i]));
    }
  }
  if (style.max_width > 0) {
    floors[0] = std::min(std::max(floors[0], kNameKept), widths[0]);
    shrink(widths, floors, style.max_width);
  }
  std::string out = line(headers, columns, widths);
  if (style.bold_header) out = "\x1b[1m" + out + "\x1b[0m";
  out += '\n';
  for (const auto& row : cells) out += line(row, columns, widths) + '\n';
  return out;
}

}  // namespace mesh::cli
