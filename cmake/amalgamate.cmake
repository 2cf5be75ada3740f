# SPDX-License-Identifier: MIT
# Writes one header that holds everything an entry header reaches, each header once, dependencies first.
# System includes stay where they are. A second entry, which needs nlohmann/json, is there where that is.
# Usage: cmake -D include_dir=DIR -D entry=sst/ntk.hpp -D json_entry=sst/pipeline/saved_model.hpp -D output=FILE
#              -D version=X.Y.Z -P amalgamate.cmake
cmake_minimum_required(VERSION 3.24)

foreach(argument include_dir entry json_entry output version)
  if(NOT DEFINED ${argument})
    message(FATAL_ERROR "amalgamate.cmake: ${argument} is not given; call it with -D ${argument}=...")
  endif()
endforeach()

# Strings are cut at positions, never turned into lists: C++ is full of semicolons and brackets.
function(append_header header)
  get_property(done GLOBAL PROPERTY amalgamated)
  if(header IN_LIST done)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY amalgamated "${header}")
  if(NOT EXISTS "${include_dir}/${header}")
    message(FATAL_ERROR "amalgamate.cmake: ${header} is included but not in ${include_dir}")
  endif()
  file(READ "${include_dir}/${header}" text)
  string(REPLACE "// SPDX-License-Identifier: MIT\n" "" text "${text}")
  string(REPLACE "#pragma once\n" "" text "${text}")
  set(text "\n// ---- ${header}\n${text}")
  while(TRUE)
    string(FIND "${text}" "\n#include <sst/" position)
    if(position EQUAL -1)
      break()
    endif()
    string(SUBSTRING "${text}" 0 ${position} before)
    file(APPEND "${output}.part" "${before}\n")
    string(SUBSTRING "${text}" ${position} -1 text)
    string(FIND "${text}" ">" end)
    math(EXPR length "${end} - 11")  # what stands between "\n#include <" and ">"
    string(SUBSTRING "${text}" 11 ${length} included)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${text}" ${end} -1 text)
    append_header("${included}")
  endwhile()
  file(APPEND "${output}.part" "${text}")
endfunction()

file(WRITE "${output}.part" "// SPDX-License-Identifier: MIT
// sst ${version}: ${entry}, ${json_entry} (where nlohmann/json is) and all that they include, in one file. Generated; change the headers it is made of.
#pragma once
")
append_header("${entry}")
file(APPEND "${output}.part" "\n#if __has_include(<nlohmann/json.hpp>)\n")
append_header("${json_entry}")
file(APPEND "${output}.part" "#endif\n")
file(RENAME "${output}.part" "${output}")
