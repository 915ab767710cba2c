#include "tests/scheduler/db/faulty_disk.hpp"

#include <cstring>
#include <new>

namespace dubfarm {
namespace {

struct File {  // SQLite allocates szOsFile bytes: this, then the real file
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs faulty_vfs;
sqlite3_io_methods methods;
int next_fault = 0, faults_left = 0, fault_code = SQLITE_FULL, faults_met = 0;

File* file_of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real_of(sqlite3_file* file) { return file_of(file)->real(); }

/// SQLITE_OK, or that this operation is to fail.
int meet() {
  if (next_fault > 1) --next_fault;
  else if (next_fault == 1 && faults_left > 0) {
    --faults_left;
    ++faults_met;
    return fault_code;
  }
  return SQLITE_OK;
}

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
  const int code = real_vfs->xOpen(real_vfs, name, real_of(file), flags, out);
  file->pMethods = real_of(file)->pMethods == nullptr ? nullptr : &methods;
  return code;
}

}  // namespace

FaultyDisk::FaultyDisk() {
  fail_at(0, 0, SQLITE_FULL);
  real_vfs = sqlite3_vfs_find(nullptr);
  faulty_vfs = *real_vfs;
  faulty_vfs.zName = "faulty";
  faulty_vfs.szOsFile += static_cast<int>(sizeof(File));
  faulty_vfs.xOpen = open_file;
  methods = {};
  methods.iVersion = 1;
  methods.xClose = [](sqlite3_file* f) { return real_of(f)->pMethods->xClose(real_of(f)); };
  methods.xRead = [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) { return real_of(f)->pMethods->xRead(real_of(f), to, n, at); };
  methods.xWrite = [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
    if (const int code = meet(); code != SQLITE_OK) {
      (void)real_of(f)->pMethods->xWrite(real_of(f), from, n / 2, at);  // torn
      return code;
    }
    return real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
  };
  methods.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
    const int code = meet();
    return code != SQLITE_OK ? code : real_of(f)->pMethods->xTruncate(real_of(f), size);
  };
  methods.xSync = [](sqlite3_file* f, int flags) {
    const int code = meet();
    return code != SQLITE_OK ? code : real_of(f)->pMethods->xSync(real_of(f), flags);
  };
  methods.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) { return real_of(f)->pMethods->xFileSize(real_of(f), size); };
  methods.xLock = [](sqlite3_file* f, int level) { return real_of(f)->pMethods->xLock(real_of(f), level); };
  methods.xUnlock = [](sqlite3_file* f, int level) { return real_of(f)->pMethods->xUnlock(real_of(f), level); };
  methods.xCheckReservedLock = [](sqlite3_file* f, int* out) { return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out); };
  methods.xFileControl = [](sqlite3_file* f, int op, void* arg) { return real_of(f)->pMethods->xFileControl(real_of(f), op, arg); };
  methods.xSectorSize = [](sqlite3_file* f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); };
  methods.xDeviceCharacteristics = [](sqlite3_file* f) { return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)); };
  sqlite3_vfs_register(&faulty_vfs, 1);
}

FaultyDisk::~FaultyDisk() {
  sqlite3_vfs_register(real_vfs, 1);
  sqlite3_vfs_unregister(&faulty_vfs);
}

void FaultyDisk::fail_at(int n, int length, int code) {
  next_fault = n;
  faults_left = length;
  fault_code = code;
  faults_met = 0;
}

int FaultyDisk::failed() const { return faults_met; }

}  // namespace dubfarm
