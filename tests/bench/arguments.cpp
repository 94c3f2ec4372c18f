#include "tests/bench/arguments.h"

#include <cstdio>

#include "common/base/strings.h"

namespace mesh::bench {
namespace {

constexpr int kMaxDimension = 16'384;

}  // namespace

std::optional<Arguments> parse_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--quick") {
      arguments.quick = true;
    } else if (word == "--list") {
      arguments.list = true;
    } else if (word == "--engines") {
      arguments.engines = true;
    } else if (word == "--json" && i + 1 < argc) {
      arguments.json = argv[++i];
    } else if (word == "--model" && i + 1 < argc) {
      arguments.model = argv[++i];
    } else if (word == "--intents" && i + 1 < argc) {
      arguments.intents = argv[++i];
    } else if (word == "--embedder-url" && i + 1 < argc) {
      arguments.embedder_url = argv[++i];
    } else if (word == "--embedder-model" && i + 1 < argc) {
      arguments.embedder_model = argv[++i];
    } else if (word == "--embedder-dimension" && i + 1 < argc) {
      const auto dimension = parse_int(argv[++i]);
      if (!dimension || *dimension < 1 || *dimension > kMaxDimension) {
        std::fprintf(stderr, "--embedder-dimension %s is no number from 1 to %d\n", argv[i],
                     kMaxDimension);
        return std::nullopt;
      }
      arguments.embedder_dimension = static_cast<int>(*dimension);
    } else if (word.starts_with("-")) {
      std::fprintf(stderr,
                   "unknown option %s; there are --list, --quick, --engines, --json FILE, and of "
                   "the quality --model DIR, --intents FILE, --embedder-url URL, --embedder-model "
                   "NAME and --embedder-dimension N\n",
                   word.c_str());
      return std::nullopt;
    } else {
      arguments.words.push_back(word);
    }
  }
  if (arguments.embedder_url.empty() != arguments.embedder_model.empty()) {
    std::fprintf(stderr, "--embedder-url URL and --embedder-model NAME go together\n");
    return std::nullopt;
  }
  return arguments;
}

}  // namespace mesh::bench
