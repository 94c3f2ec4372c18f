// Connection strings, as libpq reads them.
#pragma once

#include <string>

#include "common/engines/postgres/postgres_store.h"

namespace mesh::postgres {

// `invalid` where the dsn is none. It is not cited: it may hold a password.
Status check_dsn(const StoreOptions& options);
// "host:port/database", for causes; never the password.
std::string server_name(const StoreOptions& options);

}  // namespace mesh::postgres
