// Named folders, mapped on each machine: "{media}/film/reel1.wav" is the same file wherever the farm works. What lies in none of them is neither
// read nor written, and a symbolic link that leads out of them leads nowhere.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "common/result.hpp"

namespace dubfarm::cli {

class MediaRoots {
 public:
  /// From arguments "name=/folder". Errors (invalid_input): another form, a name twice, a folder that is not there.
  static Result<MediaRoots> parse(const std::vector<std::string>& arguments);
  /// "{media}/a/b" as a path of this machine. Errors (invalid_input): no such root; a path that leaves it.
  [[nodiscard]] Result<std::string> local(const std::string& named) const;
  /// A path of this machine as "{media}/a/b". Errors (invalid_input): it lies in no root.
  [[nodiscard]] Result<std::string> named(const std::string& path) const;
  /// Whether a path, with every symbolic link on it followed as far as it is there, lies in a root. Errors (invalid_input): it does not.
  [[nodiscard]] Result<void> check(const std::string& path) const;
  /// By name, absolute, without links.
  [[nodiscard]] const std::map<std::string, std::string>& folders() const { return folders_; }

 private:
  [[nodiscard]] std::string list() const;
  std::map<std::string, std::string> folders_;
};

}  // namespace dubfarm::cli
