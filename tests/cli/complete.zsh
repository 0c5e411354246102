# Prints what zsh completes: complete.zsh SCRIPT PROGRAM LINE ... One line of candidates for each.
# A shell on a terminal of its own is typed to; a key there completes, and writes the candidates to a file.
zmodload zsh/zpty
script=$1
shift 2
export ZDOTDIR=$(mktemp -d)
trap 'rm -rf $ZDOTDIR' EXIT
cat > $ZDOTDIR/.zshrc <<RC
PS1='ready> '
autoload -Uz compinit
compinit -D -u
source ${(q)script}
RC
cat >> $ZDOTDIR/.zshrc <<'RC'
typeset -a hits
compadd() {
  local -a found
  case " $* " in
    (*' -O '*|*' -A '*|*' -D '*) builtin compadd "$@"; return ;;
  esac
  builtin compadd -O found "$@"
  hits+=($found)
  builtin compadd "$@"
}
gather() { hits=(); _main_complete; print -r -- "$hits" >> $ZDOTDIR/hits; }
zle -C gather list-choices gather
probe() { zle gather; BUFFER=; print -n probed > /dev/tty; }
zle -N probe
bindkey '^T' probe
RC
zpty shell zsh -d -i
zpty -r -m shell output '*ready> *'
for line in "$@"; do
  zpty -w -n shell "$line"$'\x14'
  zpty -r -m shell output '*probed*'
done
cat $ZDOTDIR/hits
zpty -d shell
