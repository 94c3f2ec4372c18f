// Where a user's e-mail address and name stand among the columns of an export.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/error.h"
#include "common/domain/user.h"

namespace mesh::cli {

// What the caller names himself; empty: found by name.
struct ColumnChoice {
  std::string email;
  std::vector<std::string> name;  // joined by a space in this order
};

// Indexes into the columns.
struct UserColumns {
  std::size_t email = 0;
  std::vector<std::size_t> name;      // the whole name, or its parts in order
  std::vector<std::size_t> fallback;  // first and last name, for rows whose whole name is empty
};

class ColumnFinder {
 public:
  explicit ColumnFinder(ColumnChoice choice) : choice_(std::move(choice)) {}

  // Columns are known by names that the exports of identity tools give them (docs/import.md
  // lists them); case, accents, blanks and punctuation do not count: "E-Mail-Adresse", "First Name
  // [Required]" and "profile.email" are known. `invalid` says what is missing or there twice, not
  // where. One thread.
  Result<UserColumns> find(const std::vector<std::string>& columns);

 private:
  const std::string& folded(const std::string& column);
  Result<std::optional<std::size_t>> chosen(const std::vector<std::string>& columns,
                                            const std::string& name);
  // The column of the first alias that there is.
  Result<std::optional<std::size_t>> known(const std::vector<std::string>& columns,
                                           const std::vector<std::string>& aliases);

  const ColumnChoice choice_;
  std::unordered_map<std::string, std::string> folded_;  // what was folded before
};

// A row's user; `invalid` for one that lacks either. Blanks around the values do not count.
Result<NewUser> user_of_fields(const UserColumns& columns, const std::vector<std::string>& fields);

// "a", "b" and "c": at most ten of them.
std::string quoted_list(const std::vector<std::string>& names);

}  // namespace mesh::cli
