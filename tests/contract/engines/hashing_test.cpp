#include "common/engines/hashing/hashing_embedder.h"
#include "tests/contract/embedder_contract.h"

namespace mesh::test {

INSTANTIATE_TEST_SUITE_P(Hashing, EmbedderContract,
                         testing::Values(+[] { return hashing::make_embedder(384); }));
INSTANTIATE_TEST_SUITE_P(HashingSmallest, EmbedderContract,
                         testing::Values(+[] { return hashing::make_embedder(16); }));

}  // namespace mesh::test
