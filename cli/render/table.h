// Aligned tables without borders. Pure.
// libfort and tabulate are not in Debian 12.
#pragma once

#include <string>
#include <vector>

namespace mesh::cli {

struct TableStyle {
  int max_width = 0;  // of a line; 0: as wide as the cells are, nothing is cut
  bool bold_header = false;
};

// When a column gives way in a line that is too wide.
enum class Cut {
  first,   // names the row: shortened in the middle, as far as its cells stay different
  second,  // cut at the end
  last,    // what one came for: likewise, when the others give no more
  never,   // numbers: a part of one is another one
};

struct TableColumn {
  std::string header;
  bool right = false;
  Cut cut = Cut::second;
};

// A header line and a line per row, columns two spaces apart, no spaces at line ends. Cells are
// made printable. Where a line is wider than allowed the columns give way in the order of Cut, of
// one kind the widest, none below its header's width, 8 columns, or 24 for Cut::last; a line that
// cannot be made to fit stays wider.
std::string table(const std::vector<TableColumn>& columns,
                  const std::vector<std::vector<std::string>>& rows, const TableStyle& style = {});

}  // namespace mesh::cli
