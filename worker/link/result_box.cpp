#include "worker/link/result_box.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/descriptor.hpp"
#include "common/io.hpp"
#include "common/wire/frame.hpp"

namespace dubfarm::worker {
namespace {

namespace fs = std::filesystem;

/// Into place in one step, but not synced: after a power cut the task is given out again, and its result is found in the store.
dubfarm::Result<void> write_unsynced(const std::string& path, const std::string& bytes) {
  const std::string temporary = path + ".partial";
  const auto write = [&]() -> dubfarm::Result<void> {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.is_open()) return system_error(errno, temporary, "write this file");
    TRY(write_at(file, 0, std::as_bytes(std::span(bytes.data(), bytes.size())), temporary));
    if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(errno, path, "move the finished file here");
    return {};
  };
  dubfarm::Result<void> written = write();
  if (!written.ok()) ::unlink(temporary.c_str());
  return written;
}

}  // namespace

std::string ResultBox::path_of(std::uint64_t lease) const { return fmt::format("{}/{:016x}.result", folder_, lease); }

dubfarm::Result<ResultBox> ResultBox::open(const std::string& folder) {
  TRY(make_folders(folder));
  if (::access(folder.c_str(), W_OK | X_OK) != 0) return system_error(errno, folder, "write to this folder");
  ResultBox box(folder);
  std::error_code failed;
  for (fs::directory_iterator files(folder, failed); !failed && files != fs::directory_iterator(); files.increment(failed)) {
    if (files->path().extension() != ".result") continue;
    std::ifstream in(files->path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto all = std::as_bytes(std::span(bytes.data(), bytes.size()));
    const wire::Decoded decoded = wire::decode(all);
    if (decoded.envelope && decoded.envelope->has_result()) box.results_[decoded.envelope->result().lease().lease()] = decoded.envelope->result();
    else fs::remove(files->path(), failed);
  }
  if (failed) return system_error(failed.value(), folder, "read this folder");
  return box;
}

dubfarm::Result<void> ResultBox::put(const wire::Result& result) {
  results_[result.lease().lease()] = result;
  wire::Envelope envelope;
  *envelope.mutable_result() = result;
  return write_unsynced(path_of(result.lease().lease()), wire::encode(envelope));
}

void ResultBox::acknowledged(std::uint64_t lease) {
  if (results_.erase(lease) > 0) ::unlink(path_of(lease).c_str());
}

}  // namespace dubfarm::worker
