#include "common/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <future>
#include <new>
#include <vector>

#include "common/hex.hpp"

namespace dubfarm {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{2} << 20;  // enough to be worth a thread that reads the next piece meanwhile

void must(int done) {
  if (done != 1) throw std::bad_alloc();  // OpenSSL's digests fail for no other reason
}

}  // namespace

struct Sha256::State {
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  must(state_->context ? EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) : 0);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::byte> bytes) { must(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size())); }

std::string Sha256::hex() {
  std::array<std::uint8_t, 32> digest{};
  must(EVP_DigestFinal_ex(state_->context.get(), digest.data(), nullptr));
  return to_hex(digest);
}

Result<FileHash> sha256_of(const Descriptor& file, const std::string& path, const std::function<void(std::uint64_t)>& on_piece) {
  Sha256 hash;
  FileHash result;
  std::array<std::vector<std::byte>, 2> pieces;
  const auto read = [&](std::size_t piece, std::uint64_t at) {
    pieces[piece].resize(kPieceBytes);
    return read_at(file, static_cast<std::int64_t>(at), pieces[piece], path);
  };
  std::future<Result<std::size_t>> coming;  // the other piece, read by another thread where one can be had
  Result<std::size_t> got = read(0, 0);
  for (std::size_t piece = 0;; piece = 1 - piece) {
    if (!got.ok()) return got.error();
    result.bytes += *got;
    const bool is_last = *got < kPieceBytes;
    if (!is_last) coming = std::async(read, 1 - piece, result.bytes);
    hash.update(std::span(pieces[piece]).first(*got));
    if (on_piece) on_piece(*got);
    if (is_last) break;
    got = coming.get();
  }
  result.sha256 = hash.hex();
  return result;
}

}  // namespace dubfarm
