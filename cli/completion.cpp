#include "cli/completion.h"

#include <set>

#include "cli/help.h"
#include "cli/settings.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

struct Flag {
  std::vector<std::string> names;  // "-n", "--limit"
  std::string help;
  bool takes_value = false;
  bool takes_file = false;
  std::vector<std::string> choices;  // of the value
};

struct Node {
  std::string path;                                           // "mesh users create"
  std::vector<std::pair<std::string, std::string>> children;  // name, summary
  std::vector<Flag> flags;
  bool file_argument = false;
};

Flag flag_of(const CLI::Option& option) {
  Flag flag;
  for (const auto& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) flag.names.push_back("--" + name);
  flag.help = option.get_description();
  flag.takes_value = option.get_items_expected_max() > 0;
  const std::string type = value_name(option);
  flag.takes_file = flag.takes_value && (type == "FILE" || type == "DIR");
  // "csv|ndjson" names the choices.
  if (flag.takes_value && type.find('|') != type.npos) flag.choices = split(type, '|');
  if (option.check_lname("output")) flag.choices = format_names();
  return flag;
}

void collect(const CLI::App& app, std::vector<Node>& nodes) {
  Node node{command_path(app), {}, {}, false};
  const auto subcommands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* sub : subcommands)
    node.children.emplace_back(sub->get_name(), sub->get_description());
  for (const CLI::Option* option : app.get_options()) {
    if (option->nonpositional()) node.flags.push_back(flag_of(*option));
    if (option->get_positional() && option->get_name(true) == "FILE") node.file_argument = true;
  }
  nodes.push_back(std::move(node));
  for (const CLI::App* sub : subcommands) collect(*sub, nodes);
}

// The global flags hold below the root too.
std::vector<Node> nodes_of(const CLI::App& root) {
  std::vector<Node> nodes;
  collect(root, nodes);
  for (std::size_t i = 1; i < nodes.size(); ++i) {
    for (const Flag& flag : nodes[0].flags) {
      if (flag.names.front() != "-h") nodes[i].flags.push_back(flag);
    }
  }
  return nodes;
}

// Words for a single-quoted shell string; none of ours has a quote in it.
std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Shared by bash and zsh: the arms of case statements over the path.
struct Arms {
  std::string children, flags, valued, files, choices;
};

Arms arms_of(const std::vector<Node>& nodes) {
  Arms arms;
  for (const Node& node : nodes) {
    std::vector<std::string> names, valued, children;
    for (const auto& [name, summary] : node.children) children.push_back(name);
    for (const Flag& flag : node.flags) {
      names.insert(names.end(), flag.names.begin(), flag.names.end());
      for (const auto& name : flag.names) {
        if (flag.takes_value) valued.push_back(name);
        if (!flag.choices.empty()) {
          arms.choices +=
              "    '" + node.path + ":" + name + "') offer='" + joined(flag.choices) + "' ;;\n";
        }
        if (flag.takes_file) arms.choices += "    '" + node.path + ":" + name + "') files=1 ;;\n";
      }
    }
    arms.children += "    '" + node.path + "') offer='" + joined(children) + "' ;;\n";
    arms.flags += "    '" + node.path + "') offer='" + joined(names) + "' ;;\n";
    arms.valued += "    '" + node.path + "') offer='" + joined(valued) + "' ;;\n";
    if (node.file_argument) arms.files += "    '" + node.path + "') files=1 ;;\n";
  }
  return arms;
}

std::string function_of(const std::string& name, const std::string& subject,
                        const std::string& arms) {
  return name + "() {\n  offer=''\n  case \"" + subject + "\" in\n" + arms + "  esac\n}\n\n";
}

// Finds out where on the command line one is: sets `node`, and `expects` to the flag whose value
// is being typed. In both shells' common language; `line` holds the words before the cursor's.
constexpr std::string_view kWalk = R"(_mesh_walk() {
  node='mesh'; expects=''
  local word
  for word in "${line[@]}"; do
    if [ -n "$expects" ]; then
      expects=''
      continue
    fi
    case "$word" in
      --*=*) ;;
      -*)
        _mesh_valued "$node"
        case " $offer " in *" $word "*) expects="$word" ;; esac
        ;;
      *)
        _mesh_children "$node"
        case " $offer " in *" $word "*) node="$node $word" ;; esac
        ;;
    esac
  done
}

)";

std::string tables(const Arms& arms) {
  return function_of("_mesh_children", "$1", arms.children) +
         function_of("_mesh_flags", "$1", arms.flags) +
         function_of("_mesh_valued", "$1", arms.valued) +
         function_of("_mesh_choices", "$1", arms.choices) +
         function_of("_mesh_files", "$1", arms.files) + std::string(kWalk);
}

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

std::string bash_completion(const CLI::App& root) {
  return "# bash completion of mesh. For this shell: source <(mesh completion bash)\n"
         "# For all: mesh completion bash > ~/.local/share/bash-completion/completions/mesh\n\n" +
         tables(arms_of(nodes_of(root))) + R"(_mesh() {
  local current="${COMP_WORDS[COMP_CWORD]}" offer node expects files=''
  local line=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
  COMPREPLY=()
  _mesh_walk
  if [ "$current" = '=' ]; then current=''; fi
  if [ -n "$expects" ]; then
    _mesh_choices "$node:$expects"
  elif [ "${current:0:1}" = '-' ]; then
    _mesh_flags "$node"
  else
    _mesh_children "$node"
    local children="$offer"
    _mesh_files "$node"
    offer="$children"
  fi
  if [ -n "$files" ]; then
    COMPREPLY=($(compgen -f -- "$current"))
    compopt -o filenames 2>/dev/null
  else
    COMPREPLY=($(compgen -W "$offer" -- "$current"))
  fi
}

complete -F _mesh mesh
)";
}

std::string zsh_completion(const CLI::App& root) {
  return "#compdef mesh\n"
         "# zsh completion of mesh. For this shell: source <(mesh completion zsh)\n"
         "# For all: mesh completion zsh > \"${fpath[1]}/_mesh\"\n\n" +
         tables(arms_of(nodes_of(root))) + R"(_mesh() {
  local current="${words[CURRENT]}" node expects files=''
  local -a line
  line=("${(@)words[2,CURRENT-1]}")
  local offer
  _mesh_walk
  if [ -n "$expects" ]; then
    _mesh_choices "$node:$expects"
  elif [ "${current:0:1}" = '-' ]; then
    _mesh_flags "$node"
  else
    _mesh_children "$node"
    local children="$offer"
    _mesh_files "$node"
    offer="$children"
  fi
  if [ -n "$files" ]; then
    _files
  else
    compadd -- ${=offer}
  fi
}

if [ "${funcstack[1]}" = '_mesh' ]; then
  _mesh "$@"
else
  compdef _mesh mesh
fi
)";
}

std::string fish_completion(const CLI::App& root) {
  const auto nodes = nodes_of(root);
  std::string out =
      "# fish completion of mesh. For this shell: mesh completion fish | source\n"
      "# For all: mesh completion fish > ~/.config/fish/completions/mesh.fish\n\n"
      "# The command named so far, such as \"mesh users create\".\n"
      "function __mesh_node\n"
      "    set -l node mesh\n"
      "    set -l value 0\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        if test $value = 1\n"
      "            set value 0\n"
      "            continue\n"
      "        end\n"
      "        switch \"$node $word\"\n"
      "            case";
  std::set<std::string> valued;
  for (const Node& node : nodes) {
    for (const Flag& flag : node.flags) {
      if (flag.takes_value) valued.insert(flag.names.begin(), flag.names.end());
    }
  }
  for (const auto& name : valued) out += " " + fish_quoted("* " + name);
  out += "\n                set value 1\n            case ";
  for (std::size_t i = 1; i < nodes.size(); ++i)
    out += (i == 1 ? "" : " ") + fish_quoted(nodes[i].path);
  out +=
      "\n                set node \"$node $word\"\n        end\n    end\n    echo $node\nend\n\n"
      "function __mesh_at\n    test (__mesh_node) = \"$argv\"\nend\n\n"
      "complete -c mesh -f\n";
  const auto option = [](const Flag& flag) {
    std::string text;
    for (const auto& name : flag.names) {
      text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!flag.choices.empty())
      text += " -x -a " + fish_quoted(joined(flag.choices));
    else if (flag.takes_file)
      text += " -r -F";
    else if (flag.takes_value)
      text += " -x";
    return text + " -d " + fish_quoted(flag.help) + "\n";
  };
  for (const Flag& flag : nodes[0].flags) out += "complete -c mesh" + option(flag);
  for (const Node& node : nodes) {
    const std::string at = "complete -c mesh -n " + fish_quoted("__mesh_at " + node.path);
    for (const auto& [name, summary] : node.children)
      out += at + " -a " + name + " -d " + fish_quoted(summary) + "\n";
    if (node.file_argument) out += at + " -F\n";
    if (&node == &nodes[0]) continue;
    const std::size_t own = node.flags.size() - (nodes[0].flags.size() - 1);
    for (std::size_t i = 0; i < own; ++i) {
      if (node.flags[i].names.front() != "-h") out += at + option(node.flags[i]);
    }
  }
  return out;
}

}  // namespace mesh::cli
