// `dubfarm store`: what is in the store, whether it is sound, and what it may take.
#pragma once
#include <cstdint>
#include <string>

namespace dubfarm::cli {

struct StoreOptions {
  std::string store;  // empty: default_store_folder()
  std::string limit;  // gc: the new limit, "none" for none; empty: as it is
  double percent = 0;      // lose
  std::uint64_t seed = 1;  // lose
  bool json = false;
};

/// Each prints what it found or did. @return the exit status: 1 where verify found damage.
[[nodiscard]] int run_store_status(const StoreOptions& options);
[[nodiscard]] int run_store_verify(const StoreOptions& options);
[[nodiscard]] int run_store_gc(const StoreOptions& options);
[[nodiscard]] int run_store_lose(const StoreOptions& options);

}  // namespace dubfarm::cli
