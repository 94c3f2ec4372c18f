#include "common/engines/sqlite/core/damage.h"

#include <mutex>

namespace mesh::sqlite {
namespace {

// Of the process, as the files are: readers, committers and upkeep of each meet damage by
// themselves.
struct Met {
  std::mutex mutex;
  std::map<std::string, std::string, std::less<>> causes;  // by file; guarded by mutex
};
Met& met() {
  static Met met;
  return met;
}

}  // namespace

Error damaged_file(std::string_view file, std::string cause, std::string_view where) {
  std::string message = std::string(file) + " is damaged";
  if (!where.empty()) message.append(" at ").append(where);
  {
    // SQLite's own error comes first and does not know the place.
    std::lock_guard lock(met().mutex);
    auto& known = met().causes;
    if (where.empty()) {
      known.emplace(file, cause);
    } else {
      known.insert_or_assign(std::string(file), std::string(where) + ": " + cause);
    }
  }
  return Error{
      ErrorKind::corrupt, message + ": `mesh check` says what to do", std::move(cause), {}, {}};
}

void forget_damage(std::string_view file) {
  std::lock_guard lock(met().mutex);
  const auto known = met().causes.find(file);
  if (known != met().causes.end()) met().causes.erase(known);
}

std::map<std::string, std::string, std::less<>> damage_met() {
  std::lock_guard lock(met().mutex);
  return met().causes;
}

}  // namespace mesh::sqlite
