#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/thread_annotations.h"
#include "vmm/disk/block_device.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

namespace vivarium {

// Wraps an image and fails chosen requests with chosen errors, on the image's own I/O thread. A
// failed request does not reach the image: a flush goes there in its place. Any thread.
class FaultyBlockDevice final : public BlockDevice {
public:
    explicit FaultyBlockDevice(std::unique_ptr<BlockDevice> image) : m_image(std::move(image)) {}

    uint64_t sizeBytes() const override { return m_image->sizeBytes(); }
    bool readOnly() const override { return m_image->readOnly(); }
    void submit(BlockRequest request) override {
        if (int error = takeFault(request)) {
            request.completed = [error, completed = std::move(request.completed)](int) {
                completed(error);
            };
            request.kind = BlockRequest::Kind::Flush;
            request.buffers.clear();
        }
        m_image->submit(std::move(request));
    }
    void drain() override { m_image->drain(); }

    // The next `count` requests of `kind` that touch [offset, offset + length) fail.
    void injectFault(BlockRequest::Kind kind, int errorNumber, unsigned count = 1,
                     uint64_t offsetBytes = 0, uint64_t lengthBytes = ~uint64_t{0}) {
        MutexLocker lock(m_mutex);
        m_faults.push_back({kind, errorNumber, count, offsetBytes, lengthBytes});
    }
    void clearFaults() {
        MutexLocker lock(m_mutex);
        m_faults.clear();
    }

private:
    struct Fault {
        BlockRequest::Kind kind;
        int errorNumber;
        unsigned count;
        uint64_t offsetBytes;
        uint64_t lengthBytes;
    };
    int takeFault(const BlockRequest& request) {
        MutexLocker lock(m_mutex);
        for (Fault& fault : m_faults) {
            bool overlaps = request.offsetBytes + request.lengthBytes > fault.offsetBytes &&
                            (request.offsetBytes < fault.offsetBytes ||
                             request.offsetBytes - fault.offsetBytes < fault.lengthBytes);
            bool wholeDisk = request.kind == BlockRequest::Kind::Flush;
            if (fault.count == 0 || fault.kind != request.kind || !(overlaps || wholeDisk))
                continue;
            --fault.count;
            return fault.errorNumber;
        }
        return 0;
    }

    std::unique_ptr<BlockDevice> m_image;
    Mutex m_mutex;
    std::vector<Fault> m_faults GUARDED_BY(m_mutex);
};

} // namespace vivarium
