// Channel layouts, their loudspeakers, and the matrices that bring one layout to another (mix format, Layouts and matrices).
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace dubfarm {

/// Channel orders are SMPTE: L R C LFE Ls Rs; L R C LFE Lss Rss Lrs Rrs; the same and Ltf Rtf Ltr Rtr.
enum class Layout : std::uint8_t { mono, stereo, surround_51, surround_71, immersive_714 };

inline constexpr int kMaxChannels = 12;
inline constexpr Layout kLayouts[] = {Layout::mono, Layout::stereo, Layout::surround_51, Layout::surround_71, Layout::immersive_714};

[[nodiscard]] std::string_view name_of(Layout layout);                     // "mono", "stereo", "5.1", "7.1", "7.1.4"
[[nodiscard]] std::optional<Layout> layout_named(std::string_view name);
[[nodiscard]] std::span<const std::string_view> channel_names(Layout layout);  // "M"; "L","R"; "L","R","C","LFE","Ls","Rs" ...
[[nodiscard]] int channel_count(Layout layout);
[[nodiscard]] std::optional<int> lfe_channel(Layout layout);

/// A loudspeaker on the horizontal ring: channel index and azimuth in degrees, 0 front, positive left (ITU-R BS.2076).
struct RingSpeaker { int channel; double azimuth_deg; };
/// The ear-height loudspeakers without the LFE, by ascending azimuth. Empty for mono.
[[nodiscard]] std::span<const RingSpeaker> speaker_ring(Layout layout);

/// out[r] = sum over c of at(r, c) * in[c].
struct Matrix {
  int rows = 0;
  int columns = 0;
  std::vector<double> values;  // row-major
  [[nodiscard]] double at(int row, int column) const { return values[static_cast<std::size_t>(row * columns + column)]; }
  double& at(int row, int column) { return values[static_cast<std::size_t>(row * columns + column)]; }
  bool operator==(const Matrix&) const = default;
};

/// The default fold-down or fold-up of the mix format (ITU-R BS.775 downward); longer paths compose the single steps.
[[nodiscard]] Matrix conversion_matrix(Layout from, Layout to);

}  // namespace dubfarm
