# whittle_layer(NAME ir HEADERS attr.h graph.h DEPS tensor [PACKAGES eigen]): one layer of core.
#
#   core/src/<name>/**.cc              its sources, found by a glob
#   core/include/whittle/<header>      the public headers it owns
#   build/layers/<name>/whittle/       links to just these: the layer's include root
#
# A target sees its own root and, through DEPS, those of the layers below it, and no other: an upward include does not
# compile (tests/layers proves it). PACKAGES are outside libraries, private to the layer.
#
# Sources by name:  *_avx2.cc   native x86-64 only, with -mavx2 (call it behind a check of the processor)
#                   *_wasm.cc   wasm only
#                   *_kernels.cc, crc*.cc, hash.cc, snappy.cc   the inner loops: -O3 also for wasm, where the rest is built for size
function(whittle_layer)
  cmake_parse_arguments(arg "" "NAME" "HEADERS;DEPS;PACKAGES" ${ARGN})
  set(target whittle_${arg_NAME})
  set(root "${PROJECT_BINARY_DIR}/layers/${arg_NAME}")

  # The root is laid anew, so that a header that moved to another layer leaves nothing behind.
  file(REMOVE_RECURSE "${root}")
  file(MAKE_DIRECTORY "${root}/whittle")
  foreach(header IN LISTS arg_HEADERS)
    if(EXISTS "${PROJECT_SOURCE_DIR}/core/include/whittle/${header}")
      file(CREATE_LINK "${PROJECT_SOURCE_DIR}/core/include/whittle/${header}" "${root}/whittle/${header}" SYMBOLIC)
    else()
      message(STATUS "layer ${arg_NAME}: whittle/${header} does not exist yet")
    endif()
  endforeach()

  set(folder "${CMAKE_CURRENT_SOURCE_DIR}/src/${arg_NAME}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cc")
  if(EMSCRIPTEN OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(FILTER sources EXCLUDE REGEX "_avx2\\.cc$")
  endif()
  if(NOT EMSCRIPTEN)
    list(FILTER sources EXCLUDE REGEX "_wasm\\.cc$")
  endif()
  set(avx2 ${sources})
  list(FILTER avx2 INCLUDE REGEX "_avx2\\.cc$")
  whittle_source_options(OPTIONS -mavx2 FILES ${avx2})
  if(EMSCRIPTEN)
    set(small ${sources})
    list(FILTER small EXCLUDE REGEX "(_kernels|_wasm|/crc[^/]*|/hash|/snappy)\\.cc$")
    whittle_source_options(OPTIONS ${whittle_small} FILES ${small})
  endif()
  if(NOT sources)
    file(WRITE "${root}/empty.cc" "")
    set(sources "${root}/empty.cc")
  endif()

  add_library(${target} STATIC ${sources})
  add_library(whittle::${arg_NAME} ALIAS ${target})
  target_include_directories(${target} PUBLIC "${root}" PRIVATE "${folder}")
  list(TRANSFORM arg_DEPS PREPEND whittle::)
  list(TRANSFORM arg_PACKAGES PREPEND whittle::)
  target_link_libraries(${target} PUBLIC ${arg_DEPS} whittle::options PRIVATE ${arg_PACKAGES} whittle::warnings)

  set_property(GLOBAL APPEND PROPERTY WHITTLE_LAYERS ${arg_NAME})
  set_property(GLOBAL APPEND PROPERTY WHITTLE_OWNED_HEADERS ${arg_HEADERS})
endfunction()

# Says which public headers no layer owns: nothing could include them.
function(whittle_check_headers)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}/core/include/whittle" "${PROJECT_SOURCE_DIR}/core/include/whittle/*")
  get_property(owned GLOBAL PROPERTY WHITTLE_OWNED_HEADERS)
  foreach(header IN LISTS headers)
    if(NOT header IN_LIST owned)
      message(WARNING "core/include/whittle/${header} is in no layer's HEADERS in core/CMakeLists.txt")
    endif()
  endforeach()
endfunction()
