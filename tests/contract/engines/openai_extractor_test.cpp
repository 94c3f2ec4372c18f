#include "common/engines/openai/openai_extractor.h"
#include "tests/contract/extractor_contract.h"
#include "tests/support/fake_model.h"

namespace mesh::test {
namespace {

std::unique_ptr<PropertyExtractor> make_openai() {
  // An extractor of this suite has no host: the server outlives all of them.
  static FakeModel model;
  openai::ExtractorOptions options;
  options.base_url = model.base_url();
  options.api_key = FakeModel::kKey;
  options.model = FakeModel::kModel;
  return openai::make_extractor(options, system_clock());
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(OpenAi, ExtractorContract, testing::Values(&make_openai));

}  // namespace mesh::test
