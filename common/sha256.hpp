// SHA-256 (FIPS 180-4) of bytes that come in pieces, and of whole files.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "common/descriptor.hpp"
#include "common/result.hpp"

namespace dubfarm {

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  /// 64 lower-case hexadecimal digits. Call once, last.
  [[nodiscard]] std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct FileHash {
  std::string sha256;
  std::uint64_t bytes = 0;
};
/// Reads a file from its start to its end; another thread reads the next 2 MiB while this one hashes. @param path  for errors.
/// @param on_piece  called on this thread with the bytes of each piece, for progress; may be empty. @return `io_error` as read_at().
[[nodiscard]] Result<FileHash> sha256_of(const Descriptor& file, const std::string& path, const std::function<void(std::uint64_t)>& on_piece = {});

}  // namespace dubfarm
