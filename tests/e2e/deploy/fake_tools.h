// Programs of a test's own in front of $PATH: they note how they are called, and answer as the test
// says.
#pragma once

#include <string>
#include <vector>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {

struct FakeAnswer {
  std::string out = {}, err = {};
  int code = 0;
  bool once = false;     // the rule is gone once it was used
  std::string act = {};  // bash, in place of all that; $line is the call
};

class FakeTools {
 public:
  explicit FakeTools(const std::vector<std::string>& names);
  // Calls whose words, with blanks between, match the glob; a newer rule goes before an older one.
  // What no rule matches succeeds without a word.
  void on(const std::string& glob, const FakeAnswer& answer);
  void add(const std::string& name);     // the program is installed
  void remove(const std::string& name);  // it is not

  std::vector<std::string> calls() const;
  // The calls that have this in them.
  std::vector<std::string> calls_with(const std::string& part) const;
  std::size_t count(const std::string& part) const { return calls_with(part).size(); }
  void forget_calls();
  // What the first of those calls read.
  std::string input_of(const std::string& part) const;

  std::string path() const;  // for $PATH: these programs, then what scripts need
  std::string file(const std::string& name) const { return dir_.file(name); }

 private:
  test::TempDir dir_;
  int rules_ = 0;
};

}  // namespace mesh::e2e
