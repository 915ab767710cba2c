// Inside parse_mix: what its parts share, and their order. Names are gathered first, so that a part can refer to any other.
#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/mix/reader.hpp"

namespace dubfarm::mix {

/// The names of one kind (buses, tracks ...), in document order; an entry without a name has an empty one.
struct NameList {
  std::vector<std::string> names;
  std::unordered_map<std::string, std::size_t> index;  // of the first with that name
};

struct MixParser {
  Reader reader;
  Document document;
  NameList buses, reverbs, tracks, versions, deliverables;
  std::vector<std::string> stems;                // the names of the buses without a parent
  std::vector<bool> bus_layout_known;            // false where a bus's layout is missing or wrong: nothing is judged by it
  std::map<std::string, std::size_t> set_count;  // variable to the number of versions that set it
  std::map<std::string, Place> set_place;        // where a version sets it first
  std::map<std::string, bool> used_variables;    // every placeholder in the document

  // parse.cpp
  void read_document(const Value& root);
  std::string name(const Fields& fields, const Value& entry, const NameList& list);
  std::optional<std::size_t> reference(const Value& value, std::string_view kind, std::string_view section, const NameList& list);
  std::string media_pattern(const Value& value);
  bool placeholder_known(const Value& at, const std::string& variable, std::span<const std::string> version_globs);
  void expect_match(const Value& glob, std::string_view kind, std::span<const std::string> names);
  std::vector<std::string> globs(const Value& value, std::string_view kind, std::span<const std::string> names);
  // parse_signal.cpp
  void read_bus(const Value& value);
  void check_bus_cycles(const Value& list);
  void read_reverb(const Value& value);
  void read_track(const Value& value);
  // parse_delivery.cpp
  void read_version(const Value& value);
  void read_deliverable(const Value& value);
  // parse_levels.cpp: what sets a deliverable's level, and what must be true of it once all deliverables are read
  void read_levels(const Fields& fields, Deliverable& deliverable);
  void check_levels(const Value& deliverables_list);
  // check_outputs.cpp: `deliverables` is the list; tracks_are_sound: whether two renders can be compared
  void check_outputs(const Value& deliverables_list, bool tracks_are_sound);

 private:
  void gather_names(const JsonNode& root);
  void read_clock(const Fields& fields);
  void read_variables(const Value& value, std::map<std::string, std::string>& out);
  void check_set_variables();

  Automation level(const Fields& fields, std::string_view key);
  std::vector<EqBand> eq(const Fields& fields);
  EqBand eq_band(const Value& value);
  Clip clip(const Value& value, std::optional<Layout> track_layout);
  Fade fade(const Value& value);
  void read_pan(const Value& value, Track& track, std::optional<Layout> layout);
  Send send(const Value& value);

  Adjust adjust(const Value& value);
  Recut read_recut(const Value& value, const Fields& version);
  void read_file_pattern(const Value& value, Deliverable& deliverable);
  void read_sample_type(const Fields& fields, Deliverable& deliverable);
  void read_matrix(const Value& value, Deliverable& deliverable, std::optional<Layout> layout);
  void read_mix(const Value& value, Deliverable& deliverable);
  void read_measure(const Value& value, Deliverable& deliverable);
  void read_format(const Fields& fields, Deliverable& deliverable);  // parse_format.cpp
  void read_downmix(const Fields& fields);
  void read_limiter(const Value& value, Deliverable& deliverable);
  void read_qc(const Fields& fields, Deliverable& deliverable);      // parse_format.cpp
  void read_leaders(const Fields& fields, Deliverable& deliverable);  // parse_format.cpp
};

/// Names that a file pattern knows without a variable being declared.
inline constexpr std::string_view kReservedVariables[] = {"title", "version", "deliverable", "bus", "channel"};

}  // namespace dubfarm::mix
