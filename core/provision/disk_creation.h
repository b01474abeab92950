#pragma once

#include "vmm/base/result.h"

#include <QFuture>
#include <QString>

#include <cstdint>

namespace vivarium {

enum class DiskAllocation {
    Dynamic,      // sparse: the file grows as the guest writes
    Preallocated, // every block is reserved now, so the guest never meets a full host
};

constexpr uint64_t kMinDiskBytes = 1ull << 20;
constexpr uint64_t kMaxDiskBytes = 64ull << 40;

// Creates the raw disk image `path` of `sizeBytes` (a multiple of 512 from 1 MiB to 64 TiB) in the
// background, with progress. A failed or cancelled creation leaves no file. Errors: InvalidArgument
// (size), AlreadyExists (never overwrites), NotFound (folder), PermissionDenied, NoSpace.
QFuture<Result<void>> createRawDisk(const QString& path, uint64_t sizeBytes,
                                    DiskAllocation allocation);

} // namespace vivarium
