# Toolchain file: the Emscripten that `em++` on PATH belongs to (Debian's 3.1.6 is the supported one).
#
# Debian's Emscripten needs NODE_PATH=/usr/share/nodejs in the environment when a node other than Debian's comes first;
# tools/setup and tools/test set it.
find_program(WHITTLE_EMXX em++)
if(NOT WHITTLE_EMXX)
  message(FATAL_ERROR "em++ is not on PATH: run tools/setup wasm")
endif()
get_filename_component(whittle_emxx_real "${WHITTLE_EMXX}" REALPATH)
get_filename_component(whittle_emscripten_root "${whittle_emxx_real}" DIRECTORY)

# The emulator is said here, before the toolchain guesses one: its guess prefers a `nodejs` over the `node` that
# tools/setup chose, and emcmake's passes an option that current versions reject.
if(NOT CMAKE_CROSSCOMPILING_EMULATOR)
  find_program(WHITTLE_NODE node)
  set(CMAKE_CROSSCOMPILING_EMULATOR "${WHITTLE_NODE}" CACHE FILEPATH "Runs wasm programs in tests")
endif()
include("${whittle_emscripten_root}/cmake/Modules/Platform/Emscripten.cmake")
