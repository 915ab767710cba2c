// The media that a document refers to: found, probed and identified by content, once for all versions.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/media/digest.hpp"
#include "common/media/probe.hpp"
#include "common/mix/document.hpp"
#include "common/mix/parse.hpp"

namespace dubfarm::plan {

struct MediaFile {
  media::SourceInfo info;
  media::Digest digest;
  media::FileStamp stamp;
  Frames frames = 0;  // at the mix's rate, after any conversion
};

/// By path as resolved against the document's folder.
using MediaTable = std::map<std::string, MediaFile>;

/// The path that `pattern` names in one version: variables expanded, relative paths under the document's folder.
[[nodiscard]] Result<std::string> media_path(const mix::Document& document, const std::string& pattern,
                                             const std::map<std::string, std::string>& variables);

struct MediaOutcome {
  MediaTable table;
  std::vector<mix::Diagnostic> errors;  // in document order
};

/// Opens every source and impulse response that the given versions use, `threads` at a time, and checks the document against them: missing
/// or broken files, clips and fades past their source's end, channels that are not there, impulse responses of the wrong shape.
/// @param with_digests  false: sources are probed but not read (validate); digests are then zero.
[[nodiscard]] MediaOutcome gather_media(const mix::Document& document, std::span<const std::size_t> versions, bool with_digests, int threads,
                                        media::DigestCache& digests);

}  // namespace dubfarm::plan
