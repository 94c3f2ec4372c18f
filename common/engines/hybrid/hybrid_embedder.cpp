#include "common/engines/hybrid/hybrid_embedder.h"

#include <algorithm>
#include <numbers>
#include <utility>

namespace mesh::hybrid {
namespace {

constexpr double kRoot = std::numbers::sqrt2;

using Vector = std::vector<float>;

bool has_feature(const Vector& vector) {
  return std::ranges::any_of(vector, [](float value) { return value != 0; });
}

class Hybrid final : public Embedder {
 public:
  Hybrid(std::shared_ptr<Embedder> letters, std::shared_ptr<Embedder> meaning,
         std::optional<double> default_ratio)
      : letters_(std::move(letters)), meaning_(std::move(meaning)), default_ratio_(default_ratio) {}

  int dimension() const override { return letters_->dimension() + meaning_->dimension() + 1; }
  bool weighs() const override { return true; }
  std::string id() const override {
    return "hybrid-v1(" + letters_->id() + "," + meaning_->id() + ")";
  }

  Result<std::vector<Vector>> embed(std::span<const TenantText> texts) override {
    // Letters first: they cost less where meaning then fails.
    auto letters = MESH_TRY(letters_->embed(texts));
    const auto meanings = MESH_TRY(meaning_->embed(texts));
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const bool has_letters = has_feature(letters[i]);
      const bool has_meaning = has_feature(meanings[i]);
      letters[i] = joined(letters[i], 1 / kRoot, meanings[i], 1 / kRoot);
      if (has_letters != has_meaning) letters[i].back() = static_cast<float>(1 / kRoot);
    }
    return letters;
  }

  Result<QueryVectors> embed_query(const TenantText& query,
                                   std::optional<double> semantic_ratio) override {
    const Ratio by = semantic_ratio ? Ratio{*semantic_ratio} : default_of(query.text);
    double ratio = by.meaning;
    if (!(ratio >= 0 && ratio <= 1)) {
      return fail(ErrorKind::invalid, "semantic_ratio: must be a number from 0 to 1");
    }
    // A part that counts for nothing is asked only where the other finds nothing in the query: a
    // model's server may be paid for it.
    Vector letters(size_of(*letters_)), meaning(size_of(*meaning_));
    if (ratio < 1) letters = MESH_TRY(part(*letters_, query));
    const bool has_letters = has_feature(letters);
    if (ratio > 0 || !has_letters) meaning = MESH_TRY(part(*meaning_, query));
    const bool has_meaning = has_feature(meaning);
    if (ratio == 1 && !has_meaning) letters = MESH_TRY(part(*letters_, query));
    if (!has_meaning)
      ratio = 0;
    else if (!has_letters)
      ratio = 1;
    QueryVectors vectors{joined(letters, kRoot * (1 - ratio), meaning, kRoot * ratio), {}};
    if (by.or_letters && has_letters && has_meaning) {
      vectors.letters = joined(letters, kRoot, Vector(meaning.size()), 0);
    }
    return vectors;
  }

 private:
  Ratio default_of(std::string_view query) const {
    if (default_ratio_) return {*default_ratio_};
    return ratio_of(query, meaning_->count_words(query));
  }

  static Result<Vector> part(Embedder& embedder, const TenantText& query) {
    return MESH_TRY(embedder.embed_query(query)).vector;
  }

  static std::size_t size_of(const Embedder& part) {
    return static_cast<std::size_t>(part.dimension());
  }

  // Both side by side and times their factors, with 0 as the rest.
  static Vector joined(const Vector& letters, double of_letters, const Vector& meaning,
                       double of_meaning) {
    Vector vector;
    vector.reserve(letters.size() + meaning.size() + 1);
    for (const float value : letters) vector.push_back(static_cast<float>(value * of_letters));
    for (const float value : meaning) vector.push_back(static_cast<float>(value * of_meaning));
    vector.push_back(0);
    return vector;
  }

  const std::shared_ptr<Embedder> letters_, meaning_;
  const std::optional<double> default_ratio_;
};

}  // namespace

Ratio ratio_of(std::string_view query, const std::optional<Embedder::Words>& words) {
  if (!words || query.find('@') != std::string_view::npos) return {kMixedRatio};
  return 2 * words->known > words->all ? Ratio{kLanguageRatio, true} : Ratio{kNameRatio};
}

std::unique_ptr<Embedder> make_embedder(std::shared_ptr<Embedder> letters,
                                        std::shared_ptr<Embedder> meaning,
                                        std::optional<double> default_ratio) {
  return std::make_unique<Hybrid>(std::move(letters), std::move(meaning), default_ratio);
}

}  // namespace mesh::hybrid
