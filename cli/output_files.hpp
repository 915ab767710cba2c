// What the files of a print are and say about themselves: paths, container, bext, iXML.
#pragma once
#include <string>

#include "common/mix/document.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/print.hpp"

namespace dubfarm::cli {

/// Sets the parts of `spec` that describe files: container, files, bext. Its rate, layout and sample type are set before.
void describe_files(const mix::Document& document, const plan::Print& print, const std::string& folder, worker::PrintSpec& spec);

}  // namespace dubfarm::cli
