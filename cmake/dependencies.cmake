# Where each outside package is found. Configuring never reaches for the network: tools/setup has installed what is missing.
#
#   package            looked for                                              target                 used by
#   Eigen 3.4          the system's, else WHITTLE_EIGEN_DIR                    whittle::eigen         eval, quant
#   nlohmann/json      the system's, else WHITTLE_JSON_DIR                     whittle::json          pipeline, report, format, facade
#   protobuf-lite      WHITTLE_PROTOBUF_DIR (the distribution's source package) whittle::protobuf_lite format
#   protoc             the system's, of the same version
#   GoogleTest         the system's sources, else WHITTLE_GOOGLETEST_DIR       whittle::gtest         tests
#
# A wasm build must not see the host's include folder, where these packages live among glibc's headers: each one is
# given a folder of its own, by a link where it has none.
include(protobuf_lite)

set(whittle_system_prefixes /usr/include /usr/local/include)

# Finds `header` below the system's include folders or in the local source `dir_variable`; says which; result: the folder.
function(whittle_find_headers name header dir_variable suffixes result)
  find_path(WHITTLE_${name}_INCLUDE "${header}"
    HINTS "${${dir_variable}}" PATHS ${whittle_system_prefixes} PATH_SUFFIXES ${suffixes} include
    NO_CMAKE_FIND_ROOT_PATH)
  if(NOT WHITTLE_${name}_INCLUDE)
    message(FATAL_ERROR "${name}: ${header} was not found. Run tools/setup run, or set ${dir_variable} to its source folder.")
  endif()
  message(STATUS "${name}: ${WHITTLE_${name}_INCLUDE}")
  set(${result} "${WHITTLE_${name}_INCLUDE}" PARENT_SCOPE)
endfunction()

set(WHITTLE_EIGEN_DIR "" CACHE PATH "Eigen's source folder, where the system has none")
set(WHITTLE_JSON_DIR "" CACHE PATH "nlohmann/json's source folder, where the system has none")
set(WHITTLE_GOOGLETEST_DIR "" CACHE PATH "GoogleTest's source folder, where the system has none")

whittle_find_headers(Eigen Eigen/Core WHITTLE_EIGEN_DIR eigen3 whittle_eigen_include)
add_library(whittle_eigen INTERFACE)
add_library(whittle::eigen ALIAS whittle_eigen)
target_include_directories(whittle_eigen SYSTEM INTERFACE "${whittle_eigen_include}")
# One order of operations on every machine: results must be the same bytes.
target_compile_definitions(whittle_eigen INTERFACE EIGEN_DONT_VECTORIZE EIGEN_MPL2_ONLY)

whittle_find_headers(nlohmann_json nlohmann/json.hpp WHITTLE_JSON_DIR "" whittle_json_include)
set(whittle_json_private "${PROJECT_BINARY_DIR}/packages/json")
file(MAKE_DIRECTORY "${whittle_json_private}")
file(CREATE_LINK "${whittle_json_include}/nlohmann" "${whittle_json_private}/nlohmann" SYMBOLIC)
add_library(whittle_json INTERFACE)
add_library(whittle::json ALIAS whittle_json)
target_include_directories(whittle_json SYSTEM INTERFACE "${whittle_json_private}")
target_compile_definitions(whittle_json INTERFACE JSON_NOEXCEPTION)

if(WHITTLE_TESTS)
  find_path(WHITTLE_GOOGLETEST_SOURCE googletest/src/gtest-all.cc
    HINTS "${WHITTLE_GOOGLETEST_DIR}" PATHS /usr/src/googletest NO_CMAKE_FIND_ROOT_PATH)
  if(NOT WHITTLE_GOOGLETEST_SOURCE)
    message(FATAL_ERROR "GoogleTest's sources were not found. Run tools/setup wasm, or set WHITTLE_GOOGLETEST_DIR.")
  endif()
  message(STATUS "GoogleTest: ${WHITTLE_GOOGLETEST_SOURCE}")
  set(gtest "${WHITTLE_GOOGLETEST_SOURCE}")
  add_library(whittle_gtest STATIC EXCLUDE_FROM_ALL
    "${gtest}/googletest/src/gtest-all.cc" "${gtest}/googlemock/src/gmock-all.cc" "${gtest}/googlemock/src/gmock_main.cc")
  add_library(whittle::gtest ALIAS whittle_gtest)
  target_include_directories(whittle_gtest SYSTEM PUBLIC "${gtest}/googletest/include" "${gtest}/googlemock/include")
  target_include_directories(whittle_gtest SYSTEM PRIVATE "${gtest}/googletest" "${gtest}/googlemock")
  target_compile_options(whittle_gtest PRIVATE -w)
  target_link_libraries(whittle_gtest PRIVATE whittle::options)
  if(EMSCRIPTEN)
    target_compile_definitions(whittle_gtest PUBLIC GTEST_HAS_PTHREAD=0)
  else()
    find_package(Threads REQUIRED)
    target_link_libraries(whittle_gtest PUBLIC Threads::Threads)
  endif()
endif()
