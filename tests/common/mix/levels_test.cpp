// What sets a deliverable's level: limiter, normalisation, follow; and the proof that an M&E is free of dialogue.
#include <gtest/gtest.h>

#include "common/mix/resolve.hpp"
#include "tests/common/mix/mix_text.hpp"

namespace dubfarm::mix {
namespace {

std::string deliverable(const std::string& members) {
  return mistakes(MixText{.deliverables = R"({"name": "pm", "layout": "5.1", "file": "pm.wav")" + members + "}"});
}
/// "pm", and another deliverable.
std::string after_pm(const std::string& other, const std::string& pm = "", const std::string& versions = "") {
  return mistakes(MixText{.versions = versions, .deliverables = R"({"name": "pm", "layout": "5.1", "file": "{version}.wav")" + pm + "}, " + other});
}

TEST(Levels, AreRead) {
  const Document document = parsed(MixText{
      .deliverables = R"({"name": "stems", "per_bus": true, "file": "{bus}.wav", "follow": "pm"},
                         {"name": "pm", "layout": "5.1", "file": "pm.wav", "limiter": {"ceiling_dbtp": -2.3, "release": "50ms", "max_reduction_db": 4}},
                         {"name": "usual", "layout": "5.1", "file": "usual.wav", "limiter": {"ceiling_dbtp": -1, "lookahead": 480}},
                         {"name": "none", "layout": "5.1", "file": "none.wav", "limiter": null, "normalize": "none", "kind": "mix"})"});
  const auto& d = document.deliverables;
  EXPECT_EQ(d[0].follow, 1u);
  ASSERT_TRUE(d[1].limiter && d[2].limiter && !d[3].limiter);
  EXPECT_EQ(d[1].limiter->ceiling_dbtp, -2.3);
  EXPECT_EQ(d[1].limiter->lookahead, 240);
  EXPECT_EQ(d[1].limiter->release, 2400);
  EXPECT_EQ(d[1].limiter->max_reduction_db, 4);
  EXPECT_EQ(d[2].limiter->lookahead, 480);
  EXPECT_EQ(d[2].limiter->release, 4800);
  EXPECT_EQ(d[2].limiter->max_reduction_db, std::nullopt);
}

TEST(Levels, MistakesOfLimiters) {
  EXPECT_EQ(deliverable(R"(, "limiter": true)"), "/deliverables/0/limiter: \"limiter\" is true, not an object or null");
  EXPECT_EQ(deliverable(R"(, "limiter": {})"), "/deliverables/0/limiter: a limiter without \"ceiling_dbtp\"");
  EXPECT_EQ(deliverable(R"(, "limiter": {"ceiling_dbtp": 1})"), "/deliverables/0/limiter/ceiling_dbtp: \"ceiling_dbtp\" is 1 dBTP, and may be -60 to 0 dBTP");
  EXPECT_EQ(deliverable(R"(, "limiter": {"ceiling_dbtp": -1, "lookahead": 3})"),
            "/deliverables/0/limiter/lookahead: \"lookahead\" is 3 samples, and may be 1 to 20 ms");
  EXPECT_EQ(deliverable(R"(, "limiter": {"ceiling_dbtp": -1, "release": "2s"})"),
            "/deliverables/0/limiter/release: \"release\" is 96000 samples, and may be 10 to 1000 ms");
  EXPECT_EQ(deliverable(R"(, "limiter": {"ceiling_dbtp": -1, "max_reduction_db": 30})"),
            "/deliverables/0/limiter/max_reduction_db: \"max_reduction_db\" is 30 dB, and may be 0 to 24 dB");
  EXPECT_EQ(deliverable(R"(, "limiter": {"ceiling_dbtp": -1, "attack": 30})"), "/deliverables/0/limiter/attack: unknown key \"attack\" in a limiter");
  EXPECT_EQ(mistakes(MixText{.deliverables = R"({"name": "s", "per_bus": true, "file": "{bus}.wav", "limiter": {"ceiling_dbtp": -1}})"}),
            "/deliverables/0/limiter: \"limiter\" with \"per_bus\"");
}

TEST(Levels, MistakesOfFollowers) {
  const auto stems = [](const std::string& members) { return R"({"name": "stems", "per_bus": true, "file": "{version}{bus}.wav", )" + members + "}"; };
  EXPECT_EQ(after_pm(stems(R"("follow": "pm")")), "valid");
  EXPECT_EQ(after_pm(stems(R"("follow": "mp")")), "/deliverables/1/follow: unknown deliverable \"mp\"");
  EXPECT_EQ(after_pm(stems(R"("follow": 1)")), "/deliverables/1/follow: \"follow\" is 1, not the name of a deliverable");
  EXPECT_EQ(after_pm(stems(R"("follow": "stems")")), "/deliverables/1/follow: deliverable \"stems\" follows itself");
  EXPECT_EQ(after_pm(stems(R"("follow": "pm", "limiter": {"ceiling_dbtp": -1})")), "/deliverables/1/limiter: both \"limiter\" and \"follow\"");
  EXPECT_EQ(after_pm(R"({"name": "a", "layout": "5.1", "file": "a{version}.wav", "follow": "pm"}, )" + stems(R"("follow": "a")")),
            "/deliverables/2/follow: deliverable \"a\" follows another one itself");
  EXPECT_EQ(after_pm(R"({"name": "a", "layout": "5.1", "file": "a.wav", "follow": "stems"}, )" + stems(R"("include": ["DX"])")),
            "/deliverables/1/follow: deliverable \"stems\" is per bus: it has no sum whose gain could be followed");
  EXPECT_EQ(after_pm(stems(R"("follow": "pm")"), R"(, "versions": ["en"])", R"("versions": [{"name": "en"}, {"name": "fr"}],)"),
            "/deliverables/1/follow: version \"fr\" has no deliverable \"pm\" to follow");
}

TEST(Levels, FollowersOfTwoVersionsOnOnePathAreTwoRenders) {
  // The M&E is the same in both languages; its gain would not be.
  const std::string languages = R"("versions": [{"name": "en"}, {"name": "fr", "mute": {"buses": ["DX"]}}],)";
  const std::string me = R"({"name": "me", "layout": "5.1", "include": ["FX"], "file": "me.wav", "follow": "pm"})";
  EXPECT_EQ(after_pm(me, "", languages), "valid") << "there is nothing to follow yet";
  EXPECT_EQ(after_pm(me, R"(, "limiter": {"ceiling_dbtp": -1})", languages),
            "/deliverables/1/file: two outputs are \"me.wav\": deliverable \"me\" of version \"en\" and deliverable \"me\" of version \"fr\"");
}

/// Buses with roles, a reverb on FX, a dialogue track and an M&E of FX.
std::string me(const std::string& sends, const std::string& include = R"(["FX"])", const std::string& versions = "", const std::string& role = "dialogue") {
  return mistakes(MixText{
      .buses = R"({"name": "DX", "layout": "5.1", "role": ")" + role + R"("}, {"name": "FX", "layout": "5.1"}, {"name": "ADR", "layout": "5.1", "bus": "DX"})",
      .tracks = R"({"name": "Anna", "bus": "ADR", "clips": [{"file": "a.wav", "at": 0}], "sends": [)" + sends + "]}",
      .versions = versions,
      .deliverables = R"({"name": "me", "layout": "5.1", "file": "me{version}.wav", "kind": "me", "include": )" + include + "}"});
}

TEST(MusicAndEffects, AreFreeOfDialogueByTheirRouting) {
  const std::string hall = R"({"to": "Hall"})";
  EXPECT_EQ(me(""), "valid");
  EXPECT_EQ(me("", R"(["*"])"),
            "/deliverables/0/kind: dialogue reaches this M&E: track \"Anna\" speaks (bus \"DX\" has the role dialogue), and is heard in stem \"DX\"");
  EXPECT_EQ(me(hall),
            "/deliverables/0/kind: dialogue reaches this M&E: track \"Anna\" speaks (bus \"DX\" has the role dialogue), and its send to reverb \"Hall\" is heard in "
            "stem \"FX\"");
  EXPECT_EQ(me(hall, R"(["FX"])", "", "narration").substr(0, 106),
            "/deliverables/0/kind: dialogue reaches this M&E: track \"Anna\" speaks (bus \"DX\" has the role narration), an");
  EXPECT_EQ(me(hall, R"(["FX"])", R"("versions": [{"name": "me", "mute": {"tracks": ["Anna"]}}],)"), "valid") << "a version in which she is silent";
  EXPECT_EQ(me(hall, R"(["FX"])", R"("versions": [{"name": "me", "mute": {"buses": ["DX"]}}],)").substr(0, 48), "/deliverables/0/kind: dialogue reaches this M&E:")
      << "sends leave before the bus";
  EXPECT_EQ(me("", R"(["FX"])", "", "effects"), "/deliverables/0/kind: nothing shows that this M&E is free of dialogue: no bus has that role");
}

}  // namespace
}  // namespace dubfarm::mix
