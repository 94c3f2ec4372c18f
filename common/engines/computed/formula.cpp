#include "common/engines/computed/formula.h"

#include <array>
#include <cmath>

#include "common/base/json.h"
#include "common/domain/atomic_weights.h"

namespace mesh::computed {
namespace {

constexpr std::size_t kMaxBytes = 256;
constexpr int kMaxDepth = 16;
constexpr double kMaxAtoms = 1e9;
constexpr int kMaxCharge = 99;

// The elements whose atoms bind to each other in ions, so that O2- may be O₂⁻ as well as O²⁻.
constexpr std::array<std::string_view, 17> kNonmetals{
    "H", "D", "T", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "I", "Te"};

// A character of the formula in its plain form: subscripts are digits, the dots and minus signs of
// keyboards and typesetters are one each, and raised digits have codes of their own.
struct Token {
  char c;
  std::size_t at;  // the byte where it begins
};
constexpr char kRaised0 = '\x01';  // … '\x0a'
constexpr char kPartDot = '*';     // between parts; '.' is a token of its own
constexpr char kUnknown = '\x7f', kEnd = '\0';

struct Form {
  std::string_view text;
  char c;
};
constexpr std::array<Form, 29> kForms{{
    {"₀", '0'},      {"₁", '1'},      {"₂", '2'},      {"₃", '3'},      {"₄", '4'},
    {"₅", '5'},      {"₆", '6'},      {"₇", '7'},      {"₈", '8'},      {"₉", '9'},
    {"⁰", kRaised0}, {"¹", '\x02'},   {"²", '\x03'},   {"³", '\x04'},   {"⁴", '\x05'},
    {"⁵", '\x06'},   {"⁶", '\x07'},   {"⁷", '\x08'},   {"⁸", '\x09'},   {"⁹", '\x0a'},
    {"·", kPartDot}, {"•", kPartDot}, {"∙", kPartDot}, {"⋅", kPartDot}, {"−", '-'},
    {"⁻", '-'},      {"⁺", '+'},      {"δ", 'x'},      {"*", kPartDot},
}};

std::vector<Token> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const auto form = std::find_if(kForms.begin(), kForms.end(), [&](const Form& candidate) {
      return text.substr(at).starts_with(candidate.text);
    });
    const bool plain = text[at] >= ' ' && text[at] < '\x7f';
    tokens.push_back({form != kForms.end() ? form->c : plain ? text[at] : kUnknown, at});
    at += form != kForms.end() ? form->text.size() : 1;
  }
  tokens.push_back({kEnd, text.size()});
  return tokens;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_raised(char c) { return c >= kRaised0 && c < kRaised0 + 10; }
bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_small(char c) { return c >= 'a' && c <= 'z'; }
bool is_sign(char c) { return c == '+' || c == '-'; }
bool is_dot(char c) { return c == '.' || c == kPartDot; }
bool is_closing(char c) { return c == ')' || c == ']' || c == '}'; }
bool is_variable(char c) { return c == 'n' || c == 'x' || c == 'y'; }
char closing_of(char opening) { return opening == '(' ? ')' : opening == '[' ? ']' : '}'; }

// formula = part {dot part};             part = [count] [dot] group [dot] [charge] [dot] {ion};
// ion     = group charge;
// group   = unit [count] {unit [count]}; unit = [isotope] element | "(" group [charge] ")"
class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(tokens_of(text)) {}

  Result<Formula> run() {
    bool reads = parse_part();
    while (reads && is_dot(peek())) {
      ++at_;
      ++formula_.parts;
      reads = parse_part();
    }
    if (reads && peek() != kEnd) reads = unexpected("expected an element, a bracket or a count");
    if (!reads) return tl::unexpected(std::move(error_));
    return std::move(formula_);
  }

 private:
  bool wrong(const std::string& what) {
    error_.kind = ErrorKind::unprocessable;
    error_.message =
        "the formula does not read at byte " + std::to_string(tokens_[at_].at) + ": " + what;
    return false;
  }
  // Names what often stands in the place of what was expected.
  bool unexpected(const std::string& expected) {
    return wrong(is_variable(peek()) ? "a variable count has no single formula" : expected);
  }

  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead].c : kEnd;
  }
  void skip_spaces() {
    while (peek() == ' ') ++at_;
  }
  // The number that stands here, at most 1,000; 0 where there is none.
  int take_small_number(char zero) {
    int number = 0;
    for (; peek() >= zero && peek() < zero + 10; ++at_) {
      // Bounded here, so that a row of digits cannot overflow it; whoever asked finds 1,000 too
      // large.
      number = std::min(number * 10 + (peek() - zero), 1'000);
    }
    return number;
  }

  // 1 where none is written.
  bool take_count(double& count) {
    count = 1;
    if (!is_digit(peek())) return true;
    if (peek() == '0') return take_fraction(count);
    const std::size_t begin = at_;
    for (count = 0; is_digit(peek()); ++at_) {
      count = count * 10 + (peek() - '0');
      if (count > kMaxAtoms) return wrong("more than 1,000,000,000 atoms");
    }
    if (peek() != '.' || !is_digit(peek(1)) || water_follows(1)) return true;
    const std::string number = plain(begin, at_ + 2);
    return wrong(number + " may be a fraction or two parts; write parts with · between them");
  }
  // 0.95
  bool take_fraction(double& count) {
    if (peek(1) != '.' || !is_digit(peek(2))) {
      ++at_;
      return wrong("a count does not begin with 0");
    }
    const std::size_t begin = at_;
    for (at_ += 2; is_digit(peek());) ++at_;
    count = std::stod(plain(begin, at_));
    return count > 0 || wrong("a count of 0");
  }
  // Hydrates are written CuSO4.5H2O; another number behind a dot could as well be a fraction.
  bool water_follows(std::size_t ahead) const {
    if (peek(ahead) == '0' && peek(ahead + 1) == '.') ahead += 2;
    while (is_digit(peek(ahead))) ++ahead;
    while (peek(ahead) == ' ') ++ahead;
    return peek(ahead) == 'H' && peek(ahead + 1) == '2' && peek(ahead + 2) == 'O';
  }
  std::string plain(std::size_t from, std::size_t to) const {
    std::string text;
    for (std::size_t at = from; at < to; ++at) text += tokens_[at].c;
    return text;
  }

  bool add(Formula& to, const Formula& unit, double count) {
    for (const auto& [symbol, number] : unit.atoms) {
      auto& sum = to.atoms[symbol];
      sum += number * count;
      if (sum > kMaxAtoms) return wrong("more than 1,000,000,000 atoms");
    }
    for (const auto& [isotope, number] : unit.isotopes) to.isotopes[isotope] += number * count;
    const double charge = to.charge + unit.charge * count;
    if (charge != std::trunc(charge)) return wrong("the charge is not a whole number");
    if (std::abs(charge) > kMaxCharge) return wrong("a charge beyond 99");
    to.charge = static_cast<int>(charge);
    return true;
  }

  bool parse_part() {
    skip_spaces();
    double count = 1;
    if (formula_.parts == 1 && !formula_begins_clearly()) return false;
    if (!take_count(count)) return false;
    take_electron();
    Formula part;
    if (!parse_group(part)) return false;
    if (peek() == 'n' && peek(1) == kEnd && formula_.parts == 1 && tokens_[at_ - 1].c == ')') {
      ++at_;
      formula_.repeat_unit = true;
    }
    take_electron();
    if (!parse_charge(part)) return false;
    take_electron();
    skip_spaces();
    if (!add(formula_, part, count)) return false;
    return part.charge == 0 || parse_counterions(count);
  }

  // Na+Cl-: ions one behind another, which each tell their charge. A digit between a sign and an
  // element may be of either.
  bool parse_counterions(double count) {
    const auto as_parts = [&](const std::string& why) {
      return wrong(why + "; write ions as parts, with · between them");
    };
    for (bool first = true; peek() != kEnd && !is_dot(peek()) && !is_closing(peek());
         first = false) {
      if (is_digit(peek()) || is_digit(before_spaces())) {
        return as_parts("a number between two ions may be a charge or a count");
      }
      if (first && count != 1) return as_parts("the number in front may count one ion or all");
      Formula ion;
      if (!parse_group(ion) || !parse_charge(ion)) return false;
      if (ion.charge == 0) return wrong("expected the charge of this ion");
      if (is_digit(before_spaces())) {
        return as_parts("the number at the end may be a charge or a count");
      }
      skip_spaces();
      ++formula_.parts;
      if (!add(formula_, ion, 1)) return false;
    }
    return true;
  }
  char before_spaces() const {
    std::size_t at = at_;
    while (at > 0 && tokens_[at - 1].c == ' ') --at;
    return at > 0 ? tokens_[at - 1].c : kEnd;
  }

  // A number in front counts molecules; 13CH4 more likely lost the place of its raised 13.
  bool formula_begins_clearly() {
    std::size_t digits = 0;
    while (is_digit(peek(digits))) ++digits;
    if (digits == 0 || digits > 3) return true;
    const std::string number = plain(at_, at_ + digits), symbol = symbol_at(at_ + digits);
    if (!isotope_weight(symbol, std::stoi(number))) return true;
    return wrong(number + symbol + " may be an isotope or " + number + " molecules; write [" +
                 number + symbol + "] for the isotope, " + number + "(…) for the molecules");
  }

  // A dot in front, at the end or before the charge is a lone electron.
  void take_electron() {
    if (!is_dot(peek())) return;
    const char next = peek(1);
    if (at_ == 0 ? is_capital(next) : next == kEnd || is_sign(next)) {
      ++at_;
      formula_.radical = true;
    }
  }

  bool parse_group(Formula& to) {
    for (bool any = false;; any = true) {
      skip_spaces();
      Formula unit;
      const char opening = peek();
      if (opening == '(' || opening == '[' || opening == '{') {
        if (!parse_brackets(unit)) return false;
      } else if (is_capital(opening) || raised_isotope()) {
        if (!parse_element(unit, take_small_number(kRaised0))) return false;
      } else {
        return any || unexpected("expected an element such as C or Na");
      }
      double count = 1;
      const std::size_t begin = at_;
      if (!take_count(count)) return false;
      if (begin != at_ && is_sign(peek()) && !is_sign(peek(1)) && !is_digit(peek(1))) {
        if (!sort_digits(to, unit, begin, count)) return false;
      }
      if (!add(to, unit, count)) return false;
    }
  }
  // Raised digits belong to an element behind them; before a sign they are a charge.
  bool raised_isotope() const {
    std::size_t ahead = 0;
    while (is_raised(peek(ahead))) ++ahead;
    return ahead > 0 && is_capital(peek(ahead));
  }

  // Digits right before a sign: 4- of [Fe(CN)6]4- and 3+ of Fe3+ are charges, the 4 of NH4+ is a
  // count.
  bool sort_digits(const Formula& before, Formula& unit, std::size_t begin, double& count) {
    const bool alone = before.atoms.empty() && unit.atoms.size() == 1;
    const auto& symbol = unit.atoms.begin()->first;
    const bool nonmetal =
        std::find(kNonmetals.begin(), kNonmetals.end(), symbol) != kNonmetals.end();
    const bool square = tokens_[begin - 1].c == ']';
    if (square || (alone && !nonmetal && at_ - begin == 1)) {
      if (count > kMaxCharge) return wrong("a charge beyond 99");
      unit.charge += static_cast<int>(peek() == '+' ? count : -count);
      count = 1;
      ++at_;
      return true;
    }
    if (!alone && at_ - begin == 1) return true;
    const std::string digits = plain(begin, at_), sign(1, peek());
    const std::string both = alone ? digits : digits.substr(digits.size() - 1);
    at_ = begin;
    return wrong(digits + sign + " may hold a count as well as a charge; write ^" + both + sign +
                 " for the charge " + both + sign + ", " + digits + "^" + sign +
                 " for a single one");
  }

  // What may be the symbol of an element, known or not.
  std::string symbol_at(std::size_t at) const {
    std::size_t end = at + 1;
    while (end < at + 3 && is_small(tokens_[std::min(end, tokens_.size() - 1)].c)) ++end;
    if (!is_capital(tokens_[at].c)) return {};
    const std::string symbol = plain(at, end);
    // A variable count behind an element: the x of NaxCl.
    const std::string shorter = symbol.substr(0, symbol.size() - 1);
    const bool counted = is_variable(symbol.back()) && find_element(shorter);
    return counted && !find_element(symbol) ? shorter : symbol;
  }

  // `mass`: the mass number of an isotope, else 0.
  bool parse_element(Formula& to, int mass) {
    const std::string symbol = symbol_at(at_);
    if (!find_element(symbol)) return wrong("there is no element " + symbol);
    if (mass != 0) {
      if (!may_be_isotope(symbol, mass)) {
        return wrong("there is no isotope " + std::to_string(mass) + symbol);
      }
      to.isotopes[{symbol, mass}] = 1;
    }
    at_ += symbol.size();
    to.atoms[symbol] = 1;
    return true;
  }

  bool parse_brackets(Formula& to) {
    // The parser calls itself for each, so that this is what keeps the stack safe.
    if (++depth_ > kMaxDepth) return wrong("brackets nested deeper than 16");
    const char closing = closing_of(tokens_[at_++].c);
    if (closing == ']' && is_digit(peek())) {
      const int mass = take_small_number('0');
      double count = 1;
      Formula isotope;
      if (!is_capital(peek())) return wrong("expected the element of an isotope");
      if (!parse_element(isotope, mass) || !take_count(count) || !add(to, isotope, count)) {
        return false;
      }
    }
    const bool more = to.atoms.empty() || is_capital(peek()) || peek() == '(';
    if (more && !parse_group(to)) return false;
    if (!parse_charge(to)) return false;
    if (peek() != closing) return unexpected(std::string("expected '") + closing + "'");
    ++at_;
    --depth_;
    return true;
  }

  // Na+, SO4--, Ca+2, SO4^2-, SO4^-2, SO₄²⁻.
  bool parse_charge(Formula& to) {
    const std::size_t begin = at_;
    const bool raised = peek() == '^';
    if (raised) ++at_;
    int size = take_small_number(raised ? '0' : kRaised0);
    const char sign = peek();
    if (!is_sign(sign)) {
      if (at_ == begin) return true;
      at_ = begin;
      return wrong("expected a charge such as ^2-");
    }
    ++at_;
    if (size == 0) {
      for (size = 1; peek() == sign; ++at_) ++size;
      if (size == 1 && is_digit(peek())) size = take_small_number('0');
    }
    to.charge += sign == '+' ? size : -size;
    return std::abs(to.charge) <= kMaxCharge || wrong("a charge beyond 99");
  }

  const std::vector<Token> tokens_;
  std::size_t at_ = 0;  // in tokens_
  int depth_ = 0;
  Formula formula_;
  Error error_;
};

std::string count_text(double count) {
  if (count == 1) return {};
  std::string text = Json(count).dump();
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

// The element's atoms without isotope, then each isotope.
void append(std::string& text, const Formula& formula, const std::string& symbol) {
  double plain = formula.atoms.at(symbol);
  std::string isotopes;
  for (const auto& [isotope, count] : formula.isotopes) {
    if (isotope.first != symbol) continue;
    plain -= count;
    isotopes += '[' + std::to_string(isotope.second) + symbol + ']' + count_text(count);
  }
  if (plain > 0) text += symbol + count_text(plain);
  text += isotopes;
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
  const bool organic = formula.atoms.contains("C");
  if (organic) {
    append(text, formula, "C");
    if (formula.atoms.contains("H")) append(text, formula, "H");
  }
  for (const auto& [symbol, count] : formula.atoms) {
    if (!organic || (symbol != "C" && symbol != "H")) append(text, formula, symbol);
  }
  return text;
}

}  // namespace mesh::computed
