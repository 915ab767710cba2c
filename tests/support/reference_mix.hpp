// The slow truth of a whole mix: docs/mix-format.md read literally, in double precision, the whole timeline at once, one array for every
// node, no chunk, no pre-roll, no cut curve. It shares the parsed document with the engine and nothing else: formulas, tables and loops are
// its own.
#pragma once
#include <cstddef>
#include <vector>

#include "common/mix/document.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::testing {

/// Every bus of one version after its fader, by its index in the document; stems are those without a parent.
/// Throws where a source is at another rate than the mix: conversion has its own tests.
[[nodiscard]] std::vector<Signal> reference_buses(const mix::Document& document, const mix::Version& version);

/// A deliverable's samples before quantisation, from reference_buses(). @param only_stem  for per_bus: the stem that is wanted.
[[nodiscard]] Signal reference_deliverable(const mix::Document& document, const std::vector<Signal>& buses, const mix::Deliverable& deliverable,
                                           const std::size_t* only_stem = nullptr);

}  // namespace dubfarm::testing
