#include "tests/contract/engines/sqlite_harness.h"
#include "tests/contract/epoch_store_contract.h"
#include "tests/contract/idempotency_store_contract.h"
#include "tests/contract/key_store_contract.h"
#include "tests/contract/lease_store_contract.h"
#include "tests/contract/member_store_contract.h"
#include "tests/contract/outbox_contract.h"
#include "tests/contract/projection_store_contract.h"
#include "tests/contract/retry_store_contract.h"
#include "tests/contract/store_transfer_contract.h"
#include "tests/contract/task_store_contract.h"
#include "tests/contract/tenant_data_contract.h"
#include "tests/contract/tenant_store_contract.h"
#include "tests/contract/usage_store_contract.h"
#include "tests/contract/user_store_contract.h"
#include "tests/support/fake_outbox.h"

namespace mesh::test {
namespace {

const auto kEngine = ::testing::Values(
    StoreEngine{"sqlite", [](Clock& clock) { return std::make_unique<SqliteHarness>(clock); }});

const LeaseEngine kLeases{"sqlite", [](Clock& clock) {
                            const auto store = std::make_shared<SqliteHarness>(clock);
                            return std::shared_ptr<LeaseStore>(store, &store->leases());
                          }};
// What the tests of the relay rely on.
const LeaseEngine kFakeLeases{"fake",
                              [](Clock& clock) { return std::make_shared<FakeLeaseStore>(clock); }};
const MemberEngine kMembers{"sqlite", [](Clock& clock) {
                              const auto store = std::make_shared<SqliteHarness>(clock);
                              return std::shared_ptr<MemberStore>(store, &store->members());
                            }};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, UserStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, LeaseStoreContract, ::testing::Values(kLeases));
INSTANTIATE_TEST_SUITE_P(Fake, LeaseStoreContract, ::testing::Values(kFakeLeases));
INSTANTIATE_TEST_SUITE_P(Sqlite, MemberStoreContract, ::testing::Values(kMembers));
INSTANTIATE_TEST_SUITE_P(Sqlite, OutboxContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, TenantStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, IdempotencyStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, TaskStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, AnalyticsStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, ChemicalStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, UsageStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, RetryStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, EpochStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, KeyStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, StoreTransferContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Sqlite, TenantDataContract, kEngine);

}  // namespace mesh::test
