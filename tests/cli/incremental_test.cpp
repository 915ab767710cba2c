// Cost follows change, and nothing else does: after any edit, what is rendered onto an old store is what a new store gives.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <stdexcept>

#include "tests/support/local_render.hpp"
#include "tests/support/random_mix.hpp"
#include "tests/support/sanitizer.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;

/// Chunks of a few tenths of a second, bounded by content, so that a short mix has many.
constexpr plan::BoundaryPolicy kShort{.shortest = 9600, .longest = 38400, .rest = 4800};

constexpr unsigned kKinds = 12;

/// One edit of a kind, by chance, as an editor makes them. What it makes may be no valid mix; then there is another.
std::string edit(Json& mix, unsigned kind, std::mt19937& random) {
  const auto pick = [&](Json& list) -> Json& { return list[random() % list.size()]; };
  Json& track = pick(mix["tracks"]);
  if (!track.contains("clips") || track["clips"].empty()) return "nothing";
  Json& clip = pick(track["clips"]);
  const auto frames = [&](const char* key) { return clip.contains(key) && clip[key].is_number_integer() ? clip[key].get<Frames>() : 0; };
  switch (kind) {
    case 0: clip["at"] = frames("at") + static_cast<Frames>(random() % 20000) - 10000; return "move";
    case 1:
      clip["in"] = frames("in") + static_cast<Frames>(random() % 1000);
      if (frames("length") > 3000) clip["length"] = frames("length") - 2000;
      clip.erase("fade_in");
      clip.erase("fade_out");
      return "trim";
    case 2: clip["gain_db"] = -static_cast<double>(random() % 12); return "clip gain";
    case 3: track["gain_db"] = -static_cast<double>(random() % 12); return "fader";
    case 4: track["eq"] = {{{"type", "peak"}, {"freq", 200 + random() % 4000}, {"q", 2}, {"gain_db", 4}}}; return "EQ";
    case 5: {
      const std::string file = pick(pick(mix["tracks"])["clips"])["file"];
      clip["file"] = file;
      clip.erase("channels");
      return "source";
    }
    case 6: {
      Json copy = clip;
      copy["at"] = frames("at") + 30000;
      track["clips"].push_back(std::move(copy));
      return "copy";
    }
    case 7: {
      Json& deliverable = mix["deliverables"][random() % 4];
      if (random() % 2 == 0) deliverable["bits"] = deliverable["bits"] == 24 ? 16 : 24;
      else deliverable["dither"] = deliverable.value("dither", "tpdf") == "none" ? "tpdf" : "none";
      return "sample type, dither";
    }
    case 8: {
      Json& deliverable = mix["deliverables"][random() % 4];
      const std::string name = deliverable["name"].get<std::string>() + "x";
      deliverable["file"] = "{version}/" + name + ".wav";
      if (random() % 2 == 0) deliverable["name"] = name;
      return "file name";
    }
    case 9: mix["deliverables"][random() % 4]["mix"] = {{"MX", -static_cast<double>(random() % 6)}}; return "level";
    case 10: {
      Json& event = pick(mix["versions"].back()["recut"]);
      event["old"] = std::max<Frames>(0, event["old"].get<Frames>() - static_cast<Frames>(random() % 9000));
      return "re-cut";
    }
    default:  // everything after a point moves, as when picture is inserted
      const auto point = static_cast<Frames>(random() % 200000), by = static_cast<Frames>(random() % 50000) - 20000;
      for (Json& t : mix["tracks"])
        for (Json& c : t["clips"])
          if (c.contains("at") && c["at"].is_number_integer() && c["at"].get<Frames>() >= point) c["at"] = c["at"].get<Frames>() + by;
      return "insert";
  }
}

class Incremental : public ::testing::TestWithParam<unsigned> {
 protected:
  /// What happens to outputs between two renders: one is deleted, altered or touched, or nothing is.
  void meddle(std::mt19937& random) const {
    const std::vector<std::string> files = files_below(folder_ / "out");
    const std::string file = folder_ / "out/" + files[random() % files.size()];
    std::string bytes = file_text(file);
    switch (random() % 5) {
      case 0: std::filesystem::remove(file); break;
      case 1:
        bytes[random() % bytes.size()] ^= 16;
        std::ofstream(file, std::ios::binary) << bytes;
        break;
      case 2: std::ofstream(file, std::ios::binary) << bytes; break;
      default: break;
    }
  }
  MixFolder folder_;
};

TEST_P(Incremental, RendersGiveTheBytesOfAFullRender) {
  std::mt19937 random(GetParam());
  Json mix = random_mix(GetParam(), folder_, {.seconds = 6, .tracks = 6, .has_recuts = true});
  const std::string old_store = folder_ / "store";
  ASSERT_TRUE(render_here(plan_mix(folder_.mix(mix), kShort), old_store, folder_ / "out").ok());
  std::size_t reused = 0, rendered = 0, printed = 0, prints_reused = 0;
  for (unsigned step = 0; step < kKinds / 2;) {
    Json changed = mix;
    const std::string what = edit(changed, 2 * step + GetParam() % 2, random);  // two seeds in turn make every kind
    std::optional<PlannedMix> planned;
    try {
      planned = plan_mix(folder_.mix(changed), kShort);
    } catch (const std::logic_error&) {
      continue;  // no valid mix: a clip past its source's end, or a source with too few channels
    }
    mix = std::move(changed);
    ++step;
    meddle(random);
    const auto onto_old = render_here(*planned, old_store, folder_ / "out");
    std::filesystem::remove_all(folder_ / "full");  // outputs that have another name now stay behind in "out", and may have been meddled with
    const auto from_new = render_here(*planned, folder_ / ("store " + std::to_string(step)), folder_ / "full");
    ASSERT_TRUE(onto_old.ok()) << onto_old.error().message;
    ASSERT_TRUE(from_new.ok()) << from_new.error().message;
    ASSERT_EQ(from_new->chunks_reused, 0u);
    ASSERT_EQ(from_new->prints_reused, 0u);
    printed += onto_old->prints_printed;
    prints_reused += onto_old->prints_reused;
    EXPECT_EQ(Json::parse(report_json(*onto_old))["outputs"], Json::parse(report_json(*from_new))["outputs"]) << "after step " << step << ", " << what;
    reused += onto_old->chunks_reused;
    rendered += onto_old->chunks_rendered;
    for (const std::string& file : files_below(folder_ / "full"))
      EXPECT_EQ(file_text(folder_ / "out/" + file), file_text(folder_ / "full/" + file)) << file << " after step " << step << ", " << what << ", seed " << GetParam();
  }
  EXPECT_GT(rendered, 0u);
  EXPECT_GT(printed, 0u);
  EXPECT_GT(prints_reused, 0u) << "an edit does not reach every output";
  EXPECT_GT(reused, rendered) << "most of a mix is older than the last edit";
}
INSTANTIATE_TEST_SUITE_P(Seeds, Incremental, ::testing::Range(200u, 206u, kSeedStep));

}  // namespace
}  // namespace dubfarm::cli
