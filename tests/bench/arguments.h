// What the benchmarks of this folder understand: --quick, --json FILE, and some --list, --engines,
// or what names embedders and texts.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mesh::bench {

struct Arguments {
  bool quick = false;          // shorter and noisier
  bool list = false;           // --list
  bool engines = false;        // --engines
  std::string model, intents;  // --model DIR, --intents FILE, of quality_bench
  // --embedder-url URL, --embedder-model NAME, --embedder-dimension N, of quality_bench.
  std::string embedder_url, embedder_model;
  int embedder_dimension = 384;
  std::string json;                // where the rows are written to; empty: nowhere
  std::vector<std::string> words;  // what is no option
};
// Nothing for an unknown option or one that misses another, which is named on stderr.
std::optional<Arguments> parse_arguments(int argc, char** argv);

}  // namespace mesh::bench
