# The Debian packages that `cpack -G DEB` makes of the components.
set(SQUID_MESH_MAINTAINER "Squid Mesh maintainers <maintainers@squid-mesh.invalid>" CACHE STRING
  "Who answers for the Debian packages, as a name and an address")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME squid-mesh)
set(CPACK_PACKAGE_CONTACT "${SQUID_MESH_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian/compress_manual.cmake)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_COMPONENTS_ALL runtime dev command)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY >=)
# Each has a description of its own, of which the first line is the summary.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")
# The three are made together, so each needs the others of the very same version.
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_COMPONENT_DEV_DEPENDS runtime)
set(CPACK_COMPONENT_COMMAND_DEPENDS runtime)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME libsquid-mesh${SQUID_MESH_ABI_VERSION})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/debian/triggers)
# Where the names of time zones are looked up.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "tzdata")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION "embedded durable workflow engine for C++
Squid Mesh lets a program define, run, inspect and recover durable workflows
in its own process. Their runs are stored in the program's own SQLite or
PostgreSQL database, and go on after a crash where they stopped.

This package contains the shared library.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libsquid-mesh-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
# The public headers, and the library of the command line, which is static, need these; the optional headers for a
# host's own transactions need a database's.
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "nlohmann-json3-dev (>= 3.11), libfmt-dev (>= 9), libcpp-httplib-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_RECOMMENDS "libsqlite3-dev (>= 3.40), libpq-dev (>= 14)")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "libpqxx-dev")
set(CPACK_DEBIAN_DEV_DESCRIPTION "embedded durable workflow engine for C++ (development files)
Squid Mesh lets a program define, run, inspect and recover durable workflows
in its own process. Their runs are stored in the program's own SQLite or
PostgreSQL database, and go on after a crash where they stopped.

This package contains what is needed to build programs with it: the headers,
the CMake package, the files for pkg-config, and the command line as a
library.")

set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME squid-mesh)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION database)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
set(CPACK_DEBIAN_COMMAND_DESCRIPTION "command line for databases with durable workflows
squid-mesh looks after a database in which programs built with Squid Mesh
store their workflows: it lists and explains runs, approves, cancels, retries
and replays them, and shows schedules, queues and nodes.")

# The papers that Debian wants beside each package: who may do what with it, and what has changed.
block()
set(changelog ${PROJECT_BINARY_DIR}/changelog)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${PROJECT_SOURCE_DIR}/cmake/debian/changelog.in ${changelog} @ONLY)
execute_process(COMMAND gzip -9nf ${changelog} COMMAND_ERROR_IS_FATAL ANY)
foreach(component IN ITEMS runtime dev command)
  string(TOUPPER ${component} upper)
  set(folder ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/debian/copyright ${changelog}.gz DESTINATION ${folder} COMPONENT ${component})
endforeach()
endblock()

include(CPack)
