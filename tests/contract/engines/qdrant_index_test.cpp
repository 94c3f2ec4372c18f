#include "common/engines/qdrant/qdrant_index.h"
#include "tests/contract/vector_index_contract.h"
#include "tests/support/fake_epochs.h"
#include "tests/support/qdrant_server.h"

namespace mesh::test {
namespace {

// A prefix of its own stands for an empty server; the server is started once.
class QdrantHost final : public VectorIndexHost {
 public:
  explicit QdrantHost(QdrantServer& server) : server_(server) { reopen(); }
  ~QdrantHost() override { server_.drop_collections(prefix_); }
  VectorIndex& index() override { return *index_; }
  void reopen() override {
    index_.reset();
    qdrant::IndexOptions options;
    options.url = server_.url();
    options.api_key = server_.api_key();
    options.prefix = prefix_;
    // However late the machine runs the server.
    options.timeout = Duration{60'000};
    index_ = qdrant::QdrantIndex::open(options, epochs_, system_clock()).value();
  }

 private:
  QdrantServer& server_;
  const std::string prefix_ = own_prefix();
  FakeEpochStore epochs_;
  std::unique_ptr<qdrant::QdrantIndex> index_;
};

std::unique_ptr<VectorIndexHost> oldest() {
  if (!QdrantServer::installed()) return nullptr;
  static QdrantServer server("1.16.0");
  return std::make_unique<QdrantHost>(server);
}
std::unique_ptr<VectorIndexHost> newest() {
  if (!QdrantServer::installed()) return nullptr;
  static QdrantServer server("1.19.0", "secret");
  return std::make_unique<QdrantHost>(server);
}

}  // namespace

// A real server is both.
INSTANTIATE_TEST_SUITE_P(QdrantOldest, VectorIndexContract, testing::Values(&oldest));
INSTANTIATE_TEST_SUITE_P(QdrantNewest, VectorIndexContract, testing::Values(&newest));

}  // namespace mesh::test
