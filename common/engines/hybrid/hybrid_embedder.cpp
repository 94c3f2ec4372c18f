#include "common/engines/hybrid/hybrid_embedder.h"

#include <algorithm>
#include <numbers>
#include <utility>

namespace mesh::hybrid {
namespace {

constexpr double kRoot = std::numbers::sqrt2;
constexpr std::size_t kSentence = 3;  // words: first and last names have two

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

  Result<Vector> embed_query(const TenantText& query,
                             std::optional<double> semantic_ratio) override {
    double ratio = semantic_ratio ? *semantic_ratio : default_of(query.text);
    if (!(ratio >= 0 && ratio <= 1)) {
      return fail(ErrorKind::invalid, "semantic_ratio: must be a number from 0 to 1");
    }
    // A part that counts for nothing is asked only where the other finds nothing in the query: a
    // model's server may be paid for it.
    Vector letters(size_of(*letters_)), meaning(size_of(*meaning_));
    if (ratio < 1) letters = MESH_TRY(letters_->embed_query(query));
    const bool has_letters = has_feature(letters);
    if (ratio > 0 || !has_letters) meaning = MESH_TRY(meaning_->embed_query(query));
    const bool has_meaning = has_feature(meaning);
    if (ratio == 1 && !has_meaning) letters = MESH_TRY(letters_->embed_query(query));
    if (!has_meaning)
      ratio = 0;
    else if (!has_letters)
      ratio = 1;
    return joined(letters, kRoot * (1 - ratio), meaning, kRoot * ratio);
  }

 private:
  double default_of(std::string_view query) const {
    if (default_ratio_) return *default_ratio_;
    return ratio_of(query, meaning_->count_words(query));
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

double ratio_of(std::string_view query, const std::optional<Embedder::Words>& words) {
  if (!words || query.find('@') != std::string_view::npos) return kMixedRatio;
  const bool language = words->all >= kSentence && 4 * words->known > 3 * words->all;
  return language ? kLanguageRatio : kNameRatio;
}

std::unique_ptr<Embedder> make_embedder(std::shared_ptr<Embedder> letters,
                                        std::shared_ptr<Embedder> meaning,
                                        std::optional<double> default_ratio) {
  return std::make_unique<Hybrid>(std::move(letters), std::move(meaning), default_ratio);
}

}  // namespace mesh::hybrid
