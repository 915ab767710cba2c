#include "cli/farm/job_package.hpp"

#include <nlohmann/json.hpp>

#include "common/hex.hpp"
#include "common/io.hpp"
#include "common/mix/parse.hpp"
#include "common/sha256.hpp"

namespace dubfarm::cli {
namespace {

using PackageJson = nlohmann::ordered_json;

std::string package_sha256(const std::string& text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text.data(), text.size())));
  return hash.hex();
}

std::string package_path(const Store& store, const std::string& sha256) { return store.folder() + "/packages/" + sha256; }

bool is_sha256(const std::string& text) { return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos; }

media::Digest digest_from(const std::string& hex) {
  media::Digest digest;
  if (hex.size() != 2 * digest.bytes.size() || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw std::invalid_argument("a digest is not 32 hexadecimal digits");
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) digest.bytes[i] = static_cast<std::uint8_t>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return digest;
}

}  // namespace

Result<std::string> write_job_package(const Store& store, const JobPackage& package) {
  PackageJson media = PackageJson::array();
  for (const JobPackage::File& file : package.media) {
    PackageJson entry = {{"path", file.info.path},         {"digest", file.digest.hex()},      {"size", file.size_bytes}, {"mtime_ns", file.mtime_ns},
                  {"frames", file.info.frames},     {"sample_rate", file.info.sample_rate}, {"channels", file.info.channels}};
    if (file.info.pcm) entry["pcm"] = {{"format", static_cast<int>(file.info.pcm->format)}, {"offset", file.info.pcm->data_offset}};
    media.push_back(std::move(entry));
  }
  const PackageJson json = {{"dubfarm_package", 1},
                     {"mix", package.mix},
                     {"out", package.out},
                     {"version", package.version},
                     {"deliverable", package.deliverable},
                     {"numeric_profile", package.numeric_profile},
                     {"plan_digest", package.plan_digest},
                     {"chunks_missing", package.chunks_missing},
                     {"media", std::move(media)},
                     {"document", package.text}};
  const std::string text = json.dump(-1, ' ', false, PackageJson::error_handler_t::replace) + "\n";
  const std::string sha256 = package_sha256(text);
  TRY(make_folders(store.folder() + "/packages"));
  TRY(write_file_atomically(package_path(store, sha256), text));
  return sha256;
}

Result<JobPackage> read_job_package(const Store& store, const std::string& sha256) {
  if (!is_sha256(sha256)) return fail(Errc::invalid_input, "package \"{}\" is no SHA-256", sha256.substr(0, 80));
  TRY_ASSIGN(const std::string text, mix::read_text_file(package_path(store, sha256)));
  if (package_sha256(text) != sha256) return fail(Errc::corrupt, "{}: the file does not have the SHA-256 that its name says", package_path(store, sha256));
  return parse_job_package(text);
}

Result<JobPackage> parse_job_package(const std::string& text) {
  JobPackage package;
  try {
    const PackageJson json = PackageJson::parse(text);
    if (json.at("dubfarm_package") != 1) return fail(Errc::invalid_input, "a package of another version; use builds of one release");
    package.mix = json.at("mix");
    package.text = json.at("document");
    package.out = json.at("out");
    package.version = json.at("version");
    package.deliverable = json.at("deliverable");
    package.numeric_profile = json.at("numeric_profile");
    package.plan_digest = json.at("plan_digest");
    package.chunks_missing = json.at("chunks_missing");
    for (const PackageJson& entry : json.at("media")) {
      JobPackage::File& file = package.media.emplace_back();
      file.info.path = entry.at("path");
      file.digest = digest_from(entry.at("digest"));
      file.size_bytes = entry.at("size");
      file.mtime_ns = entry.at("mtime_ns");
      file.info.frames = entry.at("frames");
      file.info.sample_rate = entry.at("sample_rate");
      file.info.channels = entry.at("channels");
      if (file.info.frames < 1 || file.info.sample_rate < 1 || file.info.channels < 1 || file.info.channels > 1024)
        throw std::invalid_argument("a source without samples");
      if (const auto pcm = entry.find("pcm"); pcm != entry.end()) {
        const auto format = pcm->at("format").get<std::size_t>();
        file.info.pcm = media::PcmLayout{format < std::size(media::kSampleFormats) ? media::kSampleFormats[format] : throw std::invalid_argument("an unknown sample format"),
                                         pcm->at("offset")};
      }
    }
  } catch (const std::exception& error) {  // nlohmann's, and ours above
    return fail(Errc::invalid_input, "a package that cannot be understood: {}", error.what());
  }
  return package;
}

}  // namespace dubfarm::cli
