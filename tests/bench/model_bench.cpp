// A static model on one core: texts each second of CPU time, and what a start costs, against the
// hashing embedder, and against adding the same rows with nothing before and behind it, which no
// tokenizer could beat. Printed, never asserted.
//
//   model_bench [--quick] [--json FILE] [FOLDER]
//   FOLDER: a model. Without: one of made-up words, of 30,000 tokens, in each dtype.
//
// CPU time of the thread and not time that passes, so that what else the machine does takes little
// of a figure; all are measured in turn, round by round, and the median round is told. Words are
// drawn from the whole vocabulary alike, which is harder on the caches than any language is.
#include <time.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <random>

#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/static_model/static_embedder.h"
#include "common/models/row_sums.h"
#include "common/models/safetensors.h"
#include "common/models/word_piece.h"
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
constexpr std::size_t kWordsOfTexts[] = {4, 10};
constexpr std::size_t kBatch = 128;  // texts of a call, as a rebuild has them

double seconds_since(Clk::time_point start) {
  return std::chrono::duration<double>(Clk::now() - start).count();
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
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

// The words that a vocabulary has as one token, of small letters.
std::vector<std::string> words_of(const models::WordPiece& pieces) {
  std::vector<std::string> words;
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const std::string& token = pieces.token(static_cast<std::int32_t>(id));
    if (token.size() >= 3 &&
        std::ranges::all_of(token, [](char c) { return c >= 'a' && c <= 'z'; }))
      words.push_back(token);
  }
  return words;
}

// Of words that a vocabulary has, and some that it has in parts only.
std::vector<TenantText> texts_of(const std::vector<std::string>& vocabulary, std::size_t words,
                                 std::size_t count) {
  std::mt19937 random(2);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t word = 0; word < words; ++word) {
      text += vocabulary[random() % vocabulary.size()] + (random() % 8 == 0 ? "x " : " ");
    }
    all.push_back(std::move(text));
  }
  return test::texts_of_acme(all);
}

void embed_all(Embedder& embedder, std::span<const TenantText> texts) {
  for (std::size_t i = 0; i < texts.size(); i += kBatch) {
    (void)embedder.embed(texts.subspan(i, std::min(kBatch, texts.size() - i)));
  }
}

// What runs takes turns: the median of its texts each second of CPU time over the rounds.
std::vector<double> texts_a_second(std::size_t texts, int rounds,
                                   const std::vector<std::function<void()>>& runs) {
  std::vector<std::vector<double>> rates(runs.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const double start = cpu_seconds();
      runs[i]();
      rates[i].push_back(static_cast<double>(texts) / (cpu_seconds() - start));
    }
  }
  std::vector<double> medians;
  for (auto& of_run : rates) {
    const auto middle = of_run.begin() + std::ssize(of_run) / 2;
    std::ranges::nth_element(of_run, middle);
    medians.push_back(*middle);
  }
  return medians;
}

// The rows that a text's vector is made of, without what a mapping and weights would change.
std::vector<std::vector<models::WeighedRow>> rows_of(const models::WordPiece& pieces,
                                                     const models::Tensor& embeddings,
                                                     std::span<const TenantText> texts) {
  const auto rows = static_cast<std::size_t>(embeddings.shape[0]);
  const std::size_t row_bytes = embeddings.bytes.size() / rows;
  std::vector<std::vector<models::WeighedRow>> all;
  std::vector<std::int32_t> ids;
  for (const auto& text : texts) {
    ids.clear();
    pieces.encode(text.text, SIZE_MAX, ids);
    auto& of_text = all.emplace_back();
    for (const std::int32_t id : ids) {
      const std::size_t row = static_cast<std::size_t>(id) % rows;
      of_text.push_back({embeddings.bytes.data() + row * row_bytes, 1.0F});
    }
  }
  return all;
}

Status measure(const std::string& name, const std::string& folder, bool quick,
               bench::Report& report) {
  const auto start = Clk::now();
  const auto model = MESH_TRY(models::open_static_model(folder));
  const double load = seconds_since(start);
  const auto& info = model->info();
  report.group("model/" + name,
               std::to_string(info.tokens) + " tokens, " + std::to_string(info.dimension) +
                   " numbers of " + info.dtype + "; texts each second of one core's CPU time",
               "hashing/384");
  report.add({"model/" + name + "/load", load * 1e3, "ms"});
  report.add({"model/" + name + "/bytes", static_cast<double>(info.bytes) / 1e6, "MB"});

  const auto pieces = MESH_TRY(models::WordPiece::open(folder + "/tokenizer.json"));
  const auto file = MESH_TRY(models::Safetensors::open(folder + "/model.safetensors"));
  const models::Tensor* embeddings = file->find("embeddings");
  if (embeddings == nullptr) embeddings = file->find("embedding.weight");
  const auto type = models::number_type(info.dtype).value();
  const auto vocabulary = words_of(pieces);
  const auto hashing = hashing::make_embedder(384);
  const auto meaning = static_model::make_embedder(model);
  for (const std::size_t words : kWordsOfTexts) {
    const auto texts = texts_of(vocabulary, words, quick ? 5'000 : 50'000);
    const auto rows = rows_of(pieces, *embeddings, texts);
    std::vector<float> sum(static_cast<std::size_t>(info.dimension));
    const auto rates =
        texts_a_second(texts.size(), quick ? 3 : 11,
                       {[&] { embed_all(*hashing, texts); }, [&] { embed_all(*meaning, texts); },
                        [&] {
                          for (const auto& of_text : rows) models::sum_rows(type, of_text, sum);
                        }});
    std::size_t tokens = 0;
    for (const auto& of_text : rows) tokens += of_text.size();
    const std::string group = "model/" + name + "/" + std::to_string(words) + " words/";
    report.add(
        {group + "tokens", static_cast<double>(tokens) / static_cast<double>(texts.size()), ""});
    report.add({group + "rate", rates[1], "1/s", rates[0]});
    report.add({group + "rows alone", rates[2], "1/s", rates[0]});
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = bench::parse_arguments(argc, argv);
  if (!arguments) return 2;
  bench::Report report;
  bool good = true;
  const auto run = [&](const std::string& name, const std::string& folder) {
    const auto measured = measure(name, folder, arguments->quick, report);
    if (!measured) std::fprintf(stderr, "model_bench: %s\n", measured.error().to_string().c_str());
    good = good && measured;
  };
  for (const auto& folder : arguments->words) run("folder", folder);
  if (arguments->words.empty()) {
    for (const char* dtype : {"F32", "F16", "I8"}) {
      const test::TempDir folder;
      write_model(folder.path(), dtype);
      run(dtype, folder.path());
    }
  }
  if (!arguments->json.empty() && !report.write_json(arguments->json)) return 1;
  return good ? 0 : 1;
}
