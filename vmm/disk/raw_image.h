#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/disk/block_device.h"
#include "vmm/disk/io_engine.h"
#include "vmm/disk/request_check.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace vivarium {

// What a guest's completed write is worth when the host's power fails.
enum class DiskCacheMode {
    WriteBack,    // in the host's page cache until the guest flushes (a disk's own write cache)
    WriteThrough, // on the medium
    Unsafe,       // nothing: flushes are ignored (throw-away machines)
};

struct RawImageOptions {
    DiskAccess access = DiskAccess::ReadWrite;
    DiskCacheMode cacheMode = DiskCacheMode::WriteBack;
    // Not set: io_uring, or the thread pool where the host refuses it.
    std::optional<IoEngine::Kind> engine = std::nullopt;
    // Runs first on every I/O thread of the image (seccomp filter of that kind of thread).
    std::function<void()> threadStarted = {};
};

// A disk whose bytes are a file's, a block device's or an ISO image's, 1:1. Any thread submits;
// completions run on the image's I/O threads. Destroying it waits for what is in flight.
class RawImage final : public BlockDevice {
public:
    // `fd`: a regular file or block device, open for reading and, unless ReadOnly, for writing.
    // Its O_APPEND, O_DIRECT and O_NONBLOCK are taken off: guest buffers have any alignment.
    // Errors: InvalidArgument (a directory, empty, append-only, ...), PermissionDenied (wrong open
    // mode), Unsupported (the engine asked for), host errors. All system resources are acquired
    // here.
    static Result<std::unique_ptr<RawImage>> create(UniqueFd fd, RawImageOptions options = {});
    ~RawImage() override;

    // The file's size rounded up to 512 bytes; what lies after its end reads as zeroes.
    uint64_t sizeBytes() const override { return m_sizeBytes; }
    bool readOnly() const override { return m_access == DiskAccess::ReadOnly; }
    void submit(BlockRequest request) override;
    void drain() override { m_engine->drain(); }

    IoEngine::Kind engineKind() const { return m_engine->kind(); }

private:
    friend class RawTask;
    RawImage(UniqueFd fd, uint64_t sizeBytes, const RawImageOptions& options,
             std::unique_ptr<IoEngine> engine);

    UniqueFd m_fd;
    uint64_t m_sizeBytes;
    DiskAccess m_access;
    DiskCacheMode m_cacheMode;
    // What the file system turned out not to offer; learnt by I/O threads, never unlearnt.
    std::atomic<bool> m_canPunchHoles = true;
    std::atomic<bool> m_canZeroRanges = true;
    // A failed fdatasync drops dirty pages, and the next one would succeed: no flush may be
    // reported as good after it.
    std::atomic<bool> m_flushFailed = false;
    std::unique_ptr<IoEngine> m_engine; // last: its threads use everything above
};

} // namespace vivarium
