# protobuf's lite runtime, compiled here from the distribution's source package (tools/setup fetches it), natively and for
# wasm: the same code on both sides, with our flags, without the rest of protobuf's build.
#
# whittle_proto_library(NAME SOURCES x.proto… [BASE dir]) compiles .proto files; headers are included by their path below BASE.
set(whittle_protobuf_version 3.21.12)
set(WHITTLE_PROTOBUF_DIR "${PROJECT_SOURCE_DIR}/.cache/protobuf-${whittle_protobuf_version}" CACHE PATH
  "protobuf's source folder, version ${whittle_protobuf_version}")

set(pb "${WHITTLE_PROTOBUF_DIR}/src/google/protobuf")
if(NOT EXISTS "${pb}/message_lite.cc")
  message(FATAL_ERROR "protobuf's sources were not found in ${WHITTLE_PROTOBUF_DIR}. Run tools/setup run, or set WHITTLE_PROTOBUF_DIR.")
endif()
find_program(WHITTLE_PROTOC protoc)
if(NOT WHITTLE_PROTOC)
  message(FATAL_ERROR "protoc is not on PATH. Run tools/setup run.")
endif()
execute_process(COMMAND "${WHITTLE_PROTOC}" --version OUTPUT_VARIABLE protoc_version OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT protoc_version STREQUAL "libprotoc ${whittle_protobuf_version}")
  message(FATAL_ERROR "${WHITTLE_PROTOC} is '${protoc_version}', the runtime's sources are ${whittle_protobuf_version}: generated code must be of the same version.")
endif()
message(STATUS "protobuf-lite: ${WHITTLE_PROTOBUF_DIR}; ${WHITTLE_PROTOC} ${whittle_protobuf_version}")

# The package's list of lite sources (its libprotobuf_lite_files) without io_win32.cc.
set(lite any_lite arena arenastring arenaz_sampler extension_set generated_enum_util generated_message_tctable_lite
  generated_message_util implicit_weak_message inlined_string_field io/coded_stream io/strtod io/zero_copy_stream
  io/zero_copy_stream_impl io/zero_copy_stream_impl_lite map message_lite parse_context repeated_field repeated_ptr_field
  stubs/bytestream stubs/common stubs/int128 stubs/status stubs/statusor stubs/stringpiece stubs/stringprintf
  stubs/structurally_valid stubs/strutil stubs/time wire_format_lite)
list(TRANSFORM lite PREPEND "${pb}/")
list(TRANSFORM lite APPEND .cc)

add_library(whittle_protobuf_lite STATIC EXCLUDE_FROM_ALL ${lite})
add_library(whittle::protobuf_lite ALIAS whittle_protobuf_lite)
target_include_directories(whittle_protobuf_lite SYSTEM PUBLIC "${WHITTLE_PROTOBUF_DIR}/src")
target_compile_definitions(whittle_protobuf_lite PUBLIC GOOGLE_PROTOBUF_NO_RTTI=1)
target_compile_options(whittle_protobuf_lite PRIVATE -w)
target_link_libraries(whittle_protobuf_lite PRIVATE whittle::options)
if(EMSCRIPTEN)
  target_compile_options(whittle_protobuf_lite PRIVATE ${whittle_small})  # it indexes; the bytes that take time never pass through it
else()
  find_package(Threads REQUIRED)
  target_compile_definitions(whittle_protobuf_lite PRIVATE HAVE_PTHREAD=1)
  target_link_libraries(whittle_protobuf_lite PUBLIC Threads::Threads)
endif()
# Linked last, so that its option comes after those that switch the sanitizer on.
add_library(whittle_not_ours_to_mend INTERFACE)
if(WHITTLE_SANITIZE)
  target_compile_options(whittle_not_ours_to_mend INTERFACE -fno-sanitize=undefined)
endif()
target_link_libraries(whittle_protobuf_lite PRIVATE whittle_not_ours_to_mend)

function(whittle_proto_library name)
  cmake_parse_arguments(arg "" "BASE" "SOURCES" ${ARGN})
  set(out "${CMAKE_CURRENT_BINARY_DIR}/${name}")
  set(generated "")
  file(MAKE_DIRECTORY "${out}")
  foreach(proto IN LISTS arg_SOURCES)
    file(RELATIVE_PATH stem "${arg_BASE}" "${proto}")
    string(REGEX REPLACE "\\.proto$" "" stem "${stem}")
    add_custom_command(
      OUTPUT "${out}/${stem}.pb.cc" "${out}/${stem}.pb.h"
      COMMAND "${WHITTLE_PROTOC}" --fatal_warnings "--proto_path=${arg_BASE}" "--cpp_out=lite:${out}" "${proto}"
      DEPENDS ${arg_SOURCES}
      COMMENT "protoc ${stem}.proto" VERBATIM)
    list(APPEND generated "${out}/${stem}.pb.cc")
  endforeach()
  if(NOT generated)
    file(WRITE "${out}/empty.cc" "")
    list(APPEND generated "${out}/empty.cc")
  endif()
  add_library(${name} STATIC ${generated})
  target_include_directories(${name} SYSTEM PUBLIC "${out}")
  target_compile_options(${name} PRIVATE -w)
  target_link_libraries(${name} PUBLIC whittle::protobuf_lite PRIVATE whittle::options whittle_not_ours_to_mend)
  if(EMSCRIPTEN)
    target_compile_options(${name} PRIVATE ${whittle_small})
  endif()
endfunction()
