// What is found by looking for damage in a data folder that no meshd uses, and what repairs say.
//
// A repair copies what is whole into a new file; what the copy leaves out is what it loses. So
// looking is the same walk without the copy: what it reports is what a repair would lose.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mesh::sqlite {

struct Damage {
  std::string place;                 // "analytics.events/3 records 17..19", "table users"
  std::string what;                  // what is wrong there
  std::vector<std::string> tenants;  // whose it is, as far as the bytes tell
  std::string loss;                  // what a repair loses, or why it loses nothing
  bool lossless = false;             // a repair loses nothing
};

struct FileReport {
  std::string file;             // "log.db"
  std::int64_t rows = 0;        // that are whole
  bool hopeless = false;        // missing, or so damaged that nothing can be copied
  bool users_lost = false;      // of store.db: rows of users or tenants may be gone
  std::vector<Damage> damages;  // empty: the file is whole
};

// "17..19" or "17".
std::string range_text(std::int64_t first, std::int64_t last);

}  // namespace mesh::sqlite
