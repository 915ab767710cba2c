// What stays on a device from one chunk to the next: stretches of sources that other programs play too, and spectra of impulse responses.
#pragma once
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "common/media/digest.hpp"
#include "common/result.hpp"
#include "common/units.hpp"
#include "kernels/device/device.hpp"

namespace dubfarm::worker::gpu {

/// Threads: safe. Those that were used longest ago go when all together pass the limit, or when a chunk needs the memory; those that a chunk
/// holds stay. All belong to one job.
class Residents {
 public:
  enum class Kind { raw_source, read_source, ir_float32, ir_float64 };
  /// Of a source: frames [first, first + count), raw as in the file, or `channels` read and converted, one after the other. Of an impulse
  /// response: {inputs, outputs}, from 0, the size of the transform.
  struct Name {
    Kind kind = Kind::raw_source;
    media::Digest digest;
    std::vector<int> channels;
    Frames first = 0, count = 0;
  };
  struct Resident {
    Name name;
    kernels::DeviceMemory memory;
    kernels::Event ready;
  };
  /// Let go only after the streams that use it have passed.
  using Held = std::shared_ptr<const Resident>;

  Residents(kernels::Device& device, std::uint64_t limit) : device_(device), limit_(limit) {}

  /// Device::allocate(), for which residents that nobody holds make room.
  [[nodiscard]] Result<kernels::DeviceMemory> allocate(std::size_t bytes);

  /// Puts what `name` says into `memory`, on the stream of get(). `near`: of a source, those at hand that share frames with it, by their
  /// first frame; the stream may read them.
  using Make = std::function<Result<void>(std::byte* memory, const std::vector<Held>& near)>;
  struct Found {
    Held resident;        // of a source, perhaps of more frames than were asked for
    std::vector<Held> near;  // that it was made from; to be held as long
    bool was_there = false;
  };
  /// One that is there or is being made by another thread, else one made now. The stream goes on when it is complete.
  /// Errors: what `make` returns; Errc::no_space.
  [[nodiscard]] Result<Found> get(const Name& name, std::size_t bytes, const kernels::Stream& stream, const Make& make);

  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Entry {
    Name name;
    std::mutex mutex;  // one thread makes, the others wait; guards `made`
    std::shared_ptr<const Resident> made;
    std::shared_ptr<const Resident> listed;  // the same, guarded by Residents::mutex_
  };
  using Entries = std::list<std::shared_ptr<Entry>>;
  [[nodiscard]] std::vector<Held> near(const Name& name);
  bool drop_oldest();  // under mutex_
  void drop(const std::shared_ptr<Entry>& entry);

  kernels::Device& device_;
  std::uint64_t limit_;
  mutable std::mutex mutex_;
  Entries entries_;          // least recently used first
  std::uint64_t bytes_ = 0;  // of those listed
};

}  // namespace dubfarm::worker::gpu
