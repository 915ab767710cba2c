#include "common/sha256.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm {
namespace {

std::string sha256_of_text(const std::string& text) {
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  return hash.hex();
}

TEST(Sha256, IsThatOfTheStandardsExamples) {  // FIPS 180-2, appendix B.1 and B.3
  EXPECT_EQ(sha256_of_text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of_text(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfAFileIsThatOfItsBytes) {
  const testing::TemporaryFolder folder;
  constexpr std::size_t kPiece = std::size_t{2} << 20;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kPiece - 1, kPiece, kPiece + 1, 2 * kPiece, 3 * kPiece + 7}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    const std::string path = folder.file("bytes", bytes);
    const Result<Descriptor> file = open_for_reading(path);
    ASSERT_TRUE(file.ok());
    std::uint64_t told = 0;
    const Result<FileHash> hash = sha256_of(*file, path, [&](std::uint64_t more) { told += more; });
    ASSERT_TRUE(hash.ok());
    EXPECT_EQ(hash->sha256, sha256_of_text(bytes)) << size;
    EXPECT_EQ(hash->bytes, size);
    EXPECT_EQ(told, size);
  }
}

TEST(Sha256, OfWhatCannotBeReadIsAnError) {
  const testing::TemporaryFolder folder;
  const std::string path = folder.file("bytes", "bytes");
  const Descriptor only_for_writing(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(only_for_writing.is_open());
  const Result<FileHash> hash = sha256_of(only_for_writing, path);
  ASSERT_FALSE(hash.ok());
  EXPECT_EQ(hash.error().code, Errc::io_error) << hash.error().message;
}

}  // namespace
}  // namespace dubfarm
