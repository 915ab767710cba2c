#include "scheduler/delivery/manifest.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "common/mix/resolve.hpp"

namespace dubfarm::scheduler {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kHexDigits = 64;

bool is_sha256(std::string_view text) {
  return text.size() == kHexDigits && std::all_of(text.begin(), text.end(), [](char c) { return ('0' <= c && c <= '9') || ('a' <= c && c <= 'f'); });
}

Result<void> check_path(std::string_view path, const std::string& name) {
  if (const auto problem = mix::path_problem(path)) return fail(Errc::invalid_input, "{}: names the file \"{}\": {}", name, path, *problem);
  return {};
}

Result<ordered_json> parse(std::string_view text, const std::string& name) {
  ordered_json json = ordered_json::parse(text, nullptr, false);
  if (json.is_discarded()) return fail(Errc::invalid_input, "{}: not JSON; render again, or fetch the file again", name);
  return json;
}

Error not_a(std::string_view what, const std::string& name, std::string_view key) {
  return fail(Errc::invalid_input, "{}: not {}: \"{}\" is missing or of another kind; render again, or fetch the file again", name, what, key);
}

const ordered_json* member(const ordered_json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::string> text_of(const ordered_json& object, const char* key) {
  const ordered_json* value = member(object, key);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

std::optional<std::int64_t> count_of(const ordered_json& object, const char* key) {
  const ordered_json* value = member(object, key);
  if (value == nullptr || !value->is_number_integer() || (value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX)) return std::nullopt;
  const auto count = value->get<std::int64_t>();
  return count < 0 ? std::nullopt : std::optional(count);
}

Result<ManifestFile> manifest_file(const ordered_json& entry, const std::string& name) {
  ManifestFile file;
  const auto text = [&](const char* key, std::string& into) -> Result<void> {
    auto value = text_of(entry, key);
    if (!value) return not_a("a manifest", name, key);
    into = std::move(*value);
    return {};
  };
  TRY(text("path", file.path));
  TRY(check_path(file.path, name));
  TRY(text("sha256", file.sha256));
  if (!is_sha256(file.sha256)) return not_a("a manifest", name, "sha256");
  const auto bytes = count_of(entry, "bytes");
  if (!bytes) return not_a("a manifest", name, "bytes");
  file.bytes = static_cast<std::uint64_t>(*bytes);
  TRY(text("version", file.version));
  TRY(text("deliverable", file.deliverable));
  TRY(text("layout", file.layout));
  file.bus = text_of(entry, "bus");
  const ordered_json* channels = member(entry, "channels");
  if (channels == nullptr || !channels->is_array()) return not_a("a manifest", name, "channels");
  for (const ordered_json& channel : *channels) {
    if (!channel.is_string()) return not_a("a manifest", name, "channels");
    file.channels.push_back(channel.get<std::string>());
  }
  return file;
}

void sort_by_path(Manifest& manifest) {
  std::sort(manifest.files.begin(), manifest.files.end(), [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
}

}  // namespace

Manifest manifest_of(const Report& report) {
  Manifest manifest{report.title, report.sample_rate, report.length, {}};
  std::map<std::string, bool> is_named;
  for (const ReportOutput& output : report.outputs)
    for (const ReportFile& file : output.files) {
      if (std::exchange(is_named[file.path], true)) continue;
      manifest.files.push_back(
          {file.path, file.sha256, file.bytes, output.version, output.deliverable, output.bus, output.layout, file.channels});
    }
  sort_by_path(manifest);
  return manifest;
}

void carry_over(Manifest& manifest, const Manifest& earlier, std::span<const std::string> still_delivered) {
  std::map<std::string, bool> is_named;
  for (const ManifestFile& file : manifest.files) is_named[file.path] = true;
  for (const ManifestFile& file : earlier.files)
    if (std::binary_search(still_delivered.begin(), still_delivered.end(), file.path) && !std::exchange(is_named[file.path], true))
      manifest.files.push_back(file);
  sort_by_path(manifest);
}

std::string manifest_json(const Manifest& manifest) {
  ordered_json files = ordered_json::array();
  for (const ManifestFile& file : manifest.files) {
    ordered_json entry = {{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}, {"version", file.version}, {"deliverable", file.deliverable}};
    if (file.bus) entry["bus"] = *file.bus;
    entry["layout"] = file.layout;
    entry["channels"] = file.channels;
    files.push_back(std::move(entry));
  }
  const ordered_json document = {{"dubfarm_manifest", 1},
                                 {"dubfarm", DUBFARM_VERSION},
                                 {"title", manifest.title},
                                 {"sample_rate", manifest.sample_rate},
                                 {"length", manifest.length},
                                 {"files", std::move(files)}};
  return document.dump(2) + "\n";
}

Result<Manifest> parse_manifest(std::string_view text, const std::string& name) {
  TRY_ASSIGN(const ordered_json json, parse(text, name));
  if (count_of(json, "dubfarm_manifest") != 1) return not_a("a manifest of version 1", name, "dubfarm_manifest");
  Manifest manifest;
  manifest.title = text_of(json, "title").value_or("");
  manifest.sample_rate = static_cast<int>(std::min<std::int64_t>(count_of(json, "sample_rate").value_or(0), INT32_MAX));
  manifest.length = count_of(json, "length").value_or(0);
  const ordered_json* files = member(json, "files");
  if (files == nullptr || !files->is_array()) return not_a("a manifest", name, "files");
  for (const ordered_json& entry : *files) {
    TRY_ASSIGN(ManifestFile file, manifest_file(entry, name));
    manifest.files.push_back(std::move(file));
  }
  sort_by_path(manifest);
  return manifest;
}

std::string sha256sums_text(std::vector<FileSum> sums) {
  std::sort(sums.begin(), sums.end(), [](const FileSum& a, const FileSum& b) { return a.path < b.path; });
  std::string text;
  for (const FileSum& sum : sums) text += sum.sha256 + "  " + sum.path + "\n";
  return text;
}

Result<std::vector<FileSum>> parse_sha256sums(std::string_view text, const std::string& name) {
  std::vector<FileSum> sums;
  std::map<std::string, std::string> seen;
  int number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.empty()) continue;
    const bool is_line = line.size() > kHexDigits + 2 && line[kHexDigits] == ' ' && (line[kHexDigits + 1] == ' ' || line[kHexDigits + 1] == '*');
    if (!is_line || !is_sha256(line.substr(0, kHexDigits)))
      return fail(Errc::invalid_input, "{}:{}: not a line of 64 hexadecimal digits, two spaces and a path; render again, or fetch the file again", name,
                  number);
    FileSum sum{std::string(line.substr(kHexDigits + 2)), std::string(line.substr(0, kHexDigits))};
    TRY(check_path(sum.path, fmt::format("{}:{}", name, number)));
    const auto [before, is_new] = seen.emplace(sum.path, sum.sha256);
    if (!is_new && before->second != sum.sha256) return fail(Errc::invalid_input, "{}:{}: a second, other sum for \"{}\"", name, number, sum.path);
    if (is_new) sums.push_back(std::move(sum));
  }
  return sums;
}

Result<std::vector<FileSum>> parse_report_sums(std::string_view text, const std::string& name) {
  TRY_ASSIGN(const ordered_json json, parse(text, name));
  const ordered_json* outputs = member(json, "outputs");
  if (outputs == nullptr || !outputs->is_array()) return not_a("a report", name, "outputs");
  std::vector<FileSum> sums;
  for (const ordered_json& output : *outputs) {
    const ordered_json* files = member(output, "files");
    if (files == nullptr || !files->is_array()) return not_a("a report", name, "files");
    for (const ordered_json& file : *files) {
      auto path = text_of(file, "path"), sha256 = text_of(file, "sha256");
      if (!path) return not_a("a report", name, "path");
      if (!sha256 || !is_sha256(*sha256)) return not_a("a report", name, "sha256");
      TRY(check_path(*path, name));
      sums.push_back({std::move(*path), std::move(*sha256)});
    }
  }
  return sums;
}

}  // namespace dubfarm::scheduler
