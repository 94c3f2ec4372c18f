#include "common/config/header_lines.h"

#include <algorithm>
#include <cctype>

#include "common/base/strings.h"

namespace mesh::config {
namespace {

bool is_token(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_value(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> header_lines(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (int number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (trim(line).empty()) continue;
    const auto colon = line.find(':');
    const auto name = trim(line.substr(0, colon));
    const auto value = trim(colon == line.npos ? std::string_view() : line.substr(colon + 1));
    if (colon == line.npos || !is_token(name) || !is_value(value)) {
      return fail(ErrorKind::invalid,
                  "line " + std::to_string(number) + " is not `Name: value`, a header field");
    }
    fields.emplace_back(name, value);
  }
  return fields;
}

}  // namespace mesh::config
