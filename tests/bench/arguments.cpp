#include "tests/bench/arguments.h"

#include <cstdio>

namespace mesh::bench {

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
    } else if (word.starts_with("-")) {
      std::fprintf(stderr,
                   "unknown option %s; there are --list, --quick, --engines, --json FILE, and of "
                   "the quality --model DIR and --intents FILE\n",
                   word.c_str());
      return std::nullopt;
    } else {
      arguments.words.push_back(word);
    }
  }
  return arguments;
}

}  // namespace mesh::bench
