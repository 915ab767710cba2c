#include "common/wire/keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <algorithm>
#include <filesystem>

#include "common/descriptor.hpp"
#include "common/io.hpp"

namespace dubfarm::wire {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kZ85Key = 40;
constexpr std::size_t kMaxKeyFile = 4096;
constexpr std::string_view kFirstLine = "dubfarm key 1";

using Fields = std::map<std::string, std::string, std::less<>>;

std::string text_of(const Fields& fields) {
  std::string text = std::string(kFirstLine) + "\n";
  for (const char* name : {"role", "name", "public", "secret", "scheduler"})
    if (const auto field = fields.find(name); field != fields.end()) text += field->first + " " + field->second + "\n";
  return text;
}

bool is_key(std::string_view text) {
  std::uint8_t bytes[32];
  return text.size() == kZ85Key && zmq_z85_decode(bytes, std::string(text).c_str()) != nullptr;
}

dubfarm::Result<Fields> read_fields(const std::string& path, std::string_view role, bool is_secret) {
  TRY_ASSIGN(const Descriptor file, open_for_reading(path));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error(errno, path, "look at this file");
  if (is_secret && (info.st_mode & 077) != 0)
    return fail(Errc::invalid_input, "{}: others may read this secret key (mode {:04o}); chmod 600 it, and make a new one if it was seen", path, info.st_mode & 07777);
  std::string text(kMaxKeyFile, '\0');
  TRY_ASSIGN(const std::size_t size, read_at(file, 0, std::as_writable_bytes(std::span(text.data(), text.size())), path));
  text.resize(size);
  const auto refuse = [&](std::string_view why) { return fail(Errc::invalid_input, "{}: {}; make keys with dubfarm keys", path, why); };
  Fields fields;
  std::size_t at = 0, number = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    if (number++ == 0) {
      if (line != kFirstLine) return refuse("this is no dubfarm key (its first line is not \"dubfarm key 1\")");
      continue;
    }
    const std::size_t space = line.find(' ');
    if (line.empty() || space == std::string_view::npos || !fields.emplace(line.substr(0, space), line.substr(space + 1)).second)
      return refuse(fmt::format("line {} cannot be understood", number));
  }
  if (number == 0) return refuse("this file is empty");
  if (fields["role"] != role) return refuse(fmt::format("this is a key of role \"{}\", not of a {}", fields["role"], role));
  for (const char* name : {"public", "secret", "scheduler"})
    if (const auto field = fields.find(name); field != fields.end() && !is_key(field->second))
      return refuse(fmt::format("its {} key is not {} characters of Z85", name, kZ85Key));
  if (!fields.contains("public")) return refuse("it holds no public key");
  if (is_secret && !fields.contains("secret")) return refuse("it holds no secret key");
  return fields;
}

/// Never over a file that is there.
dubfarm::Result<void> write_new(const std::string& path, const std::string& text, mode_t mode) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.is_open() && errno == EEXIST) return fail(Errc::invalid_input, "{}: there is a key already; it is not overwritten", path);
  if (!file.is_open()) return system_error(errno, path, "write this file");
  dubfarm::Result<void> written = write_at(file, 0, std::as_bytes(std::span(text.data(), text.size())), path);
  if (written.ok() && ::fsync(file.get()) != 0) written = system_error(errno, path, "sync this file");
  if (!written.ok()) ::unlink(path.c_str());
  return written;
}

dubfarm::Result<void> make_private_folder(const std::string& folder) {
  std::error_code none;
  const bool was_there = fs::is_directory(folder, none);
  TRY(make_folders(folder));
  if (!was_there && ::chmod(folder.c_str(), 0700) != 0) return system_error(errno, folder, "keep others out of this folder");
  return {};
}

std::string scheduler_path(const std::string& folder, const char* ending) { return folder + "/scheduler." + ending; }
std::string worker_path(const std::string& folder, const std::string& name, const char* ending) { return fmt::format("{}/workers/{}.{}", folder, name, ending); }

bool is_worker_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

dubfarm::Result<KeyPair> new_key_pair() {
  char public_key[kZ85Key + 1], secret_key[kZ85Key + 1];
  if (zmq_curve_keypair(public_key, secret_key) != 0) return fail(Errc::internal, "libzmq offers no CURVE here; install one that was built with it");
  return KeyPair{public_key, secret_key};
}

dubfarm::Result<KeyPair> make_scheduler_key(const std::string& folder) {
  TRY(make_private_folder(folder));
  TRY(make_private_folder(folder + "/workers"));
  TRY_ASSIGN(KeyPair pair, new_key_pair());
  TRY(write_new(scheduler_path(folder, "key"), text_of({{"role", "scheduler"}, {"public", pair.public_key}, {"secret", pair.secret_key}}), 0600));
  TRY(write_file_atomically(scheduler_path(folder, "pub"), text_of({{"role", "scheduler"}, {"public", pair.public_key}})));
  return pair;
}

dubfarm::Result<KeyPair> read_scheduler_key(const std::string& folder) {
  dubfarm::Result<Fields> fields = read_fields(scheduler_path(folder, "key"), "scheduler", true);
  if (!fields.ok() && fields.error().code == Errc::not_found)
    return fail(Errc::not_found, "{}: there is no scheduler's key; make one with dubfarm keys init {}", scheduler_path(folder, "key"), folder);
  if (!fields.ok()) return fields.error();
  return KeyPair{(*fields)["public"], (*fields)["secret"]};
}

dubfarm::Result<std::string> make_worker_key(const std::string& folder, const std::string& name, const std::string& path) {
  if (!is_worker_name(name)) return fail(Errc::invalid_input, "worker name \"{}\": 1 to 64 letters, digits, \"-\", \"_\" and \".\", not beginning with \".\"", name);
  TRY_ASSIGN(const KeyPair scheduler, read_scheduler_key(folder));
  TRY_ASSIGN(const KeyPair pair, new_key_pair());
  const std::string allowed = worker_path(folder, name, "pub");
  std::error_code none;
  if (fs::exists(allowed, none)) return fail(Errc::invalid_input, "{}: there is a worker of this name; revoke it first, or take another name", allowed);
  const std::string secret = path.empty() ? worker_path(folder, name, "key") : path;
  TRY(write_new(secret, text_of({{"role", "worker"}, {"name", name}, {"public", pair.public_key}, {"secret", pair.secret_key}, {"scheduler", scheduler.public_key}}), 0600));
  TRY(write_file_atomically(allowed, text_of({{"role", "worker"}, {"name", name}, {"public", pair.public_key}})));
  return secret;
}

dubfarm::Result<WorkerKey> read_worker_key(const std::string& path) {
  TRY_ASSIGN(Fields fields, read_fields(path, "worker", true));
  if (!fields.contains("scheduler")) return fail(Errc::invalid_input, "{}: it does not name the scheduler's key; make keys with dubfarm keys", path);
  return WorkerKey{fields["name"], {fields["public"], fields["secret"]}, fields["scheduler"]};
}

dubfarm::Result<std::vector<AllowedWorker>> workers_of(const std::string& folder) {
  std::vector<AllowedWorker> workers;
  std::error_code failed;
  fs::directory_iterator files(folder + "/workers", failed);
  if (failed) return system_error(failed.value(), folder + "/workers", "read this folder");
  for (; !failed && files != fs::directory_iterator(); files.increment(failed)) {
    const fs::path& file = files->path();
    const bool is_revoked = file.extension() == ".revoked";
    if (file.extension() != ".pub" && !is_revoked) continue;
    dubfarm::Result<Fields> fields = read_fields(file.string(), "worker", false);
    if (!fields.ok() && fields.error().code == Errc::not_found) continue;  // revoked at this moment
    if (!fields.ok()) return fields.error();
    workers.push_back({file.stem().string(), (*fields)["public"], is_revoked});
  }
  if (failed) return system_error(failed.value(), folder + "/workers", "read this folder");
  std::sort(workers.begin(), workers.end(), [](const AllowedWorker& a, const AllowedWorker& b) { return std::tie(a.name, a.is_revoked) < std::tie(b.name, b.is_revoked); });
  return workers;
}

dubfarm::Result<void> revoke_worker(const std::string& folder, const std::string& name) {
  TRY_ASSIGN(const std::vector<AllowedWorker> workers, workers_of(folder));
  std::string known;
  for (const AllowedWorker& worker : workers)
    if (!worker.is_revoked) known += " " + worker.name;
  if (std::none_of(workers.begin(), workers.end(), [&](const AllowedWorker& worker) { return worker.name == name && !worker.is_revoked; }))
    return fail(Errc::not_found, "no worker \"{}\" is let in; {}{}", name, known.empty() ? "there are none" : "there are:", known);
  const std::string from = worker_path(folder, name, "pub"), to = worker_path(folder, name, "revoked");
  if (::rename(from.c_str(), to.c_str()) != 0) return system_error(errno, from, "take this key away");
  return {};
}

void AllowList::refresh(std::chrono::milliseconds age) {
  const auto now = std::chrono::steady_clock::now();
  if (read_at_ && now - *read_at_ < age) return;
  read_at_ = now;
  const dubfarm::Result<std::vector<AllowedWorker>> workers = workers_of(folder_);
  problem_ = workers.ok() ? "" : workers.error().message;
  if (!workers.ok()) return;
  names_.clear();
  for (const AllowedWorker& worker : *workers)
    if (!worker.is_revoked) names_[worker.public_key] = worker.name;
}

std::optional<std::string> AllowList::name_of(const std::string& public_key) {
  const std::lock_guard lock(mutex_);
  refresh(std::chrono::milliseconds(250));
  auto name = names_.find(public_key);
  if (name == names_.end()) {  // perhaps one that was made a moment ago
    refresh(std::chrono::milliseconds(20));
    name = names_.find(public_key);
  }
  return name == names_.end() ? std::nullopt : std::optional(name->second);
}

std::string AllowList::problem() {
  const std::lock_guard lock(mutex_);
  refresh(std::chrono::milliseconds(250));
  return problem_;
}

}  // namespace dubfarm::wire
