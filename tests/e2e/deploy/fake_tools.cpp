#include "tests/e2e/deploy/fake_tools.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace mesh::e2e {
namespace {

namespace fs = std::filesystem;

// The rules are asked from the newest on.
constexpr const char* kScript = R"bash(#!/bin/bash
here=$(cd "$(dirname "$0")/.." && pwd)
line="${0##*/} $*"
cat >"$here/inputs/$$"
printf '%s\t%s\n' "$$" "$line" >>"$here/calls"
for rule in $(ls -r "$here/rules"); do
  rule=$here/rules/$rule
  [ -d "$rule" ] || continue
  [[ $line == $(<"$rule/glob") ]] || continue
  [ ! -e "$rule/once" ] || mv "$rule" "$here/used/${rule##*/}.$$"
  [ -d "$rule" ] || rule=$here/used/${rule##*/}.$$
  if [ -e "$rule/act" ]; then . "$rule/act"; exit; fi
  cat "$rule/out"
  cat "$rule/err" >&2
  exit "$(<"$rule/code")"
done
)bash";

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

std::string read(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

FakeTools::FakeTools(const std::vector<std::string>& names) {
  for (const char* folder : {"bin", "basics", "rules", "used", "inputs"})
    fs::create_directory(dir_.file(folder));
  // Not the machine's own $PATH: a tool that a test takes away would still be there.
  for (const char* basic : {"bash", "cat", "chmod", "cp", "dirname", "env", "ls", "mkdir", "mv",
                            "od", "sed", "tail", "touch", "tr"})
    fs::create_symlink(fs::path("/usr/bin") / basic, dir_.file("basics/") + basic);
  write(dir_.file("calls"), "");
  for (const auto& name : names) add(name);
}

void FakeTools::add(const std::string& name) {
  const fs::path program = dir_.file("bin/" + name);
  write(program, kScript);
  fs::permissions(program, fs::perms::owner_all);
}

void FakeTools::on(const std::string& glob, const FakeAnswer& answer) {
  const std::string number = std::to_string(1000 + rules_++);
  // Whole before it is found.
  const fs::path rule = dir_.file("used/new-" + number);
  fs::create_directory(rule);
  write(rule / "glob", glob);
  write(rule / "out", answer.out);
  write(rule / "err", answer.err);
  write(rule / "code", std::to_string(answer.code));
  if (answer.once) write(rule / "once", "");
  if (!answer.act.empty()) write(rule / "act", answer.act + "\n");
  fs::rename(rule, dir_.file("rules/" + number));
}

void FakeTools::remove(const std::string& name) { fs::remove(dir_.file("bin/" + name)); }

std::vector<std::string> FakeTools::calls() const {
  std::vector<std::string> all;
  std::istringstream lines(read(dir_.file("calls")));
  for (std::string line; std::getline(lines, line);)
    all.push_back(line.substr(line.find('\t') + 1));
  return all;
}

std::vector<std::string> FakeTools::calls_with(const std::string& part) const {
  auto all = calls();
  std::erase_if(all, [&](const auto& call) { return call.find(part) == call.npos; });
  return all;
}

void FakeTools::forget_calls() { write(dir_.file("calls"), ""); }

std::string FakeTools::input_of(const std::string& part) const {
  std::istringstream lines(read(dir_.file("calls")));
  for (std::string line; std::getline(lines, line);) {
    if (line.find(part) != line.npos)
      return read(dir_.file("inputs/" + line.substr(0, line.find('\t'))));
  }
  return {};
}

std::string FakeTools::path() const { return dir_.file("bin") + ":" + dir_.file("basics"); }

}  // namespace mesh::e2e
