// Any bytes as a job's tasks: refused, or tasks that come back the same when they are written and read again.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "scheduler/db/task_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace db = dubfarm::db;
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  dubfarm::farm::TaskList tasks, again;
  if (db::decode_tasks(bytes, tasks).ok()) {
    const std::string written = db::encode_tasks(tasks, 0, tasks.size());
    if (!db::decode_tasks(std::as_bytes(std::span(written)), again).ok() || again.needs != tasks.needs || again.subject != tasks.subject) std::abort();
  }
  const auto indices = db::decode_indices(bytes);
  if (indices.ok()) {
    const std::string written = db::encode_indices(*indices);
    const auto read = db::decode_indices(std::as_bytes(std::span(written)));
    if (!read.ok() || *read != *indices) std::abort();
  }
  return 0;
}
