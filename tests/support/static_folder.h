// The folder of a small static model, for tests.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/models/safetensors.h"

namespace mesh::test {

inline void write_text(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

template <typename T>
std::string bytes_of(const std::vector<T>& numbers) {
  std::string bytes(numbers.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), numbers.data(), bytes.size());
  return bytes;
}

// The binary16 of a number that is zero, or of a magnitude from 2^-14 to 65504 with eleven bits.
inline std::uint16_t half_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t rest = bits & 0x7fffffff;
  return static_cast<std::uint16_t>(rest == 0 ? sign : sign | ((rest >> 13) - (112u << 10)));
}

// The tokenizer of whole words and single letters, in lower case: [UNK], the words, the letters.
inline Json tokenizer_of(const std::vector<std::string>& words) {
  Json vocabulary = {{"[UNK]", 0}};
  const auto add = [&](const std::string& token) {
    if (!vocabulary.contains(token)) vocabulary[token] = vocabulary.size();
  };
  for (const auto& word : words) add(word);
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    add({letter});
    add(std::string("##") + letter);
  }
  return {{"added_tokens", Json::array()},
          {"normalizer", {{"type", "BertNormalizer"}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"model", {{"type", "WordPiece"}, {"unk_token", "[UNK]"}, {"vocab", vocabulary}}}};
}

// A model of whole words, each with its vector; words that are not named, and letters, have one
// that is of no length.
inline Status write_word_model(
    const std::string& folder,
    const std::vector<std::pair<std::string, std::vector<float>>>& words) {
  std::filesystem::create_directories(folder);
  std::vector<std::string> names;
  for (const auto& [name, vector] : words) names.push_back(name);
  const Json tokenizer = tokenizer_of(names);
  const Json& vocabulary = tokenizer["model"]["vocab"];
  const std::size_t dimension = words.front().second.size();
  std::vector<float> numbers(vocabulary.size() * dimension);
  for (const auto& [name, vector] : words) {
    std::copy(vector.begin(), vector.end(),
              numbers.begin() +
                  vocabulary[name].get<std::ptrdiff_t>() * static_cast<std::ptrdiff_t>(dimension));
  }
  write_text(folder + "/tokenizer.json", dump(tokenizer));
  write_text(folder + "/config.json", R"({"normalize": true})");
  return models::write_safetensors(
      folder + "/model.safetensors",
      {{"embeddings",
        "F32",
        {static_cast<std::int64_t>(vocabulary.size()), static_cast<std::int64_t>(dimension)},
        bytes_of(numbers)}});
}

}  // namespace mesh::test
