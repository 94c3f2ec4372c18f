// Regular expressions whose search takes time in proportion to the text, whatever the expression.
//
// The syntax is ECMA-262's, as JSON Schema's `pattern` has it, without what only backtracking can
// decide or what few engines agree on: back references, look-around, \b, named groups, \p. Counts
// are of code points; letters of \d, \w are ASCII.
// std::regex overflows the stack on long texts and takes exponential time; RE2 and PCRE2 would be
// one more library for what schemas of tenants need.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace mesh {

// Immutable; any thread.
class Pattern {
 public:
  static constexpr std::size_t kMaxBytes = 1000;         // of its text
  static constexpr std::size_t kMaxInstructions = 2000;  // a{100} takes a hundred

  // `invalid` with what is wrong, and where.
  static Result<Pattern> parse(std::string_view text);
  // Whether it matches some part of the text; ^ and $ are the text's ends.
  bool found_in(std::string_view text) const;
  // What it is made of: memory, and the time that a code point takes, go by both.
  std::size_t steps() const { return program_.size(); }
  std::size_t ranges() const;

  // The rest is for the parser.
  struct Range {
    char32_t low, high;
  };
  struct Set {
    std::vector<Range> ranges;  // in order, apart from each other
    bool negated = false;
    bool has(char32_t point) const;
  };
  enum class Op { one, begin, end, fork, jump, done };
  struct Instruction {
    Op op;
    std::uint32_t a = 0;  // of one: the set; of fork and jump: where to
    std::uint32_t b = 0;  // of fork
  };

 private:
  Pattern() = default;
  std::vector<Instruction> program_;
  std::vector<Set> sets_;
};

}  // namespace mesh
