# Sourced by the scripts of tools/ (bash, $root set): where things are, the chosen Node on PATH, compiler settings.
cache="$root/.cache"
node_minimum=20.19

# version_at_least HAVE WANT
version_at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# The first Node on PATH that is new enough and comes with npm, else the one that set-up placed in .cache. Asking a Node its
# version takes 40 ms, so the answer is remembered for as long as PATH's first Node is the same file.
find_node() {
  local first candidate remembered
  first=$(type -P node || true)
  if [ -r "$cache/setup/node" ]; then
    { read -r remembered; read -r candidate; } <"$cache/setup/node"
    if [ "$remembered" = "${first:-none}" ] && [ -x "$candidate" ] && [ ! "$candidate" -nt "$cache/setup/node" ]; then
      printf '%s\n' "$candidate"
      return 0
    fi
  fi
  while IFS= read -r candidate; do
    version_at_least "$("$candidate" --version 2>/dev/null | tr -d v)" "$node_minimum" || continue
    [ -x "${candidate%/*}/npm" ] || type -P npm >/dev/null || continue
    mkdir -p "$cache/setup"
    printf '%s\n%s\n' "${first:-none}" "$candidate" >"$cache/setup/node"
    printf '%s\n' "$candidate"
    return 0
  done < <(type -aP node || true; [ ! -x "$cache/node/bin/node" ] || printf '%s\n' "$cache/node/bin/node")
  return 1
}

# Puts the chosen Node first on PATH; without one PATH stays as it is.
use_node() {
  local node
  node=$(find_node) || return 1
  if [ "$(type -P node || true)" != "$node" ]; then
    PATH="${node%/*}:$PATH"
    export PATH
  fi
}

# For compiling only. Debian's Emscripten finds its acorn here when the Node in front is not Debian's. The base
# folder lets two clones share what ccache holds.
build_environment() {
  export NODE_PATH="/usr/share/nodejs${NODE_PATH:+:$NODE_PATH}"
  export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
}

say() { printf '%s\n' "$*" >&2; }
