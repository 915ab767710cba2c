#include "common/result.hpp"

namespace dubfarm {

const char* name_of(Errc code) {
  switch (code) {
    case Errc::invalid_input: return "invalid_input";
    case Errc::not_found: return "not_found";
    case Errc::not_yet: return "not_yet";
    case Errc::io_error: return "io_error";
    case Errc::no_space: return "no_space";
    case Errc::corrupt: return "corrupt";
    case Errc::backend_not_built: return "backend_not_built";
    case Errc::cancelled: return "cancelled";
    case Errc::internal: return "internal";
  }
  return "unknown";
}

}  // namespace dubfarm
