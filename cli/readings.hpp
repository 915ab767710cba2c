// From what prints measured to readings and checks: where the worker's figures meet the scheduler's arithmetic.
#pragma once
#include "common/mix/document.hpp"
#include "scheduler/delivery/check.hpp"
#include "scheduler/plan/plan.hpp"
#include "worker/print.hpp"

namespace dubfarm::cli {

/// The readings of a finished print, over the stretch that the deliverable measures. Its ends are rounded down to the 20 ms grid.
/// @param gain_db  the readings as they would be behind this gain
[[nodiscard]] scheduler::LoudnessReading reading_of(const worker::PrintSpec& spec, const worker::PrintMeasurement& measurement, const mix::Deliverable& deliverable,
                                                    double gain_db = 0);

/// What of an output the checks need to know beside its readings.
[[nodiscard]] scheduler::DeliveredFile delivered_file(const mix::Document& document, const plan::Print& print);

}  // namespace dubfarm::cli
