// Database files whose state a reader holds for longer than a query takes.
#pragma once

#include <string>

namespace mesh::sqlite {

// While it lives, the file's write-ahead log grows: its reader needs the state before what is
// written meanwhile. A Committer does not wait for that reader (is_held). Any thread.
class HeldFile {
 public:
  explicit HeldFile(std::string path);
  HeldFile(const HeldFile&) = delete;
  HeldFile& operator=(const HeldFile&) = delete;
  ~HeldFile();

 private:
  const std::string path_;
};

// Whether a HeldFile of this process has the path. Any thread.
bool is_held(const std::string& path);

}  // namespace mesh::sqlite
