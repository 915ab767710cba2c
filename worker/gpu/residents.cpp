#include "worker/gpu/residents.hpp"

#include <algorithm>

namespace dubfarm::worker::gpu {
namespace {

bool is_source(Residents::Kind kind) { return kind == Residents::Kind::raw_source || kind == Residents::Kind::read_source; }

bool same_but_for_range(const Residents::Name& a, const Residents::Name& b) {
  return a.kind == b.kind && a.digest == b.digest && a.channels == b.channels;
}
/// Can `a` stand for `b`?
bool covers(const Residents::Name& a, const Residents::Name& b) {
  if (!same_but_for_range(a, b)) return false;
  if (!is_source(a.kind)) return a.first == b.first && a.count == b.count;
  return a.first <= b.first && b.first + b.count <= a.first + a.count;
}

}  // namespace

Result<kernels::DeviceMemory> Residents::allocate(std::size_t bytes) {
  for (;;) {
    Result<kernels::DeviceMemory> memory = device_.allocate(bytes);
    if (memory.ok() || memory.error().code != Errc::no_space) return memory;
    const std::lock_guard lock(mutex_);
    if (!drop_oldest()) return memory;
  }
}

bool Residents::drop_oldest() {
  for (auto e = entries_.begin(); e != entries_.end(); ++e) {
    Entry& entry = **e;
    if (entry.listed == nullptr || e->use_count() > 1 || entry.listed.use_count() > 2) continue;  // being made or looked at; held
    bytes_ -= entry.listed->memory.bytes();
    entries_.erase(e);
    return true;
  }
  return false;
}

void Residents::drop(const std::shared_ptr<Entry>& entry) {
  const std::lock_guard lock(mutex_);
  entries_.remove(entry);
}

std::vector<Residents::Held> Residents::near(const Name& name) {
  std::vector<Held> found;
  if (!is_source(name.kind)) return found;
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<Entry>& e : entries_)
    if (e->listed != nullptr && same_but_for_range(e->name, name) && e->name.first < name.first + name.count && name.first < e->name.first + e->name.count)
      found.push_back(e->listed);
  std::sort(found.begin(), found.end(), [](const Held& a, const Held& b) { return a->name.first < b->name.first; });
  return found;
}

Result<Residents::Found> Residents::get(const Name& name, std::size_t bytes, const kernels::Stream& stream, const Make& make) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return covers(e->name, name); });
    if (found != entries_.end()) {
      entries_.splice(entries_.end(), entries_, found);
    } else {
      entries_.push_back(std::make_shared<Entry>());
      entries_.back()->name = name;
    }
    entry = entries_.back();
  }
  const std::lock_guard making(entry->mutex);
  if (entry->made != nullptr) {
    TRY(entry->made->ready.hold(stream));
    return Found{entry->made, {}, true};
  }
  // Its own name: where the one who began it failed, it may be of more frames than `name`, of which `bytes` knows nothing.
  if (!covers(name, entry->name)) {
    drop(entry);
    return get(name, bytes, stream, make);
  }
  Found result;
  result.near = near(name);
  const auto resident = std::make_shared<Resident>();
  resident->name = name;
  const auto fill = [&]() -> Result<void> {
    TRY_ASSIGN(resident->memory, allocate(std::max<std::size_t>(bytes, 1)));
    TRY_ASSIGN(resident->ready, device_.create_event());
    for (const Held& other : result.near) TRY(other->ready.hold(stream));
    TRY(make(resident->memory.as<std::byte>(), result.near));
    return resident->ready.record(stream);
  };
  if (const Result<void> filled = fill(); !filled.ok()) {
    (void)stream.synchronize();  // nothing may still be copied into memory that goes back
    drop(entry);
    return filled.error();
  }
  entry->made = resident;
  const std::lock_guard lock(mutex_);
  result.resident = resident;
  if (std::find(entries_.begin(), entries_.end(), entry) != entries_.end()) {
    entry->listed = resident;
    bytes_ += resident->memory.bytes();
    while (bytes_ > limit_ && drop_oldest()) {}
  }
  return result;
}

std::uint64_t Residents::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace dubfarm::worker::gpu
