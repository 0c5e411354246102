# Prints what bash would complete: complete.bash SCRIPT PROGRAM LINE ... One line of candidates for each.
source "$1"
program=$2
shift 2
function=$(complete -p "$program")
function=${function#*-F }
function=${function%% *}
for line in "$@"; do
  # As readline breaks words.
  line=${line//=/ = }
  read -ra COMP_WORDS <<<"${line//:/ : }"
  [[ $line == *[^\ =] ]] || [[ $line == *' = ' ]] || COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  "$function" "$program" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  echo "${COMPREPLY[*]}"
done
