#include "common/models/static_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "common/base/json.h"
#include "common/base/sha256.h"
#include "common/base/unicode.h"
#include "common/models/files.h"
#include "common/models/json_file.h"
#include "common/models/row_sums.h"
#include "common/models/safetensors.h"
#include "common/models/word_piece.h"

namespace mesh::models {
namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;
constexpr std::int64_t kMaxLength = 1'000'000;
constexpr std::int64_t kMaxDimension = 16'384;
constexpr std::size_t kIdDigits = 16;  // 64 bits: no two models of one mesh share them
constexpr double kEpsilon = 1e-32;     // of the reference; keeps zero vectors zero
// No sum of so many weighed numbers leaves a float.
constexpr double kMaxNumber = 1e30;

tl::unexpected<Error> wrong(ErrorKind kind, const std::string& path, const std::string& what) {
  return fail(kind, path + ": " + what);
}

struct Settings {
  bool normalize = false;
  std::int64_t max_length = 512;
};

Result<Settings> settings_of(const std::string& path, std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return wrong(ErrorKind::invalid, path, json.error().message);
  if (!json->is_object()) return wrong(ErrorKind::invalid, path, "a configuration is an object");
  Settings settings;
  if (const auto found = json->find("normalize"); found != json->end()) {
    if (!found->is_boolean()) {
      return wrong(ErrorKind::invalid, path, "normalize is neither true nor false");
    }
    settings.normalize = found->get<bool>();
  }
  if (const auto found = json->find("max_length"); found != json->end()) {
    if (found->is_null()) {
      settings.max_length = 0;
    } else if (!found->is_number_integer() || *found < 1 || *found > kMaxLength) {
      return wrong(
          ErrorKind::invalid, path,
          "max_length is neither null nor a number from 1 to " + std::to_string(kMaxLength));
    } else {
      settings.max_length = found->get<std::int64_t>();
    }
  }
  return settings;
}

// The largest magnitude of a tensor's numbers; infinite where one is no finite number.
Result<double> largest(const Tensor& tensor) {
  float part[1024];
  const std::int64_t count = tensor.elements();
  float most = 0;
  bool finite = true;
  for (std::int64_t from = 0; from < count; from += std::ssize(part)) {
    const std::span numbers(
        part, static_cast<std::size_t>(std::min<std::int64_t>(count - from, std::ssize(part))));
    MESH_TRY(read_floats(tensor, from, numbers));
    for (const float number : numbers) {
      finite &= number - number == 0;  // not so of infinities and NaN
      most = std::max(most, std::abs(number));
    }
  }
  return finite ? static_cast<double>(most) : HUGE_VAL;
}

template <typename T>
std::vector<std::int64_t> integers(const Tensor& tensor) {
  std::vector<std::int64_t> all;
  for (std::size_t at = 0; at < tensor.bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, tensor.bytes.data() + at, sizeof(T));
    all.push_back(value);
  }
  return all;
}

// The row of each token.
Result<std::vector<std::int32_t>> rows_of(const std::string& path, const Tensor& tensor,
                                          std::int64_t tokens, std::int64_t rows) {
  if (tensor.dtype != "I64" && tensor.dtype != "I32") {
    return wrong(ErrorKind::unprocessable, path,
                 "mapping is of " + tensor.dtype + "; this program reads I64 and I32");
  }
  if (tensor.shape != std::vector{tokens}) {
    return wrong(ErrorKind::invalid, path,
                 "mapping is not for the " + std::to_string(tokens) + " tokens of tokenizer.json");
  }
  const auto all =
      tensor.dtype == "I64" ? integers<std::int64_t>(tensor) : integers<std::int32_t>(tensor);
  std::vector<std::int32_t> mapping;
  mapping.reserve(all.size());
  for (const std::int64_t row : all) {
    if (row < 0 || row >= rows) {
      return wrong(ErrorKind::invalid, path,
                   "mapping names row " + std::to_string(row) + " of " + std::to_string(rows));
    }
    mapping.push_back(static_cast<std::int32_t>(row));
  }
  return mapping;
}

// As the reference counts them: code points of the middle one, or the mean of both, cut.
std::int64_t median_length(const WordPiece& words) {
  std::vector<std::int64_t> lengths;
  for (std::size_t id = 0; id < words.size(); ++id) {
    lengths.push_back(std::ranges::count_if(words.token(static_cast<std::int32_t>(id)), [](char c) {
      return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
  }
  const auto middle = lengths.begin() + std::ssize(lengths) / 2;
  std::ranges::nth_element(lengths, middle);
  if (lengths.size() % 2 == 1) return *middle;
  return (*std::max_element(lengths.begin(), middle) + *middle) / 2;
}

// The first code points of a text.
std::string_view first_points(std::string_view text, std::size_t count) {
  if (text.size() <= count) return text;
  std::string_view rest = text;
  while (count-- > 0 && !rest.empty()) take_point(rest);
  return text.substr(0, text.size() - rest.size());
}

bool begins_word(std::string_view token) {
  const PointKind kind = kind_of(take_point(token));
  return kind == PointKind::letter || kind == PointKind::digit;
}

struct Parts {
  std::shared_ptr<const Safetensors> file;
  WordPiece words;
  const Tensor* embeddings;
  NumberType type;                    // of the embeddings
  std::vector<float> weights;         // none, or of each token
  std::vector<std::int32_t> mapping;  // none, or of each token
  std::int64_t median;
};

class MappedStaticModel final : public StaticModel {
 public:
  MappedStaticModel(Parts parts, StaticModelInfo info)
      : parts_(std::move(parts)),
        info_(std::move(info)),
        max_tokens_(info_.max_length == 0 ? SIZE_MAX : static_cast<std::size_t>(info_.max_length)),
        max_points_(info_.max_length == 0
                        ? SIZE_MAX
                        : static_cast<std::size_t>(info_.max_length * parts_.median)) {}

  const StaticModelInfo& info() const override { return info_; }

  void embed(std::string_view text, std::span<float> out) const override {
    const std::size_t count = sum_of(text, out);
    if (count == 0) return;
    scale(out, 1.0 / static_cast<double>(count));
    if (info_.normalize) scale(out, 1.0 / (std::sqrt(sum_of_squares(out)) + kEpsilon));
  }

  void embed_unit(std::string_view text, std::span<float> out) const override {
    if (sum_of(text, out) == 0) return;
    if (const double squares = sum_of_squares(out); squares > 0) {
      scale(out, 1.0 / std::sqrt(squares));
    }
  }

  Words count_words(std::string_view text) const override {
    const auto ids = ids_of(text);
    Words words;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i > 0 && parts_.words.continues(ids[i])) continue;
      const bool unknown = ids[i] == parts_.words.unknown();
      if (!unknown && !begins_word(parts_.words.token(ids[i]))) continue;
      ++words.all;
      const bool divided = i + 1 < ids.size() && parts_.words.continues(ids[i + 1]);
      words.known += !unknown && !divided;
    }
    return words;
  }

 private:
  std::vector<std::int32_t> ids_of(std::string_view text) const {
    std::vector<std::int32_t> ids;
    ids.reserve(64);
    parts_.words.encode(first_points(text, max_points_), max_tokens_, ids);
    return ids;
  }

  // Of the vectors of the text's known tokens, whose count is answered.
  std::size_t sum_of(std::string_view text, std::span<float> out) const {
    const auto ids = ids_of(text);
    std::vector<WeighedRow> rows;
    rows.reserve(ids.size());
    const std::size_t row_bytes = out.size() * bytes_of(parts_.type);
    for (const std::int32_t id : ids) {
      if (id == parts_.words.unknown()) continue;
      const auto token = static_cast<std::size_t>(id);
      const auto row =
          static_cast<std::size_t>(parts_.mapping.empty() ? id : parts_.mapping[token]);
      rows.push_back({parts_.embeddings->bytes.data() + row * row_bytes,
                      parts_.weights.empty() ? 1.0F : parts_.weights[token]});
    }
    sum_rows(parts_.type, rows, out);
    return rows.size();
  }

  const Parts parts_;
  const StaticModelInfo info_;
  const std::size_t max_tokens_, max_points_;
};

// The tensors, checked against the tokenizer and each other.
Status read_tensors(Parts& parts, StaticModelInfo& info) {
  const std::string& path = parts.file->path();
  const Tensor* embeddings = parts.file->find("embeddings");
  if (embeddings == nullptr) embeddings = parts.file->find("embedding.weight");
  if (embeddings == nullptr) {
    return wrong(ErrorKind::unprocessable, path,
                 "has no tensor \"embeddings\" or \"embedding.weight\", so it is no static model; "
                 "`mesh model build` makes one of a sentence transformer");
  }
  if (embeddings->shape.size() != 2 || embeddings->shape[0] < 1 || embeddings->shape[1] < 1 ||
      embeddings->shape[1] > kMaxDimension || embeddings->shape[0] > INT32_MAX) {
    return wrong(ErrorKind::invalid, path,
                 "the embeddings have no shape [rows, dimension] of at least one number");
  }
  parts.embeddings = embeddings;
  info.tokens = std::ssize(parts.words);
  info.rows = embeddings->shape[0];
  info.dimension = static_cast<int>(embeddings->shape[1]);
  info.dtype = embeddings->dtype;
  const auto numbers = largest(*embeddings);
  if (!numbers) return wrong(ErrorKind::unprocessable, path, numbers.error().message);
  parts.type = number_type(info.dtype).value();  // one that was read just now

  double weights = 1;
  if (const Tensor* tensor = parts.file->find("weights")) {
    if (tensor->shape != std::vector{info.tokens}) {
      return wrong(
          ErrorKind::invalid, path,
          "weights are not for the " + std::to_string(info.tokens) + " tokens of tokenizer.json");
    }
    const auto read = largest(*tensor);
    if (!read) return wrong(ErrorKind::unprocessable, path, read.error().message);
    weights = *read;
    parts.weights.resize(static_cast<std::size_t>(info.tokens));
    MESH_TRY(read_floats(*tensor, 0, parts.weights));
    info.weights = true;
  }
  // Written so that NaN, of zero times infinity, is refused as well.
  if (!(*numbers * weights <= kMaxNumber && *numbers <= kMaxNumber)) {
    return wrong(ErrorKind::invalid, path,
                 "embeddings or weights have numbers that are not finite, or beyond 1e30");
  }
  if (const Tensor* tensor = parts.file->find("mapping")) {
    parts.mapping = MESH_TRY(rows_of(path, *tensor, info.tokens, info.rows));
    info.mapping = true;
  } else if (info.rows != info.tokens) {
    return wrong(ErrorKind::invalid, path,
                 "has " + std::to_string(info.rows) + " rows for the " +
                     std::to_string(info.tokens) + " tokens of tokenizer.json, and no mapping");
  }
  return {};
}

}  // namespace

std::string embedder_id(const StaticModelInfo& info) {
  return std::string(kStaticId) + info.hash.substr(0, kIdDigits) + "/" +
         std::to_string(info.dimension);
}

Result<std::shared_ptr<const StaticModel>> open_static_model(const std::string& folder) {
  const std::string tokenizer_path = folder + "/tokenizer.json",
                    config_path = folder + "/config.json";
  auto file = MESH_TRY(Safetensors::open(folder + "/model.safetensors"));
  const auto tokenizer = MESH_TRY(read_whole(tokenizer_path, kMaxJsonBytes));
  const auto config = MESH_TRY(read_whole(config_path, kMaxConfigBytes));
  const auto settings = MESH_TRY(settings_of(config_path, config));
  auto words = WordPiece::parse(tokenizer);
  if (!words) return wrong(words.error().kind, tokenizer_path, words.error().message);

  StaticModelInfo info;
  info.normalize = settings.normalize;
  info.max_length = settings.max_length;
  info.bytes = file->file().size() + tokenizer.size() + config.size();
  Sha256 hash;
  hash.add({reinterpret_cast<const char*>(file->file().data()), file->file().size()});
  hash.add(tokenizer);
  hash.add(config);
  info.hash = hash.hex();

  const std::int64_t median = median_length(*words);
  Parts parts{std::move(file), std::move(*words), nullptr, NumberType::f32, {}, {}, median};
  MESH_TRY(read_tensors(parts, info));
  return std::make_shared<const MappedStaticModel>(std::move(parts), std::move(info));
}

}  // namespace mesh::models
