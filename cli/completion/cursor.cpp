#include "cli/completion/cursor.h"

namespace mesh::cli {
namespace {

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

class Walk {
 public:
  explicit Walk(const CLI::App& root) : root_(root) { at_.command = &root; }

  void pass(const std::string& word) {
    // Whatever it looks like: a value may begin with a dash, or be the name of a command.
    if (pending_ != nullptr) return take(*std::exchange(pending_, nullptr), word);
    if (!at_.flags_ended && word == "--") {
      at_.flags_ended = true;
    } else if (is_flag(word)) {
      const Flag flag = read(word);
      // A flag that no command has is passed over: the rest is completed all the same.
      if (flag.option == nullptr) return;
      at_.given.insert(flag.option);
      if (!takes_value(*flag.option)) return;
      if (flag.value_at < word.size() || word[flag.value_at - 1] == '=') {
        take(*flag.option, word.substr(flag.value_at));
      } else {
        pending_ = flag.option;
      }
    } else if (const CLI::App* next = at_.flags_ended ? nullptr : subcommand(word)) {
      at_.command = next;
      // A command below takes none of the arguments of the one above it.
      at_.arguments.clear();
    } else {
      at_.arguments.push_back(word);
    }
  }

  Cursor stop_at(const std::string& word) {
    at_.word = word;
    if (pending_ != nullptr) {
      at_.value_of = pending_;
    } else if (is_flag(word)) {
      const Flag flag = read(word);
      // "--tenant" without "=" is itself still being typed.
      const bool value_begun = flag.value_at < word.size() || word.ends_with('=');
      if (flag.option != nullptr && takes_value(*flag.option) && value_begun) {
        at_.value_of = flag.option;
        at_.value_at = flag.value_at;
      }
    }
    return std::move(at_);
  }

 private:
  struct Flag {
    const CLI::Option* option = nullptr;  // the last of "-yt", which may have a value
    std::size_t value_at = 0;
  };

  bool is_flag(const std::string& word) const {
    return !at_.flags_ended && word.size() > 1 && word.starts_with('-');
  }

  // "--name", "--name=value", "-n", "-nvalue", or switches in one word such as "-yv".
  Flag read(const std::string& word) const {
    if (word.starts_with("--")) {
      const auto equals = word.find('=');
      return {find(word.substr(0, equals)), equals == word.npos ? word.size() : equals + 1};
    }
    Flag flag;
    for (std::size_t i = 1; i < word.size(); ++i) {
      flag = {find(std::string("-") + word[i]), i + 1};
      if (flag.option == nullptr || takes_value(*flag.option)) break;
    }
    return flag;
  }

  // Global flags hold below the root, too.
  const CLI::Option* find(const std::string& name) const {
    for (const CLI::App* app = at_.command; app != nullptr; app = app->get_parent()) {
      if (const CLI::Option* option = app->get_option_no_throw(name)) return option;
    }
    return nullptr;
  }

  const CLI::App* subcommand(const std::string& word) const {
    const auto named =
        at_.command->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
    return named.empty() ? nullptr : named.front();
  }

  void take(const CLI::Option& option, const std::string& value) {
    if (option.get_lnames().empty()) return;
    const std::string name = "--" + option.get_lnames().front();
    if (root_.get_option_no_throw(name) == &option) at_.globals.push_back(name + "=" + value);
  }

  const CLI::App& root_;
  Cursor at_;
  const CLI::Option* pending_ = nullptr;  // the next word is its value
};

}  // namespace

Cursor cursor_of(const CLI::App& root, const std::vector<std::string>& words) {
  Walk walk(root);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) walk.pass(words[i]);
  return walk.stop_at(words.empty() ? std::string() : words.back());
}

const CLI::Option* argument_at(const Cursor& cursor) {
  auto left = cursor.arguments.size();
  for (const CLI::Option* option : cursor.command->get_options()) {
    if (!option->get_positional() || cursor.given.contains(option)) continue;
    const auto most = static_cast<std::size_t>(option->get_items_expected_max());
    // Arguments fill options in the order in which the verb declares them.
    if (left < most) return option;
    left -= most;
  }
  return nullptr;
}

}  // namespace mesh::cli
