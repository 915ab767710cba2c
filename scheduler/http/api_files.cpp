// Requests for what a job has made: outputs with their readings, the report, and the files themselves.
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "scheduler/delivery/manifest.hpp"
#include "scheduler/delivery/report_html.hpp"
#include "scheduler/http/api.hpp"
#include "scheduler/http/output_folder.hpp"
#include "scheduler/http/views_json.hpp"

namespace dubfarm::http {
namespace {

constexpr std::size_t kPiece = 256 << 10;

struct Span {
  std::uint64_t first = 0, length = 0;
};

/// One range of a file as RFC 9110, 14.1.2 has it. Nothing: the header is not understood, or asks for several, and the whole file is sent.
/// length 0: none of the file is in it.
std::optional<Span> range_of(std::string_view header, std::uint64_t size) {
  if (!header.starts_with("bytes=")) return std::nullopt;
  header.remove_prefix(6);
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos || header.find(',') != std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view text) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
  };
  const std::optional<std::uint64_t> from = number(header.substr(0, dash)), to = number(header.substr(dash + 1));
  if (dash == 0) {
    if (!to) return std::nullopt;
    const std::uint64_t length = std::min(*to, size);
    return Span{size - length, length};
  }
  if (!from || (dash + 1 < header.size() && (!to || *to < *from))) return std::nullopt;
  if (*from >= size) return Span{0, 0};
  return Span{*from, std::min(to.value_or(size - 1), size - 1) - *from + 1};
}

const char* media_type_of(std::string_view path) {
  const auto ends = [&](std::string_view end) { return path.size() >= end.size() && path.ends_with(end); };
  if (ends(".wav") || ends(".rf64") || ends(".w64")) return "audio/wav";
  if (ends(".flac")) return "audio/flac";
  if (ends(".aif") || ends(".aiff")) return "audio/aiff";
  if (ends(".json")) return "application/json";
  return "application/octet-stream";
}

/// Sends an open file, or the range of it that is asked for.
void send_file(Call& call, Descriptor file, const std::string& path, const char* type) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return call.refuse(503, "unavailable", fmt::format("{}: cannot be read", path));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::string tag = fmt::format("\"{:x}-{:x}-{:x}\"", static_cast<std::uint64_t>(status.st_ino), size, status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec);
  call.response.set_header("ETag", tag);
  call.response.set_header("Accept-Ranges", "bytes");
  Span span{0, size};
  call.response.status = 200;
  const std::string if_range = call.request.get_header_value("If-Range");
  if (call.request.has_header("X-Range") && (if_range.empty() || if_range == tag)) {
    if (const std::optional<Span> asked = range_of(call.request.get_header_value("X-Range"), size)) {
      if (asked->length == 0) {
        call.response.set_header("Content-Range", fmt::format("bytes */{}", size));
        return call.refuse(416, "bad_range", fmt::format("{} has {} bytes", path, size));
      }
      span = *asked;
      call.response.status = 206;
      call.response.set_header("Content-Range", fmt::format("bytes {}-{}/{}", span.first, span.first + span.length - 1, size));
    }
  }
  if (span.length == 0) return call.response.set_content("", type);
  auto shared = std::make_shared<Descriptor>(std::move(file));
  call.response.set_content_provider(static_cast<std::size_t>(span.length), type,
                                     [shared, path, first = span.first, buffer = std::vector<char>(kPiece)](std::size_t offset, std::size_t length, httplib::DataSink& sink) mutable {
                                       const std::size_t count = std::min(length, buffer.size());
                                       const Result<std::size_t> got =
                                           read_at(*shared, static_cast<std::int64_t>(first + offset), std::as_writable_bytes(std::span(buffer.data(), count)), path);
                                       // A file that became shorter: the connection ends early, and the client sees that bytes are missing.
                                       return got.ok() && *got == count && sink.write(buffer.data(), count);
                                     });
}

/// What belongs to a job: its outputs' files as planned and as reported, and the package around them.
std::set<std::string> files_of(const JobOutputs& outputs, const Json& listed) {
  std::set<std::string> files{std::string(scheduler::kReportName), std::string(scheduler::kReportPageName), std::string(scheduler::kManifestName), std::string(scheduler::kSumsName)};
  for (const OutputView& output : outputs.outputs) files.insert(output.files.begin(), output.files.end());
  for (const Json& output : listed.at("outputs"))
    for (const Json& file : output.at("files")) files.insert(file.at("path").get<std::string>());
  return files;
}

void not_there(const Call& call, const std::string& path) {
  call.refuse(404, "not_found", fmt::format("job {} has no file {}, or has not made it yet", call.parts.front(), path), "GET /api/v1/jobs/{job}/files lists them");
}

}  // namespace

void get_outputs(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const JobOutputs outputs = call.api.gate.outputs(job->id);
  call.send(outputs_json(outputs, call.api.reports.report(outputs.folder).get()));
}

void get_report(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const std::string name(scheduler::kReportName);
  Result<Descriptor> file = open_in_folder(call.api.gate.outputs(job->id).folder, name);
  if (!file.ok() || job->state != JobState::done) return call.refuse(404, "not_found", fmt::format("job {} has no report yet", job->id));
  send_file(call, std::move(*file), name, "application/json");
}

void get_report_page(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const std::string name(scheduler::kReportPageName);
  Result<Descriptor> file = open_in_folder(call.api.gate.outputs(job->id).folder, name);
  if (!file.ok() || job->state != JobState::done) return call.refuse(404, "not_found", fmt::format("job {} has no report yet", job->id));
  // The page carries its style in itself, and has no script.
  call.response.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox");
  send_file(call, std::move(*file), name, "text/html; charset=utf-8");
}

void get_files(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const JobOutputs outputs = call.api.gate.outputs(job->id);
  const Json listed = outputs_json(outputs, call.api.reports.report(outputs.folder).get());
  std::map<std::string, Json> sums;
  for (const Json& output : listed.at("outputs"))
    for (const Json& file : output.at("files")) sums[file.at("path").get<std::string>()] = file.at("sha256");
  Json list = Json::array();
  for (const std::string& path : files_of(outputs, listed)) {
    const Result<Descriptor> file = open_in_folder(outputs.folder, path);
    struct stat status{};
    if (!file.ok() || ::fstat(file->get(), &status) != 0) continue;
    const auto sum = sums.find(path);
    list.push_back({{"path", path}, {"bytes", status.st_size}, {"sha256", sum == sums.end() ? Json() : sum->second}});
  }
  call.send({{"job", job->id}, {"files", std::move(list)}});
}

void get_file(Call& call) {
  const std::optional<JobView> job = call.job();
  if (!job) return;
  const std::string& path = call.parts.at(1);
  const JobOutputs outputs = call.api.gate.outputs(job->id);
  if (!files_of(outputs, outputs_json(outputs, call.api.reports.report(outputs.folder).get())).contains(path)) return not_there(call, path);
  Result<Descriptor> file = open_in_folder(outputs.folder, path);
  if (!file.ok()) return file.error().code == Errc::not_found ? not_there(call, path) : call.refuse(file.error());
  // Nothing that is sent from here is a page: what a browser would run, it is to save.
  call.response.set_header("Content-Security-Policy", "default-src 'none'; sandbox");
  const char* type = media_type_of(path);
  if (std::string_view(type) == "application/octet-stream") call.response.set_header("Content-Disposition", "attachment");
  send_file(call, std::move(*file), path, type);
}

void post_ticket(Call& call) {
  if (!call.body({})) return;
  const std::optional<JobView> job = call.job();
  if (!job) return;
  call.send({{"ticket", call.api.tickets.issue(job->id, call.token->id, std::chrono::steady_clock::now())},
             {"valid_seconds", std::chrono::seconds(TicketOffice::kValidFor).count()}});
}

}  // namespace dubfarm::http
