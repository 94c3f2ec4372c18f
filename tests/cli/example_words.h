// The examples of help texts as words.
#pragma once

#include <string>
#include <vector>

namespace mesh::cli {

// The words of a shell line, quotes taken away; segments between pipes.
inline std::vector<std::vector<std::string>> commands_of(const std::string& line) {
  std::vector<std::vector<std::string>> commands(1);
  std::string word;
  bool any = false;
  char quote = 0;
  const auto end_word = [&] {
    if (any) commands.back().push_back(word);
    word.clear();
    any = false;
  };
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      any = true;
    } else if (c == ' ') {
      end_word();
    } else if (c == '|') {
      end_word();
      commands.emplace_back();
    } else if (c == '>') {
      end_word();
      return commands;
    } else {
      word += c;
      any = true;
    }
  }
  end_word();
  return commands;
}

}  // namespace mesh::cli
