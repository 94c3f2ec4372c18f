// How well embedders find what is meant (quality.h).
//
//   quality_bench [--quick] [--model DIR] [--intents FILE] [--json FILE]
//                 [--embedder-url URL --embedder-model NAME [--embedder-dimension N]]
//
// DIR: a static model (common/models). FILE: rows of intents in CSV (quality_sets.h). URL: a server
// with OpenAI's API ("https://api.openai.com/v1"), of which the embedding model NAME is asked for
// vectors of N numbers (384); $MESH_EMBEDDER_KEY is its key. What is not named is left out, and the
// table says so.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "common/base/clock.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/openai/openai_embedder.h"
#include "common/engines/static_model/static_embedder.h"
#include "common/models/static_model.h"
#include "tests/bench/arguments.h"
#include "tests/bench/quality.h"

namespace {

using namespace mesh;

constexpr std::size_t kPeople = 5'000, kFewPeople = 500;
constexpr int kAsked = 200, kAskedFew = 20;  // of each kind of question about people

Result<bench::Candidates> candidates_of(const bench::Arguments& arguments) {
  bench::Candidates all{hashing::make_embedder(384), nullptr, nullptr};
  if (!arguments.model.empty()) {
    all.static_model =
        static_model::make_embedder(MESH_TRY(models::open_static_model(arguments.model)));
  }
  if (!arguments.embedder_url.empty()) {
    openai::EmbedderOptions options;
    options.base_url = arguments.embedder_url;
    options.model = arguments.embedder_model;
    options.dimension = arguments.embedder_dimension;
    options.model_setting = "--embedder-model";
    if (const char* key = std::getenv("MESH_EMBEDDER_KEY")) options.api_key = key;
    all.http = openai::make_embedder(std::move(options), system_clock());
  }
  return all;
}

int run(const bench::Arguments& arguments) {
  const auto candidates = candidates_of(arguments);
  if (!candidates) {
    std::fprintf(stderr, "quality_bench: %s\n", candidates.error().to_string().c_str());
    return 2;
  }
  const std::size_t people = arguments.quick ? kFewPeople : kPeople;
  const int asked = arguments.quick ? kAskedFew : kAsked;
  std::vector<bench::QuerySet> sets{bench::name_queries(people, asked),
                                    bench::long_name_queries(people, asked),
                                    bench::address_queries(people, asked)};
  if (!arguments.intents.empty()) {
    auto set = bench::intent_queries(arguments.intents);
    if (!set) {
      if (!std::ifstream(arguments.intents)) {
        std::fprintf(stderr, "quality_bench: %s cannot be read\n", arguments.intents.c_str());
        return 2;
      }
      std::fprintf(
          stderr,
          "quality_bench: %s has no category of 15 rows text,category, or of 10 documents and "
          "5 queries in rows text,category,role\n",
          arguments.intents.c_str());
      return 2;
    }
    sets.push_back(std::move(*set));
  }
  bench::Report report;
  const auto columns = bench::measure_quality(*candidates, sets, report);
  if (!columns) {
    std::fprintf(stderr, "quality_bench: %s\n", columns.error().to_string().c_str());
    return 1;
  }
  std::printf("\n%s\n%s", bench::quality_table(sets, *columns).c_str(),
              bench::pairs_table(sets, *columns).c_str());
  if (!candidates->static_model) std::printf("static: left out; --model DIR measures a model\n");
  if (!candidates->http) {
    std::printf("http: left out; --embedder-url URL --embedder-model NAME measures a server's\n");
  }
  if (arguments.intents.empty()) {
    std::printf("intents: left out; --intents FILE measures them\n");
  }
  return arguments.json.empty() || report.write_json(arguments.json) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = mesh::bench::parse_arguments(argc, argv);
  return arguments ? run(*arguments) : 2;
}
