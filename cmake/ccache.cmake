# Compiles through ccache when it is installed; the caller's own launcher wins.
find_program(WHITTLE_CCACHE ccache)
if(WHITTLE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${WHITTLE_CCACHE}" CACHE STRING "Compiler launcher")
endif()
