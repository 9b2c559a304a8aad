# cmake -DBUILD=… -DROOTS=… -DSOURCE=… -P check.cmake
#
# 1. A source of `ir` that includes a lower layer's header compiles; one that includes a higher layer's does not,
#    and the reason is that header.
# 2. No layer has core/include, another layer's sources or a stranger's root on its include path.
# 3. No source of core leaves its folder by a relative include.
cmake_minimum_required(VERSION 3.25)

function(build target result output)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${BUILD}" --target ${target}
    RESULT_VARIABLE code OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${result} ${code} PARENT_SCOPE)
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

build(layers_downward code text)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "a downward include does not compile:\n${text}")
endif()
build(layers_upward code text)
if(code EQUAL 0)
  message(FATAL_ERROR "an upward include compiles: layering is not enforced")
elseif(NOT text MATCHES "whittle/pass\\.h: No such file|'whittle/pass\\.h' file not found")
  message(FATAL_ERROR "the upward include fails for another reason:\n${text}")
endif()

# Lowest first: the layers that may be seen from each, itself included.
set(below_base "")
set(below_io base)
set(below_tensor io base)
set(below_ir tensor io base)
set(below_model ir tensor io base)
set(below_eval model ir tensor io base)
set(below_quant ${below_eval})
set(below_format ${below_eval})
set(below_report ${below_eval})
set(below_transforms eval quant ${below_eval})
set(below_pipeline transforms report ${below_transforms})
set(below_verify report eval quant ${below_eval})
set(below_facade pipeline format verify ${below_pipeline})

include("${ROOTS}")
foreach(layer IN LISTS layers)
  if(NOT DEFINED below_${layer})
    message(FATAL_ERROR "layer ${layer} is new: say in check.cmake what it may see")
  endif()
  foreach(root IN LISTS roots_${layer})
    if(root MATCHES "/layers/([a-z_]+)$" AND NOT CMAKE_MATCH_1 IN_LIST below_${layer} AND NOT CMAKE_MATCH_1 STREQUAL layer)
      message(FATAL_ERROR "layer ${layer} sees the headers of ${CMAKE_MATCH_1}")
    elseif(root MATCHES "/core/include" OR (root MATCHES "/core/src/([a-z_]+)" AND NOT CMAKE_MATCH_1 STREQUAL layer))
      message(FATAL_ERROR "layer ${layer} has ${root} on its include path")
    endif()
  endforeach()
endforeach()

file(GLOB_RECURSE sources "${SOURCE}/core/src/*.cc" "${SOURCE}/core/src/*.h" "${SOURCE}/core/include/*.h")
foreach(source IN LISTS sources)
  file(STRINGS "${source}" escapes REGEX "#[ \t]*include[ \t]*\"\\.\\./")
  if(escapes)
    message(FATAL_ERROR "${source} includes by a relative path: ${escapes}")
  endif()
endforeach()
list(LENGTH layers count)
message(STATUS "${count} layers, each sees only those below it")
