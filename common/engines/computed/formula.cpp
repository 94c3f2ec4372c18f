#include "common/engines/computed/formula.h"

#include <array>

#include "common/engines/computed/atomic_weights.h"

namespace mesh::computed {
namespace {

constexpr std::size_t kMaxBytes = 256;
constexpr int kMaxDepth = 16;
constexpr std::int64_t kMaxAtoms = 1'000'000'000;
// '.', '*', and the dots that keyboards and typesetters offer: U+00B7, U+2022, U+2219, U+22C5.
constexpr std::array<std::string_view, 6> kSeparators{
    ".", "*", "\xc2\xb7", "\xe2\x80\xa2", "\xe2\x88\x99", "\xe2\x8b\x85"};

using Atoms = std::map<std::string, std::int64_t>;

// formula = part {separator part};  part = [count] group;
// group = (element | "(" group ")") [count] {(element | "(" group ")") [count]}
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Formula> run() {
    Formula formula;
    if (!parse_part(formula.atoms)) return tl::unexpected(std::move(error_));
    while (take_separator()) {
      if (!parse_part(formula.atoms)) return tl::unexpected(std::move(error_));
      ++formula.parts;
    }
    if (at_ != text_.size()) {
      wrong("expected an element, a bracket or a count");
      return tl::unexpected(std::move(error_));
    }
    return formula;
  }

 private:
  bool wrong(std::string what) {
    error_.kind = ErrorKind::unprocessable;
    error_.message = "the formula does not read at byte " + std::to_string(at_) + ": " + what;
    return false;
  }

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool take_separator() {
    for (const auto separator : kSeparators) {
      if (text_.substr(at_).starts_with(separator)) {
        at_ += separator.size();
        return true;
      }
    }
    return false;
  }

  // -1 where there is none; '0'…'9' or the subscripts U+2080…U+2089.
  int take_digit() {
    if (peek() >= '0' && peek() <= '9') return text_[at_++] - '0';
    const auto rest = text_.substr(at_);
    if (rest.size() >= 3 && rest.starts_with("\xe2\x82")) {
      const int digit = static_cast<unsigned char>(rest[2]) - 0x80;
      if (digit >= 0 && digit <= 9) {
        at_ += 3;
        return digit;
      }
    }
    return -1;
  }

  // 1 where none is written.
  bool take_count(std::int64_t& count) {
    count = take_digit();
    if (count < 0) {
      count = 1;
      return true;
    }
    if (count == 0) return wrong("a count does not begin with 0");
    for (int digit = take_digit(); digit >= 0; digit = take_digit()) {
      count = count * 10 + digit;
      if (count > kMaxAtoms) return wrong("more than 1,000,000,000 atoms");
    }
    return true;
  }

  bool add(Atoms& to, const Atoms& atoms, std::int64_t count) {
    for (const auto& [symbol, number] : atoms) {
      auto& sum = to[symbol];
      sum += number * count;  // both are at most 10^9
      if (sum > kMaxAtoms) return wrong("more than 1,000,000,000 atoms");
    }
    return true;
  }

  bool parse_part(Atoms& to) {
    skip_spaces();
    std::int64_t count = 1;
    if (!take_count(count)) return false;
    Atoms atoms;
    return parse_group(atoms) && add(to, atoms, count);
  }

  bool parse_group(Atoms& to) {
    bool any = false;
    while (true) {
      skip_spaces();
      Atoms atoms;
      const char c = peek();
      if (c >= 'A' && c <= 'Z') {
        if (!parse_element(atoms)) return false;
      } else if (c == '(' || c == '[' || c == '{') {
        if (!parse_brackets(atoms, c == '(' ? ')' : c == '[' ? ']' : '}')) return false;
      } else {
        return any || wrong("expected an element such as C or Na");
      }
      std::int64_t count = 1;
      if (!take_count(count) || !add(to, atoms, count)) return false;
      any = true;
    }
  }

  bool parse_element(Atoms& to) {
    std::size_t length = 1;
    while (length < 3 && at_ + length < text_.size() && text_[at_ + length] >= 'a' &&
           text_[at_ + length] <= 'z') {
      ++length;
    }
    const auto symbol = text_.substr(at_, length);
    if (!find_element(symbol)) return wrong("there is no element " + std::string(symbol));
    at_ += length;
    to.emplace(symbol, 1);
    return true;
  }

  bool parse_brackets(Atoms& to, char closing) {
    if (++depth_ > kMaxDepth) return wrong("brackets nested deeper than 16");
    ++at_;
    if (!parse_group(to)) return false;
    if (peek() != closing) return wrong(std::string("expected '") + closing + "'");
    ++at_;
    --depth_;
    return true;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Error error_;
};

void append(std::string& text, const std::string& symbol, std::int64_t count) {
  text += symbol;
  if (count > 1) text += std::to_string(count);
}

}  // namespace

Result<Formula> parse_formula(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail(ErrorKind::unprocessable, "the formula is longer than 256 bytes");
  }
  return Parser(text).run();
}

std::string hill_formula(const Formula& formula) {
  std::string text;
  const auto carbon = formula.atoms.find("C");
  const bool organic = carbon != formula.atoms.end();
  if (organic) {
    append(text, "C", carbon->second);
    if (const auto hydrogen = formula.atoms.find("H"); hydrogen != formula.atoms.end()) {
      append(text, "H", hydrogen->second);
    }
  }
  for (const auto& [symbol, count] : formula.atoms) {
    if (!organic || (symbol != "C" && symbol != "H")) append(text, symbol, count);
  }
  return text;
}

}  // namespace mesh::computed
