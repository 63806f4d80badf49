# What every room shares: language, warnings, sanitizers, and isomer_room().
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY() is a statement expression
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
# Loops over unknown numbers of elements are worth vectors, too; clang makes them by itself.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  string(APPEND CMAKE_CXX_FLAGS_RELEASE " -fvect-cost-model=dynamic")
endif()

option(ISOMER_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(ISOMER_FUZZ "Build the fuzzers with libFuzzer (clang)" OFF)
option(ISOMER_TESTS "Build the tests" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  # Without the sloppiness ccache keeps nothing that was compiled with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(ISOMER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# -ffp-contract=off: the same bits with and without fused multiply-add (DESIGN: byte-identical output on every machine).
add_compile_options(-Wall -Wextra -Werror -Wno-missing-field-initializers -ffp-contract=off -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # GCC 12 raises false alarms about std::expected and std::string when it optimises.
  add_compile_options(-Wshadow=local -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(ISOMER_SANITIZE)
  # At a fixed address: the records of the sanitizers would else be millions of relocations at every start (0.3 s; the damage runs start it 3000 times).
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -fno-pie)
  add_link_options(-fsanitize=address,undefined -no-pie)
else()
  add_link_options(-static-libstdc++ -static-libgcc)
endif()

# isomer_room(NAME DEPENDENCIES...): one static library for the sources of src/NAME; it sees only the rooms it names.
function(isomer_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(isomer_${name} STATIC ${sources})
  set_property(GLOBAL APPEND PROPERTY ISOMER_ROOMS isomer_${name})
  target_include_directories(isomer_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  foreach(dependency ${ARGN})
    target_link_libraries(isomer_${name} PUBLIC isomer_${dependency})
  endforeach()
endfunction()

# isomer_precompile(ROOM HEADER...): headers that most sources of a room include anyway, parsed once. Half of the time of a build is headers. The preset
# tidy builds without, so that no source lives on what it does not include.
option(ISOMER_PRECOMPILE "Use precompiled headers" ON)
function(isomer_precompile room)
  if(ISOMER_PRECOMPILE)
    target_precompile_headers(isomer_${room} PRIVATE ${ARGN})
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      target_compile_options(isomer_${room} PRIVATE -fpch-preprocess)
    endif()
  endif()
endfunction()

# isomer_unity(ROOMS ... APART FILE...): with ISOMER_UNITY (preset release) eight sources of a room are compiled as one, since GCC instantiates what a
# precompiled header left open in every compilation anew (two seconds each). The other presets compile every source alone, so that each includes what it needs.
option(ISOMER_UNITY "Compile several sources as one" OFF)
function(isomer_unity)
  cmake_parse_arguments(arg "" "" "ROOMS;APART" ${ARGN})
  if(ISOMER_UNITY)
    foreach(room ${arg_ROOMS})
      set_target_properties(isomer_${room} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    endforeach()
    set_source_files_properties(${arg_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# isomer_protobuf(ROOM FILE): generated classes of src/FILE as part of a room, included as FILE with .pb.h for .proto.
set(Protobuf_USE_STATIC_LIBS ON)
find_package(Protobuf REQUIRED)
function(isomer_protobuf room file)
  string(REPLACE ".proto" ".pb" base ${CMAKE_BINARY_DIR}/generated/${file})
  add_custom_command(
    OUTPUT ${base}.cc ${base}.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
    COMMAND protobuf::protoc --cpp_out=${CMAKE_BINARY_DIR}/generated -I${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/src/${file}
    DEPENDS ${CMAKE_SOURCE_DIR}/src/${file})
  target_sources(isomer_${room} PRIVATE ${base}.cc ${base}.h)
  set_source_files_properties(${base}.cc PROPERTIES COMPILE_OPTIONS -w)
  target_include_directories(isomer_${room} SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(isomer_${room} PUBLIC protobuf::libprotobuf)
endfunction()

# isomer_find_archive(VARIABLE NAME): the static library where the distribution has it (one binary then runs everywhere), the shared one otherwise.
function(isomer_find_archive variable name)
  find_library(${variable} NAMES lib${name}.a ${name} REQUIRED)
endfunction()
