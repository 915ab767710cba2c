#include "cli/print_key.hpp"

#include <bit>
#include <type_traits>

namespace dubfarm::cli {
namespace {

class Writer {
 public:
  explicit Writer(std::string_view kind) {
    text(kind);
    text(DUBFARM_VERSION);
    number(kPrintVersion);
  }
  template <class T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void number(T value) {
    static_assert(std::endian::native == std::endian::little);
    const auto wide = static_cast<std::int64_t>(value);
    out_.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  void number(double value) { number(std::bit_cast<std::int64_t>(value)); }
  void text(std::string_view value) {
    number(value.size());
    out_.append(value);
  }
  void key(const program::Key& key) { out_.append(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()); }
  template <class T>
  void optional(const std::optional<T>& value) {
    number(value.has_value());
    if (value) number(*value);
  }
  template <class T>
  void numbers(const std::vector<T>& values) {
    number(values.size());
    for (const T& value : values) number(value);
  }
  void matrix(const Matrix& matrix) {
    number(matrix.rows), number(matrix.columns);
    numbers(matrix.values);
  }
  void stems(const std::vector<worker::PrintStem>& stems) {
    number(stems.size());
    for (const worker::PrintStem& stem : stems) {
      number(stem.is_speech);
      matrix(stem.matrix);
      number(stem.placements.size());
      for (const worker::PrintPlacement& place : stem.placements) number(place.first), number(place.length), key(place.key);
    }
  }
  void limiter(const std::optional<kernels::LimiterSettings>& limiter) {
    number(limiter.has_value());
    if (!limiter) return;
    number(limiter->sample_rate), number(limiter->ceiling_dbtp), number(limiter->lookahead), number(limiter->release), number(limiter->rounding);
  }
  void measured(const mix::Deliverable& deliverable) { optional(deliverable.measure_from), optional(deliverable.measure_to); }
  void limit(const std::optional<scheduler::Limit>& limit) {
    number(limit.has_value());
    if (!limit) return;
    optional(limit->min), optional(limit->max);
    number(limit->is_advice);
  }
  [[nodiscard]] program::Key result() const { return program::key_of_bytes(out_); }

 private:
  std::string out_;
};

}  // namespace

program::Key print_key(const mix::Document& document, const plan::Print& print, const worker::PrintSpec& spec, const std::optional<program::Key>& gain) {
  const mix::Deliverable& deliverable = document.deliverables[print.deliverable];
  Writer w("dubfarm print");
  w.number(spec.sample_rate), w.number(spec.length), w.number(spec.layout);
  w.stems(spec.stems);
  w.number(gain.has_value());
  if (gain) w.key(*gain);
  w.limiter(spec.levelling.limiter);
  w.number(spec.levelling.key_layout);
  w.stems(spec.levelling.key);
  w.number(spec.sample_type), w.number(spec.dither);
  if (spec.dither && spec.dither_chain) w.number(1), w.text(spec.dither_chain->plus), w.text(spec.dither_chain->minus), w.number(spec.dither_chain->is_first);
  else w.number(0), w.text(spec.dither ? spec.dither_name : "");
  w.number(spec.files.size());
  for (const worker::PrintFileSpec& file : spec.files) w.numbers(file.channels), w.text(file.ixml);
  w.number(spec.container);
  w.text(spec.bext.description), w.text(spec.bext.originator), w.text(spec.bext.originator_reference);
  w.text(spec.bext.origination_date), w.text(spec.bext.origination_time), w.number(spec.bext.time_reference);
  w.number(spec.extra_meters.speech), w.number(spec.extra_meters.leqm);
  w.number(spec.qc.has_value());
  if (spec.qc) w.number(static_cast<double>(spec.qc->step)), w.numbers(spec.qc->seams), w.numbers(spec.qc->edits);
  w.number(spec.leader), w.number(spec.tail);
  w.number(spec.pops.size());
  for (const worker::SyncPop& pop : spec.pops) w.number(pop.at), w.number(pop.length);
  w.measured(deliverable);
  const mix::QcSettings& qc = deliverable.qc;
  w.number(qc.is_on), w.number(qc.silence), w.number(qc.correlation), w.number(qc.mono_loss_db), w.number(qc.dropouts), w.number(qc.clicks), w.number(qc.strict);
  w.text(document.versions[print.version].name), w.text(deliverable.name), w.text(print.bus ? document.buses[*print.bus].name : "");
  w.text(mix::name_of(document.frame_rate)), w.number(document.start_frames);
  return w.result();
}

program::Key gain_key(const mix::Deliverable& deliverable, const worker::PrintSpec& sum, const scheduler::Spec& spec, double max_reduction_db) {
  Writer w("dubfarm gain");
  w.number(sum.sample_rate), w.number(sum.length), w.number(sum.layout);
  w.stems(sum.stems);
  w.limiter(sum.levelling.limiter);
  w.number(sum.extra_meters.speech);
  w.measured(deliverable);
  w.number(deliverable.normalize), w.number(max_reduction_db);
  w.number(spec.loudness.size());
  for (const scheduler::LoudnessRule& rule : spec.loudness) {
    w.number(rule.gating), w.optional(rule.target_lufs), w.number(rule.lowest_lufs), w.number(rule.highest_lufs);
    w.optional(rule.speech_at_least), w.optional(rule.speech_below);
  }
  w.limit(spec.true_peak_dbtp);
  return w.result();
}

program::Key stem_null_key(const program::Key& master, const std::vector<program::Key>& stems, const std::vector<Matrix>& matrices) {
  Writer w("dubfarm stem null");
  w.key(master);
  w.number(stems.size());
  for (const program::Key& stem : stems) w.key(stem);
  for (const Matrix& matrix : matrices) w.matrix(matrix);
  return w.result();
}

}  // namespace dubfarm::cli
