// An embedder over a fake model, the requests of which are held against their schema.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/engines/openai/openai_embedder.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_model.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tenant_texts.h"

namespace mesh::openai {

class EmbedderFixture : public testing::Test {
 protected:
  using Form = test::FakeModel::Form;
  using Vectors = std::vector<std::vector<float>>;

  EmbedderFixture() {
    options.base_url = model.base_url();
    options.api_key = test::FakeModel::kKey;
    options.model = test::FakeModel::kModel;
    options.dimension = 16;
    options.on_tokens = [this](const TenantId& tenant, const Tokens& count) {
      std::lock_guard lock(mutex);
      tokens[tenant.str()] += count.all();
    };
  }
  void TearDown() override { EXPECT_THAT(model.complaints(), testing::IsEmpty()); }

  void open() {
    embedder.reset();
    embedder = make_embedder(options, clock);
  }
  Result<Vectors> embed(const std::vector<std::string>& texts) {
    if (!embedder) open();
    return embedder->embed(test::texts_of_acme(texts));
  }
  Error error_of(const std::vector<std::string>& texts) {
    const auto vectors = embed(texts);
    EXPECT_FALSE(vectors);
    return vectors ? Error{} : vectors.error();
  }
  // Of the last request.
  std::vector<std::string> input() const {
    return model.bodies().back().at("input").get<std::vector<std::string>>();
  }

  test::TempDir dir;
  test::FakeModel model;
  ManualClock clock;
  EmbedderOptions options;
  std::mutex mutex;
  std::map<std::string, std::uint64_t> tokens;  // by tenant; guarded by mutex
  std::unique_ptr<OpenAiEmbedder> embedder;
};

}  // namespace mesh::openai
