#include "tests/support/tiny_bert.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "common/models/safetensors.h"

namespace mesh::test {
namespace {

using Vector = std::vector<double>;
using Rows = std::vector<Vector>;
constexpr int kHidden = TinyBert::kHidden;

struct Numbers {
  int rows = 0, columns = 0;  // rows 0: of one dimension
  std::vector<float> values;
};

// Every tensor's numbers: scattered, and the same on every machine. They are of eighths, which an
// F16 holds exactly.
Numbers numbers(const std::string& name, int rows, int columns) {
  std::uint32_t state = 2166136261U;
  for (const char c : name) state = (state ^ static_cast<unsigned char>(c)) * 16777619U;
  Numbers made{rows, columns, {}};
  const bool gain = name.ends_with("LayerNorm.weight");
  for (int i = 0; i < std::max(rows, 1) * columns; ++i) {
    state = state * 1664525U + 1013904223U;
    const auto eighths = static_cast<float>(static_cast<int>(state >> 28) - 8) / 8;  // -1 to 0.875
    made.values.push_back(gain ? 1 + eighths / 4 : eighths);
  }
  return made;
}

const std::map<std::string, Numbers>& tensors() {
  static const auto all = [] {
    std::map<std::string, Numbers> made;
    const auto add = [&](const std::string& name, int rows, int columns) {
      made[name] = numbers(name, rows, columns);
    };
    const auto linear = [&](const std::string& name, int out, int in) {
      add(name + ".weight", out, in);
      add(name + ".bias", 0, out);
    };
    const auto norm = [&](const std::string& name) {
      add(name + ".weight", 0, kHidden);
      add(name + ".bias", 0, kHidden);
    };
    add("embeddings.word_embeddings.weight", static_cast<int>(TinyBert::vocabulary().size()),
        kHidden);
    add("embeddings.position_embeddings.weight", 4, kHidden);
    add("embeddings.token_type_embeddings.weight", 2, kHidden);
    norm("embeddings.LayerNorm");
    for (int i = 0; i < TinyBert::kLayers; ++i) {
      const std::string layer = "encoder.layer." + std::to_string(i) + ".";
      for (const char* part : {"query", "key", "value"})
        linear(layer + "attention.self." + part, kHidden, kHidden);
      linear(layer + "attention.output.dense", kHidden, kHidden);
      norm(layer + "attention.output.LayerNorm");
      linear(layer + "intermediate.dense", TinyBert::kInner, kHidden);
      linear(layer + "output.dense", kHidden, TinyBert::kInner);
      norm(layer + "output.LayerNorm");
    }
    return made;
  }();
  return all;
}

// Of what numbers() makes: multiples of 1/32 up to 2, none of them too small for a normal F16.
std::uint16_t half(float x) {
  if (x == 0) return 0;
  int exponent = 0;
  const float fraction = std::frexp(std::abs(x), &exponent);  // 0.5 to 1
  const auto mantissa = static_cast<std::uint16_t>((fraction * 2 - 1) * 1024);
  return static_cast<std::uint16_t>((x < 0 ? 0x8000 : 0) | ((exponent - 1 + 15) << 10) | mantissa);
}

Vector row(const std::string& name, int index = 0) {
  const auto& tensor = tensors().at(name);
  const auto from = tensor.values.begin() + index * tensor.columns;
  return {from, from + tensor.columns};
}

Vector linear(const std::string& name, const Vector& x) {
  Vector y = row(name + ".bias");
  for (std::size_t out = 0; out < y.size(); ++out) {
    const Vector weights = row(name + ".weight", static_cast<int>(out));
    for (std::size_t in = 0; in < x.size(); ++in) y[out] += weights[in] * x[in];
  }
  return y;
}

Vector norm(const std::string& name, const Vector& x) {
  double mean = 0, variance = 0;
  for (const double value : x) mean += value / kHidden;
  for (const double value : x) variance += (value - mean) * (value - mean) / kHidden;
  const Vector gain = row(name + ".weight"), bias = row(name + ".bias");
  Vector y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    y.push_back((x[i] - mean) / std::sqrt(variance + TinyBert::kEpsilon) * gain[i] + bias[i]);
  }
  return y;
}

Vector sum(Vector a, const Vector& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

Vector attention(const Vector& query, const Rows& keys, const Rows& values) {
  constexpr int kSize = kHidden / TinyBert::kHeads;
  Vector context(kHidden);
  for (int from = 0; from < kHidden; from += kSize) {
    Vector weights;
    double all = 0;
    for (const auto& key : keys) {
      double score = 0;
      for (int i = from; i < from + kSize; ++i) score += query[i] * key[i];
      weights.push_back(std::exp(score / std::sqrt(double{kSize})));
      all += weights.back();
    }
    for (std::size_t p = 0; p < values.size(); ++p)
      for (int i = from; i < from + kSize; ++i) context[i] += weights[p] / all * values[p][i];
  }
  return context;
}

Rows layer(int number, const Rows& x) {
  const std::string name = "encoder.layer." + std::to_string(number) + ".";
  Rows keys, values, out;
  for (const auto& position : x) {
    keys.push_back(linear(name + "attention.self.key", position));
    values.push_back(linear(name + "attention.self.value", position));
  }
  for (const auto& position : x) {
    const Vector context = attention(linear(name + "attention.self.query", position), keys, values);
    const Vector y = norm(name + "attention.output.LayerNorm",
                          sum(linear(name + "attention.output.dense", context), position));
    Vector inner = linear(name + "intermediate.dense", y);
    for (double& value : inner) value *= 0.5 * (1 + std::erf(value / std::sqrt(2.0)));
    out.push_back(norm(name + "output.LayerNorm", sum(linear(name + "output.dense", inner), y)));
  }
  return out;
}

}  // namespace

const std::vector<std::string>& TinyBert::vocabulary() {
  static const std::vector<std::string> tokens{
      "[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]",  "[MASK]",    "the", "cat",  "dog", "cake",
      "log",   "in",        "##s",   "##ing", "recipe", "[unused1]", "not", "fail", ".",   "##ed"};
  return tokens;
}

int TinyBert::id_of(const std::string& token) {
  const auto& all = vocabulary();
  return static_cast<int>(std::find(all.begin(), all.end(), token) - all.begin());
}

TinyBert::TinyBert()
    : config{{"model_type", "bert"},          {"hidden_act", "gelu"},
             {"hidden_size", kHidden},        {"num_hidden_layers", kLayers},
             {"num_attention_heads", kHeads}, {"intermediate_size", kInner},
             {"layer_norm_eps", kEpsilon},    {"max_position_embeddings", 4},
             {"type_vocab_size", 2},          {"vocab_size", vocabulary().size()}} {
  Json tokens = Json::object(), special = Json::array();
  for (const auto& token : vocabulary()) {
    const int id = id_of(token);
    tokens[token] = id;
    if (token.starts_with("[") && !token.starts_with("[unused")) {
      special.push_back({{"id", id},
                         {"content", token},
                         {"special", true},
                         {"single_word", false},
                         {"lstrip", false},
                         {"rstrip", false},
                         {"normalized", false}});
    }
  }
  tokenizer = {{"version", "1.0"},
               {"truncation", {{"max_length", 4}, {"strategy", "LongestFirst"}, {"stride", 0}}},
               {"padding", nullptr},
               {"added_tokens", special},
               {"normalizer",
                {{"type", "BertNormalizer"},
                 {"clean_text", true},
                 {"handle_chinese_chars", true},
                 {"strip_accents", nullptr},
                 {"lowercase", true}}},
               {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
               {"post_processor",
                {{"type", "BertProcessing"}, {"sep", {"[SEP]", 4}}, {"cls", {"[CLS]", 3}}}},
               {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
               {"model",
                {{"type", "WordPiece"},
                 {"unk_token", "[UNK]"},
                 {"continuing_subword_prefix", "##"},
                 {"max_input_chars_per_word", 100},
                 {"vocab", tokens}}}};
}

void TinyBert::write(const std::string& folder) const {
  std::filesystem::create_directories(folder);
  std::vector<models::NewTensor> written;
  for (const auto& [name, tensor] : tensors()) {
    if (name == without) continue;
    models::NewTensor made{prefix + name, dtype, {tensor.columns}, {}};
    if (tensor.rows > 0) made.shape.insert(made.shape.begin(), tensor.rows);
    for (const float value : tensor.values) {
      const std::uint16_t small = half(value);
      if (dtype == "F16") {
        made.bytes.append(reinterpret_cast<const char*>(&small), sizeof small);
      } else {
        made.bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
      }
    }
    written.push_back(std::move(made));
  }
  const auto done = models::write_safetensors(folder + "/model.safetensors", written);
  if (!done) throw std::runtime_error(done.error().to_string());
  std::ofstream(folder + "/config.json") << config.dump(2);
  std::ofstream(folder + "/tokenizer.json") << tokenizer.dump();
}

std::vector<double> TinyBert::encode(const std::string& token) {
  Rows x;
  int position = 0;
  for (const std::string& part : {std::string("[CLS]"), token, std::string("[SEP]")}) {
    x.push_back(norm("embeddings.LayerNorm",
                     sum(sum(row("embeddings.word_embeddings.weight", id_of(part)),
                             row("embeddings.position_embeddings.weight", position++)),
                         row("embeddings.token_type_embeddings.weight"))));
  }
  for (int i = 0; i < kLayers; ++i) x = layer(i, x);
  return x[1];
}

}  // namespace mesh::test
