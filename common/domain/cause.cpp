#include "common/domain/cause.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr char kMark = '#';  // of what was taken out; of a word itself, so that it may stand beside

bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes of UTF-8 beyond ASCII are of words.
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (static_cast<unsigned char>(c) & 0x80);
}
bool is_word(char c) {
  return is_letter(c) || is_digit(c) || std::string_view("_-.:/@%+#").find(c) != std::string::npos;
}
bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }

// Where a quotation that begins at `from` ends: at the quote. An apostrophe, which stands beside
// letters, begins and ends none.
std::optional<std::size_t> end_of_quotation(std::string_view text, std::size_t from) {
  const char quote = text[from];
  const bool apostrophe = quote == '\'';
  if (apostrophe && from > 0 && is_word(text[from - 1])) return std::nullopt;
  for (std::size_t at = from + 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == quote &&
               !(apostrophe && at + 1 < text.size() && is_word(text[at + 1]))) {
      return at;
    }
  }
  return std::nullopt;
}

bool is_own(std::string_view word) {
  return std::ranges::any_of(word, is_digit) || word == std::string_view(&kMark, 1);
}

bool is_address(std::string_view word) {
  return word.find('@') != word.npos || word.find("://") != word.npos;
}

// The status of an answer, or the code of an end: 503 and 401 are two faults.
bool is_status(std::string_view word) {
  return word.size() == 3 && word[0] >= '1' && word[0] <= '5' &&
         std::ranges::all_of(word, is_digit);
}

// Whether a status follows the word `before`, in front of `rest`. What follows a verb may be a
// count, too: then the noun of what is counted is next.
bool announces_status(std::string_view before, std::string_view rest) {
  const std::string word = to_lower(before);
  if (word == "http" || word == "status" || word == "code") return true;
  if (word.starts_with("http/") && !is_address(word)) return true;
  constexpr std::array<std::string_view, 4> kVerbs{"answered", "returned", "responded", "with"};
  if (std::ranges::find(kVerbs, word) == kVerbs.end()) return false;
  const auto next = rest.find_first_not_of(' ');
  return next == 0 || next == rest.npos || !(rest[next] >= 'a' && rest[next] <= 'z');
}

class General {
 public:
  // A mark that nothing but blanks and commas part from the one before is the same list.
  void mark() {
    if (marked_ && out_.find_first_not_of(" ,", *marked_ + 1) == std::string::npos) {
      out_.resize(*marked_ + 1);
      return;
    }
    marked_ = out_.size();
    out_ += kMark;
  }
  void add(std::string_view text) { out_ += text; }

  // Of a path each part by itself: "/items/3/name" is "/items/#/name".
  void add_word(std::string_view word) {
    const auto last = word.find_last_not_of(".:");  // they end a sentence, or part of one
    const std::string_view end = last == word.npos ? word : word.substr(last + 1);
    word.remove_suffix(end.size());
    if (is_address(word)) {
      mark();
    } else {
      while (!word.empty()) {
        const std::string_view part = word.substr(0, word.find('/'));
        is_own(part) ? mark() : add(part);
        word.remove_prefix(part.size());
        if (word.empty()) break;
        add("/");
        word.remove_prefix(1);
      }
    }
    add(end);
  }

  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::optional<std::size_t> marked_;  // where the last mark is
};

}  // namespace

std::string general_cause(std::string_view text) {
  General general;
  std::string_view before;  // the word
  for (std::size_t at = 0; at < text.size();) {
    if (is_quote(text[at])) {
      const auto end = end_of_quotation(text, at);
      general.add(text.substr(at, 1));
      if (end) general.add(text.substr(at, 1));
      at = end.value_or(at) + 1;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == at) {
      general.add(text.substr(at++, 1));
      continue;
    }
    const std::string_view word = text.substr(at, end - at);
    // Without what ends a sentence behind it.
    const std::string_view bare = word.substr(0, word.find_last_not_of(".:") + 1);
    const std::string_view rest = text.substr(at + bare.size());
    is_status(bare) && announces_status(before, rest) ? general.add(word) : general.add_word(word);
    before = bare;
    at = end;
  }
  return general.take();
}

std::string cause_fingerprint(std::string_view cause_class, std::string_view text) {
  constexpr int kDigits = 12;
  std::uint64_t hash = stable_hash(std::string(cause_class) + "\n" + general_cause(text));
  std::string name(kDigits, '0');
  for (char& digit : name) {
    digit = "0123456789abcdef"[hash & 0xf];
    hash >>= 4;
  }
  return name;
}

}  // namespace mesh
