// A static model on one core: texts each second, and what a start costs, against the hashing
// embedder of the same run. Printed, never asserted.
//
//   model_bench [--quick] [--json FILE] [FOLDER]
//   FOLDER: a model. Without: one of made-up words, of 30,000 tokens, in each dtype.
#include <chrono>
#include <cstdio>
#include <random>

#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/static_model/static_embedder.h"
#include "tests/bench/arguments.h"
#include "tests/bench/report.h"
#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tenant_texts.h"

namespace {

using namespace mesh;
using Clk = std::chrono::steady_clock;

constexpr std::size_t kTokens = 30'000;
constexpr std::size_t kDimension = 256;
constexpr std::size_t kWordsOfAText = 10;

double seconds_since(Clk::time_point start) {
  return std::chrono::duration<double>(Clk::now() - start).count();
}

std::string made_up_word(std::mt19937& random) {
  std::string word;
  for (std::size_t letters = 3 + random() % 6; letters > 0; --letters) {
    word += static_cast<char>('a' + random() % 26);
  }
  return word;
}

void write_model(const std::string& folder, const std::string& dtype) {
  std::mt19937 random(1);
  std::vector<std::string> words;
  while (words.size() < kTokens) words.push_back(made_up_word(random));
  const Json tokenizer = test::tokenizer_of(words);
  const std::size_t tokens = tokenizer["model"]["vocab"].size();
  std::vector<float> floats;
  std::vector<std::uint16_t> halves;
  std::string bytes;
  for (std::size_t i = 0; i < tokens * kDimension; ++i) {
    const auto number = static_cast<std::int8_t>(random() % 255 - 127);
    floats.push_back(number);
    halves.push_back(test::half_of(number));
    bytes += static_cast<char>(number);
  }
  test::write_text(folder + "/tokenizer.json", dump(tokenizer));
  test::write_text(folder + "/config.json", R"({"normalize": true})");
  const auto written = models::write_safetensors(
      folder + "/model.safetensors",
      {{"embeddings",
        dtype,
        {static_cast<std::int64_t>(tokens), static_cast<std::int64_t>(kDimension)},
        dtype == "F32"   ? test::bytes_of(floats)
        : dtype == "F16" ? test::bytes_of(halves)
                         : bytes}});
  if (!written) std::fprintf(stderr, "%s\n", written.error().to_string().c_str());
}

// Words that a vocabulary has, and some that it has in parts only.
std::vector<TenantText> texts(std::size_t count) {
  std::mt19937 known(1), random(2);
  std::vector<std::string> words;
  while (words.size() < kTokens) words.push_back(made_up_word(known));
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t word = 0; word < kWordsOfAText; ++word) {
      text += words[random() % words.size()] + (random() % 8 == 0 ? "x " : " ");
    }
    all.push_back(std::move(text));
  }
  return test::texts_of_acme(all);
}

double texts_a_second(Embedder& embedder, const std::vector<TenantText>& all, int rounds) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clk::now();
    (void)embedder.embed(all);
    best = std::max(best, static_cast<double>(all.size()) / seconds_since(start));
  }
  return best;
}

bool measure(const std::string& name, const std::string& folder, double hashing,
             const std::vector<TenantText>& all, int rounds, bench::Report& report) {
  const auto start = Clk::now();
  auto model = models::open_static_model(folder);
  const double load = seconds_since(start);
  if (!model) {
    std::fprintf(stderr, "model_bench: %s\n", model.error().to_string().c_str());
    return false;
  }
  const auto& info = (*model)->info();
  report.add({"model/" + name + "/load", load * 1e3, "ms"});
  report.add({"model/" + name + "/bytes", static_cast<double>(info.bytes) / 1e6, "MB"});
  const auto embedder = static_model::make_embedder(*model);
  report.add({"model/" + name + "/rate", texts_a_second(*embedder, all, rounds), "1/s", hashing});
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::parse_arguments(argc, argv);
  if (!arguments) return 2;
  const int rounds = arguments->quick ? 2 : 10;
  const auto all = texts(arguments->quick ? 5'000 : 50'000);
  bench::Report report;
  report.group("model", "texts of " + std::to_string(kWordsOfAText) + " words, one core",
               "hashing/384");
  const double hashing = texts_a_second(*hashing::make_embedder(384), all, rounds);
  bool good = true;
  for (const auto& folder : arguments->words) {
    good = measure("folder", folder, hashing, all, rounds, report) && good;
  }
  if (arguments->words.empty()) {
    for (const char* dtype : {"F32", "F16", "I8"}) {
      const test::TempDir folder;
      write_model(folder.path(), dtype);
      good = measure(dtype, folder.path(), hashing, all, rounds, report) && good;
    }
  }
  if (!arguments->json.empty() && !report.write_json(arguments->json)) return 1;
  return good ? 0 : 1;
}
