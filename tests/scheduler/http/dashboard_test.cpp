// The dashboard in headless Chromium, from the running server: what each page shows, live, from the keyboard, on a desk and on a telephone.
// DUBFARM_SCREENSHOTS=FOLDER keeps the pictures.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "scheduler/http/server.hpp"
#include "tests/support/browser.hpp"
#include "tests/support/scripted_farm.hpp"

namespace dubfarm::http {
namespace {

using testing::Browser;
using testing::Json;
using testing::PictureSize;
using testing::ScriptedFarm;

class Dashboard : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Browser::installed().empty()) GTEST_SKIP() << "chromium is not installed; nothing of the dashboard is tested";
    farm.fill();
    server = Server::start(farm, {}).value();
    browser = std::make_unique<Browser>();
    browser->set_size(1280, 900, false);
    browser->set_dark(false);
  }
  void sign_in(const std::string& grants, const std::string& page) {
    browser->open(server->url() + "/");
    ASSERT_TRUE(browser->comes_true("document.querySelector('#token')"));
    (void)browser->value("sessionStorage.setItem('dubfarm.token', '" + farm.add("colour-room", grants) + "'), location.hash = '" + page + "', setTimeout(() => location.reload(), 0)");
  }
  /// A picture at both widths; nothing of the page may stand out to the side.
  void look(const std::string& name) {
    for (const auto& [width, is_phone] : {std::pair{1280, false}, std::pair{390, true}}) {
      browser->set_size(width, 900, is_phone);
      ASSERT_TRUE(browser->comes_true("innerWidth === " + std::to_string(width)));
      EXPECT_LE(browser->value("document.documentElement.scrollWidth").get<int>(), width) << name;
      (void)browser->value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
      const std::string png = browser->picture();
      EXPECT_EQ(testing::size_of_png(png).width, static_cast<unsigned>(width));
      EXPECT_GT(png.size(), 8000U) << name << ": next to nothing is drawn";
      if (const char* folder = std::getenv("DUBFARM_SCREENSHOTS")) std::ofstream(std::string(folder) + "/" + name + "-" + std::to_string(width) + ".png", std::ios::binary) << png;
    }
    browser->set_size(1280, 900, false);
    EXPECT_EQ(browser->faults(), "");
  }
  std::string text_of(const std::string& selector) { return browser->value("[...document.querySelectorAll(" + Json(selector).dump() + ")].map(e => e.innerText).join('|')").get<std::string>(); }

  ScriptedFarm farm;
  std::unique_ptr<Server> server;
  std::unique_ptr<Browser> browser;
};

TEST_F(Dashboard, SignsInWithATokenAndSaysWhenItIsNotKnown) {
  browser->open(server->url() + "/");
  ASSERT_TRUE(browser->comes_true("document.querySelector('#token')"));
  look("sign-in");
  (void)browser->value("document.querySelector('#token').value = 'dft_wrong', document.querySelector('form.login').requestSubmit()");
  EXPECT_TRUE(browser->comes_true("document.querySelector('.login .error').innerText === 'The farm does not know this token.'"));
  (void)browser->value("document.querySelector('#token').value = '" + farm.add("colour-room", "viewer:*") + "', document.querySelector('form.login').requestSubmit()");
  EXPECT_TRUE(browser->comes_true("document.querySelectorAll('tbody tr').length === 4"));
}

TEST_F(Dashboard, ShowsJobsAndWhatChangesAsItHappens) {
  sign_in("viewer:*", "#/");
  ASSERT_TRUE(browser->comes_true("document.querySelectorAll('tbody tr').length === 4 && document.querySelector('#link').innerText === 'live'"));
  EXPECT_EQ(text_of("td.name a"), "The Long Night, trailer|The Long Night, reel 1 to 5|Harbour 104|Harbour 103");
  EXPECT_EQ(text_of("tbody .badge"), "queued|running|done|failed");
  look("jobs");
  farm.change({Subject::Kind::job, "4"}, [](ScriptedFarm& f) { f.jobs_by_id[4].view.state = JobState::running; });
  EXPECT_TRUE(browser->comes_true("document.querySelector('tbody .badge').innerText === 'running'"));
  EXPECT_EQ(browser->value("[...document.querySelectorAll('button')].filter(b => /Pause|Cancel the/.test(b.innerText)).length"), 0);
}

TEST_F(Dashboard, ShowsAJobsChunksOverItsTimelineAndLetsTheKeyboardMoveAmongThem) {
  sign_in("submitter:film", "#/jobs/3");
  ASSERT_TRUE(browser->comes_true("document.querySelector('canvas')?.getAttribute('aria-label')?.includes('45 reused') && document.querySelectorAll('.matrix button').length === 8"));
  EXPECT_TRUE(browser->value("document.querySelector('canvas').getAttribute('aria-label')").get<std::string>().find("3 running, ") != std::string::npos);
  look("job-running");
  (void)browser->value("document.querySelector('canvas').focus()");
  for (const char* key : {"ArrowDown", "ArrowDown", "ArrowRight"}) browser->press(key);
  EXPECT_TRUE(browser->comes_true("document.querySelector('.detail').innerText.startsWith('Dialogue \\u00b7 fr')")) << text_of(".detail");
  (void)browser->value("[...document.querySelectorAll('button')].find(b => b.innerText === 'Pause').click()");
  EXPECT_TRUE(browser->comes_true("document.querySelector('.badge').innerText === 'paused' && [...document.querySelectorAll('button')].some(b => b.innerText === 'Resume')"));
  EXPECT_EQ(farm.job(3)->state, JobState::paused);
  browser->set_dark(true);
  look("job-running-dark");
}

TEST_F(Dashboard, ShowsVerdictsAndPlaysAFinishedOutput) {
  sign_in("viewer:series", "#/jobs/2");
  ASSERT_TRUE(browser->comes_true("document.querySelectorAll('.matrix button').length === 6"));
  EXPECT_EQ(browser->value("document.querySelectorAll('.matrix .pass').length"), 2);
  EXPECT_EQ(browser->value("document.querySelectorAll('.matrix .warning').length"), 1);
  (void)browser->value("document.querySelector('.matrix .fail').click()");
  ASSERT_TRUE(browser->comes_true("document.querySelector('.checks .fail')"));
  look("job-done");
  (void)browser->value("[...document.querySelectorAll('.output button')].find(b => b.innerText === 'Play').click()");
  EXPECT_TRUE(browser->comes_true("document.querySelector('audio')?.duration === 1")) << browser->faults();
}

TEST_F(Dashboard, ShowsWhyAJobFailedOrWaits) {
  sign_in("viewer:*", "#/jobs/1");
  EXPECT_TRUE(browser->comes_true("document.querySelector('.why.bad')?.innerText.includes('is 44100 Hz, the mix is 48000')"));
  (void)browser->value("location.hash = '#/jobs/4'");
  EXPECT_TRUE(browser->comes_true("document.querySelector('.why')?.innerText.includes('no worker has the tag gpu')"));
  look("job-waiting");
}

TEST_F(Dashboard, ShowsWorkersAndLetsAdminsDrainThem) {
  sign_in("admin:*", "#/workers");
  ASSERT_TRUE(browser->comes_true("document.querySelectorAll('.worker').length === 3"));
  EXPECT_NE(text_of(".worker.sick .reason").find("failed 3 different tasks"), std::string::npos);
  look("workers");
  (void)browser->value("[...document.querySelectorAll('button')].find(b => b.innerText === 'Drain').click()");
  EXPECT_TRUE(browser->comes_true("document.querySelector('.worker.draining')"));
}

TEST_F(Dashboard, SaysWhenTheConnectionIsLost) {
  sign_in("viewer:*", "#/");
  ASSERT_TRUE(browser->comes_true("document.querySelector('#link').innerText === 'live'"));
  server.reset();
  EXPECT_TRUE(browser->comes_true("document.querySelector('#link').innerText === 'connection lost' && !document.querySelector('#banner').hidden"));
  look("lost");
}

}  // namespace
}  // namespace dubfarm::http
