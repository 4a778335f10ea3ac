# Parts the debug information of the installed program from it: lib/debug/.build-id/ab/cdef….debug is where gdb looks by itself.
# Without build id nobody would find it, so then the program is only stripped.
execute_process(COMMAND ${CMAKE_READELF} -n ${MEMBRIDGE_PROGRAM} OUTPUT_VARIABLE notes COMMAND_ERROR_IS_FATAL ANY)
if(notes MATCHES "Build ID: ([0-9a-f][0-9a-f])([0-9a-f]+)")
  set(debug ${MEMBRIDGE_DEBUG_DIR}/.build-id/${CMAKE_MATCH_1}/${CMAKE_MATCH_2}.debug)
  get_filename_component(folder ${debug} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  execute_process(COMMAND ${CMAKE_OBJCOPY} --only-keep-debug --compress-debug-sections ${MEMBRIDGE_PROGRAM} ${debug} COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD ${debug} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  message(STATUS "Debug information: ${debug}")
endif()
execute_process(COMMAND ${CMAKE_OBJCOPY} --strip-unneeded --remove-section=.comment ${MEMBRIDGE_PROGRAM} COMMAND_ERROR_IS_FATAL ANY)
