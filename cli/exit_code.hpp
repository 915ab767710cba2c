// What the `dubfarm` command's exit status says; scripts rely on it.
#pragma once
#include "common/result.hpp"

namespace dubfarm::cli {

inline constexpr int kDone = 0;
inline constexpr int kCheckFailed = 1;
inline constexpr int kBadInput = 2;     // the document, the media or the arguments: mend them
inline constexpr int kCannotRun = 3;    // this machine: no space, no permission, a backend that is not there
inline constexpr int kInterrupted = 130;  // stopped by Ctrl-C or SIGTERM, as shells have it

[[nodiscard]] constexpr int exit_code(Errc code) {
  switch (code) {
    case Errc::invalid_input:
    case Errc::not_found:
    case Errc::not_yet: return kBadInput;
    case Errc::cancelled: return kInterrupted;
    default: return kCannotRun;
  }
}

}  // namespace dubfarm::cli
