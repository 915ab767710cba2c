// Headless Chromium, driven over a pair of pipes (Chrome DevTools Protocol): one page, what it shows, and a picture of it.
#pragma once
#include <sys/types.h>

#include <memory>
#include <string>

#include "common/descriptor.hpp"
#include "tests/support/mix_folder.hpp"

namespace dubfarm::testing {

class Browser {
 public:
  /// Path of the browser on this machine; empty where there is none.
  static std::string installed();
  Browser();
  ~Browser();  // ends the browser and all that it started
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void open(const std::string& address);
  void set_size(int width, int height, bool is_phone);
  void set_dark(bool dark);
  /// The value of a JavaScript expression; promises are waited for.
  [[nodiscard]] Json value(const std::string& expression);
  /// Waits until an expression is true. @return false after 60 s.
  [[nodiscard]] bool comes_true(const std::string& expression);
  /// Presses a key such as "ArrowRight" or "Tab".
  void press(const std::string& key);
  /// A PNG of the whole page.
  [[nodiscard]] std::string picture();
  /// Errors that the page has had: exceptions, and what its security policy kept from it.
  [[nodiscard]] const std::string& faults() const { return faults_; }

 private:
  Json call(const std::string& method, const Json& params);
  Json next_message();
  TemporaryFolder profile_;
  pid_t pid_ = -1;
  Descriptor to_, from_;
  std::string buffered_, session_, faults_;
  int last_id_ = 0;
};

/// Of a PNG in pixels; 0 where it is none.
struct PictureSize {
  unsigned width = 0, height = 0;
};
[[nodiscard]] PictureSize size_of_png(const std::string& png);

}  // namespace dubfarm::testing
