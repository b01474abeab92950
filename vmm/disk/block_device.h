#pragma once

#include "vmm/base/result.h"

#include <cstdint>
#include <functional>
#include <vector>

#include <sys/uio.h>

namespace vivarium {

// One request to a disk image. Offsets and lengths are multiples of 512 and inside the disk: the
// caller (a device) checks the guest's numbers, the image checks again and fails, never crashes.
struct BlockRequest {
    enum class Kind { Read, Write, Flush, Discard, WriteZeroes };
    Kind kind = Kind::Read;
    uint64_t offsetBytes = 0;
    uint64_t lengthBytes = 0;   // Discard and WriteZeroes; for Read and Write the buffers' sum
    std::vector<iovec> buffers; // valid until completion
    // Called once from the image's I/O thread (never from inside submit): 0 or an errno. It only
    // posts to the device thread.
    std::function<void(int errorNumber)> completed;
};

// A disk image as devices see it: raw files, qcow2, later stacked ones. Requests run concurrently
// and complete in any order; a Flush covers every write completed before it was submitted.
class BlockDevice {
public:
    virtual ~BlockDevice() = default;
    virtual uint64_t sizeBytes() const = 0;
    virtual bool readOnly() const = 0;
    // Any thread; does not block. A request that cannot be accepted completes with an errno.
    virtual void submit(BlockRequest request) = 0;
    // Waits until no request is in flight; every completion has been called. Any thread but the
    // image's own.
    virtual void drain() = 0;
};

} // namespace vivarium
