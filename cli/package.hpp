// What stands beside the outputs: the report, the manifest, the sums.
#pragma once
#include <string>

#include "common/mix/document.hpp"
#include "common/result.hpp"
#include "scheduler/delivery/report.hpp"

namespace dubfarm::cli {

/// Writes report.json, report.html, manifest.json and, last, SHA256SUMS into `folder`, each in one step. Files that an earlier run left there and that
/// the document still delivers stay in the manifest with the sums that they had.
/// @return report.json's text. Errors: no_space, io_error.
Result<std::string> write_package(const mix::Document& document, const scheduler::Report& report, const std::string& folder);

}  // namespace dubfarm::cli
