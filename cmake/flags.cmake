# What every source of ours is compiled with, as targets that a layer links:
#
#   whittle::options   language, code generation, sanitizers
#   whittle::warnings  warnings, as errors at top level; third-party headers come in as SYSTEM
#
# whittle_source_options(OPTIONS -mavx2 FILES a.cc b.cc) adds options to single sources of the calling directory.
add_library(whittle_options INTERFACE)
add_library(whittle::options ALIAS whittle_options)
target_compile_features(whittle_options INTERFACE cxx_std_20)
# -ffp-contract=off: a fused multiply-add rounds once where wasm rounds twice, and results must be the same bytes everywhere.
target_compile_options(whittle_options INTERFACE -fno-exceptions -fno-rtti -ffp-contract=off)
if(EMSCRIPTEN)
  target_compile_options(whittle_options INTERFACE -msimd128 -mbulk-memory)
endif()
if(WHITTLE_LTO)
  target_compile_options(whittle_options INTERFACE -flto)
  target_link_options(whittle_options INTERFACE -flto)
endif()
if(WHITTLE_SANITIZE)
  # vptr needs RTTI; everything else of the two sanitizers stops at the first finding.
  set(whittle_sanitizers -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(whittle_options INTERFACE ${whittle_sanitizers})
  target_link_options(whittle_options INTERFACE ${whittle_sanitizers})
endif()

add_library(whittle_warnings INTERFACE)
add_library(whittle::warnings ALIAS whittle_warnings)
target_compile_options(whittle_warnings INTERFACE -Wall -Wextra -Wshadow $<$<BOOL:${WHITTLE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(whittle_warnings INTERFACE -Wno-restrict)  # GCC bug 105329: std::string::insert at -O2
endif()

set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# For wasm, all but the inner loops. For size em++ 3.1.6 turns LLVM's inlining off, so that every std::string::size() is a call;
# on again it costs 1 % of the bytes, and planning takes a quarter less time. In all of it or nowhere: mixed, both forms stay.
set(whittle_small -Oz -finline-functions)
# Release means -O3; asserts stay on everywhere but there.
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")

function(whittle_source_options)
  cmake_parse_arguments(arg "" "" "FILES;OPTIONS" ${ARGN})
  if(arg_FILES)
    set_property(SOURCE ${arg_FILES} APPEND PROPERTY COMPILE_OPTIONS ${arg_OPTIONS})
  endif()
endfunction()
