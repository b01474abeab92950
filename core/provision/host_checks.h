#pragma once

#include "core/model/machine_settings.h"
#include "vmm/base/result.h"

#include <QString>

#include <cstdint>

namespace vivarium {

// What this computer has; 0 where it does not tell.
struct HostResources {
    uint64_t memoryBytes = 0;          // all of it
    uint64_t availableMemoryBytes = 0; // without swapping others out
    uint32_t cpuCount = 0;             // that this process may use
    static HostResources read();
};

// Free bytes for this user on the file system of `path` (or of its nearest existing parent);
// nullopt when there is none.
std::optional<uint64_t> freeBytesAt(const QString& path);

// Whether `settings` can run on `host` at all. Error: LimitExceeded, naming both numbers.
Result<void> checkHostLimits(const MachineSettings& settings, const HostResources& host);

} // namespace vivarium
