#include "kernels/device/device.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dubfarm::kernels {
namespace {

/// Blocks come in a few sizes, so that one chunk's fit the next one's: a multiple of an eighth of the power of two below, at least 64 KiB.
std::size_t block_bytes(std::size_t bytes) {
  constexpr std::size_t kLeast = std::size_t{64} << 10;
  if (bytes <= kLeast) return kLeast;
  std::size_t power = kLeast;
  while (power <= bytes / 2) power *= 2;
  const std::size_t step = power / 8;
  return (bytes + step - 1) / step * step;
}

}  // namespace

// ---- what a device gives out ----------------------------------------------------------------------------------------------------

DeviceMemory& DeviceMemory::operator=(DeviceMemory&& other) noexcept {
  std::swap(device_, other.device_), std::swap(memory_, other.memory_), std::swap(bytes_, other.bytes_);
  return *this;
}
DeviceMemory::~DeviceMemory() {
  if (memory_ != nullptr) device_->take_back(memory_, bytes_);
}

PinnedSlot& PinnedSlot::operator=(PinnedSlot&& other) noexcept {
  std::swap(device_, other.device_), std::swap(bytes_, other.bytes_);
  return *this;
}
PinnedSlot::~PinnedSlot() {
  if (device_ != nullptr) device_->take_back_slot(bytes_);
}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(device_, other.device_), std::swap(stream_, other.stream_);
  return *this;
}
Stream::~Stream() {
  if (device_ != nullptr) device_->table().destroy_stream(device_->context(), stream_);
}
Result<void> Stream::copy_up(void* device, const void* host, std::size_t bytes) const {
  return device_->check(device_->table().copy_up(device_->context(), stream_, device, host, bytes));
}
Result<void> Stream::copy_down(void* host, const void* device, std::size_t bytes) const {
  return device_->check(device_->table().copy_down(device_->context(), stream_, host, device, bytes));
}
Result<void> Stream::copy_within(void* to, const void* from, std::size_t bytes) const {
  return device_->check(device_->table().copy_within(device_->context(), stream_, to, from, bytes));
}
Result<void> Stream::fill(void* device, int byte, std::size_t bytes) const {
  return device_->check(device_->table().fill(device_->context(), stream_, device, byte, bytes));
}
Result<void> Stream::synchronize() const { return device_->check(device_->table().synchronize(device_->context(), stream_)); }

Event& Event::operator=(Event&& other) noexcept {
  std::swap(device_, other.device_), std::swap(event_, other.event_);
  return *this;
}
Event::~Event() {
  if (device_ != nullptr) device_->table().destroy_event(device_->context(), event_);
}
Result<void> Event::record(const Stream& stream) const { return device_->check(device_->table().record(device_->context(), event_, stream.get())); }
Result<void> Event::hold(const Stream& stream) const { return device_->check(device_->table().wait(device_->context(), stream.get(), event_)); }
Result<void> Event::wait() const { return device_->check(device_->table().wait_for(device_->context(), event_)); }
Result<double> Event::elapsed_ms(const Event& from, const Event& to) {
  float ms = 0;
  TRY(from.device_->check(from.device_->table().elapsed_ms(from.device_->context(), from.event_, to.event_, &ms)));
  return static_cast<double>(ms);
}

// ---- the device -----------------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Device>> Device::open(const DeviceModule& module, const Options& options) {
  DubfarmContext* context = nullptr;
  if (module.table().open(options.device, &context) != DUBFARM_OK)
    return fail(Errc::backend_not_built, "device {}: {}", options.device, module.table().last_error());
  std::unique_ptr<Device> device(new Device(module.table(), context, options));
  device->use_.limit = options.memory_limit;
  return device;
}

Device::~Device() {
  forget();
  module_.close(context_);
}

Result<void> Device::check(int status) const {
  switch (status) {
    case DUBFARM_OK: return {};
    case DUBFARM_OUT_OF_MEMORY: return fail(Errc::no_space, "device {}: {}", options_.device, module_.last_error());
    case DUBFARM_DEVICE_LOST:
      return fail(Errc::backend_not_built, "device {}: {}; nothing more can be rendered on it: start again, or render with --backend cpu", options_.device, module_.last_error());
    default: return fail(Errc::internal, "device {}: {}", options_.device, module_.last_error());
  }
}

Result<DeviceMemory> Device::allocate(std::size_t bytes) {
  const std::size_t wanted = block_bytes(bytes);
  const std::lock_guard lock(mutex_);
  DeviceMemory block;
  block.device_ = this;
  // The smallest spare block that is large enough, if that does not waste half of it.
  if (const auto found = spare_.lower_bound(wanted); found != spare_.end() && found->first <= 2 * wanted) {
    block.memory_ = found->second;
    block.bytes_ = found->first;
    spare_.erase(found);
    use_.at_hand -= block.bytes_;
    use_.in_use += block.bytes_;
    return block;
  }
  if (use_.in_use + use_.at_hand + wanted > use_.limit) release_spare();
  if (use_.in_use + wanted > use_.limit)
    return fail(Errc::no_space, "device {}: {} MiB are in use, {} MiB more are wanted, the limit is {} MiB", options_.device, use_.in_use >> 20,
                (wanted >> 20) + 1, use_.limit >> 20);
  int status = module_.allocate(context_, wanted, &block.memory_);
  if (status == DUBFARM_OUT_OF_MEMORY && !spare_.empty()) {
    release_spare();
    status = module_.allocate(context_, wanted, &block.memory_);
  }
  if (status != DUBFARM_OK) block.memory_ = nullptr;
  TRY(check(status));
  block.bytes_ = wanted;
  use_.in_use += wanted;
  use_.most = std::max(use_.most, use_.in_use + use_.at_hand);
  return block;
}

void Device::take_back(void* memory, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  spare_.emplace(bytes, memory);
  use_.in_use -= bytes;
  use_.at_hand += bytes;
}

void Device::release_spare() {
  void* stream = nullptr;
  if (!spare_.empty() && module_.create_stream(context_, &stream) == DUBFARM_OK) {
    for (const auto& [bytes, memory] : spare_) (void)module_.fill(context_, stream, memory, 0, bytes);
    (void)module_.synchronize(context_, stream);
    module_.destroy_stream(context_, stream);
  }
  for (const auto& [bytes, memory] : spare_) module_.release(context_, memory);
  spare_.clear();
  use_.at_hand = 0;
}

void Device::forget() {
  const std::lock_guard lock(mutex_);
  release_spare();
  for (const std::span<std::byte> slot : spare_slots_) {
    std::memset(slot.data(), 0, slot.size());
    module_.release_pinned(context_, slot.data());
  }
  slots_ -= static_cast<int>(spare_slots_.size());
  spare_slots_.clear();
}

Result<PinnedSlot> Device::take_slot() {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [this] { return !spare_slots_.empty() || slots_ < options_.slots; });
  PinnedSlot slot;
  if (!spare_slots_.empty()) {
    slot.bytes_ = spare_slots_.back();
    spare_slots_.pop_back();
  } else {
    void* memory = nullptr;
    TRY(check(module_.allocate_pinned(context_, options_.slot_bytes, &memory)));
    slot.bytes_ = {static_cast<std::byte*>(memory), options_.slot_bytes};
    ++slots_;
  }
  slot.device_ = this;
  return slot;
}

void Device::take_back_slot(std::span<std::byte> slot) {
  {
    const std::lock_guard lock(mutex_);
    spare_slots_.push_back(slot);
  }
  freed_.notify_all();
}

Result<Stream> Device::create_stream() {
  Stream stream;
  TRY(check(module_.create_stream(context_, &stream.stream_)));
  stream.device_ = this;
  return stream;
}

Result<Event> Device::create_event() {
  Event event;
  TRY(check(module_.create_event(context_, &event.event_)));
  event.device_ = this;
  return event;
}

void Device::set_aside(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return set_aside_ == 0 || set_aside_ + bytes <= use_.limit; });
  set_aside_ += bytes;
}

void Device::give_back(std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    set_aside_ -= bytes;
  }
  freed_.notify_all();
}

Device::MemoryUse Device::memory_use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

}  // namespace dubfarm::kernels
