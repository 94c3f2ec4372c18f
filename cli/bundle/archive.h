// A zip of small files.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::cli {

struct ArchivedFile {
  std::string name;  // with its folder
  std::string text;
};

// Makes the file, 0600. `conflict` where something of that name is there, which stays as it is;
// else the errors of system_error. The name is only ever that of a whole file: it is written as
// PATH.new.PID first, which goes again.
Status write_archive(const std::string& path, const std::vector<ArchivedFile>& files,
                     Timestamp made);

}  // namespace mesh::cli
