#include "common/engines/static_model/static_embedder.h"

namespace mesh::static_model {
namespace {

class StaticEmbedder final : public Embedder {
 public:
  explicit StaticEmbedder(std::shared_ptr<const models::StaticModel> model)
      : model_(std::move(model)) {}

  int dimension() const override { return model_->info().dimension; }
  std::string id() const override { return models::embedder_id(model_->info()); }

  Result<std::vector<std::vector<float>>> embed(std::span<const TenantText> texts) override {
    std::vector<std::vector<float>> vectors;
    vectors.reserve(texts.size());
    for (const auto& text : texts) {
      auto& vector = vectors.emplace_back(static_cast<std::size_t>(dimension()));
      model_->embed_unit(text.text, vector);
    }
    return vectors;
  }

  std::optional<Words> count_words(std::string_view text) const override {
    const auto [all, known] = model_->count_words(text);
    return Words{all, known};
  }

 private:
  const std::shared_ptr<const models::StaticModel> model_;
};

}  // namespace

std::unique_ptr<Embedder> make_embedder(std::shared_ptr<const models::StaticModel> model) {
  return std::make_unique<StaticEmbedder>(std::move(model));
}

}  // namespace mesh::static_model
