// Every mistake in a mix document, and the words it is reported in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/mix/mix_text.hpp"

namespace dubfarm::mix {
namespace {

std::string track(const std::string& members) { return mistakes(MixText{.tracks = R"({"name": "T", "bus": "FX", )" + members + "}"}); }
std::string clip(const std::string& members) { return track(R"("clips": [{"file": "a.wav", )" + members + "}]"); }
std::string band(const std::string& members) { return track("\"eq\": [{" + members + "}]"); }
std::string versions(const std::string& list) {
  return mistakes(MixText{.tracks = R"({"name": "T1", "bus": "FX"})", .versions = "\"versions\": [" + list + "],"});
}
std::string deliverable(const std::string& members) {
  return mistakes(MixText{.deliverables = R"({"name": "m", "layout": "5.1", "file": "m.wav")" + members + "}"});
}
std::string file(const std::string& pattern, const std::string& more = "") {
  return mistakes(MixText{.variables = R"("variables": {"lang": "en", "up": "..", "sub": "a/b"},)",
                          .deliverables = R"({"name": "m", "layout": "5.1", "file": ")" + pattern + "\"" + more + "}"});
}
std::string clock(const std::string& members) { return mistakes(MixText{.clock = members}); }

TEST(Mistakes, NotJson) {
  EXPECT_EQ(mistakes("not json"), ": not JSON: invalid literal");
  EXPECT_EQ(mistakes("[]"), ": \"document\" is a list, not an object");
  EXPECT_EQ(mistakes("{}"),
            ": a document without \"dubfarm\"\n: a document without \"sample_rate\"\n: a document without \"frame_rate\"\n"
            ": a document without \"length\"\n: a document without \"deliverables\"");
}

TEST(Mistakes, AnotherFormat) {
  EXPECT_EQ(mistakes("{\"dubfarm\": 2," + MixText{}.text().substr(14)), "/dubfarm: \"dubfarm\" is 2, and this dubfarm reads mix format 1");
}

TEST(Mistakes, UnknownKeysNameTheNearestKnownOneAndKeysOfTheUsersOwnAreIgnored) {
  const ParseOutcome outcome = parse_mix(MixText{.tracks = R"({"name": "T", "bus": "FX", "gian_db": 3, "x-note": "mine"})"}.text(), "m");
  ASSERT_EQ(outcome.errors.size(), 1U);
  EXPECT_EQ(outcome.errors[0].message, "unknown key \"gian_db\" in a track");
  EXPECT_EQ(outcome.errors[0].help, "did you mean \"gain_db\"?");
  EXPECT_EQ(outcome.errors[0].place.pointer, "/tracks/0/gian_db");
  EXPECT_EQ(outcome.errors[0].place.column, 39);
  EXPECT_EQ(band(R"("type": "peak", "freq": 100, "Q/x": 1)"), "/tracks/0/eq/0/Q~1x: unknown key \"Q/x\" in an eq band");
}

TEST(Mistakes, WrongTypes) {
  EXPECT_EQ(track(R"("mute": "yes")"), "/tracks/0/mute: \"mute\" is \"yes\", not true or false");
  EXPECT_EQ(track(R"("gain_db": "loud")"), "/tracks/0/gain_db: \"gain_db\" is \"loud\", not a number or automation");
  EXPECT_EQ(track(R"("clips": {})"), "/tracks/0/clips: \"clips\" is an object, not a list of clips");
  EXPECT_EQ(track(R"("layout": 5.1)"), "/tracks/0/layout: \"layout\" is 5.1, not a string");
  EXPECT_EQ(track(R"("layout": "5.2")"), "/tracks/0/layout: unknown layout \"5.2\"");
  EXPECT_EQ(mistakes(MixText{.tracks = "7"}), "/tracks/0: \"tracks\" is 7, not a track");
  EXPECT_EQ(clip(R"("at": 0, "gain_db": [[0, 1]])"), "/tracks/0/clips/0/gain_db: a clip's \"gain_db\" is one number, not automation");
}

TEST(Mistakes, TheClock) {
  EXPECT_EQ(clock(R"("sample_rate": 22050, "frame_rate": "24", "length": 1,)"), "/sample_rate: unknown sample rate 22050");
  EXPECT_EQ(clock(R"("sample_rate": 48000, "frame_rate": 24, "length": 1,)"), "/frame_rate: unknown frame rate 24");
  EXPECT_EQ(clock(R"("sample_rate": 48000, "frame_rate": "25", "start": "01:00:00:25", "length": 1,)"),
            "/start: \"01:00:00:25\" has frame 25; at 25 frames a second they run from 0 to 24");
  EXPECT_EQ(clock(R"("sample_rate": 48000, "frame_rate": "25", "length": 0,)"), "/length: \"length\" is 0 samples, and must be at least 1");
  EXPECT_EQ(clock(R"("sample_rate": 48000, "frame_rate": "25", "length": 9223372036854775807,)"),
            "/length: \"length\" is 9223372036854775807 samples, more than 100 hours");
  EXPECT_EQ(clock(R"("sample_rate": 48000, "frame_rate": "fast", "start": "xx", "length": "00:00:01:00",)"),
            "/frame_rate: unknown frame rate \"fast\"")
      << "what depends on a wrong rate is not judged";
}

TEST(Mistakes, Times) {
  for (const char* time : {"0.5", "true", "\"1 s\"", "\"1.s\"", "\".5s\"", "\"1e3s\"", "\"5\"", "\"ms\"", "\"1.2.3s\"", "\"--1s\"",
                           "\"1234567890123456s\"", "null"})
    EXPECT_EQ(clip(std::string("\"at\": ") + time), std::string("/tracks/0/clips/0/at: \"at\" is ") + time + ", not a time");
  EXPECT_EQ(clip(R"("at": "01:00:00;00")"),
            "/tracks/0/clips/0/at: \"01:00:00;00\" is drop-frame timecode, and 24 frames a second has none; write \":\" before the frames");
  EXPECT_EQ(clip(R"("at": "999999999999999s")"), "/tracks/0/clips/0/at: \"at\" is 4611686018427387904 samples, more than 100 hours");
  EXPECT_EQ(clip(R"("at": 0, "in": -1)"), "/tracks/0/clips/0/in: \"in\" is -1 samples, and must be at least 0");
  EXPECT_EQ(clip(R"("at": 0, "length": 0)"), "/tracks/0/clips/0/length: \"length\" is 0 samples, and must be at least 1");
}

TEST(Mistakes, FadesLongerThanTheirClip) {
  EXPECT_EQ(clip(R"("at": 0, "length": 1000, "fade_in": {"length": 600}, "fade_out": {"length": "10ms"})"),
            "/tracks/0/clips/0/fade_out: the fades are 1080 samples together, longer than their clip of 1000");
  EXPECT_EQ(clip(R"("at": 0, "length": 1000, "fade_in": {"length": 1001})"),
            "/tracks/0/clips/0/fade_in: the fades are 1001 samples together, longer than their clip of 1000");
  EXPECT_EQ(clip(R"("at": 0, "length": 1080, "fade_in": {"length": 600}, "fade_out": {"length": "10ms"})"), "valid");
  EXPECT_EQ(clip(R"("at": 0, "fade_in": {"curve": "square"})"),
            "/tracks/0/clips/0/fade_in: a fade without \"length\"\n/tracks/0/clips/0/fade_in/curve: unknown curve \"square\"");
}

TEST(Mistakes, AutomationOutOfOrder) {
  EXPECT_EQ(track(R"("gain_db": [["01:00:10:00", 0], ["01:00:05:00", -3]])"),
            "/tracks/0/gain_db/1/0: automation of \"gain_db\" is out of order: sample 240000 stands after sample 480000");
  EXPECT_EQ(track(R"("gain_db": [[0, 0], [0, -3]])"),
            "/tracks/0/gain_db/1/0: automation of \"gain_db\" is out of order: sample 0 stands after sample 0");
  EXPECT_EQ(track(R"("gain_db": [])"), "/tracks/0/gain_db: \"gain_db\" is automation without a point");
  EXPECT_EQ(track(R"("gain_db": [[0, 1, 2]])"), "/tracks/0/gain_db/0: an automation point of \"gain_db\" is not a position and a value");
}

TEST(Mistakes, LevelsAndFiltersOutOfRange) {
  EXPECT_EQ(track(R"("gain_db": 61)"), "/tracks/0/gain_db: \"gain_db\" is 61 dB, and may be -1000 to 60 dB");
  EXPECT_EQ(band(R"("type": "peak", "freq": 24000)"), "/tracks/0/eq/0/freq: \"freq\" is 24000 Hz, and may be above 0 and below 24000 Hz");
  EXPECT_EQ(band(R"("type": "peak", "freq": [[0, 100], [5, 30000]])"),
            "/tracks/0/eq/0/freq/1/1: \"freq\" is 30000 Hz, and may be above 0 and below 24000 Hz");
  EXPECT_EQ(band(R"("type": "peak", "freq": 0)"), "/tracks/0/eq/0/freq: \"freq\" is 0 Hz, and may be above 0 and below 24000 Hz");
  EXPECT_EQ(band(R"("type": "peak", "freq": 23999.9)"), "valid");
  EXPECT_EQ(band(R"("type": "peak", "freq": 100, "q": 0)"), "/tracks/0/eq/0/q: \"q\" is 0, and may be 0.01 to 100");
  EXPECT_EQ(band(R"("type": "peek", "freq": 100, "gain_db": -61)"),
            "/tracks/0/eq/0/type: unknown type \"peek\"\n/tracks/0/eq/0/gain_db: \"gain_db\" is -61 dB, and may be -60 to 60 dB");
  EXPECT_EQ(band(""), "/tracks/0/eq/0: an eq band without \"type\"\n/tracks/0/eq/0: an eq band without \"freq\"");
}

TEST(Mistakes, ChannelsAgainstTheLayout) {
  EXPECT_EQ(clip(R"("at": 0, "channels": [1, 2])"), "/tracks/0/clips/0/channels: 2 source channels for a mono track, which has 1");
  EXPECT_EQ(clip(R"("at": 0, "channels": [0])"), "/tracks/0/clips/0/channels/0: \"channels\" is 0, and may be 1 to 1024");
  EXPECT_EQ(track(R"("layout": "stereo", "pan": 0)"), "/tracks/0/pan: a stereo track takes no pan");
  EXPECT_EQ(track(R"("pan": {"elevation": 10})"), "/tracks/0/pan/elevation: not yet: an \"elevation\" other than 0");
  EXPECT_EQ(mistakes(MixText{.tracks = R"({"name": "T", "bus": "FOL", "lfe_db": -6})"}),
            "/tracks/0/lfe_db: \"lfe_db\" on a track of bus \"FOL\", whose layout stereo has no LFE");
  EXPECT_EQ(mistakes(MixText{.tracks = R"({"name": "T", "bus": "FOL", "lfe_db": null})"}), "valid");
}

TEST(Mistakes, ReferencesToNowhere) {
  EXPECT_EQ(track(R"("sends": [{"to": "Hell"}])"), "/tracks/0/sends/0/to: unknown reverb \"Hell\"");
  EXPECT_EQ(track(R"("sends": [{"gain_db": 0}])"), "/tracks/0/sends/0: a send without \"to\"");
  EXPECT_EQ(mistakes(MixText{.tracks = R"({"name": "T", "bus": "FXX"})"}), "/tracks/0/bus: unknown bus \"FXX\"");
  EXPECT_EQ(mistakes(MixText{.reverbs = R"({"name": "R", "ir": "r.wav", "bus": "Hall", "layout": "5.1"})"}),
            "/reverbs/0/bus: unknown bus \"Hall\"");
  EXPECT_EQ(mistakes(MixText{.buses = R"({"name": "FX", "layout": "5.1", "bus": "MAIN"})"}), "/buses/0/bus: unknown bus \"MAIN\"");
  const ParseOutcome to_a_bus = parse_mix(MixText{.tracks = R"({"name": "T", "bus": "FX", "sends": [{"to": "FX"}]})"}.text(), "m");
  ASSERT_EQ(to_a_bus.errors.size(), 1U);
  EXPECT_EQ(to_a_bus.errors[0].help, "\"FX\" is a bus; a send goes to a reverb");
}

TEST(Mistakes, BusCyclesNameTheirWayOnce) {
  EXPECT_EQ(
      mistakes(MixText{
          .buses =
              R"({"name": "FX", "layout": "5.1", "bus": "FOL"}, {"name": "MX", "layout": "5.1"}, {"name": "FOL", "layout": "5.1", "bus": "FX"}, {"name": "IN", "layout": "5.1", "bus": "FOL"})"}),
      "/buses/0/bus: buses feed each other in a circle: FX > FOL > FX");
  EXPECT_EQ(mistakes(MixText{.buses = R"({"name": "FX", "layout": "5.1", "bus": "FX"})"}),
            "/buses/0/bus: buses feed each other in a circle: FX > FX");
}

TEST(Mistakes, NamesThatAreTakenEmptyOrMissing) {
  EXPECT_EQ(mistakes(MixText{.tracks = R"({"name": "T", "bus": "FX"}, {"name": "T", "bus": "FX"})"}),
            "/tracks/1/name: two tracks are named \"T\"");
  EXPECT_EQ(mistakes(MixText{.tracks = R"({"name": "", "bus": "FX"}, {"bus": "FX"})"}),
            "/tracks/0/name: \"name\" is empty\n/tracks/1: a track without \"name\"");
  EXPECT_EQ(mistakes(MixText{.tracks = R"({"name": "a\nb", "bus": "FX"})"}), "/tracks/0/name: a name holds a control character");
}

TEST(Mistakes, Reverbs) {
  EXPECT_EQ(mistakes(MixText{.reverbs = R"({"name": "R", "ir": "r.wav", "bus": "FX", "layout": "5.1", "input": "stereo"})"}),
            "/reverbs/0/layout: a reverb with stereo input gives stereo, not 5.1");
  EXPECT_EQ(mistakes(MixText{.reverbs = R"({"name": "R", "bus": "FX", "layout": "5.1", "predelay": "-1ms"})"}),
            "/reverbs/0: a reverb without \"ir\"\n/reverbs/0/predelay: \"predelay\" is -48 samples, and must be at least 0");
}

TEST(Mistakes, Variables) {
  const auto with = [](const std::string& variables, const std::string& list, const std::string& media) {
    return mistakes(MixText{.variables = variables,
                            .tracks = R"({"name": "T", "bus": "FX", "clips": [{"file": ")" + media + R"(", "at": 0}]})",
                            .versions = list});
  };
  const std::string en_fr = R"("versions": [{"name": "en"}, {"name": "fr", "set": {"lang": "fr"}}],)";
  EXPECT_EQ(with(R"("variables": {"lang": "en"},)", en_fr, "{lnag}.wav"), "/tracks/0/clips/0/file: unknown variable {lnag}");
  EXPECT_EQ(with("", en_fr, "{lang}.wav"), "/tracks/0/clips/0/file: variable {lang} has no value in version \"en\"");
  EXPECT_EQ(with("", R"("versions": [{"name": "fr", "set": {"lang": "fr"}}],)", "{lang}.wav"), "valid");
  EXPECT_EQ(with(R"("variables": {"lang": "en"},)", R"("versions": [{"name": "fr", "set": {"lnag": "fr"}}],)", "{lang}.wav"),
            "/versions/0/set/lnag: unknown variable \"lnag\"");
  EXPECT_EQ(with("", "", "{lang.wav"), "/tracks/0/clips/0/file: \"{lang.wav\" has a \"{\" without its partner");
  EXPECT_EQ(with(R"("variables": {"bus": "x", "a b": "y", "z": [1]},)", "", "a.wav"),
            "/variables/bus: \"bus\" is a name that dubfarm gives a value itself\n/variables/a b: \"a b\" is not a name for a "
            "variable\n/variables/z: \"z\" is a list, not a string");
}

TEST(Mistakes, Versions) {
  EXPECT_EQ(versions(R"({"name": "v", "length": 5})"), "/versions/0/length: \"length\" in a version that has no \"recut\"");
  EXPECT_EQ(versions(R"({"name": "v", "mute": {"tracks": ["T2*"], "buses": ["FOL"]}})"),
            "/versions/0/mute/tracks/0: no track matches \"T2*\"");
  EXPECT_EQ(versions(R"({"name": "v", "adjust": [{"buses": ["M?", "Q*"], "gain_db": -6}]})"),
            "/versions/0/adjust/0/buses/1: no bus matches \"Q*\"");
  EXPECT_EQ(versions(R"({"name": "v", "adjust": [{}]})"),
            "/versions/0/adjust/0: an adjust without \"tracks\" or \"buses\"\n/versions/0/adjust/0: an adjust without \"gain_db\"");
}

TEST(Mistakes, Deliverables) {
  EXPECT_EQ(mistakes(MixText{.deliverables = ""}), "/deliverables: no deliverables: there is nothing to render");
  EXPECT_EQ(deliverable(R"(, "include": ["FOL"])"), "/deliverables/0/include/0: no stem matches \"FOL\"");
  EXPECT_EQ(deliverable(R"(, "versions": ["fr"])"), "/deliverables/0/versions/0: no version matches \"fr\"");
  EXPECT_EQ(deliverable(R"(, "mix": {"DXX": 0, "MX": "x"})"),
            "/deliverables/0/mix/DXX: unknown stem \"DXX\"\n/deliverables/0/mix/MX: \"MX\" is \"x\", not a number");
  EXPECT_EQ(deliverable(R"(, "bits": 20)"), "/deliverables/0/bits: \"bits\" is 20, not a sample type");
  EXPECT_EQ(deliverable(R"(, "bits": "float", "dither": "tpdf")"),
            "/deliverables/0/dither: \"dither\" is \"tpdf\", and float samples are not quantised");
  EXPECT_EQ(deliverable(R"(, "measure": {"from": 10, "to": 10})"),
            "/deliverables/0/measure: \"measure\" ends at sample 10, not after its start at 10");
  EXPECT_EQ(deliverable(R"(, "measure": {"from": -1, "to": "2h"})"),
            "/deliverables/0/measure/from: \"from\" is at sample -1, outside the timeline of 2880000\n/deliverables/0/measure/to: \"to\" "
            "is \"2h\", not a time");
  EXPECT_EQ(mistakes(MixText{.deliverables = R"({"name": "m", "file": "m.wav"})"}), "/deliverables/0: a deliverable without \"layout\"");
  EXPECT_EQ(mistakes(MixText{.deliverables = R"({"name": "m", "layout": "7.1.4", "order": "film", "file": "m.wav"})"}),
            "/deliverables/0/order: 7.1.4 has no film order");
}

TEST(Mistakes, Matrices) {
  EXPECT_EQ(deliverable(R"(, "matrix": [[1, 0], [0, 1]])"),
            "/deliverables/0/matrix: a matrix of 2 rows for a 5.1 deliverable, which has 6 channels\n"
            "/deliverables/0/matrix: a matrix of 2 columns for stem \"DX\", whose layout 5.1 has 6 channels");
  EXPECT_EQ(deliverable(R"(, "matrix": [[1, 0], [0]])"), "/deliverables/0/matrix/1: a row of 1 numbers in a matrix whose first row has 2");
  EXPECT_EQ(deliverable(R"(, "downmix": "lo_ro", "matrix": 1)"),
            "/deliverables/0/downmix: both \"downmix\" and \"matrix\"\n/deliverables/0/matrix: \"matrix\" is 1, not a list of rows");
}

TEST(Mistakes, PerBus) {
  const auto per_bus = [](const std::string& members) {
    return mistakes(MixText{.deliverables = R"({"name": "m", "per_bus": true, )" + members + "}"});
  };
  EXPECT_EQ(per_bus(R"("file": "a.wav")"), "/deliverables/0/file: \"file\" has no {bus}, and this deliverable writes a file for each stem");
  EXPECT_EQ(per_bus(R"("file": "a.wav", "include": ["DX"])"), "valid");
  EXPECT_EQ(per_bus(R"("file": "{bus}.wav", "mix": {})"), "/deliverables/0/mix: \"mix\" with \"per_bus\"");
  EXPECT_EQ(per_bus(R"("file": "{bus}.wav", "layout": "stereo")"),
            "/deliverables/0/layout: \"layout\" is stereo with \"per_bus\", and stem \"DX\" is 5.1");
  EXPECT_EQ(per_bus(R"("file": "{bus}.wav", "layout": "5.1")"), "valid");
}

TEST(Mistakes, WhatIsToComeSaysNotYet) {
  EXPECT_EQ(deliverable(R"(, "downmix": "lt_rt")"), "/deliverables/0/downmix: not yet: \"downmix\": \"lt_rt\"");
}

TEST(Mistakes, Leaders) {
  EXPECT_EQ(deliverable(R"(, "leader": {"length": "8s"}, "tail": {"length": "4s", "pop": "1s"})"), "valid");
  EXPECT_EQ(deliverable(R"(, "leader": {"length": "8s", "pop": null}, "tail": null)"), "valid");
  EXPECT_EQ(deliverable(R"(, "leader": {})"), "/deliverables/0/leader: a leader without \"length\"");
  EXPECT_EQ(deliverable(R"(, "leader": {"length": "1s"})"), "/deliverables/0/leader: the pop of a \"leader\" of 48000 samples is 96000 samples before the timeline");
  EXPECT_EQ(deliverable(R"(, "tail": {"length": "2s", "pop": "2s"})"),
            "/deliverables/0/tail/pop: the pop of a \"tail\" of 96000 samples is 96000 samples after the timeline");
  EXPECT_EQ(deliverable(R"(, "leader": {"length": "7200s"})"),
            "/deliverables/0/leader: a \"leader\" of 345600000 samples before \"start\", which is 172800000 samples after midnight");
}

TEST(Mistakes, QualityControl) {
  EXPECT_EQ(deliverable(R"(, "qc": null)"), "valid");
  EXPECT_EQ(deliverable(R"(, "qc": {"silence": "10s", "correlation": -0.5, "mono_loss_db": 9, "dropouts": false, "clicks": true, "strict": true})"), "valid");
  EXPECT_EQ(deliverable(R"(, "qc": {"correlation": 2})"), "/deliverables/0/qc/correlation: \"correlation\" is 2, and may be -1 to 1");
  EXPECT_EQ(deliverable(R"(, "qc": {"silense": "10s"})"), "/deliverables/0/qc/silense: unknown key \"silense\" in a quality control");
  EXPECT_EQ(deliverable(R"(, "qc": true)"), "/deliverables/0/qc: \"qc\" is true, not a quality control");
}

TEST(Mistakes, FileFormats) {
  const auto of = [](const std::string& members) { return mistakes(MixText{.deliverables = R"({"name": "m", )" + members + "}"}); };
  EXPECT_EQ(file("m.mp3"), "/deliverables/0/file: \"m.mp3\" ends in no file format that dubfarm writes");
  EXPECT_EQ(file("m.flac"), "valid");
  EXPECT_EQ(file("m.aif"), "valid");
  EXPECT_EQ(of(R"("layout": "5.1", "file": "m.wav", "format": "bw64")"), "valid");
  EXPECT_EQ(of(R"("layout": "5.1", "file": "m.wav", "format": "flac")"),
            "/deliverables/0/format: \"format\" is \"flac\", and \"file\" ends in .wav");
  EXPECT_EQ(of(R"("layout": "5.1", "file": "m.wav", "format": "caf")"),
            "/deliverables/0/format: unknown format \"caf\"");
  EXPECT_EQ(of(R"("layout": "5.1", "file": "m.flac", "bits": 32)"), "/deliverables/0/bits: FLAC with \"bits\": 32");
  EXPECT_EQ(of(R"("layout": "7.1", "file": "m.flac")"), "/deliverables/0/file: FLAC with 8 channels in a file");
  EXPECT_EQ(of(R"("layout": "7.1", "file": "m.{channel}.flac", "split": "mono")"), "valid");
  EXPECT_EQ(of(R"("layout": "5.1", "file": "m.flac", "order": "film")"), "/deliverables/0/order: FLAC in film order");
  std::string text = MixText{.deliverables = R"({"name": "m", "layout": "5.1", "file": "m.aiff"})"}.text();
  const std::size_t at = text.find("\"length\": \"");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, text.find(',', at) - at, R"("length": "02:00:00:00")");
  EXPECT_EQ(mistakes(text), "/deliverables/0/file: AIFF for 5.8 GiB of samples in a file");
}

TEST(Mistakes, FileNamesThatClimbOutOfTheOutputFolder) {
  const std::string climbs = "\"..\" climbs out of the output folder";
  EXPECT_EQ(file("../m.wav"), "/deliverables/0/file: version \"main\" would write \"../m.wav\": " + climbs);
  EXPECT_EQ(file("{up}/m.wav"), "/deliverables/0/file: version \"main\" would write \"../m.wav\": " + climbs);
  EXPECT_EQ(file("{sub}/m.wav"), "valid") << "a variable may name a folder";
  EXPECT_EQ(file("/m.wav"),
            "/deliverables/0/file: version \"main\" would write \"/m.wav\": it is absolute; it counts from the output folder");
  EXPECT_EQ(mistakes(MixText{.versions = R"("versions": [{"name": "a/b"}],)"}),
            "/deliverables/0/file: {version} is \"a/b\", which holds a /");
  EXPECT_EQ(mistakes(MixText{.versions = R"("versions": [{"name": ".."}],)",
                             .deliverables = R"({"name": "m", "layout": "5.1", "file": "{version}/m.wav"})"}),
            "/deliverables/0/file: version \"..\" would write \"../m.wav\": " + climbs);
  EXPECT_EQ(file("a:b.wav"), "/deliverables/0/file: version \"main\" would write \"a:b.wav\": it holds :, which not every file system can");
}

TEST(Mistakes, FileNamesWithVariablesThatHaveNoValue) {
  EXPECT_EQ(file("{bus}.wav"), "/deliverables/0/file: {bus} has no value in this deliverable");
  EXPECT_EQ(file("{channel}.wav"), "/deliverables/0/file: {channel} has no value in this deliverable");
  EXPECT_EQ(file("{lagn}.wav"), "/deliverables/0/file: unknown variable {lagn}");
  EXPECT_EQ(file("m}.wav"), "/deliverables/0/file: \"m}.wav\" has a \"}\" without its partner");
  EXPECT_EQ(file("m.wav", R"(, "split": "mono")"),
            "/deliverables/0/file: \"file\" has no {channel}, and this deliverable writes a file for each channel");
  EXPECT_EQ(
      mistakes(
          R"({"dubfarm": 1, "sample_rate": 44100, "frame_rate": "25", "length": 1, "deliverables": [{"name": "m", "layout": "mono", "file": "{title}.wav"}]})"),
      "/deliverables/0/file: {title} stands for the mix's \"title\", and there is none");
}

TEST(Mistakes, TwoOutputsOnOnePath) {
  const auto outputs_of = [](const std::string& list, const std::string& deliverables) {
    return mistakes(MixText{.variables = R"("variables": {"lang": "en"},)",
                            .tracks = R"({"name": "D", "bus": "DX", "clips": [{"file": "{lang}.wav", "at": 0}]})",
                            .versions = list,
                            .deliverables = deliverables});
  };
  EXPECT_EQ(
      outputs_of("", R"({"name": "a", "layout": "5.1", "file": "m.wav"}, {"name": "b", "layout": "stereo", "file": "m.wav"})"),
      "/deliverables/1/file: two outputs are \"m.wav\": deliverable \"a\" of version \"main\" and deliverable \"b\" of version \"main\"");
  EXPECT_EQ(outputs_of(R"("versions": [{"name": "en"}, {"name": "fr", "set": {"lang": "fr"}}],)",
                       R"({"name": "a", "layout": "5.1", "file": "m.wav"})"),
            "/deliverables/0/file: two outputs are \"m.wav\": deliverable \"a\" of version \"en\" and deliverable \"a\" of version \"fr\"");
  EXPECT_EQ(outputs_of("", R"({"name": "a", "layout": "5.1", "file": "m.wav"}, {"name": "b", "layout": "5.1", "file": "m.wav/b.wav"})"),
            "/deliverables/1/file: \"m.wav\" is a folder for deliverable \"b\" of version \"main\" and a file for deliverable \"a\" of "
            "version \"main\"");
  EXPECT_EQ(
      outputs_of("", R"({"name": "a", "layout": "5.1", "file": "m.wav"}, {"name": "b", "layout": "5.1", "file": "m.wav"})"),
      "/deliverables/1/file: two outputs are \"m.wav\": deliverable \"a\" of version \"main\" and deliverable \"b\" of version \"main\"")
      << "dither differs between deliverables";
  EXPECT_EQ(
      outputs_of(
          "",
          R"({"name": "a", "layout": "5.1", "file": "m.wav", "dither": "none"}, {"name": "b", "layout": "5.1", "file": "m.wav", "dither": "none"})"),
      "valid");
}

TEST(Mistakes, AllOfThemAreReportedAtOnceInDocumentOrder) {
  const ParseOutcome outcome = parse_mix(MixText{.tracks = R"({"name": "T", "bus": "nowhere", "lfe_db": "x"}, 3)",
                                                 .versions = R"("versions": [{"nmae": "v"}],)",
                                                 .deliverables = "{}"}
                                             .text(),
                                         "m");
  std::vector<std::string> pointers;
  for (const Diagnostic& error : outcome.errors) pointers.push_back(error.place.pointer);
  EXPECT_THAT(pointers, testing::ElementsAre("/tracks/0/bus", "/tracks/0/lfe_db", "/tracks/1", "/versions/0", "/versions/0/nmae",
                                             "/deliverables/0", "/deliverables/0", "/deliverables/0"));
}

}  // namespace
}  // namespace dubfarm::mix
