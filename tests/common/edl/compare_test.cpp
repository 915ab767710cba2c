// Two cuts compared: what is kept, removed, inserted, moved, against counts made in another way.
#include "common/edl/compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace dubfarm::edl {
namespace {

using ::testing::ElementsAre, ::testing::IsEmpty;

const mix::FrameRate kRate = mix::frame_rate_named("24").value();

/// A list of events that stand one behind the other from 01:00:00:00: reel, source in and length in frames, clip name.
struct Shot {
  std::string reel;
  std::int64_t source_in, length;
  std::string name = {};
  std::string extra = {};  // lines behind the event
};
std::string text_of(const std::vector<Shot>& shots, std::int64_t out_offset = 0) {
  std::string text = "TITLE: CUT\n";
  std::int64_t at = 86400;
  for (const Shot& s : shots) {
    const auto tc = [](std::int64_t frame) { return mix::format_timecode(frame, kRate); };
    text += fmt::format("001  {}  V  C  {} {} {} {}\n", s.reel, tc(s.source_in), tc(s.source_in + s.length + out_offset), tc(at), tc(at + s.length + out_offset));
    if (!s.name.empty()) text += "* FROM CLIP NAME: " + s.name + "\n";
    text += s.extra;
    at += s.length;
  }
  return text;
}
List parsed(const std::string& text) {
  Outcome outcome = parse(text, "cut.edl", kRate);
  for (const mix::Diagnostic& error : outcome.errors) ADD_FAILURE() << error.place.line << ": " << error.message;
  return outcome.list ? std::move(*outcome.list) : List{};
}
List list(const std::vector<Shot>& shots) { return parsed(text_of(shots)); }

/// Runs as {new, old, length} from the lists' start.
std::vector<std::array<std::int64_t, 3>> runs(const Comparison& c) {
  std::vector<std::array<std::int64_t, 3>> out;
  for (const Kept& run : c.kept) out.push_back({run.new_at - 86400, run.old_at - 86400, run.length});
  return out;
}
using Runs = std::vector<std::array<std::int64_t, 3>>;

const std::vector<Shot> kOld = {{"A001", 1000, 100, "1-1"}, {"A002", 2000, 50, "2-1"}, {"A001", 1200, 80, "1-2"}, {"B001", 500, 70, "3-1"}};

TEST(Compare, FindsOneRunInTwoListsThatAreAlike) {
  const Comparison c = compare(list(kOld), list(kOld));
  EXPECT_EQ(runs(c), (Runs{{0, 0, 300}}));
  EXPECT_THAT(c.removed, IsEmpty());
  EXPECT_THAT(c.inserted, IsEmpty());
  EXPECT_THAT(cuts(c), IsEmpty());
}

TEST(Compare, FindsWhatWasTrimmedInsertedMovedAndRemoved) {
  // 1-1 loses its last 10 frames; a new shot comes in; 3-1 moves before 2-1; 1-2 goes.
  const Comparison c = compare(list(kOld), list({{"A001", 1000, 90, "1-1"}, {"C001", 0, 30, "9-9"}, {"B001", 500, 70, "3-1"}, {"A002", 2000, 50, "2-1"}}));
  EXPECT_EQ(runs(c), (Runs{{0, 0, 90}, {120, 230, 70}, {190, 100, 50}}));
  EXPECT_THAT(c.removed, ElementsAre(Range{86490, 86500}, Range{86550, 86630}));
  EXPECT_THAT(c.inserted, ElementsAre(Range{86490, 86520}));
  EXPECT_FALSE(c.kept[0].is_moved);
  EXPECT_FALSE(c.kept[1].is_moved) << "the longer of the two keeps its place";
  EXPECT_TRUE(c.kept[2].is_moved);
  EXPECT_THAT(c.unknown_reels, ElementsAre("C001"));
  const std::vector<Cut> all = cuts(c);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].at, (Range{86490, 86520}));
  EXPECT_EQ(all[0].old_out, 86490);
  EXPECT_EQ(all[0].old_in, 86630);
  EXPECT_EQ(all[1].at, (Range{86590, 86590})) << "two runs meet";
  EXPECT_EQ(all[1].removed(), 0) << "it goes back";
  EXPECT_EQ(all[2].old_in, std::nullopt) << "the old cut went on";
}

TEST(Compare, MakesOneRunOfPiecesThatGoOnInBothCuts) {
  // The same pictures, cut in other places: a matching cut added, one taken away.
  EXPECT_EQ(runs(compare(list(kOld), list({{"A001", 1000, 40}, {"A001", 1040, 60}, {"A002", 2000, 50}, {"A001", 1200, 80}, {"B001", 500, 70}}))), (Runs{{0, 0, 300}}));
  const List in_two = list({{"A001", 1000, 40}, {"A001", 1040, 60}});
  EXPECT_EQ(runs(compare(in_two, list({{"A001", 1010, 80}}))), (Runs{{0, 10, 80}}));
}

TEST(Compare, CountsWithOutsThatAreExclusive) {
  // The off-by-one of cut lists: an out that names the last frame. Read as it stands every event loses a frame; given what it means, none.
  const List exclusive = list(kOld);
  List inclusive = parsed(text_of(kOld, -1));
  EXPECT_TRUE(outs_look_inclusive(inclusive));
  const Comparison as_it_stands = compare(exclusive, inclusive, {.heals = false});
  EXPECT_EQ(as_it_stands.inserted, (std::vector<Range>{{86499, 86500}, {86549, 86550}, {86629, 86630}}));
  EXPECT_EQ(runs(as_it_stands), (Runs{{0, 0, 99}, {100, 100, 49}, {150, 150, 79}, {230, 230, 69}}));
  for (Event& event : inclusive.events) ++event.record_out, ++event.source_out;
  EXPECT_EQ(runs(compare(exclusive, inclusive)), (Runs{{0, 0, 300}}));
  // And where both cuts are right, a trim of one frame is one frame.
  const Comparison one = compare(exclusive, list({{"A001", 1000, 99}, {"A002", 2000, 50}, {"A001", 1200, 80}, {"B001", 500, 70}}));
  EXPECT_EQ(runs(one), (Runs{{0, 0, 99}, {99, 100, 200}}));
  EXPECT_THAT(one.removed, ElementsAre(Range{86499, 86500}));
}

TEST(Compare, GoesOnUnderPicturesThatWereReplacedInTheirPlace) {
  const std::vector<Shot> replaced = {{"A001", 1000, 100}, {"VFX_V2", 0, 50, "2-1 v2"}, {"A001", 1200, 80}, {"B001", 500, 70}};
  const Comparison healed = compare(list(kOld), list(replaced));
  EXPECT_EQ(runs(healed), (Runs{{0, 0, 300}}));
  EXPECT_THAT(healed.replaced, ElementsAre(Replaced{86500, 86500, 50}));
  EXPECT_THAT(healed.inserted, IsEmpty());
  const Comparison bare = compare(list(kOld), list(replaced), {.heals = false});
  EXPECT_EQ(runs(bare), (Runs{{0, 0, 100}, {150, 150, 150}}));
  EXPECT_THAT(bare.inserted, ElementsAre(Range{86500, 86550}));
  // Not where the old picture, and its sound with it, went elsewhere.
  std::vector<Shot> moved = replaced;
  moved.push_back({"A002", 2000, 50, "2-1"});
  EXPECT_EQ(runs(compare(list(kOld), list(moved))), (Runs{{0, 0, 100}, {150, 150, 150}, {300, 100, 50}}));
}

TEST(Compare, TakesClipNamesToTellOneUseOfASourceFromAnother) {
  // Stills: every shot of one reel from one timecode on.
  const std::vector<Shot> stills = {{"SC00.JPG", 86400, 50, "s1"}, {"SC00.JPG", 86400, 60, "s2"}, {"SC00.JPG", 86400, 70, "s3"}};
  EXPECT_EQ(runs(compare(list(stills), list({{"SC00.JPG", 86400, 60, "s2"}, {"SC00.JPG", 86400, 50, "s1"}}))), (Runs{{0, 50, 60}, {60, 0, 50}}));
  // A reel that is none, and a reel that was renamed: the name and the source timecode decide.
  EXPECT_EQ(runs(compare(list({{"AX", 100, 50, "one"}, {"AX", 100, 50, "two"}}), list({{"AX", 110, 40, "two"}}))), (Runs{{0, 60, 40}}));
  const Comparison renamed = compare(list(kOld), list({{"A002_V2", 2010, 40, "2-1"}}));
  EXPECT_EQ(runs(renamed), (Runs{{0, 110, 40}}));
  EXPECT_EQ(renamed.by_name_frames, 40);
  EXPECT_THAT(compare(list(kOld), list({{"A002_V2", 9000, 40, "2-1"}})).kept, IsEmpty()) << "the name alone is not enough";
  EXPECT_EQ(runs(compare(list({{"CUT_REEL", 0, 90, "x", "* SOURCE FILE: LONG_NAME.MOV\n"}}), list({{"OTHER", 10, 20, "y", "* SOURCE FILE: long_name.mov\n"}}))),
            (Runs{{0, 10, 20}})) << "or the source file";
}

TEST(Compare, AsksForOneSpeed) {
  const std::vector<Shot> fast = {{"A001", 1000, 50, "", "M2 A001 048.0 00:00:41:16\n"}};
  EXPECT_EQ(runs(compare(list(fast), list({{"A001", 1000, 30, "", "M2 A001 048.0 00:00:41:16\n"}}))), (Runs{{0, 0, 30}}));
  EXPECT_THAT(compare(list(fast), list({{"A001", 1000, 50}})).kept, IsEmpty());
  EXPECT_THAT(compare(list(fast), list({{"A001", 1010, 30, "", "M2 A001 048.0 00:00:42:02\n"}})).kept, IsEmpty()) << "frame by frame only from one in on";
  EXPECT_EQ(runs(compare(list({{"A001", 1000, 50, "", "M2 A001 024.0 00:00:41:16\n"}}), list({{"A001", 1010, 20}}))), (Runs{{0, 10, 20}})) << "the list's own speed is none";
}

TEST(Compare, MarksWhatIsHeardTwice) {
  const Comparison c = compare(list(kOld), list({{"A001", 1000, 100}, {"A002", 2000, 50}, {"A001", 1020, 30}}));
  EXPECT_EQ(runs(c), (Runs{{0, 0, 150}, {150, 20, 30}}));
  EXPECT_FALSE(c.kept[0].is_repeated);
  EXPECT_TRUE(c.kept[1].is_repeated);
  EXPECT_TRUE(c.kept[1].is_moved);
}

TEST(Compare, ComparesSoundChannelsWhereThereIsNoPicture) {
  const std::string sound =
      "1 S1 A  C 00:00:10:00 00:00:14:00 01:00:00:00 01:00:04:00\n"
      "2 S2 A2 C 00:00:50:00 00:00:52:00 01:00:01:00 01:00:03:00\n";
  const std::string later =
      "1 S1 A  C 00:00:10:00 00:00:12:00 01:00:02:00 01:00:04:00\n"
      "2 S2 A2 C 00:00:50:00 00:00:52:00 01:00:02:12 01:00:04:12\n";
  const Comparison c = compare(parsed(sound), parsed(later));
  EXPECT_TRUE(c.compares_sound_old && c.compares_sound_new);
  EXPECT_EQ(runs(c), (Runs{{48, 0, 48}, {96, 60, 12}})) << "dialogue moved by two seconds and the effect by half a second less: what began goes on";
  EXPECT_EQ(c.disputed_frames, 36);
}

TEST(Compare, KeepsEveryFrameThatBothCutsHaveAndNoOther) {
  std::int64_t all_kept = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<unsigned long>(n)); };
    std::vector<Shot> before, after;
    for (int i = 0; i < 20; ++i) before.push_back({fmt::format("R{}", below(5)), below(400), 1 + below(60)});
    for (const Shot& shot : before) {  // an edit: some go, some are trimmed, some are split, some come from elsewhere
      if (below(5) == 0) continue;
      Shot s = shot;
      if (below(3) == 0 && s.length > 2) { const std::int64_t trim = 1 + below(s.length - 1); s.source_in += trim, s.length -= trim; }
      if (below(3) == 0 && s.length > 2) s.length -= below(s.length - 1);
      after.push_back(s);
      if (below(6) == 0) after.push_back({fmt::format("R{}", below(8)), below(500), 1 + below(40)});
    }
    if (after.empty()) continue;
    std::map<std::pair<std::string, std::int64_t>, std::set<std::int64_t>> where;  // a source frame's places in the old cut
    std::int64_t at = 86400;
    for (const Shot& s : before)
      for (std::int64_t i = 0; i < s.length; ++i) where[{s.reel, s.source_in + i}].insert(at++);
    const Comparison c = compare(list(before), list(after), {.heals = false});
    std::map<std::int64_t, std::int64_t> kept;
    for (std::size_t r = 0; r < c.kept.size(); ++r) {
      if (r > 0) {
        ASSERT_GE(c.kept[r].new_at, c.kept[r - 1].new_end());
        ASSERT_FALSE(c.kept[r].new_at == c.kept[r - 1].new_end() && c.kept[r].old_at == c.kept[r - 1].old_end()) << "they would be one";
      }
      for (std::int64_t i = 0; i < c.kept[r].length; ++i) kept[c.kept[r].new_at + i] = c.kept[r].old_at + i;
    }
    at = 86400;
    std::set<std::int64_t> used;
    for (const Shot& s : after)
      for (std::int64_t i = 0; i < s.length; ++i, ++at) {
        const auto places = where.find({s.reel, s.source_in + i});
        ASSERT_EQ(kept.contains(at), places != where.end()) << "seed " << seed << ", frame " << at - 86400;
        if (places == where.end()) continue;
        ASSERT_TRUE(places->second.contains(kept[at])) << "seed " << seed << ", frame " << at - 86400;
        used.insert(kept[at]);
        ++all_kept;
      }
    std::int64_t removed = 0, inserted = 0;
    for (const Range& range : c.removed) removed += range.length();
    for (const Range& range : c.inserted) inserted += range.length();
    EXPECT_EQ(removed, c.old_range.length() - static_cast<std::int64_t>(used.size())) << "seed " << seed;
    EXPECT_EQ(inserted, c.new_range.length() - static_cast<std::int64_t>(kept.size())) << "seed " << seed;
  }
  EXPECT_GT(all_kept, 50000);
}

TEST(Compare, ReadsAHundredThousandEventsOfFewReels) {
  std::vector<Shot> before, after;
  for (int i = 0; i < 100000; ++i) before.push_back({fmt::format("R{}", i % 20), (i / 20) * 6 % 2000000, 5});
  after.assign(before.begin() + 1, before.end());
  const Comparison c = compare(list(before), list(after));
  EXPECT_EQ(runs(c), (Runs{{0, 5, 499995}}));
}

TEST(ChangeListJson, IsAnEventALineInTimecode) {
  const Comparison c = compare(list(kOld), list({{"A001", 1000, 90, "1-1"}, {"B001", 500, 70, "3-1"}}));
  EXPECT_EQ(change_list_json(c, kRate),
            "[\n  { \"new\": \"01:00:00:00\", \"old\": \"01:00:00:00\", \"length\": \"00:00:03:18\" },\n"
            "  { \"new\": \"01:00:03:18\", \"old\": \"01:00:09:14\", \"length\": \"00:00:02:22\" }\n]\n");
}

TEST(NamesIn, ListsEachNameOnceInRecordOrder) {
  const List all = list({{"A", 0, 10, "one"}, {"B", 0, 10}, {"A", 10, 10, "one"}, {"BL", 0, 10}, {"C", 0, 10, "two"}});
  const NamesIn names(all);
  EXPECT_EQ(names({86400, 86450}), "one, B and 1 more");
  EXPECT_EQ(names({86400, 86450}, 9), "one, B, two");
  EXPECT_EQ(names({86430, 86440}), "") << "black";
}

}  // namespace
}  // namespace dubfarm::edl
