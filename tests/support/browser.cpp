#include "tests/support/browser.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace dubfarm::testing {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{60};

std::string from_base64(const std::string& text) {
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
    if (value < 0) continue;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count >= 8) out += static_cast<char>(bits >> (count -= 8) & 255);
  }
  return out;
}

}  // namespace

PictureSize size_of_png(const std::string& png) {
  const auto word = [&](std::size_t at) {
    unsigned value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(png[at + i]);
    return value;
  };
  return png.size() > 24 && png.starts_with("\x89PNG\r\n") ? PictureSize{word(16), word(20)} : PictureSize{};
}

std::string Browser::installed() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"})
    if (::access(path, X_OK) == 0) return path;
  return "";
}

Browser::Browser() {
  std::array<int, 2> to{}, from{};
  if (::pipe2(to.data(), O_CLOEXEC) != 0 || ::pipe2(from.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
  const std::string program = installed(), profile = "--user-data-dir=" + profile_.path();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::setpgid(0, 0);
    const int nothing = ::open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; ++i) ::dup2(nothing, i);
    const int in = ::fcntl(to[0], F_DUPFD, 10), out = ::fcntl(from[1], F_DUPFD, 10);  // so that neither stands where the other goes
    ::dup2(in, 3);
    ::dup2(out, 4);
    ::execl(program.c_str(), program.c_str(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions", "--remote-debugging-pipe",
            profile.c_str(), "about:blank", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::setpgid(pid_, pid_);
  ::close(to[0]);
  ::close(from[1]);
  to_ = Descriptor(to[1]);
  from_ = Descriptor(from[0]);
  const Json target = call("Target.createTarget", {{"url", "about:blank"}});
  session_ = call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}}).at("sessionId").get<std::string>();
  for (const char* domain : {"Page.enable", "Runtime.enable", "Log.enable"}) (void)call(domain, Json::object());
}

Browser::~Browser() {
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

Json Browser::next_message() {
  const auto deadline = Clock::now() + kPatience;
  for (;;) {
    if (const std::size_t end = buffered_.find('\0'); end != std::string::npos) {
      Json message = Json::parse(buffered_.substr(0, end));
      buffered_.erase(0, end + 1);
      return message;
    }
    pollfd entry{from_.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0) throw std::runtime_error("the browser does not answer");
    std::array<char, 65536> piece;
    const ssize_t got = ::read(from_.get(), piece.data(), piece.size());
    if (got <= 0) throw std::runtime_error("the browser has ended");
    buffered_.append(piece.data(), static_cast<std::size_t>(got));
  }
}

Json Browser::call(const std::string& method, const Json& params) {
  Json request{{"id", ++last_id_}, {"method", method}, {"params", params}};
  if (!session_.empty()) request["sessionId"] = session_;
  const std::string text = request.dump() + '\0';
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t put = ::write(to_.get(), text.data() + at, text.size() - at);
    if (put <= 0) throw std::runtime_error("the browser has ended");
    at += static_cast<std::size_t>(put);
  }
  for (;;) {
    const Json message = next_message();
    const std::string event = message.value("method", "");
    if (event == "Runtime.exceptionThrown") faults_ += message.at("params").dump() + "\n";
    if (event == "Log.entryAdded" && message.at("params").at("entry").value("source", "") == "security") faults_ += message.at("params").at("entry").value("text", "") + "\n";
    if (message.value("id", 0) != last_id_) continue;
    if (message.contains("error")) throw std::runtime_error(method + ": " + message.at("error").dump());
    return message.at("result");
  }
}

void Browser::open(const std::string& address) { (void)call("Page.navigate", {{"url", address}}); }

void Browser::set_size(int width, int height, bool is_phone) {
  (void)call("Emulation.setDeviceMetricsOverride", {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", is_phone}});
}

void Browser::set_dark(bool dark) {
  (void)call("Emulation.setEmulatedMedia", {{"features", Json::array({{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}})}});
}

Json Browser::value(const std::string& expression) {
  const Json answer = call("Runtime.evaluate", {{"expression", expression}, {"awaitPromise", true}, {"returnByValue", true}});
  if (answer.contains("exceptionDetails")) throw std::runtime_error(expression + ": " + answer.at("exceptionDetails").dump());
  return answer.at("result").value("value", Json());
}

bool Browser::comes_true(const std::string& expression) {
  for (const auto deadline = Clock::now() + kPatience; Clock::now() < deadline; std::this_thread::sleep_for(std::chrono::milliseconds(50))) try {
      if (value("!!(" + expression + ")") == true) return true;
    } catch (const std::runtime_error&) {  // the page is on its way to another, or not drawn yet
    }
  return false;
}

void Browser::press(const std::string& key) {
  for (const char* type : {"keyDown", "keyUp"}) (void)call("Input.dispatchKeyEvent", {{"type", type}, {"key", key}, {"code", key}});
}

std::string Browser::picture() {
  return from_base64(call("Page.captureScreenshot", {{"format", "png"}, {"captureBeyondViewport", true}}).at("data").get<std::string>());
}

}  // namespace dubfarm::testing
