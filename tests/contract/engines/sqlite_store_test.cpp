#include "tests/contract/engines/sqlite_harness.h"
#include "tests/contract/idempotency_store_contract.h"
#include "tests/contract/outbox_contract.h"
#include "tests/contract/projection_store_contract.h"
#include "tests/contract/retry_store_contract.h"
#include "tests/contract/task_store_contract.h"
#include "tests/contract/tenant_store_contract.h"
#include "tests/contract/user_store_contract.h"

namespace mesh::test {
namespace {

const auto kEngine = ::testing::Values(
    StoreEngine{"sqlite", [](Clock& clock) { return std::make_unique<SqliteHarness>(clock); }});

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, UserStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, OutboxContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, TenantStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, IdempotencyStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, TaskStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, AnalyticsStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, ChemicalStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, RetryStoreContract, kEngine);

}  // namespace mesh::test
