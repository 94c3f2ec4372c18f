#include "common/models/bert.h"

#include <Eigen/Core>
#include <cmath>
#include <unsupported/Eigen/SpecialFunctions>

#include "common/models/json_file.h"
#include "common/models/safetensors.h"

namespace mesh::models {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;
using Index = Eigen::Index;
// Every n-th row of a matrix of activations: those of one position, or of all.
using Rows = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;

constexpr Index kPositions = 3;
constexpr Index kMiddle = 1;
// Beyond any BERT; products of two of them stay far below 2^63.
constexpr std::int64_t kMostOfAnything = 1 << 20;

struct Config {
  Index hidden = 0, layers = 0, heads = 0, inner = 0, positions = 0, types = 0;
  float epsilon = 0;
};

Result<Config> read_config(const std::string& path) {
  const Json config = MESH_TRY(read_json_file(path));
  // A name that says how the model works: another one needs another program.
  const auto require = [&](const char* key, const char* only, bool needed) -> Status {
    const auto found = config.find(key);
    if (found == config.end() && !needed) return {};
    if (found == config.end() || !found->is_string()) {
      return fail(ErrorKind::unprocessable,
                  path + " has no " + key + ": it is no configuration of a transformer");
    }
    const auto& is = found->get_ref<const std::string&>();
    if (is == only) return {};
    return fail(ErrorKind::unprocessable, path + ": " + key + " is \"" + is +
                                              "\"; models are made of those with \"" + only +
                                              "\" alone");
  };
  MESH_TRY(require("model_type", "bert", true));
  MESH_TRY(require("hidden_act", "gelu", true));
  MESH_TRY(require("position_embedding_type", "absolute", false));
  const auto number = [&](const char* key) -> Result<Index> {
    const auto found = config.find(key);
    if (found == config.end() || !found->is_number_integer() || *found < 1 ||
        *found > kMostOfAnything) {
      return fail(ErrorKind::invalid,
                  path + ": " + key + " is no number from 1 to " + std::to_string(kMostOfAnything));
    }
    return found->get<Index>();
  };
  Config read;
  read.hidden = MESH_TRY(number("hidden_size"));
  read.layers = MESH_TRY(number("num_hidden_layers"));
  read.heads = MESH_TRY(number("num_attention_heads"));
  read.inner = MESH_TRY(number("intermediate_size"));
  read.positions = MESH_TRY(number("max_position_embeddings"));
  read.types = MESH_TRY(number("type_vocab_size"));
  if (read.hidden % read.heads != 0) {
    return fail(ErrorKind::invalid, path + ": hidden_size " + std::to_string(read.hidden) +
                                        " is no multiple of num_attention_heads " +
                                        std::to_string(read.heads));
  }
  if (read.positions < kPositions) {
    return fail(ErrorKind::invalid, path + ": max_position_embeddings " +
                                        std::to_string(read.positions) + " is less than three");
  }
  const auto epsilon = config.find("layer_norm_eps");
  if (epsilon == config.end() || !epsilon->is_number() || !(epsilon->get<double>() >= 0) ||
      !(epsilon->get<double>() < 1)) {
    return fail(ErrorKind::invalid, path + ": layer_norm_eps is no number from 0 to 1");
  }
  read.epsilon = epsilon->get<float>();
  return read;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const auto size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

// Finds tensors by the names that BERT's have, with "bert." in front or without.
class Tensors {
 public:
  explicit Tensors(std::shared_ptr<const Safetensors> file)
      : file_(std::move(file)),
        prefix_(file_->find("bert.embeddings.word_embeddings.weight") != nullptr ? "bert." : "") {}

  // A size of -1 may be anything.
  Result<const Tensor*> find(const std::string& name, std::vector<std::int64_t> shape) const {
    const Tensor* tensor = file_->find(prefix_ + name);
    if (tensor == nullptr) {
      return fail(ErrorKind::invalid, file_->path() + " has no tensor " + prefix_ + name +
                                          ", which a BERT has with its configuration");
    }
    if (shape.size() == tensor->shape.size() && shape[0] == -1) shape[0] = tensor->shape[0];
    if (shape != tensor->shape) {
      return fail(ErrorKind::invalid, file_->path() + ": tensor " + prefix_ + name +
                                          " has the shape " + shape_text(tensor->shape) + ", not " +
                                          shape_text(shape));
    }
    return tensor;
  }
  Result<Matrix> matrix(const std::string& name, Index rows, Index columns) const {
    const Tensor* tensor = MESH_TRY(find(name, {rows, columns}));
    Matrix read(rows, columns);
    MESH_TRY(floats(*tensor, name, {read.data(), static_cast<std::size_t>(read.size())}));
    return read;
  }
  Result<Row> row(const std::string& name, Index columns) const {
    const Tensor* tensor = MESH_TRY(find(name, {columns}));
    Row read(columns);
    MESH_TRY(floats(*tensor, name, {read.data(), static_cast<std::size_t>(columns)}));
    return read;
  }

 private:
  Status floats(const Tensor& tensor, const std::string& name, std::span<float> out) const {
    auto read = read_floats(tensor, 0, out);
    if (read) return {};
    return fail(read.error().kind,
                file_->path() + ": " + prefix_ + name + ": " + read.error().message);
  }
  std::shared_ptr<const Safetensors> file_;
  std::string prefix_;
};

struct Linear {
  Matrix weight;  // [out × in]
  Row bias;

  template <typename In>
  Matrix apply(const In& in) const {
    Matrix out(in.rows(), weight.rows());
    out.noalias() = in * weight.transpose();
    out.rowwise() += bias;
    return out;
  }
};

Result<Linear> read_linear(const Tensors& tensors, const std::string& name, Index out, Index in) {
  Linear read;
  read.weight = MESH_TRY(tensors.matrix(name + ".weight", out, in));
  read.bias = MESH_TRY(tensors.row(name + ".bias", out));
  return read;
}

// J. L. Ba et al., Layer Normalization, 2016, arXiv:1607.06450.
struct LayerNorm {
  Row gain, bias;
  float epsilon = 0;

  void apply(Matrix& x) const {
    const float size = static_cast<float>(x.cols());
    for (Index i = 0; i < x.rows(); ++i) {
      auto row = x.row(i);
      row.array() -= row.mean();
      const float deviation = std::sqrt(row.squaredNorm() / size + epsilon);
      row.array() = row.array() / deviation * gain.array() + bias.array();
    }
  }
};

Result<LayerNorm> read_norm(const Tensors& tensors, const std::string& name, const Config& config) {
  LayerNorm read;
  read.gain = MESH_TRY(tensors.row(name + ".weight", config.hidden));
  read.bias = MESH_TRY(tensors.row(name + ".bias", config.hidden));
  read.epsilon = config.epsilon;
  return read;
}

// D. Hendrycks, K. Gimpel, Gaussian Error Linear Units, 2016, arXiv:1606.08415: x Φ(x).
void gelu(Matrix& x) {
  const float root_half = std::sqrt(0.5F);
  x.array() = 0.5F * x.array() * (1.0F + (x.array() * root_half).erf());
}

// Attention of three positions to each other; a row of `query` belongs to the input whose keys
// and values are the three rows at its number divided by the queries of an input.
Matrix attend(const Matrix& query, const Matrix& key, const Matrix& value, Index heads) {
  const Index size = query.cols() / heads;
  const Index of_each = query.rows() / (key.rows() / kPositions);
  const float scale = 1.0F / std::sqrt(static_cast<float>(size));
  Matrix context(query.rows(), query.cols());
  for (Index i = 0; i < query.rows(); ++i) {
    const Index base = i / of_each * kPositions;
    for (Index from = 0; from < query.cols(); from += size) {
      float score[kPositions], sum = 0;
      for (Index p = 0; p < kPositions; ++p) {
        score[p] =
            scale * query.row(i).segment(from, size).dot(key.row(base + p).segment(from, size));
      }
      const float highest = *std::max_element(score, score + kPositions);
      for (float& s : score) sum += s = std::exp(s - highest);
      auto out = context.row(i).segment(from, size);
      out.setZero();
      for (Index p = 0; p < kPositions; ++p)
        out += score[p] / sum * value.row(base + p).segment(from, size);
    }
  }
  return context;
}

struct Layer {
  Linear query, key, value, output, widen, narrow;
  LayerNorm after_attention, after_all;

  // `x` has three rows an input; the answer has those of the positions from `first` on, `count` of
  // them: all, or one.
  Matrix apply(const Matrix& x, Index heads, Index first, Index count) const {
    const Index inputs = x.rows() / kPositions;
    const Rows asked(x.data() + first * x.cols(), inputs * count, x.cols(),
                     Eigen::OuterStride<>(kPositions / count * x.cols()));
    Matrix y = output.apply(attend(query.apply(asked), key.apply(x), value.apply(x), heads));
    y += asked;
    after_attention.apply(y);
    Matrix inner = widen.apply(y);
    gelu(inner);
    Matrix z = narrow.apply(inner);
    z += y;
    after_all.apply(z);
    return z;
  }
};

Result<Layer> read_layer(const Tensors& tensors, Index number, const Config& config) {
  const std::string name = "encoder.layer." + std::to_string(number) + ".";
  const Index hidden = config.hidden;
  Layer read;
  read.query = MESH_TRY(read_linear(tensors, name + "attention.self.query", hidden, hidden));
  read.key = MESH_TRY(read_linear(tensors, name + "attention.self.key", hidden, hidden));
  read.value = MESH_TRY(read_linear(tensors, name + "attention.self.value", hidden, hidden));
  read.output = MESH_TRY(read_linear(tensors, name + "attention.output.dense", hidden, hidden));
  read.after_attention = MESH_TRY(read_norm(tensors, name + "attention.output.LayerNorm", config));
  read.widen = MESH_TRY(read_linear(tensors, name + "intermediate.dense", config.inner, hidden));
  read.narrow = MESH_TRY(read_linear(tensors, name + "output.dense", hidden, config.inner));
  read.after_all = MESH_TRY(read_norm(tensors, name + "output.LayerNorm", config));
  return read;
}

class Encoder final : public Bert {
 public:
  int hidden_size() const override { return static_cast<int>(hidden_); }
  std::int64_t vocabulary() const override { return words_->shape[0]; }

  Status encode_singly(std::int32_t first, std::int32_t last, std::span<const std::int32_t> tokens,
                       std::span<float> out) const override {
    const auto count = static_cast<Index>(tokens.size());
    Matrix x(count * kPositions, hidden_);
    for (Index i = 0; i < count; ++i) {
      const std::int32_t ids[kPositions] = {first, tokens[static_cast<std::size_t>(i)], last};
      for (Index p = 0; p < kPositions; ++p) MESH_TRY(embed(ids[p], x, i * kPositions + p));
    }
    for (Index row = 0; row < x.rows(); ++row) x.row(row) += places_.row(row % kPositions);
    norm_.apply(x);
    for (std::size_t i = 0; i + 1 < layers_.size(); ++i)
      x = layers_[i].apply(x, heads_, 0, kPositions);
    // Of the last layer nobody reads more than the middle.
    x = layers_.back().apply(x, heads_, kMiddle, 1);
    Eigen::Map<Matrix>(out.data(), count, hidden_) = x;
    return {};
  }

  static Result<std::shared_ptr<const Bert>> open(const std::string& folder) {
    const Config config = MESH_TRY(read_config(folder + "/config.json"));
    auto read = std::make_shared<Encoder>();
    read->file_ = MESH_TRY(Safetensors::open(folder + "/model.safetensors"));
    const Tensors tensors(read->file_);
    read->hidden_ = config.hidden;
    read->heads_ = config.heads;
    read->words_ = MESH_TRY(tensors.find("embeddings.word_embeddings.weight", {-1, config.hidden}));
    const Matrix places = MESH_TRY(
        tensors.matrix("embeddings.position_embeddings.weight", config.positions, config.hidden));
    const Matrix types = MESH_TRY(
        tensors.matrix("embeddings.token_type_embeddings.weight", config.types, config.hidden));
    // Every input is of one sentence, which has the first type.
    read->places_ = places.topRows(kPositions).rowwise() + types.row(0);
    read->norm_ = MESH_TRY(read_norm(tensors, "embeddings.LayerNorm", config));
    for (Index i = 0; i < config.layers; ++i) {
      auto layer = MESH_TRY(read_layer(tensors, i, config));
      read->layers_.push_back(std::move(layer));
    }
    return std::shared_ptr<const Bert>(std::move(read));
  }

 private:
  Status embed(std::int32_t id, Matrix& x, Index row) const {
    if (id < 0 || id >= vocabulary()) {
      return fail(ErrorKind::invalid, file_->path() + " has " + std::to_string(vocabulary()) +
                                          " rows of tokens, and none for the id " +
                                          std::to_string(id));
    }
    return read_floats(*words_, id * hidden_,
                       {x.data() + row * hidden_, static_cast<std::size_t>(hidden_)});
  }

  std::shared_ptr<const Safetensors> file_;
  const Tensor* words_ = nullptr;
  Index hidden_ = 0, heads_ = 0;
  Matrix places_;  // of each position and of the first type of token
  LayerNorm norm_;
  std::vector<Layer> layers_;
};

}  // namespace

Result<std::shared_ptr<const Bert>> Bert::open(const std::string& folder) {
  return Encoder::open(folder);
}

}  // namespace mesh::models
