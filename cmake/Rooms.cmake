# dubfarm_room(NAME): the library of one top-level folder, with every .cpp below it but main.cpp and what is of the CUDA module (Cuda.cmake).
# A file named *_avx2.cpp or *_avx512.cpp is compiled for that instruction set, and called only after a check at run time.
# -fno-trapping-math and -fno-math-errno let selects and square roots vectorise; they change no bit. The two warnings are false ones
# from g++ 12's own intrinsics (GCC bug 105593).
function(dubfarm_room name)
  set(bare_loops "-O3;-fno-trapping-math;-fno-math-errno;-Wno-uninitialized")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND bare_loops "-Wno-maybe-uninitialized")
  endif()
  # Under AddressSanitizer the inlined transforms would take five minutes each to compile: their temporaries go unwatched after their scope.
  # g++ 12 does not align the fake frames of use-after-return to more than 32 bytes (GCC bug 110027): a vector of 64 on one faults.
  set(sanitized_loops "")
  set(sanitized_avx512 "")
  if(DUBFARM_SANITIZE MATCHES "address")
    set(sanitized_loops "-O1;-fno-sanitize-address-use-after-scope")
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      set(sanitized_avx512 "--param=asan-use-after-return=0")
    endif()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${name}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$|/cuda_module/")
  add_library(dubfarm_${name} STATIC ${sources})
  add_library(dubfarm::${name} ALIAS dubfarm_${name})
  target_include_directories(dubfarm_${name} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_link_libraries(dubfarm_${name} PUBLIC Threads::Threads PRIVATE dubfarm_warnings)
  foreach(source IN LISTS sources)
    if(source MATCHES "_generic\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${sanitized_loops}")
    elseif(source MATCHES "_avx2\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c;${bare_loops};${sanitized_loops}")
    elseif(source MATCHES "_avx512\\.cpp$")
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "-mavx2;-mfma;-mf16c;-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mprefer-vector-width=512;${bare_loops};${sanitized_loops};${sanitized_avx512}")
    endif()
  endforeach()
endfunction()

# dubfarm_together(TARGET FOLDER...): the sources of each folder are compiled as one. For many small ones over the same headers, which cost more
# to read than they do.
function(dubfarm_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  foreach(folder IN LISTS ARGN)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${folder}/*.cpp")
    set_source_files_properties(${sources} TARGET_DIRECTORY ${target} PROPERTIES UNITY_GROUP "${folder}")
  endforeach()
endfunction()
