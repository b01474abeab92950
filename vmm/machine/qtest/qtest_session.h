#pragma once

#include "vmm/base/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// The machine that a device test wants and where it is.
struct QtestOptions {
    // A Unix socket ("unix:" before it is allowed): connected to when something listens there,
    // else created and listened on for one client. "-": standard input and output.
    std::string socketPath;
    uint64_t memoryMiB = 128;
    uint32_t cpuCount = 1;
    std::string firmwarePath, videoRomPath; // empty: none
    std::string opticalPath;                // empty: an empty drive
    std::vector<std::string> diskPaths;     // SATA
    std::vector<std::string> virtioDiskPaths;
    std::vector<std::string> nvmeDiskPaths;
    std::string serialPath; // empty: nowhere
    bool exitDevice = false;
};

// Serves one client until it leaves or the guest hardware powers off. Returns the exit status: 0,
// or
// ((value << 1) | 1) & 0xFF after a write to the exit device. Errors: the files' and the socket's.
Result<int> runQtest(const QtestOptions& options);

} // namespace vivarium
