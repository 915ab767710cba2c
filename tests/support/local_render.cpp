#include "tests/support/local_render.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <stdexcept>

#include "cli/local_farm.hpp"
#include "common/mix/parse.hpp"
#include "common/mix/recut.hpp"
#include "worker/render_chunk.hpp"

namespace dubfarm::testing {
namespace {

/// A random order of `count` things: order[new index] = old index.
std::vector<std::size_t> random_order(std::size_t count, std::mt19937& random) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  return order;
}

}  // namespace

namespace {
PlannedMix planned_by(const std::string& mix_path, const std::optional<plan::BoundaryPolicy>& policy) {
  mix::ParseOutcome parsed = mix::parse_mix(mix::read_text_file(mix_path).value(), mix_path);
  if (!parsed.document) throw std::logic_error(parsed.errors.front().place.pointer + ": " + parsed.errors.front().message);
  PlannedMix planned;
  planned.document = std::make_unique<mix::Document>(std::move(*parsed.document));
  const mix::RecutOutcome recuts = mix::load_recuts(*planned.document, plan::selected_versions(*planned.document, {}));
  if (!recuts.errors.empty()) throw std::logic_error(recuts.errors.front().file + ": " + recuts.errors.front().message);
  media::DigestCache digests("");
  plan::MediaOutcome media = plan::gather_media(*planned.document, plan::selected_versions(*planned.document, {}), true, 1, digests);
  if (!media.errors.empty()) throw std::logic_error(media.errors.front().place.pointer + ": " + media.errors.front().message);
  planned.media = std::make_unique<plan::MediaTable>(std::move(media.table));
  planned.plan = plan::make_plan(*planned.document, *planned.media, {}, worker::kNumericProfile, policy);
  return planned;
}
}  // namespace

PlannedMix plan_mix(const std::string& mix_path, std::optional<Frames> chunk_frames) {
  return planned_by(mix_path, chunk_frames ? std::optional(plan::BoundaryPolicy::grid(*chunk_frames)) : std::nullopt);
}
PlannedMix plan_mix(const std::string& mix_path, const plan::BoundaryPolicy& policy) { return planned_by(mix_path, policy); }

void shuffle_tasks(plan::Plan& plan, unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<std::size_t> order = random_order(plan.chunks.size(), random);
  std::vector<plan::Chunk> chunks;
  std::vector<std::size_t> new_index(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    chunks.push_back(std::move(plan.chunks[order[i]]));
    new_index[order[i]] = i;
  }
  plan.chunks = std::move(chunks);
  for (plan::StemTimeline& timeline : plan.timelines)
    for (plan::Placement& placement : timeline.placements) placement.chunk = new_index[placement.chunk];
  if (std::any_of(plan.prints.begin(), plan.prints.end(), [](const plan::Print& p) { return p.same_as.has_value(); })) return;
  std::vector<plan::Print> prints;
  for (const std::size_t old : random_order(plan.prints.size(), random)) prints.push_back(std::move(plan.prints[old]));
  plan.prints = std::move(prints);
}

Result<scheduler::Report> render_here(const PlannedMix& planned, const std::string& store, const std::string& out, int threads) {
  TRY_ASSIGN(const Store opened, Store::open(store));
  std::atomic<bool> stop{false};
  cli::FarmOptions options;
  options.threads = threads;
  options.output_folder = out;
  options.stop = &stop;
  return cli::run_locally(*planned.document, planned.plan, opened, options);
}

}  // namespace dubfarm::testing
