#include <algorithm>

#include "common/base/edit_distance.h"
#include "common/base/strings.h"
#include "common/config/keys.h"

namespace mesh::config {
namespace {

constexpr int kMostLines = 50;

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }

// The word of `allowed` that was probably meant.
const std::string* nearest(const std::vector<std::string>& allowed, std::string_view word) {
  constexpr std::size_t kLongestWord = 64;
  // The distance costs the product of both lengths, and a key may be as long as the file.
  const auto lower = to_lower(word.substr(0, kLongestWord));
  const std::string* best = nullptr;
  // Most words of three letters are within two changes of each other.
  const std::size_t most = lower.size() < 4 ? 1 : std::max<std::size_t>(2, lower.size() / 3);
  std::size_t best_distance = most + 1;
  for (const auto& candidate : allowed) {
    if (const auto d = edit_distance(lower, candidate); d < best_distance) {
      best = &candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace

void Problems::add(std::string_view path, std::string_view what) {
  // A file that is no configuration at all has a problem in each line.
  if (++count_ > kMostLines) return;
  if (!lines_.empty()) lines_ += '\n';
  lines_ += path;
  if (!path.empty()) lines_ += ": ";
  lines_ += what;
}

Status Problems::status() const {
  if (empty()) return {};
  const int more = count_ - kMostLines;
  return fail(ErrorKind::invalid,
              more > 0 ? lines_ + "\nand " + std::to_string(more) + " more" : lines_);
}

std::string suggest(const std::vector<std::string>& allowed, std::string_view prefix,
                    std::string_view word) {
  if (const auto* best = nearest(allowed, word)) {
    return "did you mean " + std::string(prefix) + *best + "?";
  }
  std::string out = "allowed here:";
  for (const auto& candidate : allowed) out += (out.back() == ':' ? " " : ", ") + candidate;
  return out;
}

std::string suggest(std::string_view group, std::string_view word) {
  const std::string prefix = group.empty() ? "" : std::string(group) + ".";
  std::vector<std::string> here;
  for (const auto& key : keys()) {
    if (!key.path.starts_with(prefix)) continue;
    const auto rest = std::string_view(key.path).substr(prefix.size());
    // Of a key in a deeper group the group's name, which may be the word that was meant.
    std::string name(rest.substr(0, rest.find('.')));
    if (std::ranges::find(here, name) == here.end()) here.push_back(std::move(name));
  }
  if (nearest(here, word) == nullptr) {
    // A key of that name in another group.
    for (const auto& key : keys()) {
      if (last_part(key.path) == word) return "did you mean " + key.path + "?";
    }
  }
  return suggest(here, prefix, word);
}

}  // namespace mesh::config
