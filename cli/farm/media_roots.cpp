#include "cli/farm/media_roots.hpp"

#include <algorithm>
#include <filesystem>

namespace dubfarm::cli {
namespace {

namespace fs = std::filesystem;

bool is_below(const std::string& path, const std::string& folder) {
  return path == folder || folder == "/" || (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

bool is_root_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

std::string normal(const std::string& path) {
  std::string text = fs::path(path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

}  // namespace

Result<MediaRoots> MediaRoots::parse(const std::vector<std::string>& arguments) {
  MediaRoots roots;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(0, equals);
    if (equals == std::string::npos || !is_root_name(name) || argument.size() < equals + 2 || argument[equals + 1] != '/')
      return fail(Errc::invalid_input, "--root \"{}\": write name=/folder, the name of lower-case letters, digits and \"_\"", argument);
    std::error_code failed;
    const fs::path folder = fs::canonical(argument.substr(equals + 1), failed);
    if (failed || !fs::is_directory(folder, failed)) return fail(Errc::invalid_input, "--root {}: there is no folder \"{}\"", name, argument.substr(equals + 1));
    if (!roots.folders_.emplace(name, folder.string()).second) return fail(Errc::invalid_input, "--root {}: this root is given twice", name);
  }
  return roots;
}

std::string MediaRoots::list() const {
  if (folders_.empty()) return "there are no roots; --root media=/folder makes one";
  std::string text = "the roots are:";
  for (const auto& [name, folder] : folders_) text += " {" + name + "}";
  return text;
}

Result<std::string> MediaRoots::local(const std::string& named) const {
  const std::size_t close = named.find('}');
  if (!named.starts_with('{') || close == std::string::npos || (close + 1 < named.size() && named[close + 1] != '/'))
    return fail(Errc::invalid_input, "\"{}\" names no root: write {{root}}/path; {}", named, list());
  const auto folder = folders_.find(named.substr(1, close - 1));
  if (folder == folders_.end()) return fail(Errc::invalid_input, "\"{}\": no such root here; {}", named, list());
  const std::string path = normal(folder->second + named.substr(close + 1));
  if (!is_below(path, folder->second) || named.find('\0') != std::string::npos) return fail(Errc::invalid_input, "\"{}\" leaves its root", named);
  return path;
}

Result<std::string> MediaRoots::named(const std::string& path) const {
  std::string text = normal(path);
  const std::pair<const std::string, std::string>* best = nullptr;
  for (const auto& root : folders_)
    if (is_below(text, root.second) && (best == nullptr || root.second.size() > best->second.size())) best = &root;
  if (best == nullptr) return fail(Errc::invalid_input, "\"{}\" lies in no root; {}", path, list());
  return "{" + best->first + "}" + text.substr(best->second.size());
}

Result<void> MediaRoots::check(const std::string& path) const {
  std::error_code failed;
  const std::string real = normal(fs::weakly_canonical(path, failed).string());
  const auto holds = [&](const auto& root) { return is_below(real, root.second); };
  if (!failed && std::any_of(folders_.begin(), folders_.end(), holds)) return {};
  if (!failed && real == normal(path)) return fail(Errc::invalid_input, "\"{}\" lies in no root; {}", path, list());
  return fail(Errc::invalid_input, "\"{}\" leads out of the roots by a symbolic link; {}", path, list());
}

}  // namespace dubfarm::cli
