// Random mixes, rendered by the executable, against the independent double-precision reading of the format.
#include <gtest/gtest.h>

#include <future>

#include "common/mix/parse.hpp"
#include "common/mix/resolve.hpp"
#include "tests/support/command.hpp"
#include "tests/support/local_render.hpp"
#include "tests/support/random_mix.hpp"
#include "tests/support/reference_mix.hpp"

namespace dubfarm::cli {
namespace {

using namespace dubfarm::testing;

class RandomMix : public ::testing::TestWithParam<unsigned> {
 protected:
  MixFolder folder_;
};

TEST_P(RandomMix, SoundsAsTheReferenceDoes) {
  const std::string path = folder_.mix(random_mix(GetParam(), folder_, {.seconds = GetParam() % 5 == 0 ? 10.0 : 6.0}));
  const CommandResult rendered = dubfarm({"render", path, "--out", folder_ / "out", "--store", folder_ / "store", "--threads", "2"});
  ASSERT_EQ(rendered.status, 0) << rendered.err;

  const mix::ParseOutcome parsed = mix::parse_mix(file_text(path), path);
  ASSERT_TRUE(parsed.document);
  const mix::Document& document = *parsed.document;
  std::vector<std::future<std::vector<Signal>>> references;
  for (const mix::Version& version : document.versions) references.push_back(std::async(std::launch::async, [&] { return reference_buses(document, version); }));
  std::vector<std::vector<Signal>> buses;
  for (auto& reference : references) buses.push_back(reference.get());
  for (const mix::OutputPlan& output : mix::outputs(document))
    for (const mix::OutputFile& file : output.files) {
      const Signal want = reference_deliverable(document, buses[output.version], document.deliverables[output.deliverable], file.bus ? &*file.bus : nullptr);
      const Sound got = read_sound(folder_ / "out/" + file.path);
      EXPECT_EQ(got.sample_rate, document.sample_rate);
      EXPECT_LT(difference_db(got.channels, want), -120) << file.path << ", seed " << GetParam() << "; what it holds peaks at "
                                                         << difference_db(want, Signal(want.size(), std::vector<double>(want.front().size()))) << " dBFS";
    }
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomMix, ::testing::Range(0u, 20u));

class Seams : public ::testing::TestWithParam<unsigned> {
 protected:
  MixFolder folder_;
};

TEST_P(Seams, AreNotHeardWhereverChunksBegin) {
  const std::string path = folder_.mix(random_mix(GetParam(), folder_, {.seconds = 4, .tracks = 7}));
  const PlannedMix whole = plan_mix(path);
  const auto rendered = render_here(whole, folder_ / "store", folder_ / "whole");
  ASSERT_TRUE(rendered.ok()) << rendered.error().message;
  for (const double seconds : {0.25, 1.0}) {
    const PlannedMix cut = plan_mix(path, static_cast<Frames>(seconds * whole.plan.sample_rate));
    ASSERT_GT(cut.plan.chunks.size(), 3 * whole.plan.chunks.size());
    ASSERT_TRUE(render_here(cut, folder_ / "store", folder_ / "cut").ok());
    for (const std::string& file : files_below(folder_ / "whole"))
      EXPECT_LT(difference_db(read_sound(folder_ / "cut/" + file).channels, read_sound(folder_ / "whole/" + file).channels), -140)
          << file << " in chunks of " << seconds << " s, seed " << GetParam();
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, Seams, ::testing::Range(100u, 105u));

}  // namespace
}  // namespace dubfarm::cli
