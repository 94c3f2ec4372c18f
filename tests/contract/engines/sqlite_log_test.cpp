#include "tests/contract/engines/sqlite_log_host.h"
#include "tests/contract/log_import_contract.h"

namespace mesh::test {
namespace {

std::unique_ptr<EventLogHost> make_sqlite_log_host() { return std::make_unique<SqliteLogHost>(); }

INSTANTIATE_TEST_SUITE_P(Sqlite, EventLogContract, testing::Values(&make_sqlite_log_host));
INSTANTIATE_TEST_SUITE_P(Sqlite, LogImportContract, testing::Values(&make_sqlite_log_host));

}  // namespace
}  // namespace mesh::test
