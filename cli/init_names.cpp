#include "cli/init_names.hpp"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace dubfarm::cli {
namespace {

constexpr StemKind kKinds[] = {{"DX", mix::Role::dialogue, "dialogue", "dialogue"},
                                          {"VO", mix::Role::narration, "narration", "narration"},
                                          {"MX", mix::Role::music, "music", "music"},
                                          {"FX", mix::Role::effects, "effects", "effects"},
                                          {"FOL", mix::Role::foley, "foley", "foley"},
                                          {"AMB", mix::Role::ambience, "ambience", "ambience"},
                                          {"ME", mix::Role::none, "", "music and effects"}};
// Words, lower case, of each kind in the order of kKinds.
constexpr std::pair<std::string_view, int> kWords[] = {
    {"dx", 0}, {"dia", 0}, {"dial", 0}, {"dlg", 0}, {"dialog", 0}, {"dialogs", 0}, {"dialogue", 0}, {"dialogues", 0}, {"adr", 0}, {"vox", 0},
     {"voices", 0}, {"dub", 0}, {"dubs", 0}, {"vo", 1}, {"voiceover", 1}, {"nar", 1}, {"narr", 1}, {"narration", 1}, {"narrator", 1}, {"mx", 2},
     {"mus", 2}, {"music", 2}, {"score", 2}, {"songs", 2}, {"song", 2}, {"fx", 3}, {"sfx", 3}, {"efx", 3}, {"effects", 3}, {"effect", 3},
     {"hardfx", 3}, {"fol", 4}, {"foley", 4}, {"foleys", 4}, {"amb", 5}, {"ambs", 5}, {"ambience", 5}, {"ambiance", 5}, {"bg", 5}, {"bgs", 5},
     {"backgrounds", 5}, {"atmos", 5}, {"atmo", 5}, {"atm", 5}, {"me", 6}, {"mande", 6}};

// ISO 639-1 codes, and the ISO 639-2 codes (bibliographic and terminological) that stand in file names for the same languages.
constexpr std::string_view kTwoLetters =
    " af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko lo lt lv mk ml mn mr ms my "
    "nb ne nl nn no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh zu ";
constexpr std::pair<std::string_view, std::string_view> kThreeLetters[] = {
    {"afr", "af"}, {"ara", "ar"}, {"bul", "bg"}, {"ben", "bn"}, {"bos", "bs"}, {"cat", "ca"}, {"ces", "cs"}, {"cze", "cs"}, {"dan", "da"},
     {"deu", "de"}, {"ger", "de"}, {"ell", "el"}, {"gre", "el"}, {"eng", "en"}, {"spa", "es"}, {"esp", "es"}, {"est", "et"}, {"eus", "eu"},
     {"baq", "eu"}, {"fas", "fa"}, {"per", "fa"}, {"fin", "fi"}, {"fra", "fr"}, {"fre", "fr"}, {"gle", "ga"}, {"glg", "gl"}, {"heb", "he"},
     {"hin", "hi"}, {"hrv", "hr"}, {"hun", "hu"}, {"ind", "id"}, {"isl", "is"}, {"ice", "is"}, {"ita", "it"}, {"jpn", "ja"}, {"kat", "ka"},
     {"kor", "ko"}, {"lit", "lt"}, {"lav", "lv"}, {"mkd", "mk"}, {"msa", "ms"}, {"may", "ms"}, {"nld", "nl"}, {"dut", "nl"}, {"nor", "no"},
     {"pol", "pl"}, {"por", "pt"}, {"ron", "ro"}, {"rum", "ro"}, {"rus", "ru"}, {"slk", "sk"}, {"slv", "sl"}, {"sqi", "sq"}, {"srp", "sr"},
     {"swe", "sv"}, {"tam", "ta"}, {"tel", "te"}, {"tha", "th"}, {"tur", "tr"}, {"ukr", "uk"}, {"vie", "vi"}, {"zho", "zh"}};
constexpr std::string_view kChannels[] = {"L", "R", "C", "LFE", "Ls", "Rs", "Lss", "Rss", "Lrs", "Rrs", "Lsr", "Rsr", "Lf"};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_lower(std::string_view text) { return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; }); }
bool is_upper(std::string_view text) { return std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; }); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

struct Word {
  std::size_t at = 0, size = 0;
};

// Runs of letters, '&' and high bytes (UTF-8) inside [from, to) of the path; digits and everything else separate them.
std::vector<Word> words(std::string_view path, std::size_t from, std::size_t to) {
  std::vector<Word> out;
  for (std::size_t i = from; i < to;) {
    std::size_t end = i;
    while (end < to && (is_letter(path[end]) || path[end] == '&' || static_cast<unsigned char>(path[end]) >= 0x80)) ++end;
    if (end > i) out.push_back({i, end - i});
    i = std::max(end, i + 1);
  }
  return out;
}

const StemKind* kind_of(std::string_view word) {
  const std::string key = word == "M&E" || word == "m&e" ? "mande" : lower(word);
  for (const auto& [name, kind] : kWords)
    if (name == key) return &kKinds[kind];
  return nullptr;
}

// The language that a word names; empty: none. Mixed case ("It", "No") is a word of a title, not a tag.
std::string language_of(std::string_view word) {
  if (!is_lower(word) && !is_upper(word)) return {};
  const std::string key = lower(word);
  if (key.size() == 2 && kTwoLetters.find(" " + key + " ") != std::string_view::npos) return key;
  for (const auto& [three, two] : kThreeLetters)
    if (three == key) return std::string(two);
  return {};
}

// The tag that begins at word `index`: with a region where one follows it at once: en-US, pt_BR, es-419. "FR_MX" is French music.
std::optional<LanguageTag> tag_at(std::string_view path, const std::vector<Word>& all, std::size_t index, std::size_t end) {
  const Word word = all[index];
  const std::string_view text = path.substr(word.at, word.size);
  std::string language = language_of(text);
  if (language.empty()) return std::nullopt;
  LanguageTag tag{language, word.at, word.size};
  const std::size_t after = word.at + word.size;
  if (after >= end || (path[after] != '-' && path[after] != '_')) return tag;
  if (path.substr(after + 1, 3) == "419" && (after + 4 >= end || !is_digit(path[after + 4]))) {
    return LanguageTag{language + "-419", word.at, word.size + 4};
  }
  if (index + 1 < all.size() && all[index + 1].at == after + 1 && all[index + 1].size == 2) {
    const std::string_view region = path.substr(after + 1, 2);
    const bool is_region = is_lower(text) && is_upper(region) && (path[after] == '-' || kind_of(region) == nullptr);
    if (is_region) return LanguageTag{language + "-" + std::string(region), word.at, word.size + 3};
  }
  return tag;
}

// In a file's own name a tag stands first, last, or beside the word for the stem; elsewhere "it" and "no" are words.
std::optional<LanguageTag> language_in_stem(std::string_view path, const std::vector<Word>& all, std::size_t end) {
  for (std::size_t i = all.size(); i-- > 0;) {
    if (kind_of(path.substr(all[i].at, all[i].size)) != nullptr) continue;
    const std::optional<LanguageTag> tag = tag_at(path, all, i, end);
    if (!tag) continue;
    const bool last = tag->at + tag->size >= all.back().at + all.back().size;
    const bool beside = (i > 0 && kind_of(path.substr(all[i - 1].at, all[i - 1].size)) != nullptr) ||
                        (i + 1 < all.size() && kind_of(path.substr(all[i + 1].at, all[i + 1].size)) != nullptr);
    if (i == 0 || last || beside) return tag;
  }
  return std::nullopt;
}

}  // namespace

FileName read_file_name(std::string_view path) {
  FileName out;
  const std::size_t slash = path.rfind('/');
  const std::size_t stem_from = slash == std::string_view::npos ? 0 : slash + 1;
  const std::size_t dot = path.rfind('.');
  std::size_t stem_to = dot == std::string_view::npos || dot <= stem_from ? path.size() : dot;

  const std::size_t mark = path.find_last_of("._- ", stem_to - 1);
  if (mark != std::string_view::npos && mark > stem_from && mark + 1 < stem_to) {
    const std::string suffix = lower(path.substr(mark + 1, stem_to - mark - 1));
    for (const std::string_view channel : kChannels) {
      if (lower(channel) != suffix) continue;
      out.channel = channel == "Lf" ? "LFE" : channel == "Lsr" ? "Lrs" : channel == "Rsr" ? "Rrs" : std::string(channel);
      out.channel_at = mark;
      out.channel_size = stem_to - mark;
      stem_to = mark;
    }
  }

  const std::vector<Word> stem = words(path, stem_from, stem_to);
  for (const Word word : stem) {
    out.kind = kind_of(path.substr(word.at, word.size));
    if (out.kind != nullptr) break;
  }
  out.language = language_in_stem(path, stem, stem_to);
  for (std::size_t to = stem_from; to > 0 && (out.kind == nullptr || !out.language);) {
    const std::size_t end = to - 1, before = end == 0 ? std::string_view::npos : path.rfind('/', end - 1);
    const std::size_t from = before == std::string_view::npos ? 0 : before + 1;
    const std::vector<Word> folder = words(path, from, end);
    for (const Word word : folder) {
      if (out.kind == nullptr) out.kind = kind_of(path.substr(word.at, word.size));
    }
    if (!out.language && !folder.empty()) out.language = language_in_stem(path, folder, end);
    to = from;
  }
  return out;
}

}  // namespace dubfarm::cli
