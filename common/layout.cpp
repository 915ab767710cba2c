#include "common/layout.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace dubfarm {
namespace {

using namespace std::string_view_literals;

constexpr std::array kMono = {"M"sv};
constexpr std::array kStereo = {"L"sv, "R"sv};
constexpr std::array k51 = {"L"sv, "R"sv, "C"sv, "LFE"sv, "Ls"sv, "Rs"sv};
constexpr std::array k71 = {"L"sv, "R"sv, "C"sv, "LFE"sv, "Lss"sv, "Rss"sv, "Lrs"sv, "Rrs"sv};
constexpr std::array k714 = {"L"sv, "R"sv, "C"sv, "LFE"sv, "Lss"sv, "Rss"sv, "Lrs"sv, "Rrs"sv, "Ltf"sv, "Rtf"sv, "Ltr"sv, "Rtr"sv};

constexpr std::array<RingSpeaker, 2> kRingStereo = {{{1, -30}, {0, 30}}};
constexpr std::array<RingSpeaker, 5> kRing51 = {{{5, -110}, {1, -30}, {2, 0}, {0, 30}, {4, 110}}};
constexpr std::array<RingSpeaker, 7> kRing71 = {{{7, -135}, {5, -90}, {1, -30}, {2, 0}, {0, 30}, {4, 90}, {6, 135}}};

Matrix zeros(Layout from, Layout to) {
  const int rows = channel_count(to), columns = channel_count(from);
  return {rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns), 0.0)};
}

Matrix identity_padded(Layout from, Layout to) {
  Matrix m = zeros(from, to);
  for (int c = 0; c < std::min(m.rows, m.columns); ++c) m.at(c, c) = 1.0;
  return m;
}

Matrix product(const Matrix& a, const Matrix& b) {
  assert(a.columns == b.rows);
  Matrix m{a.rows, b.columns, std::vector<double>(static_cast<std::size_t>(a.rows * b.columns), 0.0)};
  for (int r = 0; r < m.rows; ++r)
    for (int c = 0; c < m.columns; ++c)
      for (int k = 0; k < a.columns; ++k) m.at(r, c) += a.at(r, k) * b.at(k, c);
  return m;
}

}  // namespace

std::string_view name_of(Layout layout) {
  switch (layout) {
    case Layout::mono: return "mono";
    case Layout::stereo: return "stereo";
    case Layout::surround_51: return "5.1";
    case Layout::surround_71: return "7.1";
    case Layout::immersive_714: return "7.1.4";
  }
  return "?";
}

std::optional<Layout> layout_named(std::string_view name) {
  for (const Layout layout : kLayouts)
    if (name_of(layout) == name) return layout;
  return std::nullopt;
}

std::span<const std::string_view> channel_names(Layout layout) {
  switch (layout) {
    case Layout::mono: return kMono;
    case Layout::stereo: return kStereo;
    case Layout::surround_51: return k51;
    case Layout::surround_71: return k71;
    case Layout::immersive_714: return k714;
  }
  return {};
}

int channel_count(Layout layout) { return static_cast<int>(channel_names(layout).size()); }

std::optional<int> lfe_channel(Layout layout) {
  return layout == Layout::mono || layout == Layout::stereo ? std::nullopt : std::optional<int>(3);
}

std::span<const RingSpeaker> speaker_ring(Layout layout) {
  switch (layout) {
    case Layout::mono: return {};
    case Layout::stereo: return kRingStereo;
    case Layout::surround_51: return kRing51;
    case Layout::surround_71:
    case Layout::immersive_714: return kRing71;
  }
  return {};
}

Matrix conversion_matrix(Layout from, Layout to) {
  const double k = std::sqrt(0.5);
  using enum Layout;
  if (from == to) return identity_padded(from, to);
  Matrix m = zeros(from, to);
  if (from == mono) {
    if (to == stereo) m.at(0, 0) = m.at(1, 0) = k;
    else m.at(2, 0) = 1.0;  // C
    return m;
  }
  if (from == stereo && to == mono) { m.at(0, 0) = m.at(0, 1) = k; return m; }
  if (from < to) return identity_padded(from, to);  // stereo: L R; 5.1: Ls Rs to Lss Rss; 7.1 to 7.1.4: its own channels
  if (from == surround_51 && to == stereo) {
    for (int side = 0; side < 2; ++side) { m.at(side, side) = 1.0; m.at(side, 2) = k; m.at(side, 4 + side) = k; }
    return m;
  }
  if (from == surround_71 && to == surround_51) {
    for (int c = 0; c < 4; ++c) m.at(c, c) = 1.0;
    for (int side = 0; side < 2; ++side) { m.at(4 + side, 4 + side) = k; m.at(4 + side, 6 + side) = k; }
    return m;
  }
  if (from == immersive_714 && to == surround_71) {
    for (int c = 0; c < 8; ++c) m.at(c, c) = 1.0;
    for (int side = 0; side < 2; ++side) { m.at(side, 8 + side) = k; m.at(4 + side, 10 + side) = k; }
    return m;
  }
  const Layout step = from == immersive_714 ? surround_71 : from == surround_71 ? surround_51 : stereo;
  return product(conversion_matrix(step, to), conversion_matrix(from, step));
}

}  // namespace dubfarm
