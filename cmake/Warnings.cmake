# Flags that every target of ours shares. Bits first: no contraction, no fast math; fused multiply-adds are written as std::fma.
add_library(dubfarm_warnings INTERFACE)
target_compile_options(dubfarm_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                       -Wnon-virtual-dtor -Woverloaded-virtual -ffp-contract=off)
target_compile_definitions(dubfarm_warnings INTERFACE DUBFARM_VERSION="${PROJECT_VERSION}")
if(DUBFARM_WERROR)
  target_compile_options(dubfarm_warnings INTERFACE -Werror)
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # At -O3 GCC 12 takes temporaries of a braced list for what was never set, and a string that is assigned a single letter for one that overlaps it
  # (GCC bug 105651); developers' builds, which stop at warnings, look for both.
  target_compile_options(dubfarm_warnings INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(DUBFARM_SANITIZE)
  add_compile_options(-fsanitize=${DUBFARM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DUBFARM_SANITIZE})
  # Under a sanitizer GCC takes its own instrumentation of std::regex and std::optional for a use of what was never set.
  target_compile_options(dubfarm_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
endif()
