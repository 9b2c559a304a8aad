# How the wasm programs are linked.
#
# whittle_standalone_wasm(T)  a bare module without glue or main: its exports are the EMSCRIPTEN_KEEPALIVE functions
# whittle_node_program(T)     one .js file with the module inside, for tests under Node
#
# --stack-first puts the stack below the static data: a deep recursion then traps instead of overwriting it.
# TOTAL_STACK is what Emscripten 3.1.6 calls it (STACK_SIZE from 3.1.25 on).
set(whittle_wasm_memory -sALLOW_MEMORY_GROWTH -sMAXIMUM_MEMORY=4GB -sMALLOC=emmalloc -sTOTAL_STACK=1MB -Wl,--stack-first)

function(whittle_standalone_wasm target)
  target_link_options(${target} PRIVATE -Oz -sSTANDALONE_WASM --no-entry ${whittle_wasm_memory})
endfunction()

function(whittle_node_program target)
  set_target_properties(${target} PROPERTIES SUFFIX .js)
  target_link_options(${target} PRIVATE -O1 -sEXIT_RUNTIME=1 -sSINGLE_FILE -sENVIRONMENT=node ${whittle_wasm_memory})
endfunction()
