#include "common/engines/sqlite/core/held_files.h"

#include <mutex>
#include <set>

namespace mesh::sqlite {
namespace {

struct HeldPaths {
  std::mutex mutex;
  // A multiset, since two readers may hold one file.
  std::multiset<std::string> paths;  // guarded by mutex
};
HeldPaths& held_paths() {
  static HeldPaths held;
  return held;
}

}  // namespace

HeldFile::HeldFile(std::string path) : path_(std::move(path)) {
  std::lock_guard lock(held_paths().mutex);
  held_paths().paths.insert(path_);
}

HeldFile::~HeldFile() {
  std::lock_guard lock(held_paths().mutex);
  auto& paths = held_paths().paths;
  paths.erase(paths.find(path_));
}

bool is_held(const std::string& path) {
  std::lock_guard lock(held_paths().mutex);
  return held_paths().paths.contains(path);
}

}  // namespace mesh::sqlite
