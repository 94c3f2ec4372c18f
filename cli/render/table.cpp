#include "cli/render/table.h"

#include <algorithm>
#include <set>

#include "cli/render/width.h"

namespace mesh::cli {
namespace {

constexpr int kGap = 2;
constexpr int kNarrowest = 8;
constexpr int kKept = 24;  // of what one came for

using Rows = std::vector<std::vector<std::string>>;

// A column while it is laid out.
struct Track {
  int width = 0, floor = 0;
};

std::string padded(const std::string& text, int width, bool right) {
  const std::string pad(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return right ? pad + text : text + pad;
}

std::string cut(const std::string& text, int width, Cut kind) {
  return kind == Cut::first ? truncate_middle(text, width) : truncate(text, width);
}

// Whether cells that differ still do when they are cut to the width.
bool told_apart(const Rows& rows, std::size_t column, int width) {
  std::set<std::string> whole, shown;
  for (const auto& row : rows) {
    // Cells that are alike anyway need not be told apart.
    if (whole.insert(row[column]).second &&
        !shown.insert(truncate_middle(row[column], width)).second) {
      return false;
    }
  }
  return true;
}

int floor_of(const TableColumn& column, const Rows& rows, std::size_t at, int natural) {
  if (column.cut == Cut::never) return natural;
  int floor = std::max(column.cut == Cut::last ? kKept : kNarrowest, display_width(column.header));
  if (column.cut == Cut::first) {
    // An id that was shortened to look like another would be copied for it.
    while (floor < natural && !told_apart(rows, at, floor)) ++floor;
  }
  // A column is never padded to its floor.
  return std::min(floor, natural);
}

// Takes from the columns of the kind, the widest first; how much is too much still.
int narrowed(const std::vector<TableColumn>& columns, std::vector<Track>& tracks, Cut kind,
             int excess) {
  while (excess > 0) {
    Track* widest = nullptr;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      if (columns[i].cut == kind && tracks[i].width > tracks[i].floor &&
          (widest == nullptr || tracks[i].width > widest->width)) {
        widest = &tracks[i];
      }
    }
    if (widest == nullptr) break;
    // One step at a time, so that columns of like width shrink together.
    --widest->width;
    --excess;
  }
  return excess;
}

std::string line(const std::vector<std::string>& cells, const std::vector<TableColumn>& columns,
                 const std::vector<Track>& tracks) {
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) text.append(kGap, ' ');
    text +=
        padded(cut(cells[i], tracks[i].width, columns[i].cut), tracks[i].width, columns[i].right);
  }
  // Blanks at the end would wrap on a terminal, and are a nuisance in a paste.
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

std::string table(const std::vector<TableColumn>& columns, const Rows& rows,
                  const TableStyle& style) {
  if (columns.empty()) return {};
  std::vector<std::string> headers;
  std::vector<Track> tracks;
  for (const auto& column : columns) {
    headers.push_back(column.header);
    tracks.push_back({display_width(column.header), 0});
  }
  Rows cells;
  cells.reserve(rows.size());
  for (const auto& row : rows) {
    auto& clean = cells.emplace_back(columns.size());
    for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i) {
      // Before widths are measured: an escape is wider than what it stands for.
      clean[i] = printable(row[i]);
      tracks[i].width = std::max(tracks[i].width, display_width(clean[i]));
    }
  }
  int excess = kGap * (static_cast<int>(tracks.size()) - 1) - style.max_width;
  for (const auto& track : tracks) excess += track.width;
  if (style.max_width > 0 && excess > 0) {
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      tracks[i].floor = floor_of(columns[i], cells, i, tracks[i].width);
    }
    for (const Cut kind : {Cut::first, Cut::second, Cut::last}) {
      excess = narrowed(columns, tracks, kind, excess);
    }
  }
  std::string out = line(headers, columns, tracks);
  // Around the whole line, behind its layout: the sequences have no width.
  if (style.bold_header) out = "\x1b[1m" + out + "\x1b[0m";
  out += '\n';
  for (const auto& row : cells) out += line(row, columns, tracks) + '\n';
  return out;
}

}  // namespace mesh::cli
