#pragma once

#include "vmm/disk/block_device.h"
#include "vmm/disk/io_engine.h"

#include <cstddef>
#include <vector>

namespace vivarium {

class RawImage;

// One BlockRequest on a RawImage as a sequence of system calls: resumes short transfers, fills
// with zeroes what lies after the end of the file, and falls back where the file system lacks an
// operation. On an I/O thread.
class RawTask final : public IoTask {
public:
    // `rejectedWith`: 0, or the errno that completes the request without touching the file.
    RawTask(RawImage& image, BlockRequest request, int rejectedWith);
    const IoStep& step() const override { return m_step; }
    bool stepDone(int64_t result) override;

private:
    enum class Zeroing { ZeroRange, PunchHole, Write };

    void start();
    bool transferDone(int64_t result);
    bool allocateDone(int error);
    bool zeroWriteDone(int64_t result);
    void prepareTransfer();
    void prepareZeroing();
    void consume(uint64_t bytes);
    void fillRestWithZeroes();
    bool retry(int error); // an interrupted call is made again
    bool finish(int error);

    RawImage& m_image;
    BlockRequest m_request;
    IoStep m_step;
    int m_rejectedWith;
    size_t m_nextBuffer = 0; // first buffer not fully transferred; its front is consumed
    uint64_t m_doneBytes = 0;
    Zeroing m_zeroing = Zeroing::ZeroRange;
    std::vector<iovec> m_zeroBuffers;
    unsigned m_busyRetries = 0;
};

} // namespace vivarium
