#include "common/media/output_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "common/descriptor.hpp"
#include "common/media/flac_encoder.hpp"
#include "common/media/output_copy.hpp"
#include "common/sha256.hpp"

namespace dubfarm::media {
namespace fs = std::filesystem;
namespace {

std::string folder_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Error open_error(int number, const std::string& partial) {
  if (number == ENAMETOOLONG) {
    return fail(Errc::invalid_input, "{}: the file's name is too long ({} bytes with \".partial\", 255 are allowed); shorten it", partial,
                fs::path(partial).filename().string().size());
  }
  return system_error(number, partial, "open for writing");
}

/// Opens and locks the partial file, which a crash may have left behind.
Result<Descriptor> open_partial(const std::string& partial) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    const int fd = ::open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return open_error(errno, partial);
    Descriptor file(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      return fail(Errc::io_error, "{}: another process is writing this output; wait for it, or stop it", partial);
    }
    struct stat ours {}, named {};
    if (::fstat(fd, &ours) == 0 && ::stat(partial.c_str(), &named) == 0 && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
      return file;
    // Between our open and our lock its former writer renamed or removed it: what we hold is no partial file any more.
  }
  return fail(Errc::io_error, "{}: other processes keep replacing this file; stop them", partial);
}

/// Gives the file its length and its blocks; zeros throughout.
Result<void> allocate(const Descriptor& file, std::uint64_t bytes, const std::string& path) {
  const auto length = static_cast<off_t>(bytes);
  int failure = ::ftruncate(file.get(), 0) == 0 && ::ftruncate(file.get(), length) == 0 ? 0 : errno;
  while (failure == 0 && bytes > 0 && ::fallocate(file.get(), 0, 0, length) != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
    if (errno == EINTR) continue;
    failure = errno;
  }
  if (failure == 0) return {};
  Error error = system_error(failure, path, fmt::format("reserve {} bytes", bytes));
  return error;
}

/// Makes the folders of an output's path. Errors: a folder stands where the file is to be.
Result<void> make_room(const std::string& final_path) {
  std::error_code failure;
  fs::create_directories(folder_of(final_path), failure);
  if (failure) return system_error(failure.value(), folder_of(final_path), "make this folder");
  if (fs::is_directory(final_path, failure))
    return fail(Errc::io_error, "{}: a folder of this name stands in the way of the output", final_path);
  return {};
}

/// Gives a finished, synced partial file its name.
Result<void> give_name(const std::string& partial, const std::string& final_path) {
  if (::rename(partial.c_str(), final_path.c_str()) != 0) return system_error(errno, final_path, "give the finished output this name");
  const Descriptor folder(::open(folder_of(final_path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.is_open() && ::fsync(folder.get()) != 0 && errno != EINVAL) return system_error(errno, folder_of(final_path), "bring to the disk");
  return {};
}

/// Copies `size` bytes: by the kernel where it can, else through memory.
Result<void> copy_bytes(const Descriptor& from, const std::string& from_path, const Descriptor& to, const std::string& to_path, std::uint64_t size) {
  if (::ioctl(to.get(), FICLONE, from.get()) == 0) return {};
  off_t in = 0, out = 0;
  while (static_cast<std::uint64_t>(in) < size) {
    const ssize_t copied = ::copy_file_range(from.get(), &in, to.get(), &out, size - static_cast<std::uint64_t>(in), 0);
    if (copied > 0 || (copied < 0 && errno == EINTR)) continue;
    if (copied < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO)) return system_error(errno, to_path, "copy into");
    break;  // the source became shorter, or the kernel does not copy between these two
  }
  std::vector<std::byte> piece(1u << 20);
  for (std::uint64_t at = static_cast<std::uint64_t>(in); at < size;) {
    const Result<std::size_t> got = read_at(from, static_cast<std::int64_t>(at), piece, from_path);
    if (!got.ok() || *got == 0) break;  // the hash will tell
    TRY(write_at(to, static_cast<std::int64_t>(at), std::span(piece.data(), *got), to_path));
    at += *got;
  }
  return {};
}

}  // namespace

struct OutputFile::State {
  std::string final_path, partial_path;
  std::string samples_path;  // where samples are written: the partial file itself, but for FLAC
  OutputFormat format;
  Descriptor file, samples_file;  // the second is open for FLAC only
  std::uint64_t header_bytes = 0;
  bool finished = false;
  [[nodiscard]] bool is_encoded() const { return format.container == FileFormat::flac; }
  [[nodiscard]] const Descriptor& samples() const { return is_encoded() ? samples_file : file; }
  ~State() {  // still locked: nobody else's
    if (!finished && file.is_open()) ::unlink(partial_path.c_str());
    if (samples_file.is_open()) ::unlink(samples_path.c_str());
  }
};

OutputFile::OutputFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
OutputFile::OutputFile(OutputFile&&) noexcept = default;
OutputFile& OutputFile::operator=(OutputFile&&) noexcept = default;
OutputFile::~OutputFile() = default;
const std::string& OutputFile::path() const { return state_->final_path; }
std::uint64_t OutputFile::size_bytes() const { return output_file_bytes(state_->format); }
void OutputFile::set_bext(const Bext& bext) { state_->format.bext = bext; }

Result<OutputFile> OutputFile::create(const std::string& final_path, const OutputFormat& format) {
  const auto header = file_header(format);
  if (!header) return fail(header.error().code, "{}: {}", final_path, header.error().message);
  TRY(make_room(final_path));
  auto state = std::make_unique<State>();
  state->final_path = final_path;
  state->partial_path = final_path + ".partial";
  state->format = format;
  state->header_bytes = header->size();
  TRY_ASSIGN(state->file, open_partial(state->partial_path));
  state->samples_path = state->is_encoded() ? final_path + ".pcm.partial" : state->partial_path;
  if (state->is_encoded()) {
    TRY(allocate(state->file, 0, state->partial_path));
    TRY_ASSIGN(state->samples_file, open_partial(state->samples_path));
  }
  TRY(allocate(state->samples(), output_file_bytes(format), state->samples_path));
  return OutputFile(std::move(state));
}

Result<void> OutputFile::write(Frames first, std::span<const std::byte> interleaved) {
  const State& s = *state_;
  const auto block = static_cast<std::size_t>(s.format.channels * bytes_per_sample(s.format.type));
  const auto count = static_cast<Frames>(interleaved.size() / block);
  if (interleaved.size() % block != 0 || first < 0 || first > s.format.frames - count) {
    return fail(Errc::internal, "{}: {} bytes at frame {} do not fit {} frames of {} bytes", s.final_path, interleaved.size(), first,
                s.format.frames, block);
  }
  const auto offset = static_cast<std::int64_t>(s.header_bytes) + first * static_cast<std::int64_t>(block);
  if (s.format.container != FileFormat::aiff) return write_at(s.samples(), offset, interleaved, s.samples_path);
  std::vector<std::byte> big_endian(interleaved.begin(), interleaved.end());
  const auto size = static_cast<std::ptrdiff_t>(bytes_per_sample(s.format.type));
  for (auto sample = big_endian.begin(); sample != big_endian.end(); sample += size) std::reverse(sample, sample + size);
  return write_at(s.file, offset, big_endian, s.partial_path);
}

Result<std::string> OutputFile::finish() {
  State& s = *state_;
  if (s.is_encoded()) {
    TRY(encode_flac(s.samples_file, static_cast<std::int64_t>(s.header_bytes), s.samples_path, s.format, s.file, s.partial_path));
  } else {
    TRY_ASSIGN(const std::vector<std::byte> header, file_header(s.format));
    TRY(write_at(s.file, 0, header, s.partial_path));
  }
  if (::fsync(s.file.get()) != 0) return system_error(errno, s.partial_path, "bring to the disk");
  TRY_ASSIGN(FileHash hash, sha256_of(s.file, s.partial_path));
  TRY(give_name(s.partial_path, s.final_path));
  s.finished = true;
  return std::move(hash.sha256);
}

Result<std::optional<std::uint64_t>> copy_output(const std::string& from, const std::string& final_path, const std::string& sha256) {
  const Result<Descriptor> source = open_for_reading(from);
  if (!source.ok()) return std::optional<std::uint64_t>();
  struct stat status {};
  if (::fstat(source->get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::optional<std::uint64_t>();
  TRY(make_room(final_path));
  const std::string partial = final_path + ".partial";
  TRY_ASSIGN(const Descriptor file, open_partial(partial));
  const auto copy = [&]() -> Result<std::optional<std::uint64_t>> {
    TRY(allocate(file, static_cast<std::uint64_t>(status.st_size), partial));
    TRY(copy_bytes(*source, from, file, partial, static_cast<std::uint64_t>(status.st_size)));
    if (::fsync(file.get()) != 0) return system_error(errno, partial, "bring to the disk");
    TRY_ASSIGN(const FileHash hash, sha256_of(file, partial));
    if (hash.sha256 != sha256) return std::optional<std::uint64_t>();
    TRY(give_name(partial, final_path));
    return std::optional(hash.bytes);
  };
  Result<std::optional<std::uint64_t>> copied = copy();
  if (!copied.ok() || !*copied) ::unlink(partial.c_str());  // still locked: nobody else's
  return copied;
}

}  // namespace dubfarm::media
