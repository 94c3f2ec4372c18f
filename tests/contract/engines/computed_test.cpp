#include "common/engines/computed/computed_extractor.h"
#include "tests/contract/extractor_contract.h"

namespace mesh::test {

INSTANTIATE_TEST_SUITE_P(Computed, ExtractorContract, testing::Values(&computed::make_extractor));

}  // namespace mesh::test
