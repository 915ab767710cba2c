#include "worker/range_inputs.hpp"

#include <algorithm>

#include "kernels/mix/mix.hpp"

namespace dubfarm::worker {
namespace {

bool is_heard(const Matrix& matrix, int channel) {
  for (int o = 0; o < matrix.rows; ++o)
    if (matrix.at(o, channel) != 0) return true;
  return false;
}

/// Whether a blob that cannot be read here has been rendered anew in the meantime: another range noticed the loss first.
bool is_replaced(const Store& store, const PrintPlacement& place, int channel, Frames first, Frames count) {
  Result<BlobReader> blob = store.open_blob(place.key);
  return blob.ok() && blob->frames() == place.length && channel < blob->channels() && !blob->is_silent(channel) && blob->view(channel, first, count).ok();
}

}  // namespace

Result<void> RangeInputs::open(const Store& store, SegmentCache* segments, const std::vector<PrintStem>& stems, Frames first, Frames end) {
  for (const PrintStem& stem : stems) {
    auto place = std::lower_bound(stem.placements.begin(), stem.placements.end(), first,
                                  [](const PrintPlacement& p, Frames at) { return p.first + p.length <= at; });
    for (; place != stem.placements.end() && place->first < end; ++place) {
      Result<BlobReader> blob = store.open_blob(place->key, place->is_read_again ? segments : nullptr);
      if (blob.ok() && (blob->channels() != stem.matrix.columns || blob->frames() != place->length))
        blob = fail(Errc::corrupt, "{}: a blob of another shape", store.path_of(place->key));
      if (blob.ok()) inputs_.push_back({&stem, &*place, std::move(*blob)});
      else TRY(note_lost(store, *place, blob.error()));
    }
  }
  return {};
}

Result<void> RangeInputs::sum(const Store& store, double gain, Frames first, Frames count, int channels, double* const* out, bool only_speech) {
  for (Frames at = first; at < first + count;) {
    Frames end = first + count;  // until there, the same blobs sound, and each is at hand
    heard_.clear();
    for (Input& input : inputs_) {
      if (only_speech && !input.stem->is_speech) continue;
      const Frames begin = input.place->first, over = begin + input.place->length;
      if (at < begin) end = std::min(end, begin);
      if (at < begin || at >= over) continue;
      end = std::min(end, over);
      for (int c = 0; c < input.stem->matrix.columns; ++c) {
        if (input.blob.is_silent(c) || !is_heard(input.stem->matrix, c)) continue;
        TRY_ASSIGN(const std::span<const float> x, view(store, input, c, at, end));
        if (x.empty()) return {};
        end = at + static_cast<Frames>(x.size());
        heard_.push_back({&input.stem->matrix, c, x.data()});
      }
    }
    for (int o = 0; o < channels; ++o) {
      lanes_.clear(), gains_.clear();
      for (const Heard& heard : heard_)
        if (const double level = gain * heard.matrix->at(o, heard.channel); level != 0) lanes_.push_back(heard.samples), gains_.push_back(level);
      double* const to = out[o] + (at - first);
      kernels::mix_store(lanes_.data(), static_cast<int>(lanes_.size()), gains_.data(), 1, end - at, &to);
    }
    at = end;
  }
  return {};
}

std::vector<RangeInputs::Lane> RangeInputs::lanes(Frames first, Frames end, bool only_speech) const {
  std::vector<Lane> lanes;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Input& input = inputs_[i];
    const Frames from = std::max(first, input.place->first), until = std::min(end, input.place->first + input.place->length);
    if (from >= until || (only_speech && !input.stem->is_speech)) continue;
    for (int c = 0; c < input.stem->matrix.columns; ++c)
      if (!input.blob.is_silent(c) && is_heard(input.stem->matrix, c)) lanes.push_back({i, input.stem, c, from, until});
  }
  return lanes;
}

/// Frames [first, end) of the timeline, or fewer.
Result<std::span<const float>> RangeInputs::view(const Store& store, Input& input, int channel, Frames first, Frames end) {
  const Frames at = first - input.place->first;
  Result<std::span<const float>> samples = input.blob.view(channel, at, end - first);
  if (samples.ok()) return samples;
  if (is_replaced(store, *input.place, channel, at, end - first)) lost_.keys.push_back(input.place->key);
  else TRY(note_lost(store, *input.place, samples.error()));
  return std::span<const float>();
}

bool RangeInputs::has_speech() const {
  return std::any_of(inputs_.begin(), inputs_.end(), [](const Input& input) { return input.stem->is_speech; });
}

/// A blob that is gone or damaged is rendered again; any other trouble is an error.
Result<void> RangeInputs::note_lost(const Store& store, const PrintPlacement& place, const Error& error) {
  if (error.code != Errc::corrupt && error.code != Errc::not_found) return error;
  store.discard(place.key);
  lost_.keys.push_back(place.key);
  return {};
}

}  // namespace dubfarm::worker
