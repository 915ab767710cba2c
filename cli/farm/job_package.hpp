// A job as its workers get it: the mix, what its media were when it was planned, and what is selected. One JSON file in the store, named by its
// SHA-256 (docs/formats/package.md). Planning is pure, so everybody's plan follows from it; the plan's digest says when one does not.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "common/media/digest.hpp"
#include "common/media/probe.hpp"
#include "common/result.hpp"
#include "common/store/store.hpp"

namespace dubfarm::cli {

struct JobPackage {
  std::string mix;   // the document's path, "{media}/film/film.mix.json"; the file need not be there, its folder counts
  std::string text;  // of the document
  std::string out;   // "{out}/film"
  std::string version = "*", deliverable = "*";
  std::string numeric_profile;
  std::string plan_digest;
  std::uint32_t chunks_missing = 0;  // chunks that the store did not have when the job was planned
  struct File {
    media::SourceInfo info;  // its path: "{media}/film/reel1.wav"
    media::Digest digest;
    std::int64_t size_bytes = 0, mtime_ns = 0;
  };
  std::vector<File> media;
};

/// Writes packages/<SHA-256> in the store. @return the SHA-256 in hex. Errors: no_space, io_error.
[[nodiscard]] Result<std::string> write_job_package(const Store& store, const JobPackage& package);
/// Errors: not_found; corrupt where the file does not have its SHA-256; invalid_input for one that cannot be understood.
[[nodiscard]] Result<JobPackage> read_job_package(const Store& store, const std::string& sha256);
/// The same from its text.
[[nodiscard]] Result<JobPackage> parse_job_package(const std::string& text);

}  // namespace dubfarm::cli
