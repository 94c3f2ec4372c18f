// What every VectorIndex must do. An engine instantiates the suite with its factory:
//   INSTANTIATE_TEST_SUITE_P(Embedded, VectorIndexContract, testing::Values(&make_embedded_host));
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "common/ports/vector_index.h"

namespace mesh::test {

// An index without generations, and the storage behind it.
class VectorIndexHost {
 public:
  virtual ~VectorIndexHost() = default;
  virtual VectorIndex& index() = 0;
  virtual void reopen() = 0;  // closes the index and opens another one on the same storage
};
// Null where the engine's server cannot be had here: the tests are skipped.
using MakeVectorIndexHost = std::unique_ptr<VectorIndexHost> (*)();

class VectorIndexContract : public testing::TestWithParam<MakeVectorIndexHost> {
 protected:
  static constexpr int kDimension = 8;
  static constexpr const char* kEmbedder = "test-embedder";

  void SetUp() override {
    host_ = GetParam()();
    if (!host_) GTEST_SKIP() << "no server of this engine here";
  }
  VectorIndex& index() { return host_->index(); }
  static QueryVector query(const std::vector<float>& vector) { return {vector, kEmbedder}; }
  void reopen() { host_->reopen(); }

  int make_generation(int dimension = kDimension);
  int make_serving_generation();
  void apply(int generation, std::vector<VectorChange> changes);
  std::vector<SearchHit> search(const std::string& tenant, std::vector<float> vector, int k = 10,
                                float min_score = -1);
  std::vector<std::int64_t> ids(const std::string& tenant, std::vector<float> vector, int k = 10,
                                float min_score = -1);
  GenerationInfo info(int generation);

 private:
  std::unique_ptr<VectorIndexHost> host_;
};

TenantId tenant_id(const std::string& text);
// Unit length, in the plane of the first two axes: the cosine of two of them is that of the
// angles' difference.
std::vector<float> direction(double degrees, int dimension = 8);
VectorChange upsert(const std::string& tenant, std::int64_t user, std::int64_t version,
                    std::vector<float> vector);
VectorChange removal(const std::string& tenant, std::int64_t user, std::int64_t version);

}  // namespace mesh::test
