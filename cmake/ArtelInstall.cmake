# cmake --install: headers, libartel.a, find_package(artel), pkg-config artel, the licence.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/artel")

install(TARGETS artel EXPORT artel-targets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY include/artel DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
install(EXPORT artel-targets NAMESPACE artel:: DESTINATION "${package}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/artel-config-version.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES cmake/artel-config.cmake cmake/ArtelDeps.cmake
  "${CMAKE_CURRENT_BINARY_DIR}/artel-config-version.cmake" DESTINATION "${package}")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")

file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
set(pc_prefix "\${pcfiledir}/${up}")
configure_file(cmake/artel.pc.in artel.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/artel.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
