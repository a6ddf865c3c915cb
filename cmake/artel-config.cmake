# find_package(artel): first what libartel.a links, then the library itself.
include("${CMAKE_CURRENT_LIST_DIR}/ArtelDeps.cmake")
if(ARTEL_MISSING)
  list(JOIN ARTEL_MISSING "; " artel_NOT_FOUND_MESSAGE)
  set(artel_FOUND FALSE)
  return()
endif()
include("${CMAKE_CURRENT_LIST_DIR}/artel-targets.cmake")
