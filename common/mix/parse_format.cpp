// Inside parse_mix: the container that a deliverable's files are written in, and what it can hold.
#include <algorithm>

#include "common/mix/parse_parts.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::mix {
namespace {

constexpr std::pair<std::string_view, FileFormat> kFormats[] = {
    {"wav", FileFormat::wav}, {"rf64", FileFormat::rf64}, {"bw64", FileFormat::bw64}, {"flac", FileFormat::flac}, {"aiff", FileFormat::aiff}};

struct Extension {
  std::string_view text;
  FileFormat implied;  // where "format" is not given
};
constexpr Extension kExtensions[] = {{".wav", FileFormat::wav}, {".flac", FileFormat::flac}, {".aiff", FileFormat::aiff}, {".aif", FileFormat::aiff}};

/// The containers of the WAVE family share a name's end.
FileFormat family(FileFormat format) { return format == FileFormat::rf64 || format == FileFormat::bw64 ? FileFormat::wav : format; }

constexpr std::int64_t kAiffLargest = 0xFFFFFFFF - 65536;  // the chunks around the samples are far smaller than what is kept for them
constexpr int kUsualSilenceSeconds = 30;
constexpr int kFlacChannels = 6;                           // beyond, FLAC's own order of channels is not ours

}  // namespace

void MixParser::read_format(const Fields& fields, Deliverable& deliverable) {
  const auto file = fields.find("file"), format = fields.find("format");
  if (!file || file->node.type != JsonType::string) return;
  const auto ending = std::find_if(std::begin(kExtensions), std::end(kExtensions),
                                   [&](const Extension& e) { return std::string_view(file->node.string).ends_with(e.text); });
  if (ending == std::end(kExtensions))
    return reader.error(*file, fmt::format("{} ends in no file format that dubfarm writes", quote_json(file->node.string)),
                        "let its name end in .wav, .flac, .aif or .aiff", "expected a name that ends in .wav, .flac, .aif or .aiff");
  deliverable.format = ending->implied;
  if (format) {
    const auto chosen = reader.choice(*format, kFormats);
    if (!chosen) return;
    if (family(*chosen) != ending->implied)
      return reader.error(*format, fmt::format("\"format\" is {}, and \"file\" ends in {}", quote_json(format->node.string), ending->text),
                          *chosen == FileFormat::flac   ? "let the name end in .flac"
                          : *chosen == FileFormat::aiff ? "let the name end in .aif or .aiff"
                                                        : "let the name end in .wav",
                          "not the format of that name");
    deliverable.format = *chosen;
  }
  // What the container cannot hold, said of the value that asked for it.
  const Value at = fields.find("bits").value_or(format.value_or(*file));
  const bool is_long = deliverable.sample_type == SampleType::int32 || deliverable.sample_type == SampleType::float32;
  if (deliverable.format == FileFormat::flac && is_long)
    return reader.error(at, fmt::format("FLAC with \"bits\": {}", deliverable.sample_type == SampleType::int32 ? "32" : "\"float\""),
                        "FLAC holds 16 or 24 bits; write one of these, or another format", "expected 16 or 24");
  int widest = deliverable.split == Split::mono ? 1 : deliverable.per_bus ? 0 : channel_count(deliverable.layout);
  if (deliverable.per_bus && deliverable.split == Split::none)
    for (std::size_t b = 0; b < document.buses.size(); ++b) {
      const std::string& name = document.buses[b].name;
      const bool is_heard = std::find(stems.begin(), stems.end(), name) != stems.end() && any_glob_matches(deliverable.include, name);
      if (is_heard && bus_layout_known[b]) widest = std::max(widest, channel_count(document.buses[b].layout));
    }
  if (deliverable.format == FileFormat::flac && widest > kFlacChannels)
    return reader.error(format.value_or(*file), fmt::format("FLAC with {} channels in a file", widest),
                        "FLAC has an order of its own beyond 5.1, in which players would swap the surrounds; write \"split\": \"mono\", or .wav",
                        fmt::format("expected {} channels or fewer", kFlacChannels));
  const auto order = fields.find("order");
  if (deliverable.format == FileFormat::flac && deliverable.order == ChannelOrder::film && widest > 2)
    return reader.error(*order, "FLAC in film order", "a FLAC file of six channels is L R C LFE Ls Rs by definition; write \"smpte\", or .wav",
                        "expected \"smpte\"");
  const int sample_bytes = deliverable.sample_type == SampleType::int16 ? 2 : deliverable.sample_type == SampleType::int24 ? 3 : 4;
  const std::int64_t bytes = document.length * widest * sample_bytes;
  if (deliverable.format == FileFormat::aiff && bytes > kAiffLargest)
    reader.error(format.value_or(*file), fmt::format("AIFF for {:.1f} GiB of samples in a file", static_cast<double>(bytes) / (1 << 30)),
                 "AIFF ends at 4 GiB; write \"split\": \"mono\", fewer \"bits\", or .wav", "more than AIFF can hold");
}

void MixParser::read_leaders(const Fields& fields, Deliverable& deliverable) {
  const auto video = [&](std::int64_t frames) { return audio_frames(frames, document.sample_rate, document.frame_rate); };
  const auto read = [&](std::string_view key, std::optional<Leader>& into) {
    const auto value = fields.find(key);
    if (!value || value->node.type == JsonType::null) return;
    const Fields parts(reader, *value, kLeaderObject);
    const auto length = parts.required("length", "write how long it is: \"length\": \"8s\"");
    Leader leader;
    const auto given = length ? reader.length(*length, 1) : std::nullopt;
    if (!given) return;
    leader.length = *given;
    leader.pop = video(2 * document.frame_rate.nominal);
    const auto pop = parts.find("pop");
    if (pop && pop->node.type == JsonType::null) leader.pop.reset();
    else if (pop) leader.pop = reader.length(*pop, 1);
    // The pop is one video frame; it ends before the timeline begins, or before the tail ends.
    if (leader.pop && (key == "leader" ? *leader.pop > leader.length || *leader.pop < video(1) : *leader.pop + video(1) > leader.length))
      return reader.error(pop.value_or(*value), fmt::format("the pop of a \"{}\" of {} samples is {} samples {} the timeline", key, leader.length, *leader.pop,
                                                            key == "leader" ? "before" : "after"),
                          fmt::format("let the \"{}\" be longer, or write \"pop\": null for none", key), "the pop does not fit");
    if (key == "leader" && leader.length > video(document.start_frames))
      return reader.error(*value, fmt::format("a \"leader\" of {} samples before \"start\", which is {} samples after midnight", leader.length,
                                              video(document.start_frames)),
                          "an output cannot begin before 00:00:00:00; let \"start\" be later, or the leader shorter", "begins before midnight");
    into = leader;
  };
  read("leader", deliverable.leader);
  read("tail", deliverable.tail);
}

void MixParser::read_qc(const Fields& fields, Deliverable& deliverable) {
  QcSettings& qc = deliverable.qc;
  qc.silence = static_cast<Frames>(kUsualSilenceSeconds) * document.sample_rate;
  const auto value = fields.find("qc");
  if (!value) return;
  if (value->node.type == JsonType::null) {
    qc.is_on = false;
    return;
  }
  const Fields settings(reader, *value, kQcObject);
  if (const auto silence = settings.find("silence")) qc.silence = reader.length(*silence, 1).value_or(qc.silence);
  if (const auto least = settings.find("correlation")) qc.correlation = reader.number(*least, {-1, 1, ""}).value_or(qc.correlation);
  if (const auto most = settings.find("mono_loss_db")) qc.mono_loss_db = reader.number(*most, {0, 100, " dB"}).value_or(qc.mono_loss_db);
  const auto flag = [&](std::string_view key, bool& into) {
    if (const auto entry = settings.find(key)) into = reader.boolean(*entry).value_or(into);
  };
  flag("dropouts", qc.dropouts);
  flag("clicks", qc.clicks);
  flag("strict", qc.strict);
}

}  // namespace dubfarm::mix
