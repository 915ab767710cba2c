// The keys of every object of the mix format. The parser reads no other, and docs/mix.schema.json names the same (a test compares them).
#pragma once
#include <span>
#include <string_view>

namespace dubfarm::mix {

/// One kind of object: its name in messages and in the schema's $defs, and its keys in the order the documentation gives them.
struct KeySet {
  std::string_view object;
  std::span<const std::string_view> keys;
  std::string_view format = "the mix format";  // what an unknown key is not a key of
};

inline constexpr std::string_view kDocumentKeys[] = {"dubfarm",   "title", "sample_rate", "frame_rate", "start",    "length",
                                                     "variables", "buses", "reverbs",     "tracks",     "versions", "deliverables"};
inline constexpr std::string_view kBusKeys[] = {"name", "layout", "eq", "gain_db", "bus", "role"};
inline constexpr std::string_view kReverbKeys[] = {"name", "ir", "bus", "layout", "input", "predelay", "gain_db", "eq"};
inline constexpr std::string_view kTrackKeys[] = {"name", "bus", "layout", "clips", "eq", "gain_db", "pan", "lfe_db", "mute", "sends"};
inline constexpr std::string_view kClipKeys[] = {"file", "channels", "at", "in", "length", "gain_db", "fade_in", "fade_out"};
inline constexpr std::string_view kFadeKeys[] = {"length", "curve"};
inline constexpr std::string_view kEqBandKeys[] = {"type", "freq", "q", "gain_db"};
inline constexpr std::string_view kPanKeys[] = {"azimuth", "elevation"};
inline constexpr std::string_view kSendKeys[] = {"to", "gain_db", "pre_fader"};
inline constexpr std::string_view kVersionKeys[] = {"name", "set", "mute", "adjust", "recut", "recut_fade", "length"};
inline constexpr std::string_view kRecutEventKeys[] = {"new", "old", "length"};
inline constexpr std::string_view kMuteKeys[] = {"tracks", "buses"};
inline constexpr std::string_view kAdjustKeys[] = {"tracks", "buses", "gain_db"};
inline constexpr std::string_view kDeliverableKeys[] = {"name",   "layout",   "file",    "include",   "mix",     "downmix",
                                                        "matrix", "versions", "per_bus", "split",     "order",   "format",
                                                        "bits",   "dither",   "loudness", "measure", "normalize", "limiter",
                                                        "follow", "kind", "qc", "leader", "tail"};
inline constexpr std::string_view kLeaderKeys[] = {"length", "pop"};
inline constexpr std::string_view kQcKeys[] = {"silence", "correlation", "mono_loss_db", "dropouts", "clicks", "strict"};
inline constexpr std::string_view kMeasureKeys[] = {"from", "to"};

inline constexpr std::string_view kLimiterKeys[] = {"ceiling_dbtp", "lookahead", "release", "max_reduction_db"};

inline constexpr KeySet kDocumentObject{"document", kDocumentKeys};
inline constexpr KeySet kBusObject{"bus", kBusKeys};
inline constexpr KeySet kReverbObject{"reverb", kReverbKeys};
inline constexpr KeySet kTrackObject{"track", kTrackKeys};
inline constexpr KeySet kClipObject{"clip", kClipKeys};
inline constexpr KeySet kFadeObject{"fade", kFadeKeys};
inline constexpr KeySet kEqBandObject{"eq band", kEqBandKeys};
inline constexpr KeySet kPanObject{"pan", kPanKeys};
inline constexpr KeySet kSendObject{"send", kSendKeys};
inline constexpr KeySet kVersionObject{"version", kVersionKeys};
inline constexpr KeySet kRecutEventObject{"recut event", kRecutEventKeys};
inline constexpr KeySet kMuteObject{"mute", kMuteKeys};
inline constexpr KeySet kAdjustObject{"adjust", kAdjustKeys};
inline constexpr KeySet kDeliverableObject{"deliverable", kDeliverableKeys};
inline constexpr KeySet kMeasureObject{"measure", kMeasureKeys};
inline constexpr KeySet kLimiterObject{"limiter", kLimiterKeys};
inline constexpr KeySet kLeaderObject{"leader", kLeaderKeys};
inline constexpr KeySet kQcObject{"quality control", kQcKeys};

inline constexpr KeySet kObjects[] = {kDocumentObject, kBusObject,    kReverbObject,      kTrackObject,  kClipObject,
                                      kFadeObject,     kEqBandObject, kPanObject,         kSendObject,   kVersionObject,
                                      kRecutEventObject, kMuteObject, kAdjustObject, kDeliverableObject, kMeasureObject, kLimiterObject,
                                      kQcObject,       kLeaderObject};

}  // namespace dubfarm::mix
