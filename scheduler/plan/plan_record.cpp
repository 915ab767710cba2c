#include "scheduler/plan/plan_record.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/hex.hpp"
#include "common/io.hpp"

namespace dubfarm::plan {
namespace {

using Json = nlohmann::json;

/// A mix is known by where its document lies.
std::string record_path(const Store& store, const std::string& mix) {
  std::error_code failed;
  const std::filesystem::path whole = std::filesystem::weakly_canonical(mix, failed);
  return store.folder() + "/plans/" + program::key_of_bytes(failed ? mix : whole.string()).hex().substr(0, 32);
}

std::optional<PlanRecord> parse(const Json& json) {
  if (!json.is_object() || json.value("dubfarm_plan_record", 0) != 1) return std::nullopt;
  PlanRecord record;
  record.mix = json.value("mix", "");
  record.text = json.value("document", "");
  record.numeric_profile = json.value("numeric_profile", "");
  for (const Json& entry : json.value("media", Json::array())) {
    MediaFile file;
    if (!from_hex(entry.at("digest").get<std::string>(), file.digest.bytes)) return std::nullopt;
    file.frames = entry.at("frames");
    file.info.path = entry.at("path");
    file.info.sample_rate = entry.at("sample_rate");
    file.info.channels = entry.at("channels");
    record.media.emplace(file.info.path, std::move(file));
  }
  for (const Json& entry : json.value("keys", Json::array())) {
    program::Key key;
    if (!from_hex(entry.get<std::string>(), key.bytes)) return std::nullopt;
    record.keys.push_back(key);
  }
  return record;
}

}  // namespace

Result<void> remember(const Store& store, const std::string& path, const PlanRecord& record) {
  Json media = Json::array(), keys = Json::array();
  for (const auto& [name, file] : record.media)
    media.push_back({{"path", name}, {"digest", file.digest.hex()}, {"frames", file.frames}, {"sample_rate", file.info.sample_rate}, {"channels", file.info.channels}});
  for (const program::Key& key : record.keys) keys.push_back(key.hex());
  const Json json = {{"dubfarm_plan_record", 1}, {"mix", record.mix}, {"numeric_profile", record.numeric_profile},
                     {"document", record.text}, {"media", std::move(media)}, {"keys", std::move(keys)}};
  TRY(make_folders(store.folder() + "/plans"));
  return write_file_atomically(record_path(store, path), json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::optional<PlanRecord> recall(const Store& store, const std::string& path) {
  std::ifstream in(record_path(store, path), std::ios::binary);
  if (!in) return std::nullopt;
  try {
    return parse(Json::parse(in));
  } catch (const Json::exception&) {  // cut short, or not ours: as if there were none
    return std::nullopt;
  }
}

}  // namespace dubfarm::plan
