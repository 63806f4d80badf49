# What every room shares: language, warnings, sanitizers, and isomer_room().
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY() is a statement expression
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

option(ISOMER_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(ISOMER_FUZZ "Build the fuzzers with libFuzzer (clang)" OFF)
option(ISOMER_TESTS "Build the tests" OFF)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# -ffp-contract=off: the same bits with and without fused multiply-add (DESIGN: byte-identical output on every machine).
add_compile_options(-Wall -Wextra -Werror -Wshadow=local -Wno-missing-field-initializers -ffp-contract=off -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  add_compile_options(-Wno-restrict)  # g++ 12 sees an overlap in any `"text" + string` once it optimises (its bug 105651)
endif()
if(ISOMER_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
else()
  add_link_options(-static-libstdc++ -static-libgcc)
endif()

# isomer_room(NAME DEPENDENCIES...): one static library for the sources of src/NAME; it sees only the rooms it names.
function(isomer_room name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(isomer_${name} STATIC ${sources})
  target_include_directories(isomer_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  foreach(dependency ${ARGN})
    target_link_libraries(isomer_${name} PUBLIC isomer_${dependency})
  endforeach()
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

# isomer_unit_test(NAME ROOMS...): tests/unit/NAME.cpp as a test program of GoogleTest, over the rooms it names.
function(isomer_unit_test name)
  find_package(GTest REQUIRED)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/tests/unit/${name}.cpp)
  foreach(room ${ARGN})
    target_link_libraries(${name} PRIVATE isomer_${room})
  endforeach()
  target_link_libraries(${name} PRIVATE GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# isomer_fuzzer(NAME ROOMS...): fuzz/NAME.cpp with libFuzzer; the whole tree is then built with clang and -DISOMER_SANITIZE=ON.
function(isomer_fuzzer name)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/fuzz/${name}.cpp)
  foreach(room ${ARGN})
    target_link_libraries(${name} PRIVATE isomer_${room})
  endforeach()
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
endfunction()
if(ISOMER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
