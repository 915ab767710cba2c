#include "worker/gpu/staging.hpp"

#include <algorithm>
#include <cstring>

namespace dubfarm::worker::gpu {
namespace {

constexpr std::size_t kFlying = 2;  // of kStagingSlots: one goes up, one is filled
constexpr std::size_t kTables = 16;  // what is no longer than a sixteenth of a slot is a table
constexpr std::size_t kAlignment = 64;

}  // namespace

Result<void> Staging::land_oldest() {
  TRY(flying_.front().landed.wait());
  flying_.pop_front();
  return {};
}

Result<void> Staging::land_tables() {
  if (tables_used_ == 0) return {};
  TRY_ASSIGN(kernels::Event landed, device_.create_event());
  TRY(landed.record(stream_));
  TRY(landed.wait());
  tables_used_ = 0;
  return {};
}

Result<void> Staging::finish() {
  while (!flying_.empty()) TRY(land_oldest());
  return land_tables();
}

Result<void> Staging::upload(void* device, std::size_t bytes, std::size_t grain, const Fill& fill) {
  const kernels::ProfilerRange range(device_, "upload");
  for (std::size_t from = 0; from < bytes;) {
    if (flying_.size() >= kFlying) {
      const StageTimer timer(times_, Stage::upload);
      TRY(land_oldest());
    }
    TRY_ASSIGN(kernels::PinnedSlot slot, device_.take_slot());
    const std::size_t whole = slot.bytes().size() / grain * grain, piece = std::min(bytes - from, std::max(whole, std::min(grain, slot.bytes().size())));
    TRY(fill(from, slot.bytes().first(piece)));
    TRY(stream_.copy_up(static_cast<std::byte*>(device) + from, slot.bytes().data(), piece));
    TRY_ASSIGN(kernels::Event landed, device_.create_event());
    TRY(landed.record(stream_));
    flying_.push_back({std::move(slot), std::move(landed)});
    if (times_ != nullptr) times_->add(Stage::upload, 0, static_cast<std::int64_t>(piece));
    from += piece;
  }
  return {};
}

Result<void> Staging::upload(void* device, std::span<const std::byte> from) {
  if (!tables_) { TRY_ASSIGN(tables_, device_.take_slot()); }
  const std::span<std::byte> slot = tables_->bytes();
  if (from.size() <= slot.size() / kTables) {
    if (tables_used_ + from.size() > slot.size()) TRY(land_tables());
    std::byte* const at = slot.data() + tables_used_;
    if (!from.empty()) std::memcpy(at, from.data(), from.size());
    tables_used_ += (from.size() + kAlignment - 1) / kAlignment * kAlignment;
    if (times_ != nullptr) times_->add(Stage::upload, 0, static_cast<std::int64_t>(from.size()));
    return stream_.copy_up(device, at, from.size());
  }
  return upload(device, from.size(), 1, [&](std::size_t at, std::span<std::byte> to) -> Result<void> {
    std::memcpy(to.data(), from.data() + at, to.size());
    return {};
  });
}

Result<void> Staging::download(void* host, const void* device, std::size_t bytes) {
  const kernels::ProfilerRange range(device_, "download");
  TRY(finish());
  TRY(stream_.synchronize());  // what is waited for from here on is the copy itself
  const StageTimer timer(times_, Stage::download, static_cast<std::int64_t>(bytes));
  struct Piece {
    Flying flying;
    std::size_t from = 0, bytes = 0;
  };
  std::deque<Piece> pieces;
  const auto take_oldest = [&]() -> Result<void> {
    TRY(pieces.front().flying.landed.wait());
    std::memcpy(static_cast<std::byte*>(host) + pieces.front().from, pieces.front().flying.slot.bytes().data(), pieces.front().bytes);
    pieces.pop_front();
    return {};
  };
  for (std::size_t from = 0; from < bytes;) {
    if (pieces.size() >= kFlying) TRY(take_oldest());
    Piece piece;
    TRY_ASSIGN(piece.flying.slot, device_.take_slot());
    piece.from = from;
    piece.bytes = std::min(bytes - from, piece.flying.slot.bytes().size());
    TRY(stream_.copy_down(piece.flying.slot.bytes().data(), static_cast<const std::byte*>(device) + from, piece.bytes));
    TRY_ASSIGN(piece.flying.landed, device_.create_event());
    TRY(piece.flying.landed.record(stream_));
    from += piece.bytes;
    pieces.push_back(std::move(piece));
  }
  while (!pieces.empty()) TRY(take_oldest());
  return {};
}

}  // namespace dubfarm::worker::gpu
