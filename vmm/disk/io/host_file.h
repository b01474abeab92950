#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/disk/io/io_loop.h"
#include "vmm/disk/io/page_cache_pace.h"

namespace vivarium {

// A regular file or block device of the host, its calls made by an IoLoop.
class HostFile final : public AsyncFile {
public:
    enum class Access { ReadWrite, ReadOnly };
    // Errors: InvalidArgument (a folder, a pipe, append-only), PermissionDenied (wrong open mode).
    // O_APPEND, O_DIRECT and O_NONBLOCK are taken off.
    // Cache::Around wants direct I/O, which the file may turn out not to allow (DirectFile).
    enum class Cache { Through, Around };
    static Result<std::unique_ptr<AsyncFile>> create(IoLoop& loop, UniqueFd fd, Access access,
                                                     Cache cache = Cache::Through);

    void start(IoOp& op) override;
    uint64_t sizeBytes() override;
    int truncate(uint64_t sizeBytes) override;
    DataRange nextData(uint64_t offsetBytes, uint64_t lengthBytes) override;
    bool shareLock() override;

private:
    HostFile(IoLoop& loop, UniqueFd fd, bool device, Cache cache);
    bool writeAtOnce(IoOp& op);

    IoLoop& m_loop;
    UniqueFd m_fd;
    bool m_isDevice;
    bool m_cached;
    // Whether writes into the page cache are made here: README.md.
    enum class AtOnce { Unknown, Yes, No };
    AtOnce m_atOnce;
    PageCachePace m_pace;
};

} // namespace vivarium
