#include "common/base/pattern.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/base/unicode.h"

namespace mesh {
namespace {

using Op = Pattern::Op;
using Set = Pattern::Set;
using Instruction = Pattern::Instruction;

constexpr int kMaxDepth = 50;
constexpr std::uint32_t kNoBound = UINT32_MAX;
constexpr char32_t kLast = 0x10ffff;

// What was read, before it is a program.
struct Node {
  enum class Kind { set, begin, end, list, choice, repeat } kind;
  Set set = {};
  std::vector<Node> parts = {};              // of list and choice; one of repeat
  std::uint32_t least = 0, most = kNoBound;  // of repeat
};

Set digits() { return {{{'0', '9'}}}; }
Set word() { return {{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}}; }
Set spaces() {
  return {{{'\t', '\r'},
           {' ', ' '},
           {0xa0, 0xa0},
           {0x1680, 0x1680},
           {0x2000, 0x200a},
           {0x2028, 0x2029},
           {0x202f, 0x202f},
           {0x205f, 0x205f},
           {0x3000, 0x3000},
           {0xfeff, 0xfeff}}};
}
Set all_but_line_ends() { return {{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}, true}; }

// In order and apart from each other, so that a set is no larger than it has to be.
void merge(std::vector<Pattern::Range>& ranges) {
  std::ranges::sort(ranges, {}, &Pattern::Range::low);
  std::size_t kept = 0;
  for (const auto& range : ranges) {
    if (kept > 0 && range.low <= ranges[kept - 1].high + 1) {
      ranges[kept - 1].high = std::max(ranges[kept - 1].high, range.high);
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
}

// The points that a set does not have.
std::vector<Pattern::Range> others(const Set& set) {
  std::vector<Pattern::Range> rest;
  char32_t from = 0;
  for (const auto& [low, high] : set.ranges) {
    if (low > from) rest.push_back({from, low - 1});
    from = std::max<char32_t>(from, high + 1);
  }
  if (from <= kLast) rest.push_back({from, kLast});
  return rest;
}

class PatternParser {
 public:
  explicit PatternParser(std::string_view text) : text_(text), rest_(text) {}

  Result<Node> parse() {
    Node node = MESH_TRY(choice(0));
    if (!rest_.empty()) return wrong("a ) that nothing opened");
    return node;
  }

 private:
  tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(ErrorKind::invalid, "the pattern has " + what + " at byte " +
                                        std::to_string(text_.size() - rest_.size()));
  }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool take(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  Result<Node> choice(int depth) {
    if (depth > kMaxDepth) return wrong("groups more than 50 deep");
    Node node{.kind = Node::Kind::choice};
    do {
      node.parts.push_back(MESH_TRY(list(depth)));
    } while (take('|'));
    return node;
  }

  Result<Node> list(int depth) {
    Node node{.kind = Node::Kind::list};
    while (!rest_.empty() && !at('|') && !at(')')) {
      node.parts.push_back(MESH_TRY(repeated(depth)));
    }
    return node;
  }

  Result<Node> repeated(int depth) {
    Node node = MESH_TRY(atom(depth));
    while (true) {
      std::uint32_t least = 0, most = kNoBound;
      if (take('*')) {
      } else if (take('+')) {
        least = 1;
      } else if (take('?')) {
        most = 1;
      } else if (at('{')) {
        MESH_TRY(bounds(least, most));
      } else {
        return node;
      }
      if (node.kind == Node::Kind::begin || node.kind == Node::Kind::end ||
          node.kind == Node::Kind::repeat) {
        return wrong("a repetition of what cannot be repeated");
      }
      take('?');  // a lazy one finds the same texts
      Node repeat{.kind = Node::Kind::repeat, .least = least, .most = most};
      repeat.parts.push_back(std::move(node));
      node = std::move(repeat);
    }
  }

  Status bounds(std::uint32_t& least, std::uint32_t& most) {
    take('{');
    const auto low = number();
    if (!low) return wrong("a { that begins no repetition such as {2,5}; write \\{ for the letter");
    least = most = *low;
    if (take(',')) most = at('}') ? kNoBound : number().value_or(0);
    if (!take('}') || most < least) return wrong("a broken repetition");
    return {};
  }

  std::optional<std::uint32_t> number() {
    std::uint32_t value = 0;
    std::size_t digits = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value = std::min<std::uint32_t>(value * 10 + static_cast<std::uint32_t>(rest_[digits] - '0'),
                                      1'000'000);
      ++digits;
    }
    rest_.remove_prefix(digits);
    return digits == 0 ? std::nullopt : std::optional(value);
  }

  Result<Node> atom(int depth) {
    if (take('^')) return Node{.kind = Node::Kind::begin};
    if (take('$')) return Node{.kind = Node::Kind::end};
    if (take('.')) return Node{.kind = Node::Kind::set, .set = all_but_line_ends()};
    if (take('(')) {
      if (!take("?:") && at('?')) return wrong("look-around or a named group, which is not taken,");
      Node node = MESH_TRY(choice(depth + 1));
      if (!take(')')) return wrong("a group without its end");
      return node;
    }
    Node one{.kind = Node::Kind::set};
    if (take('[')) {
      one.set = MESH_TRY(bracket());
      return one;
    }
    if (take('\\')) {
      one.set = MESH_TRY(escape());
      return one;
    }
    if (at('*') || at('+') || at('?') || at('{') || at('}') || at(']')) {
      return wrong(std::string("a bare ") + rest_.front());
    }
    const char32_t point = take_point(rest_);
    one.set.ranges.push_back({point, point});
    return one;
  }

  // Behind a backslash.
  Result<Set> escape() {
    if (rest_.empty()) return wrong("a backslash at its end");
    for (const auto& [letter, set] :
         {std::pair{'d', digits()}, std::pair{'w', word()}, std::pair{'s', spaces()}}) {
      if (take(letter)) return set;
      if (take(static_cast<char>(letter - 'a' + 'A'))) return Set{others(set)};
    }
    for (const auto& [letter, point] :
         {std::pair{'t', U'\t'}, std::pair{'n', U'\n'}, std::pair{'r', U'\r'},
          std::pair{'f', U'\f'}, std::pair{'v', U'\v'}}) {
      if (take(letter)) return Set{{{point, point}}};
    }
    if (take('x')) return hexadecimal(2);
    if (take('u')) return hexadecimal(4);
    const char c = rest_.front();
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      return wrong(std::string("\\") + c + ", which is not taken,");
    }
    const char32_t point = take_point(rest_);
    return Set{{{point, point}}};
  }

  Result<Set> hexadecimal(std::size_t digits) {
    char32_t point = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const auto digit = std::string_view("0123456789abcdef")
                             .find(rest_.empty() ? 'x' : static_cast<char>(rest_[0] | 0x20));
      if (digit == std::string_view::npos) return wrong("a broken \\x or \\u");
      point = point * 16 + static_cast<char32_t>(digit);
      rest_.remove_prefix(1);
    }
    return Set{{{point, point}}};
  }

  // Behind "[".
  Result<Set> bracket() {
    Set set;
    set.negated = take('^');
    while (!take(']')) {
      const Set low = MESH_TRY(member());
      const bool single = low.ranges.size() == 1 && low.ranges[0].low == low.ranges[0].high;
      if (at('-') && rest_.size() > 1 && rest_[1] != ']') {
        take('-');
        const Set high = MESH_TRY(member());
        const bool range = single && high.ranges.size() == 1 &&
                           high.ranges[0].low == high.ranges[0].high &&
                           high.ranges[0].low >= low.ranges[0].low;
        if (!range) return wrong("a broken range in [ ]");
        set.ranges.push_back({low.ranges[0].low, high.ranges[0].low});
      } else {
        set.ranges.insert(set.ranges.end(), low.ranges.begin(), low.ranges.end());
      }
    }
    merge(set.ranges);
    return set;
  }

  Result<Set> member() {
    if (rest_.empty()) return wrong("a [ without its ]");
    if (take('\\')) return escape();
    const char32_t point = take_point(rest_);
    return Set{{{point, point}}};
  }

  const std::string_view text_;
  std::string_view rest_;
};

class Writer {
 public:
  Writer(std::vector<Instruction>& program, std::vector<Set>& sets)
      : program_(program), sets_(sets) {}

  // False where it is too long.
  bool write(const Node& node) {
    // Counted beside the program's size: what is empty adds nothing to that, however often it is
    // repeated.
    if (++written_ > 4 * Pattern::kMaxInstructions) return false;
    if (program_.size() > Pattern::kMaxInstructions) return false;
    switch (node.kind) {
      case Node::Kind::set:
        program_.push_back({Op::one, set_of(node)});
        return true;
      case Node::Kind::begin:
        program_.push_back({Op::begin});
        return true;
      case Node::Kind::end:
        program_.push_back({Op::end});
        return true;
      case Node::Kind::list:
        return std::ranges::all_of(node.parts, [&](const Node& part) { return write(part); });
      case Node::Kind::choice:
        return choice(node.parts);
      case Node::Kind::repeat:
        return repeat(node);
    }
    return false;
  }

 private:
  std::uint32_t here() const { return static_cast<std::uint32_t>(program_.size()); }

  // One for all repetitions of the node.
  std::uint32_t set_of(const Node& node) {
    const auto [at, first] = places_.emplace(&node, static_cast<std::uint32_t>(sets_.size()));
    if (first) sets_.push_back(node.set);
    return at->second;
  }

  bool choice(const std::vector<Node>& parts) {
    std::vector<std::uint32_t> ends;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto fork = here();
      const bool last = i + 1 == parts.size();
      if (!last) program_.push_back({Op::fork, fork + 1});
      if (!write(parts[i])) return false;
      if (last) break;
      ends.push_back(here());
      program_.push_back({Op::jump});
      program_[fork].b = here();
    }
    for (const auto end : ends) program_[end].a = here();
    return true;
  }

  bool repeat(const Node& node) {
    const Node& part = node.parts.front();
    for (std::uint32_t i = 0; i < node.least; ++i) {
      if (!write(part)) return false;
    }
    if (node.most == kNoBound) {
      const auto fork = here();
      program_.push_back({Op::fork, fork + 1});
      if (!write(part)) return false;
      program_.push_back({Op::jump, fork});
      program_[fork].b = here();
      return true;
    }
    std::vector<std::uint32_t> forks;
    for (std::uint32_t i = node.least; i < node.most; ++i) {
      forks.push_back(here());
      program_.push_back({Op::fork, here() + 1});
      if (!write(part)) return false;
    }
    for (const auto fork : forks) program_[fork].b = here();
    return true;
  }

  std::vector<Instruction>& program_;
  std::vector<Set>& sets_;
  std::map<const Node*, std::uint32_t> places_;  // of their sets
  std::size_t written_ = 0;
};

}  // namespace

bool Pattern::Set::has(char32_t point) const {
  const auto after = std::ranges::upper_bound(ranges, point, {}, &Range::low);
  const bool found = after != ranges.begin() && point <= std::prev(after)->high;
  return found != negated;
}

std::size_t Pattern::ranges() const {
  std::size_t count = 0;
  for (const Set& set : sets_) count += set.ranges.size();
  return count;
}

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return fail(ErrorKind::invalid, "the pattern is over " + std::to_string(kMaxBytes) + " bytes");
  }
  const Node node = MESH_TRY(PatternParser(text).parse());
  Pattern pattern;
  if (!Writer(pattern.program_, pattern.sets_).write(node) ||
      pattern.program_.size() > kMaxInstructions) {
    return fail(ErrorKind::invalid, "the pattern repeats too much: written out it is over " +
                                        std::to_string(kMaxInstructions) + " steps");
  }
  pattern.program_.push_back({Op::done});
  return pattern;
}

// Thompson's simulation: all places of the program where the text read so far can have led to, so
// that each code point costs at most a look at each instruction.
bool Pattern::found_in(std::string_view text) const {
  std::vector<std::uint32_t> now, next, open;
  std::vector<std::size_t> seen(program_.size(), 0);
  std::size_t step = 1;
  bool first = true;
  // Goes on from an instruction to those that take a code point; true where the program is done.
  const auto follow = [&](std::uint32_t from, std::vector<std::uint32_t>& places) {
    open.assign(1, from);
    while (!open.empty()) {
      const auto place = open.back();
      open.pop_back();
      if (std::exchange(seen[place], step) == step) continue;
      const Instruction& instruction = program_[place];
      switch (instruction.op) {
        case Op::one:
          places.push_back(place);
          break;
        case Op::begin:
          if (first) open.push_back(place + 1);
          break;
        case Op::end:
          if (text.empty()) open.push_back(place + 1);
          break;
        case Op::fork:
          open.push_back(instruction.b);
          open.push_back(instruction.a);
          break;
        case Op::jump:
          open.push_back(instruction.a);
          break;
        case Op::done:
          return true;
      }
    }
    return false;
  };
  if (follow(0, now)) return true;
  first = false;
  while (!text.empty()) {
    const char32_t point = take_point(text);
    ++step;
    next.clear();
    for (const auto place : now) {
      if (sets_[program_[place].a].has(point) && follow(place + 1, next)) return true;
    }
    // A match may begin behind any code point.
    if (follow(0, next)) return true;
    now.swap(next);
  }
  return false;
}

}  // namespace mesh
