#pragma once

#include "vmm/disk/block_device.h"

namespace vivarium {

enum class DiskAccess { ReadWrite, ReadOnly };

// What every image checks of a request, whoever sent it: 0 or the errno to fail with (EROFS,
// EINVAL).
int checkBlockRequest(const BlockRequest& request, uint64_t diskBytes, DiskAccess access);

} // namespace vivarium
