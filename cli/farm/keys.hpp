// `dubfarm keys init|worker|revoke|list`: who the scheduler is, and which workers it lets in (common/wire/keys.hpp).
#pragma once
#include <string>

namespace dubfarm::cli {

struct KeysOptions {
  std::string folder;  // empty: default_keys_folder()
  std::string name;    // of the worker
  std::string out;     // where a worker's key file goes; empty: into the folder
  bool json = false;
};

/// @return the exit status (cli/exit_code.hpp).
[[nodiscard]] int run_keys_init(const KeysOptions& options);
[[nodiscard]] int run_keys_worker(const KeysOptions& options);
[[nodiscard]] int run_keys_revoke(const KeysOptions& options);
[[nodiscard]] int run_keys_list(const KeysOptions& options);

/// $XDG_CONFIG_HOME/dubfarm/keys, else ~/.config/dubfarm/keys, else .dubfarm-keys in the working folder.
[[nodiscard]] std::string default_keys_folder();

}  // namespace dubfarm::cli
