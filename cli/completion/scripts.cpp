#include "cli/completion/scripts.h"

namespace mesh::cli {

// No line evaluates what was typed or what came as an answer: both are data here.

std::string_view bash_completion() {
  return R"(# bash completion of mesh. For this shell: source <(mesh completion bash)
# For all: mesh completion bash > ~/.local/share/bash-completion/completions/mesh

_mesh() {
  local program=${COMP_WORDS[0]/#\~\//$HOME/}
  type -P -- "$program" >/dev/null || program=mesh

  # bash divides words at "=" and ":", too: what no space stands between is one word again.
  local rest=${COMP_LINE:0:COMP_POINT} part gap i n=-1
  local -a words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    gap=${rest%%[![:space:]]*}
    rest=${rest#"$gap"}
    part=${COMP_WORDS[i]}
    if ((i == COMP_CWORD)); then part=$rest; fi
    if ((i == 0)) || [ -n "$gap" ]; then words[++n]=''; fi
    words[n]+=$part
    rest=${rest#"$part"}
  done

  local line value width=0 directive=''
  local -a lines=()
  while IFS= read -r line; do lines+=("$line"); done \
    < <(command "$program" __complete bash "$2" "${words[@]:1}" </dev/null 2>/dev/null)
  if ((${#lines[@]} == 0)); then return; fi
  directive=${lines[${#lines[@]} - 1]}
  unset "lines[${#lines[@]} - 1]"

  # Descriptions beside several; bash completes what all have in common, so never more than a value.
  COMPREPLY=()
  for line in ${lines[@]+"${lines[@]}"}; do
    value=${line%%$'\t'*}
    if ((${#value} > width)); then width=${#value}; fi
  done
  for line in ${lines[@]+"${lines[@]}"}; do
    value=${line%%$'\t'*}
    line=${line#*$'\t'}
    if [ -n "$line" ] && ((${#lines[@]} > 1 && COMP_TYPE != 37 && COMP_TYPE != 42)); then
      printf -v value '%-*s  (%s)' "$width" "$value" "$line"
    fi
    COMPREPLY+=("$value")
  done
  compopt -o nosort 2>/dev/null

  local prefix=${directive#* } action=''
  case ${directive%% *} in
    :nospace) compopt -o nospace 2>/dev/null ;;
    :files) action=-f ;;
    :directories) action=-d ;;
  esac
  if [ -n "$action" ]; then
    compopt -o filenames 2>/dev/null
    while IFS= read -r line; do COMPREPLY+=("$line"); done \
      < <(compgen $action -P "$prefix" -- "${2#"$prefix"}")
  fi
}

complete -F _mesh mesh
)";
}

std::string_view zsh_completion() {
  return R"(#compdef mesh
# zsh completion of mesh. For this shell: source <(mesh completion zsh)
# For all: mesh completion zsh > "${fpath[1]}/_mesh"

_mesh() {
  local program=${(Q)words[1]}
  program=${program/#\~\//$HOME/}
  whence -p -- "$program" >/dev/null || program=mesh

  local -a lines values shown nospace
  local line value directive prefix width=0
  lines=("${(@f)$(command $program __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" \
    </dev/null 2>/dev/null)}")
  directive=${lines[-1]}
  lines[-1]=()
  for line in $lines; do
    value=${line%%$'\t'*}
    values+=("$value")
    (( ${#value} > width )) && width=${#value}
  done
  for line in $lines; do
    value=${line%%$'\t'*}
    line=${line#*$'\t'}
    shown+=("${(r:width:)value}${line:+  -- $line}")
  done
  prefix=${directive#* }
  case ${directive%% *} in
    :nospace) nospace=(-S '') ;;
  esac
  (( ${#values} )) && compadd -V mesh -l $nospace -d shown -a values
  case ${directive%% *} in
    :files) IPREFIX+=$prefix PREFIX=${PREFIX#"$prefix"}; _files ;;
    :directories) IPREFIX+=$prefix PREFIX=${PREFIX#"$prefix"}; _files -/ ;;
  esac
  (( compstate[nmatches] ))
}

if [ "${funcstack[1]}" = '_mesh' ]; then
  _mesh "$@"
else
  compdef _mesh mesh
fi
)";
}

std::string_view fish_completion() {
  return R"(# fish completion of mesh. For this shell: mesh completion fish | source
# For all: mesh completion fish > ~/.config/fish/completions/mesh.fish

function __mesh_complete
    set -l words (commandline -opc)
    set -l token (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    command -sq -- $program; or set program mesh
    set -l lines (command $program __complete fish $words[2..-1] "$token" </dev/null 2>/dev/null)
    set -q lines[1]; or return
    set -l directive (string split -m 1 ' ' -- $lines[-1])
    set -e lines[-1]
    set -q lines[1]; and printf '%s\n' $lines
    set -l paths
    set -l path (string sub -s (math 1 + (string length -- "$directive[2]")) -- "$token")
    switch "$directive[1]"
        case :files
            set paths (__fish_complete_path "$path")
        case :directories
            set paths (__fish_complete_directories "$path" '')
    end
    for path in $paths
        printf '%s%s\n' "$directive[2]" $path
    end
end

complete -c mesh -e
complete -c mesh -k -f -a '(__mesh_complete)'
)";
}

}  // namespace mesh::cli
