// What the name of a sound file says: the stem it belongs to, its language, its channel in a multi-mono stem.
// Threads: every function here is pure and may run on any thread.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/mix/document.hpp"

namespace dubfarm::cli {

/// A kind of stem: the bus it becomes, and the words that files of it are named with.
struct StemKind {
  std::string_view bus;   // "DX"
  mix::Role role;         // none for a finished M&E
  std::string_view role_name;  // as a document writes it; empty: none
  std::string_view what;  // "dialogue"
};

/// A language tag as it stands in a path: fr, FR, fra, en-US.
struct LanguageTag {
  std::string language;         // what it means, the same for every spelling: "fr", "en-US"
  std::size_t at = 0, size = 0; // bytes of the path
};

struct FileName {
  const StemKind* kind = nullptr;        // nullptr: not recognised
  std::optional<LanguageTag> language;
  std::string channel;                   // "L", "LFE", "Ls" ...; empty: the file is whole
  std::size_t channel_at = 0, channel_size = 0;  // of the suffix with its separator, bytes of the path
};

/// Reads a path relative to the folder, '/' between its parts. The file's own name counts before its folders', the nearest folder first.
[[nodiscard]] FileName read_file_name(std::string_view path);

}  // namespace dubfarm::cli
