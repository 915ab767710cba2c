// The tables. docs/formats/database.md says what each column means. A change here gets a new version, and a step that brings an older file to it.
#pragma once

namespace dubfarm::db {

inline constexpr int kApplicationId = 0x64756266;  // "dubf"
inline constexpr int kSchemaVersion = 1;
inline constexpr const char* kSchema = R"sql(
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE job (
  id INTEGER PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL, submitter TEXT NOT NULL, tags TEXT NOT NULL, first_priority INTEGER NOT NULL,
  first_max_running INTEGER NOT NULL, numeric_profile TEXT NOT NULL, package TEXT NOT NULL, request TEXT NOT NULL, detail TEXT NOT NULL,
  created_ms INTEGER NOT NULL, is_planned INTEGER NOT NULL, already_done BLOB NOT NULL,
  priority INTEGER NOT NULL, max_running INTEGER NOT NULL, profile TEXT NOT NULL, is_paused INTEGER NOT NULL, ending INTEGER NOT NULL, error TEXT NOT NULL,
  started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL);
CREATE TABLE job_tasks (job INTEGER NOT NULL, first INTEGER NOT NULL, tasks BLOB NOT NULL, PRIMARY KEY (job, first)) WITHOUT ROWID;
CREATE TABLE job_done (
  job INTEGER PRIMARY KEY, states BLOB NOT NULL, chunks INTEGER NOT NULL, prints INTEGER NOT NULL, packages INTEGER NOT NULL, reused INTEGER NOT NULL,
  failures INTEGER NOT NULL, kills INTEGER NOT NULL, cost_total REAL NOT NULL, device_seconds REAL NOT NULL);
CREATE TABLE task (
  job INTEGER NOT NULL, task INTEGER NOT NULL, state INTEGER NOT NULL, digest BLOB NOT NULL, worker INTEGER NOT NULL, device_seconds REAL NOT NULL,
  error TEXT NOT NULL, PRIMARY KEY (job, task)) WITHOUT ROWID;
CREATE TABLE lease (id INTEGER PRIMARY KEY, job INTEGER NOT NULL, task INTEGER NOT NULL, attempt INTEGER NOT NULL, worker INTEGER NOT NULL, given_ms INTEGER NOT NULL);
CREATE TABLE attempt (
  number INTEGER PRIMARY KEY, job INTEGER NOT NULL, task INTEGER NOT NULL, attempt INTEGER NOT NULL, lease INTEGER NOT NULL, worker INTEGER NOT NULL,
  fault INTEGER NOT NULL, digest BLOB NOT NULL, error TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE INDEX attempt_of_job ON attempt (job, task);
CREATE TABLE worker (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, host TEXT NOT NULL, profile TEXT NOT NULL, is_draining INTEGER NOT NULL, sick TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE project (name TEXT PRIMARY KEY, weight REAL NOT NULL, max_running INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE audit (
  number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, actor TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL,
  allowed INTEGER NOT NULL, hash TEXT NOT NULL);
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TABLE token (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, project TEXT NOT NULL, sha256 TEXT NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
  revoked_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE allowed_key (key TEXT PRIMARY KEY, name TEXT NOT NULL, created_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL) WITHOUT ROWID;
)sql";

/// task.state
enum class StoredTask : int { undone = 0, done = 1, was_there = 2, failed = 3 };

}  // namespace dubfarm::db
