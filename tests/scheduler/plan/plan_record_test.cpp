// What the store remembers of a mix's last render: all of it comes back, and nothing that no render wrote is believed.
#include "scheduler/plan/plan_record.hpp"

#include <gtest/gtest.h>

namespace dubfarm::plan {
namespace {

PlanRecord record() {
  PlanRecord record{"reel.mix.json", "{\"title\": \"ä\"}", "cpu 0", {}, {}, {}};
  MediaFile file;
  file.frames = 48'000;
  file.info.path = "voice.wav", file.info.sample_rate = 44'100, file.info.channels = 2;
  file.digest.bytes.fill(7);
  record.media.emplace(file.info.path, file);
  record.recuts = {{"v2", {{0, 2000, 500}, {600, 0, 1}}}, {"empty", {}}};
  record.keys.resize(2);
  record.keys[1].bytes.fill(9);
  return record;
}

TEST(PlanRecord, ComesBackAsItWasWritten) {
  const std::string text = plan_record_json(record());
  const std::optional<PlanRecord> read = parse_plan_record(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(plan_record_json(*read), text);
  EXPECT_EQ(read->recuts, record().recuts);
  EXPECT_EQ(read->keys, record().keys);
  EXPECT_EQ(read->text, record().text);
  ASSERT_EQ(read->media.size(), 1u);
  EXPECT_EQ(read->media.at("voice.wav").digest, record().media.at("voice.wav").digest);
  EXPECT_EQ(read->media.at("voice.wav").info.channels, 2);
}

TEST(PlanRecord, IsNotBelievedWhereNoRenderWroteIt) {
  const std::string good = plan_record_json(record());
  const auto with = [&](const std::string& what, const std::string& instead) {
    std::string text = good;
    const std::size_t at = text.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return text.replace(at, what.size(), instead);
  };
  ASSERT_TRUE(parse_plan_record(good));
  for (const auto& [what, instead] : {std::pair("[600,0,1]", "[499,0,1]"), {"[600,0,1]", "[600,-1,1]"}, {"[600,0,1]", "[600,0,0]"}, {"[600,0,1]", "[600,0]"}, {"[600,0,1]", "[600,0,0.5]"},
                                      {"[600,0,1]", "[600,0,9223372036854775807]"}, {"\"frames\":48000", "\"frames\":-1"}, {"\"frames\":48000", "\"frames\":18446744073709551615"},
                                      {"\"channels\":2", "\"channels\":0"}, {"\"sample_rate\":44100", "\"sample_rate\":1e3"}, {"0707", "07x7"}, {"_record\":1", "_record\":2"}, {"}\n", "\n"}})
    EXPECT_FALSE(parse_plan_record(with(what, instead))) << instead;
}

}  // namespace
}  // namespace dubfarm::plan
