// The tables of store.db, as a salvage copies them.
#pragma once

#include <string>
#include <vector>

namespace mesh::sqlite {

// A table, how its rows are found and checked, and what their loss means.
struct SalvagedTable {
  std::string name;
  std::string key;      // an integer that orders the rows; "": rows are read from both ends only
  std::string order;    // with an empty key: the primary key's columns, and
  std::string reverse;  // the same, descending
  int columns = 0;
  int record = -1;        // a column with a record of its own checksum
  std::vector<int> json;  // columns that hold JSON, or null
  std::string what, loss;
  int since = 1;          // the schema version that brought it
  bool lossless = false;  // what a row says is somewhere else, too: `loss` says where
};

const std::vector<SalvagedTable>& salvaged_tables();

// The commands by which lost counts are made again from the log.
std::string replay_counts();

}  // namespace mesh::sqlite
