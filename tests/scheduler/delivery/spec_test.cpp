#include "scheduler/delivery/spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "tests/common/mix/mix_text.hpp"
#include "tests/support/command.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::scheduler {
namespace {

using ::testing::HasSubstr;
using testing::file_text;

std::string spec_text(const std::string& rest) { return "{ \"spec\": 1, \"name\": \"own\", \"title\": \"Own\", \"edition\": \"1\"" + (rest.empty() ? "" : ", " + rest) + " }"; }

/// "pointer: message" a line, or "sound".
std::string mistakes(const std::string& text) {
  const SpecOutcome outcome = parse_spec(text);
  EXPECT_EQ(outcome.spec.has_value(), outcome.errors.empty());
  std::string out;
  for (const mix::Diagnostic& error : outcome.errors) out += (out.empty() ? "" : "\n") + error.place.pointer + ": " + error.message;
  return out.empty() ? "sound" : out;
}

// ---- what is compiled in

TEST(SpecFiles, EveryBuiltInOneIsSound) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(testing::project_file("scheduler/delivery/specs"))) {
    const std::string path = entry.path().string(), text = file_text(path);
    ASSERT_EQ(mistakes(text), "sound") << path;
    EXPECT_EQ(parse_spec(text).spec->name + ".json", entry.path().filename().string());
    names.insert(parse_spec(text).spec->name);
  }
  std::set<std::string> compiled;
  for (const Spec& spec : built_in_specs()) compiled.insert(spec.name);
  EXPECT_EQ(names, compiled) << "the program holds the files of this folder";
}

TEST(SpecFiles, EveryBuiltInOneSaysWhoseItIsAndWhereItComesFrom) {
  const std::regex day("20[0-9]{2}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?");
  for (const Spec& spec : built_in_specs()) {
    EXPECT_NE(spec.publisher, "") << spec.name;
    EXPECT_TRUE(std::regex_match(spec.date, day)) << spec.name << ": " << spec.date;
    EXPECT_TRUE(spec.url.starts_with("https://")) << spec.name;
    EXPECT_NE(spec.provenance, "") << spec.name;
    EXPECT_FALSE(spec.loudness.empty() && !spec.leqm_db) << spec.name << " judges no loudness";
  }
}

TEST(SpecFiles, AreThoseThatTheReadmeAndTheIssueNeed) {
  for (const char* name : {"ebu-r128", "ebu-r128-s1", "ebu-r128-s4", "atsc-a85-2013", "atsc-a85-2026", "arib-tr-b32", "op-59", "dpp-as11", "netflix-5.1",
                           "netflix-2.0", "amazon-mgm-5.1", "amazon-mgm-2.0", "disney-plus-5.1", "disney-plus-2.0", "disney-r128", "apple-tv", "wbd-max",
                           "aes-td1008-speech", "aes-td1008-music", "tasa-trailer", "sawa-ad"})
    EXPECT_NE(find_spec(name), nullptr) << name;
  EXPECT_EQ(find_spec("ebu"), nullptr);
}

TEST(SpecFiles, HoldTheNumbersOfTheirDocuments) {
  const Spec& netflix = *find_spec("netflix-5.1");
  ASSERT_EQ(netflix.loudness.size(), 2U);
  EXPECT_EQ(netflix.loudness[0].gating, Gating::dialogue);
  EXPECT_EQ(netflix.loudness[0].target_lufs, -27);
  EXPECT_EQ(netflix.loudness[0].lowest_lufs, -29);
  EXPECT_EQ(netflix.loudness[0].highest_lufs, -25);
  EXPECT_EQ(netflix.true_peak_dbtp->max, -2);
  EXPECT_EQ(netflix.unit, "LKFS");
  EXPECT_TRUE(netflix.range_lu->is_advice);
  EXPECT_EQ(netflix.files.split, mix::Split::mono);
  const Spec& r128 = *find_spec("ebu-r128");
  EXPECT_EQ(r128.loudness[0].gating, Gating::program);
  EXPECT_EQ(r128.loudness[0].target_lufs, -23);
  EXPECT_FALSE(r128.needs_dialogue());
  EXPECT_TRUE(find_spec("ebu-r128-s4")->needs_dialogue());
  EXPECT_EQ(find_spec("disney-plus-5.1")->window, Window::action);
  EXPECT_EQ(find_spec("tasa-trailer")->leqm_db->max, 85);
  EXPECT_EQ(find_spec("apple-tv")->loudness[0].target_lufs, std::nullopt);
}

TEST(SpecFiles, HaveTheKeysOfTheSchema) {
  const auto schema = testing::Json::parse(file_text(testing::project_file("docs/formats/spec.schema.json")));
  const std::string page = file_text(testing::project_file("docs/formats/spec.md"));
  for (const auto& [key, meaning] : schema["properties"].items()) {
    EXPECT_THAT(page, HasSubstr("`" + key + "`")) << "spec.md explains every key";
    EXPECT_THAT(mistakes("{ \"" + key + "\": null }"), ::testing::Not(HasSubstr("unknown key"))) << key;
  }
}

TEST(SpecFiles, TheDocumentedExampleIsSound) {
  const std::string page = file_text(testing::project_file("docs/formats/spec.md"));
  const std::size_t begin = page.find("```json\n") + 8;
  EXPECT_EQ(mistakes(page.substr(begin, page.find("\n```", begin) - begin)), "sound");
}

// ---- a file of one's own

TEST(SpecFile, NeedsASourceForEveryNumber) {
  EXPECT_EQ(mistakes(spec_text(R"("loudness": [{"gating": "program", "target": -23, "tolerance": 1}])")), "/loudness/0: a loudness rule without \"section\"");
  EXPECT_EQ(mistakes(spec_text(R"("true_peak": {"max": -1})")), "/true_peak: a limit without \"section\"");
  EXPECT_EQ(mistakes(spec_text(R"("true_peak": {"max": -1, "section": ""})")), "/true_peak/section: \"section\" is empty");
  EXPECT_EQ(mistakes(spec_text(R"("files": {"bits": [24]})")), "/files: a set of file demands without \"section\"");
  EXPECT_EQ(mistakes(spec_text(R"("window": {"measure": "action"})")), "/window: a window without \"section\"");
  EXPECT_EQ(mistakes(spec_text(R"("naming": {"pattern": "x"})")), "/naming: a naming without \"section\"");
}

TEST(SpecFile, SaysWhatIsWrongWithIt) {
  EXPECT_EQ(mistakes("[]"), ": \"document\" is a list, not a delivery spec");
  EXPECT_EQ(mistakes("{"), ": not JSON: unexpected end of input; expected string literal");
  EXPECT_EQ(mistakes("{}"), ": a delivery spec without \"spec\"\n: a delivery spec without \"name\"\n: a delivery spec without \"title\"\n: a delivery spec without \"edition\"");
  EXPECT_EQ(mistakes(spec_text(R"("true_peek": {})")), "/true_peek: unknown key \"true_peek\" in a delivery spec");
  EXPECT_EQ(mistakes(spec_text(R"("unit": "dB")")), "/unit: unknown unit \"dB\"");
  EXPECT_EQ(mistakes(spec_text(R"("true_peak": {"section": "1"})")), "/true_peak: \"true_peak\" has neither \"min\" nor \"max\"");
  EXPECT_EQ(mistakes(spec_text(R"("range": {"min": 5, "max": 4, "section": "1"})")), "/range: \"min\" is 5 and \"max\" is 4");
  EXPECT_EQ(mistakes(spec_text(R"("loudness": [{"gating": "program", "target": -23, "section": "1"}])")),
            "/loudness/0: a loudness rule has \"target\" and \"tolerance\", or \"lowest\" and \"highest\"");
  EXPECT_EQ(mistakes(spec_text(R"("loudness": [{"gating": "program", "lowest": -20, "highest": -23, "section": "1"}])")),
            "/loudness/0: \"lowest\" is -20 and \"highest\" is -23");
  EXPECT_EQ(mistakes(spec_text(R"("loudness": [{"gating": "program", "lowest": -27, "highest": -23, "target": -20, "section": "1"}])")),
            "/loudness/0: \"target\" is -20, outside -27 to -23");
  EXPECT_EQ(mistakes(spec_text(R"("loudness": [{"gating": "speech", "target": -23, "tolerance": 1, "section": "1"}])")),
            "/loudness/0/gating: unknown gating \"speech\"");
  EXPECT_EQ(mistakes(spec_text(R"("files": {"bits": [20], "section": "1"})")), "/files/bits/0: \"bits\" holds 20, not a sample type");
  EXPECT_EQ(mistakes(spec_text(R"("x-ours": 3)")), "sound");
}

TEST(SpecRules, AreThoseOfTheShareOfSpeech) {
  const Spec& netflix = *find_spec("netflix-5.1");
  EXPECT_THAT(netflix.rules_for(0.4), ::testing::ElementsAre(&netflix.loudness[0]));
  EXPECT_THAT(netflix.rules_for(0.15), ::testing::ElementsAre(&netflix.loudness[0]));
  EXPECT_THAT(netflix.rules_for(0.149), ::testing::ElementsAre(&netflix.loudness[1]));
  EXPECT_THAT(netflix.rules_for(std::nullopt), ::testing::ElementsAre(&netflix.loudness[1]));
  const Spec& max = *find_spec("wbd-max");  // either will do
  EXPECT_THAT(max.rules_for(0.01), ::testing::ElementsAre(&max.loudness[0], &max.loudness[1]));
  EXPECT_THAT(max.rules_for(0.0), ::testing::ElementsAre(&max.loudness[1])) << "no dialogue was heard, so none can be measured";
  EXPECT_THAT(find_spec("amazon-mgm-5.1")->rules_for(std::nullopt), ::testing::IsEmpty());
}

// ---- finding one

TEST(LoadSpec, FindsByNameAndByPath) {
  const testing::MixFolder folder;
  folder.text("house.json", spec_text(""));
  EXPECT_EQ(load_spec("op-59")->title, "Free TV OP-59");
  EXPECT_EQ(load_spec("house.json", folder.path())->title, "Own");
  EXPECT_EQ(load_spec(folder / "house.json", "elsewhere")->title, "Own");
}

TEST(LoadSpec, NamesTheNearestOnes) {
  EXPECT_EQ(load_spec("ebu-r129").error().message, "unknown delivery spec \"ebu-r129\"\nhelp: did you mean \"ebu-r128\"?");
  EXPECT_EQ(load_spec("netflix").error().message, "unknown delivery spec \"netflix\"\nhelp: did you mean \"netflix-2.0\" or \"netflix-5.1\"?");
  EXPECT_THAT(load_spec("zzz").error().message, HasSubstr("help: the specs are \"aes-td1008-music\", "));
  EXPECT_THAT(load_spec("zzz").error().message, HasSubstr(" or \"wbd-max\"; one of your own is a file whose name ends in .json"));
}

TEST(LoadSpec, SaysWhereAFileIsWrong) {
  const testing::MixFolder folder;
  folder.text("house.json", "{ \"spec\": 1, \"name\": \"own\", \"title\": \"Own\", \"edition\": \"1\",\n  \"true_peak\": { \"max\": \"-1\", \"section\": \"2\" } }");
  EXPECT_EQ(load_spec("house.json", folder.path()).error().message,
            "\"max\" is \"-1\", not a number\n --> " + folder.path() + "/house.json:2:25  at /true_peak/max\n"
            "  |\n2 |   \"true_peak\": { \"max\": \"-1\", \"section\": \"2\" } }\n  |                         ^^^^ expected a number");
  EXPECT_EQ(load_spec("none.json", folder.path()).error().message, folder.path() + "/none.json: cannot read it: No such file or directory");
}

mix::Document document(const std::string& role, const std::string& deliverable) {
  mix::MixText text;
  text.buses = R"({"name": "DX", "layout": "5.1")" + (role.empty() ? "" : ", \"role\": \"" + role + "\"") + R"(}, {"name": "FX", "layout": "5.1"})";
  text.deliverables = deliverable;
  return mix::parsed(text);
}

std::string spec_mistakes(const mix::Document& of) {
  std::string out;
  for (const mix::Diagnostic& error : find_specs(of).errors) out += error.place.pointer + ": " + error.message + "\n" + error.help + "\n";
  return out;
}

const std::string kMain = R"({"name": "main", "layout": "5.1", "file": "a.wav", "loudness": ")";

TEST(FindSpecs, GivesEveryDeliverableItsOwn) {
  const SpecTable table = find_specs(document("dialogue", kMain + "netflix-5.1\"}, {\"name\": \"b\", \"layout\": \"5.1\", \"file\": \"b.wav\"}"));
  ASSERT_EQ(table.errors.size(), 0U);
  EXPECT_EQ(table.of_deliverable[0]->title, "Netflix 5.1");
  EXPECT_FALSE(table.of_deliverable[1].has_value());
}

TEST(FindSpecs, SaysWhereANameIsUnknown) {
  EXPECT_EQ(spec_mistakes(document("", kMain + "ebu-r182\"}")),
            "/deliverables/0/loudness: unknown delivery spec \"ebu-r182\"\ndid you mean \"ebu-r128\"?\n");
  EXPECT_EQ(find_specs(document("", kMain + "ebu-r182\"}")).errors[0].place.line, 8);
}

TEST(FindSpecs, AskForADialogueStemWhereDialogueIsTheGate) {
  EXPECT_EQ(spec_mistakes(document("", kMain + "netflix-5.1\"}")),
            "/deliverables/0/loudness: Netflix 5.1 is judged by dialogue, and no stem of this mix has the role \"dialogue\"\n"
            "write \"role\": \"dialogue\" in the bus that carries the dialogue; it must be a stem, a bus that feeds no other\n");
  EXPECT_EQ(spec_mistakes(document("narration", kMain + "netflix-5.1\"}")), "");
  EXPECT_EQ(spec_mistakes(document("dialogue", kMain + "netflix-5.1\", \"include\": [\"FX\"]}")), "") << "below 15 % speech it is judged by programme";
  EXPECT_EQ(spec_mistakes(document("dialogue", kMain + "amazon-mgm-5.1\", \"include\": [\"FX\"]}")),
            "/deliverables/0/loudness: Amazon MGM 5.1 is judged by dialogue alone, and deliverable \"main\" includes no dialogue stem\n"
            "include a stem whose \"role\" is \"dialogue\", or choose a spec that is judged by programme\n");
}

TEST(FindSpecs, ReadAUsersOwnFileBesideTheMix) {
  const testing::MixFolder folder;
  folder.text("house.json", spec_text(R"("true_peak": {"max": -3})"));
  mix::Document of = document("", kMain + "house.json\"}, " + R"({"name": "b", "layout": "5.1", "file": "b.wav", "loudness": "gone.json"})");
  of.folder = folder.path();
  EXPECT_EQ(spec_mistakes(of), "/deliverables/0/loudness: delivery spec " + folder.path() + "/house.json:1:74 at /true_peak: a limit without \"section\"\n"
                               "say where the document asks for this: \"section\": \"4.2, table 1\"\n"
                               "/deliverables/1/loudness: delivery spec: " + folder.path() + "/gone.json: cannot read it: No such file or directory\n"
                               "a relative path counts from the mix document's folder\n");
}

}  // namespace
}  // namespace dubfarm::scheduler
