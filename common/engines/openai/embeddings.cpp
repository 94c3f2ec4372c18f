#include "common/engines/openai/embeddings.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "common/base/strings.h"

namespace mesh::openai {
namespace {

static_assert(std::endian::native == std::endian::little, "base64 vectors are little-endian");

using Vector = std::vector<float>;

std::optional<Vector> read_base64(const std::string& text) {
  const auto bytes = base64_decode(text);
  if (!bytes || bytes->empty() || bytes->size() % sizeof(float) != 0) return std::nullopt;
  Vector vector(bytes->size() / sizeof(float));
  std::memcpy(vector.data(), bytes->data(), bytes->size());
  return vector;
}

std::optional<Vector> read_vector(const Json& value) {
  if (value.is_string()) return read_base64(value.get_ref<const std::string&>());
  if (!value.is_array() || value.empty()) return std::nullopt;
  // llama.cpp's server wraps a pooled vector into a list.
  if (value.size() == 1 && value[0].is_array()) return read_vector(value[0]);
  Vector vector;
  vector.reserve(value.size());
  for (const Json& number : value) {
    if (!number.is_number()) return std::nullopt;
    vector.push_back(static_cast<float>(number.get<double>()));
  }
  return vector;
}

bool is_finite(const Vector& vector) {
  for (const float x : vector) {
    if (!std::isfinite(x)) return false;
  }
  return true;
}

}  // namespace

Json embeddings_request(const std::string& model, std::span<const std::string_view> texts,
                        int dimensions) {
  Json input = Json::array();
  for (const auto text : texts) input.push_back(std::string(text));
  Json request{{"model", model}, {"input", std::move(input)}};
  if (dimensions != 0) request["dimensions"] = dimensions;
  return request;
}

tl::expected<Vectors, std::string> read_embeddings(const Json& answer, std::size_t texts) {
  const auto no = [](std::string why) { return tl::unexpected<std::string>(std::move(why)); };
  const auto data = answer.find("data");
  if (data == answer.end() || !data->is_array()) return no("has no list \"data\"");
  if (data->size() != texts) {
    return no("has " + std::to_string(data->size()) + " vectors for " + std::to_string(texts) +
              " texts");
  }
  Vectors vectors(texts);
  std::size_t place = 0, length = 0;
  for (const Json& item : *data) {
    if (!item.is_object() || !item.contains("embedding")) return no("has an item without a vector");
    std::size_t index = place++;
    if (const auto it = item.find("index"); it != item.end() && it->is_number_integer()) {
      const auto named = it->get<std::int64_t>();
      if (named < 0 || static_cast<std::size_t>(named) >= texts) {
        return no("has an index beyond the texts");
      }
      index = static_cast<std::size_t>(named);
    }
    if (!vectors[index].empty()) return no("has two vectors for one text");
    auto vector = read_vector(item.at("embedding"));
    if (!vector || !is_finite(*vector)) return no("has a vector that does not read");
    if (length == 0) length = vector->size();
    if (vector->size() != length) return no("has vectors of several lengths");
    vectors[index] = std::move(*vector);
  }
  return vectors;
}

void normalise(std::vector<float>& vector) {
  double squares = 0;
  for (const double x : vector) squares += x * x;
  if (squares == 0) return;
  const double length = std::sqrt(squares);
  for (float& x : vector) x = static_cast<float>(x / length);
}

}  // namespace mesh::openai
