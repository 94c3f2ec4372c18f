// Aligned tables without borders. Pure.
#pragma once

#include <string>
#include <vector>

namespace mesh::cli {

struct TableStyle {
  int max_width = 0;  // of a line; 0: as wide as the cells are, nothing is cut
  bool bold_header = false;
};

struct TableColumn {
  std::string header;
  bool right = false;  // for numbers
};

// A header line and a line per row, columns two spaces apart, no spaces at line ends. Cells are
// made printable. Where a line is wider than allowed the widest columns are cut first, none below
// eight columns or its header's width, the first, which names the row, not below forty; a line that
// cannot be made to fit stays wider.
std::string table(const std::vector<TableColumn>& columns,
                  const std::vector<std::vector<std::string>>& rows, const TableStyle& style = {});

}  // namespace mesh::cli
