#include "common/engines/sqlite/points/embedded_index.h"
#include "tests/contract/vector_index_contract.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

class EmbeddedHost final : public VectorIndexHost {
 public:
  explicit EmbeddedHost(std::uint64_t fine_bytes) : fine_bytes_(fine_bytes) { reopen(); }
  VectorIndex& index() override { return *index_; }
  void reopen() override {
    index_.reset();
    index_ = sqlite::open_embedded_index(dir_.path(), {.fine_bytes = fine_bytes_}).value();
  }

 private:
  TempDir dir_;
  const std::uint64_t fine_bytes_;
  std::unique_ptr<VectorIndex> index_;
};

std::unique_ptr<VectorIndexHost> with_fine_codes() {
  return std::make_unique<EmbeddedHost>(1 << 20);
}
std::unique_ptr<VectorIndexHost> without_fine_codes() { return std::make_unique<EmbeddedHost>(0); }

}  // namespace

INSTANTIATE_TEST_SUITE_P(Embedded, VectorIndexContract, testing::Values(&with_fine_codes));
INSTANTIATE_TEST_SUITE_P(EmbeddedFineCodesOnDisk, VectorIndexContract,
                         testing::Values(&without_fine_codes));

}  // namespace mesh::test
