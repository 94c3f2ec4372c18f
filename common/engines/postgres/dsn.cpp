#include "common/engines/postgres/dsn.h"

#include <libpq-fe.h>

#include <memory>
#include <string_view>

#include "common/base/free_with.h"

namespace mesh::postgres {
namespace {

using Parsed = std::unique_ptr<PQconninfoOption, FreeWith<PQconninfoFree>>;

// Null where it is no connection string.
Parsed parse(const std::string& dsn) {
  char* error = nullptr;
  Parsed parsed(PQconninfoParse(dsn.c_str(), &error));
  const std::unique_ptr<char, FreeWith<PQfreemem>> freed(error);
  return parsed;
}

// Of a URI with a special character in its password that is not percent-encoded, a part of the
// password stands there.
bool is_place(std::string_view keyword, std::string_view value) {
  if (keyword == "port") return value.find_first_not_of("0123456789,") == std::string_view::npos;
  return keyword != "host" || value.find('@') == std::string_view::npos;
}

bool names_places(const PQconninfoOption* option) {
  for (; option->keyword != nullptr; ++option) {
    if (option->val != nullptr && !is_place(option->keyword, option->val)) return false;
  }
  return true;
}

}  // namespace

Status check_dsn(const StoreOptions& options) {
  const auto parsed = parse(options.dsn);
  if (parsed && names_places(parsed.get())) return {};
  return fail(ErrorKind::invalid,
              "postgres.dsn is no connection string: it is as \"host=db dbname=mesh user=mesh\", "
              "with a value in '…' where it holds spaces, or a URI as "
              "postgresql://mesh@db/mesh?sslmode=verify-full, with special characters "
              "percent-encoded");
}

std::string server_name(const StoreOptions& options) {
  const auto parsed = parse(options.dsn);
  std::string host = "localhost", port, database;
  for (const auto* option = parsed.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (option->val == nullptr) continue;
    const std::string_view keyword = option->keyword;
    if (keyword == "host" || (keyword == "hostaddr" && host == "localhost")) host = option->val;
    if (keyword == "port") port = ":" + std::string(option->val);
    if (keyword == "dbname") database = "/" + std::string(option->val);
  }
  return host + port + database;
}

}  // namespace mesh::postgres
