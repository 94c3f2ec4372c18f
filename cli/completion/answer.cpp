#include "cli/completion/answer.h"

#include "cli/completion/names.h"
#include "cli/completion/shell_words.h"

namespace mesh::cli {
namespace {

constexpr std::string_view directive_of(const Completion& completion) {
  switch (completion.paths) {
    case Completion::Paths::files:
      return ":files ";
    case Completion::Paths::directories:
      return ":directories ";
    case Completion::Paths::none:
      break;
  }
  return completion.ends_word ? ":none " : ":nospace ";
}

// Where the server is, as far as the line says; false where that cannot be read. A shell has not
// yet put the home folder in the place of "~".
bool take_globals(const std::vector<std::string>& globals, Session& session) {
  std::vector<std::string> words = globals;
  const char* home = session.surroundings.env("HOME");
  for (std::string& word : words) {
    if (const auto at = word.find("=~/"); home != nullptr && at == word.find('='))
      word.replace(at + 1, 1, home);
  }
  CommandTree tree(session.globals);
  if (tree.parse(words)) return false;
  session.globals.output.reset();  // nothing is printed in it
  session.globals.timeout.reset();
  return true;
}

}  // namespace

Exit answer_shell(Session& session, const std::vector<std::string>& arguments) {
  const bool bash = !arguments.empty() && arguments[0] == "bash";
  const std::size_t first = bash ? 2 : 1;
  // None of the scripts asks so.
  if (arguments.size() < first) return Exit::usage;
  std::vector<std::string> words(arguments.begin() + static_cast<std::ptrdiff_t>(first),
                                 arguments.end());
  const std::string typed = words.empty() ? std::string() : words.back();
  if (bash) {
    for (auto& word : words) word = unquoted(word).text;
  } else if (arguments[0] == "fish" && !words.empty()) {
    words.back() = unquoted(typed).text;
  }

  // For its shape alone: take_globals parses with a tree of its own, and parsing changes a tree.
  Globals unused;
  CommandTree tree(unused);
  const Cursor cursor = cursor_of(tree.root, words);
  const Names names = take_globals(cursor.globals, session)
                          ? names_of(session)
                          : [](std::string_view) { return std::vector<Candidate>{}; };
  const Completion completion = complete(tree.root, cursor, names);

  const std::string replaced = bash ? arguments[1] : std::string();
  for (const Candidate& candidate : completion.candidates) {
    const std::string value =
        bash ? bash_replacement(candidate.value, typed, replaced) : candidate.value;
    // Empty: bash would have to change what stands before the cursor's part.
    if (!value.empty()) session.out.data(value + "\t" + candidate.description + "\n");
  }
  std::string prefix = cursor.word.substr(0, completion.paths_at);
  if (bash) prefix = bash_replacement(prefix, typed, replaced);
  session.out.data(std::string(directive_of(completion)) + prefix + "\n");
  return written(session, Exit::ok);
}

}  // namespace mesh::cli
