#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

#include <string>

namespace vivarium {

// A file whose open-file-description lock says that somebody is at work. The lock ends with the
// last copy of the descriptor, however its holder ends.
struct LockFile {
    QString path;
    std::string name;  // for errors: "The machine's lock file"
    std::string busy;  // what Busy says; empty: wait for the holder instead
    int openFlags = 0; // beside those that every lock file has
};

// Makes the file where there is none, and takes the lock. Errors: Busy, else what opening or
// locking the file said. Any thread.
Result<UniqueFd> acquireLock(const LockFile& file);
// Whether somebody else's descriptor holds the lock of this open file.
bool isLockHeld(int fd);

} // namespace vivarium
