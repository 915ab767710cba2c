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

/// A number that a document could hold, so that sums of a few do not overflow.
Frames frames_in(const Json& json, Frames least) {
  constexpr Frames kMost = Frames{1} << 48;
  const Frames value = json.is_number_integer() ? json.get<Frames>() : -1;
  return value >= least && value <= kMost ? value : -1;
}

std::optional<std::vector<mix::RecutEvent>> parse_events(const Json& json) {
  std::vector<mix::RecutEvent> events;
  Frames reached = 0;
  for (const Json& entry : json) {
    const mix::RecutEvent event{frames_in(entry.at(0), reached), frames_in(entry.at(1), 0), frames_in(entry.at(2), 1)};
    if (event.at < 0 || event.old_at < 0 || event.length < 0) return std::nullopt;
    reached = event.at + event.length;
    events.push_back(event);
  }
  return events;
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
    const Frames frames = frames_in(entry.at("frames"), 0), rate = frames_in(entry.at("sample_rate"), 1), channels = frames_in(entry.at("channels"), 1);
    if (frames < 0 || rate < 0 || rate > 10'000'000 || channels < 0 || channels > 65'535) return std::nullopt;
    file.frames = frames;
    file.info.path = entry.at("path");
    file.info.sample_rate = static_cast<int>(rate);
    file.info.channels = static_cast<int>(channels);
    record.media.emplace(file.info.path, std::move(file));
  }
  const Json recuts = json.value("recuts", Json::object());
  for (const auto& [version, list] : recuts.items()) {
    std::optional<std::vector<mix::RecutEvent>> events = parse_events(list);
    if (!events) return std::nullopt;
    record.recuts.emplace(version, std::move(*events));
  }
  for (const Json& entry : json.value("keys", Json::array())) {
    program::Key key;
    if (!from_hex(entry.get<std::string>(), key.bytes)) return std::nullopt;
    record.keys.push_back(key);
  }
  return record;
}

}  // namespace

std::string plan_record_json(const PlanRecord& record) {
  Json media = Json::array(), recuts = Json::object(), keys = Json::array();
  for (const auto& [name, file] : record.media)
    media.push_back({{"path", name}, {"digest", file.digest.hex()}, {"frames", file.frames}, {"sample_rate", file.info.sample_rate}, {"channels", file.info.channels}});
  for (const auto& [version, events] : record.recuts) {
    Json& list = recuts[version] = Json::array();
    for (const mix::RecutEvent& event : events) list.push_back(Json::array({event.at, event.old_at, event.length}));
  }
  for (const program::Key& key : record.keys) keys.push_back(key.hex());
  const Json json = {{"dubfarm_plan_record", 1}, {"mix", record.mix}, {"numeric_profile", record.numeric_profile},
                     {"document", record.text}, {"media", std::move(media)}, {"recuts", std::move(recuts)}, {"keys", std::move(keys)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<PlanRecord> parse_plan_record(std::string_view text) {
  try {
    return parse(Json::parse(text));
  } catch (const Json::exception&) {  // cut short, or not ours: as if there were none
    return std::nullopt;
  }
}

std::map<std::string, std::vector<mix::RecutEvent>> recuts_of(const mix::Document& document, const std::vector<std::size_t>& versions) {
  std::map<std::string, std::vector<mix::RecutEvent>> recuts;
  for (const std::size_t v : versions)
    if (const mix::Version& version = document.versions[v]; version.recut) recuts.emplace(version.name, version.recut->events);
  return recuts;
}

Result<void> remember(const Store& store, const std::string& path, const PlanRecord& record) {
  TRY(make_folders(store.folder() + "/plans"));
  return write_file_atomically(record_path(store, path), plan_record_json(record));
}

std::optional<PlanRecord> recall(const Store& store, const std::string& path) {
  std::ifstream in(record_path(store, path), std::ios::binary);
  if (!in) return std::nullopt;
  return parse_plan_record(std::string(std::istreambuf_iterator<char>(in), {}));
}

}  // namespace dubfarm::plan
