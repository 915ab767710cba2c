// Keys on disk: made once, secret, and let in or not from one moment to the next.
#include "common/wire/keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace dubfarm::wire {
namespace {

int mode_of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<int>(info.st_mode & 07777) : -1;
}

TEST(Keys, AreMadeOnceAndReadBack) {
  const testing::TemporaryFolder folder;
  const Result<KeyPair> made = make_scheduler_key(folder / "keys");
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(mode_of(folder / "keys"), 0700);
  EXPECT_EQ(mode_of(folder / "keys/scheduler.key"), 0600);
  EXPECT_EQ(read_scheduler_key(folder / "keys")->secret_key, made->secret_key);
  EXPECT_EQ(make_scheduler_key(folder / "keys").error().message, folder / "keys/scheduler.key" + ": there is a key already; it is not overwritten");

  const Result<std::string> path = make_worker_key(folder / "keys", "stage-1", "");
  ASSERT_TRUE(path.ok()) << path.error().message;
  EXPECT_EQ(mode_of(*path), 0600);
  const Result<WorkerKey> key = read_worker_key(*path);
  ASSERT_TRUE(key.ok()) << key.error().message;
  EXPECT_EQ(key->name, "stage-1");
  EXPECT_EQ(key->scheduler, made->public_key);
  EXPECT_EQ(make_worker_key(folder / "keys", "stage-1", "").error().message,
            folder / "keys/workers/stage-1.pub" + ": there is a worker of this name; revoke it first, or take another name");
  EXPECT_EQ(make_worker_key(folder / "keys", "../x", "").error().message,
            "worker name \"../x\": 1 to 64 letters, digits, \"-\", \"_\" and \".\", not beginning with \".\"");
}

TEST(Keys, OnesThatOthersMayReadAreRefused) {
  const testing::TemporaryFolder folder;
  ASSERT_TRUE(make_scheduler_key(folder.path()).ok());
  ASSERT_EQ(::chmod((folder / "scheduler.key").c_str(), 0640), 0);
  EXPECT_EQ(read_scheduler_key(folder.path()).error().message,
            folder / "scheduler.key" + ": others may read this secret key (mode 0640); chmod 600 it, and make a new one if it was seen");
}

TEST(Keys, WhatIsNoKeyIsNamed) {
  const testing::TemporaryFolder folder;
  const auto problem = [&](const std::string& text) {
    const std::string path = folder.file("w.key", text);
    ::chmod(path.c_str(), 0600);
    return read_worker_key(path).error().message.substr(path.size());
  };
  const std::string key(40, '0');
  EXPECT_EQ(problem(""), ": this file is empty; make keys with dubfarm keys");
  EXPECT_EQ(problem("hello\n"), ": this is no dubfarm key (its first line is not \"dubfarm key 1\"); make keys with dubfarm keys");
  EXPECT_EQ(problem("dubfarm key 1\nrole scheduler\n"), ": this is a key of role \"scheduler\", not of a worker; make keys with dubfarm keys");
  EXPECT_EQ(problem("dubfarm key 1\nrole worker\npublic abc\n"), ": its public key is not 40 characters of Z85; make keys with dubfarm keys");
  EXPECT_EQ(problem("dubfarm key 1\nrole worker\npublic " + key + "\n"), ": it holds no secret key; make keys with dubfarm keys");
  EXPECT_EQ(problem("dubfarm key 1\nrole worker\n\n"), ": line 3 cannot be understood; make keys with dubfarm keys");
  EXPECT_EQ(problem("dubfarm key 1\nrole worker\npublic " + key + "\nsecret " + key + "\n"), ": it does not name the scheduler's key; make keys with dubfarm keys");
  EXPECT_EQ(read_scheduler_key(folder / "none").error().message,
            folder / "none/scheduler.key" + ": there is no scheduler's key; make one with dubfarm keys init " + folder / "none");
}

TEST(Keys, ARevokedWorkerIsLetInNoMoreAndANewOneIs) {
  const testing::TemporaryFolder folder;
  ASSERT_TRUE(make_scheduler_key(folder.path()).ok());
  const WorkerKey first = *read_worker_key(*make_worker_key(folder.path(), "a", ""));
  AllowList list(folder.path());
  ASSERT_EQ(list.name_of(first.pair.public_key), "a");
  ASSERT_TRUE(revoke_worker(folder.path(), "a").ok());
  EXPECT_EQ(revoke_worker(folder.path(), "a").error().message, "no worker \"a\" is let in; there are none");
  ASSERT_TRUE(make_worker_key(folder.path(), "a", folder / "new.key").ok());
  const WorkerKey second = *read_worker_key(folder / "new.key");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the list is read again after a quarter of a second
  EXPECT_EQ(list.name_of(first.pair.public_key), std::nullopt);
  EXPECT_EQ(list.name_of(second.pair.public_key), "a");
  EXPECT_EQ(revoke_worker(folder.path(), "b").error().message, "no worker \"b\" is let in; there are: a");
}

TEST(Keys, WhereTheFolderIsGoneNobodyNewIsLetIn) {
  const testing::TemporaryFolder folder;
  AllowList list(folder / "none");
  EXPECT_EQ(list.name_of(std::string(40, '0')), std::nullopt);
  EXPECT_NE(list.problem(), "");
}

}  // namespace
}  // namespace dubfarm::wire
