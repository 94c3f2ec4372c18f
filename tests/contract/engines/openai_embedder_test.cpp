#include "common/engines/openai/openai_embedder.h"
#include "tests/contract/embedder_contract.h"
#include "tests/support/fake_model.h"

namespace mesh::test {
namespace {

// An embedder of this suite has no host: the server outlives all of them.
FakeModel& model() {
  static FakeModel model;
  return model;
}

std::unique_ptr<Embedder> make_openai() {
  openai::EmbedderOptions options;
  options.base_url = model().base_url();
  options.api_key = FakeModel::kKey;
  options.model = FakeModel::kModel;
  options.dimension = 16;
  return openai::make_embedder(options, system_clock());
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(OpenAi, EmbedderContract, testing::Values(&make_openai));

}  // namespace mesh::test
