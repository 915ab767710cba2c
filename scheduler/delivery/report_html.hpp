// report.html: the report as a page for people. One file, nothing from the network, no script; it prints, and reads on a telephone.
#pragma once
#include <string>

#include "scheduler/delivery/report.hpp"

namespace dubfarm::scheduler {

inline constexpr std::string_view kReportPageName = "report.html";

/// The page. Its size is bounded by the number of outputs and checks, not by the length of the mix.
[[nodiscard]] std::string report_html(const Report& report);

}  // namespace dubfarm::scheduler
