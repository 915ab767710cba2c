// The event stream (server-sent events, WHATWG HTML 9.2): what changed, as it is now. An event's id is the scheduler's epoch and the number of
// the change; a client that comes back with it gets all that changed meanwhile, each thing once.
#include <algorithm>
#include <charconv>

#include "scheduler/http/api.hpp"
#include "scheduler/http/token.hpp"
#include "scheduler/http/views_json.hpp"

namespace dubfarm::http {
namespace {

constexpr std::chrono::milliseconds kLook{400};    // how soon a stop or a client that left is seen
constexpr std::chrono::milliseconds kRest{200};    // between batches: more often nobody can read
constexpr std::chrono::seconds kSignOfLife{8};     // a comment is sent where nothing else was for so long

class Stream {
 public:
  Stream(Api& api, TokenRecord token, std::optional<JobId> only, const std::string& last_event_id)
      : api_(api), token_(std::move(token)), only_(only), epoch_(fmt::format("{:016x}", api.gate.health().epoch)) {
    const std::size_t dash = last_event_id.find('-');
    bool is_known = dash != std::string::npos && last_event_id.substr(0, dash) == epoch_;
    if (is_known) {
      const char* end = last_event_id.data() + last_event_id.size();
      const auto [stop, error] = std::from_chars(last_event_id.data() + dash + 1, end, seen_);
      is_known = error == std::errc{} && stop == end && seen_ <= api.gate.events().last();
    }
    if (!is_known) seen_ = api.gate.events().last();
    // "reset": the client must ask for everything again, as it does when it comes for the first time.
    text_ = "retry: 2000\n\n";
    add(is_known ? "hello" : "reset", {{"epoch", epoch_}}, true);
  }
  ~Stream() { --api_.event_streams; }

  bool step(httplib::DataSink& sink) {
    if (!sink.is_writable()) return false;
    if (text_.empty()) gather();
    if (text_.empty()) return true;
    const bool sent = sink.write(text_.data(), text_.size());
    text_.clear();
    last_sent_ = Clock::now();
    return sent;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void gather() {
    if (const auto due = last_sent_ + kRest; Clock::now() < due) std::this_thread::sleep_until(due);
    const EventHub::Changes changes = api_.gate.events().since(seen_, kLook);
    if (api_.gate.events().is_closed()) std::this_thread::sleep_for(kLook);
    // A token that was revoked sees nothing more, streams included.
    const std::optional<TokenRecord> now = api_.gate.token(token_.id);
    if (!now || !is_valid_at(*now, std::chrono::system_clock::now())) {
      text_ = "event: end\ndata: {\"reason\":\"the token was revoked or has expired\"}\n\n";
      is_over_ = true;
      return;
    }
    token_ = *now;
    seen_ = std::max(seen_, changes.last);
    std::optional<std::vector<WorkerView>> workers;
    for (const Subject& subject : changes.subjects) switch (subject.kind) {
        case Subject::Kind::job: job(subject.id); break;
        case Subject::Kind::worker:
          if (only_) break;
          if (!workers) workers = api_.gate.workers();
          worker(subject.id, *workers);
          break;
        case Subject::Kind::farm: farm(); break;
        case Subject::Kind::log: add("log", Json::object(), false); break;
      }
    if (!text_.empty()) text_ += fmt::format("event: seen\nid: {}-{}\ndata: {{}}\n\n", epoch_, seen_);  // after the batch: a half of one is sent again
    else if (Clock::now() - last_sent_ >= kSignOfLife) text_ = ": alive\n\n";
  }

  void job(const std::string& id) {
    const JobId number = std::strtoull(id.c_str(), nullptr, 10);
    if (only_ && number != *only_) return;
    const std::optional<JobView> view = api_.gate.job(number);
    if (view && may(token_, Role::viewer, view->project)) add("job", job_json(*view, std::chrono::system_clock::now()), false);
  }
  void worker(const std::string& id, const std::vector<WorkerView>& workers) {
    const auto found = std::find_if(workers.begin(), workers.end(), [&](const WorkerView& w) { return w.id == id; });
    add("worker", found == workers.end() ? Json{{"id", id}, {"gone", true}} : worker_json(*found, token_), false);
  }
  void farm() {
    const Health health = api_.gate.health();
    add("farm", {{"is_dispatching", health.is_dispatching}, {"reason", health.reason}}, false);
  }
  void add(std::string_view event, const Json& data, bool with_id) {
    text_ += fmt::format("event: {}\n", event);
    if (with_id) text_ += fmt::format("id: {}-{}\n", epoch_, seen_);
    text_ += fmt::format("data: {}\n\n", data.dump(-1, ' ', false, Json::error_handler_t::replace));
  }

 public:
  [[nodiscard]] bool is_over() const { return is_over_ && text_.empty(); }

 private:
  Api& api_;
  TokenRecord token_;
  std::optional<JobId> only_;
  std::string epoch_;
  std::uint64_t seen_ = 0;
  std::string text_;
  Clock::time_point last_sent_ = Clock::now() - kRest;
  bool is_over_ = false;
};

}  // namespace

void get_events(Call& call) {
  std::optional<JobId> only;
  if (call.request.has_param("job")) {
    call.parts = {call.request.get_param_value("job")};
    const std::optional<JobView> job = call.job();
    if (!job) return;
    only = job->id;
  }
  if (call.request.method == "HEAD") return call.response.set_content("", "text/event-stream");
  if (++call.api.event_streams > call.api.options.event_streams) {
    --call.api.event_streams;
    call.response.set_header("Retry-After", "10");
    return call.refuse(503, "unavailable", "too many event streams are open", "ask for the job itself now and then");
  }
  auto stream = std::make_shared<Stream>(call.api, *call.token, only, call.request.get_header_value("Last-Event-ID"));
  call.response.status = 200;
  call.response.set_chunked_content_provider("text/event-stream", [stream](std::size_t, httplib::DataSink& sink) {
    if (!stream->step(sink)) return false;
    if (stream->is_over()) sink.done();
    return true;
  });
}

}  // namespace dubfarm::http
