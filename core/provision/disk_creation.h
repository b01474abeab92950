#pragma once

#include "vmm/base/result.h"

#include <QFuture>
#include <QString>

#include <cstdint>

namespace vivarium {

enum class DiskAllocation {
    Dynamic,      // takes space as the guest writes
    Preallocated, // all space is reserved now
};

constexpr uint64_t kMinDiskBytes = 1 << 20;
constexpr uint64_t kMaxDiskBytes = uint64_t{64} << 40;

// Creates a raw disk image of `sizeBytes` (whole 512 bytes, kMinDiskBytes..kMaxDiskBytes). The file
// appears under its name only when it is complete; cancelled or failed, nothing is left. Errors:
// InvalidArgument, AlreadyExists, NoSpace, PermissionDenied, Cancelled, Io: one sentence each.
QFuture<Result<void>> createRawDisk(const QString& path, uint64_t sizeBytes,
                                    DiskAllocation allocation);

} // namespace vivarium
