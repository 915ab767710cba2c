// Shell completion scripts, made from the command line's own description.
#pragma once
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace dubfarm::cli {

/// A script that completes verbs and options of `app` in bash, zsh or fish; nothing for another shell.
[[nodiscard]] std::optional<std::string> completion_script(const CLI::App& app, const std::string& shell);

}  // namespace dubfarm::cli
