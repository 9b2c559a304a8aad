# Sourced after env.sh: builds only what changed, and finds that out without CMake.
#
#   build_module                 wasm/dist/whittle.wasm
#   build_native                 the native command and the native unit tests
#   build_unit_tests PRESET      the unit tests alone: asan, wasm-tests
#   build_page                   web/dist, by Vite; after build_module
#   build_preset PRESET PATH…    any preset, when the core or a file below one of PATHs changed

# One line that changes when a file below the given paths (relative to $root) is added, removed or written.
source_stamp() {
  (cd "$root" && find "$@" -name node_modules -prune -o -name dist -prune -o -name __pycache__ -prune \
    -o -type f -printf '%p %s %T@\n' 2>/dev/null | LC_ALL=C sort | sha256sum | cut -c 1-32)
}

# run_logged LOG WORDS… -- COMMAND…: says what is done and how long it took; on failure shows the end of the log.
run_logged() {
  local log=$1 what=$2 started=$SECONDS
  shift 3
  say "$what …"
  mkdir -p "${log%/*}"
  if ! "$@" >"$log" 2>&1 </dev/null; then
    grep -vE '^\[[0-9]+/[0-9]+\] |^-- ' "$log" | tail -n 60 >&2 || true
    say "error: $what failed; all of its output: $log"
    return 1
  fi
  say "$what: done in $((SECONDS - started)) s"
}

configure_and_build() {
  local preset=$1
  build_environment
  # A clone that was moved would still point at its old place.
  local binary="$root/build/$preset"
  if [ -r "$binary/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$binary/CMakeCache.txt"; then
    rm -rf "$binary"
  fi
  # Configuring anew each time is cheap against a build, and picks up a moved tool or another Node.
  (cd "$root" && cmake --preset "$preset" && cmake --build --preset "$preset")
}

core_sources=(VERSION CMakeLists.txt CMakePresets.json cmake core)

build_preset() {
  local preset=$1 stamp stamp_file="$root/build/$1/.source-stamp"
  shift
  stamp=$(source_stamp "${core_sources[@]}" "$@")
  if [ -r "$stamp_file" ] && [ "$(<"$stamp_file")" = "$stamp" ]; then
    return 0
  fi
  run_logged "$root/build/$preset.log" "building $preset" -- configure_and_build "$preset" || return 1
  printf '%s\n' "$stamp" >"$stamp_file"
}

# The module that Node and the page load: wasm/dist/whittle.wasm.
build_module() {
  [ -r "$root/wasm/dist/whittle.wasm" ] || rm -f "$root/build/wasm/.source-stamp"
  build_preset wasm wasm/CMakeLists.txt wasm/bindings.cc
}

build_native() { build_preset native tools/whittle tests/CMakeLists.txt tests/unit tests/layers tests/wasm/support; }
build_unit_tests() { build_preset "$1" tests/CMakeLists.txt tests/unit tests/fuzz wasm/bindings.cc tests/wasm/support; }

build_page() {
  node "$root/wasm/build.mjs"
  local stamp stamp_file="$root/web/dist/.source-stamp"
  stamp=$(source_stamp VERSION web wasm/js wasm/dist wasm/package.json examples/sample)
  stamp="$stamp $(sha256sum <"$root/wasm/dist/whittle.wasm")"
  if [ -r "$stamp_file" ] && [ "$(<"$stamp_file")" = "$stamp" ]; then
    return 0
  fi
  run_logged "$root/build/page.log" "building the page" -- npm --prefix "$root/web" run build || return 1
  printf '%s\n' "$stamp" >"$stamp_file"
}
