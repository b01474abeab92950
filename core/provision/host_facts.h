#pragma once

#include <QString>

#include <cstdint>

namespace vivarium {

// What this computer has to give, for suggestions and warnings.
struct HostFacts {
    uint64_t memoryMiB = 0;          // in all
    uint64_t availableMemoryMiB = 0; // without swapping
    uint32_t cpuCount = 1;           // that this process may use
    static HostFacts read();
};

// Free bytes for this user where `path` is or would be; 0 when nothing of it exists.
uint64_t freeSpaceBytes(const QString& path);

} // namespace vivarium
