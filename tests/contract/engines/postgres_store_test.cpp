#include "tests/contract/engines/postgres_harness.h"
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

namespace mesh::test {
namespace {

std::unique_ptr<PostgresHarness> make(Clock& clock) {
  if (!PostgresServer::installed()) return nullptr;
  return std::make_unique<PostgresHarness>(clock);
}

const auto kEngine = ::testing::Values(StoreEngine{"postgres", make});
const LeaseEngine kLeases{"postgres", [](Clock& clock) {
                            const std::shared_ptr<PostgresHarness> store = make(clock);
                            return std::shared_ptr<LeaseStore>(store,
                                                               store ? &store->leases() : nullptr);
                          }};
const MemberEngine kMembers{"postgres", [](Clock& clock) {
                              const std::shared_ptr<PostgresHarness> store = make(clock);
                              return std::shared_ptr<MemberStore>(
                                  store, store ? &store->members() : nullptr);
                            }};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Postgres, UserStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, LeaseStoreContract, ::testing::Values(kLeases));
INSTANTIATE_TEST_SUITE_P(Postgres, MemberStoreContract, ::testing::Values(kMembers));
INSTANTIATE_TEST_SUITE_P(Postgres, OutboxContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, TenantStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, IdempotencyStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, TaskStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, AnalyticsStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, ChemicalStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, UsageStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, RetryStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, EpochStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, KeyStoreContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, StoreTransferContract, kEngine);
INSTANTIATE_TEST_SUITE_P(Postgres, TenantDataContract, kEngine);

}  // namespace mesh::test
