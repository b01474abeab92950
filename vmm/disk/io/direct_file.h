#pragma once

#include "vmm/disk/io/host_file.h"
#include "vmm/disk/io/range_locks.h"

namespace vivarium {

// A host file whose page cache is gone around (O_DIRECT). What is not aligned as the host wants it
// goes through a buffer; unaligned writes read what is around them first. The loop's thread.
class DirectFile final : public AsyncFile {
public:
    // Blocks of 4 KiB suit every device; memory needs the alignment of its smallest sector.
    static constexpr uint64_t kBlockBytes = 4096;
    static constexpr uintptr_t kMemoryAlignment = 512;

    // The same file through the page cache where direct I/O is impossible: the file system refuses
    // it, or the file's size is no multiple of a block. `file` as HostFile::create made it of `fd`,
    // which it owns.
    static std::unique_ptr<AsyncFile> wrap(IoLoop& loop, std::unique_ptr<AsyncFile> file, int fd);

    void start(IoOp& op) override;
    uint64_t sizeBytes() override { return m_file->sizeBytes(); }
    int truncate(uint64_t sizeBytes) override { return m_file->truncate(sizeBytes); }
    DataRange nextData(uint64_t offsetBytes, uint64_t lengthBytes) override {
        return m_file->nextData(offsetBytes, lengthBytes);
    }
    bool shareLock() override { return m_file->shareLock(); }

private:
    DirectFile(IoLoop& loop, std::unique_ptr<AsyncFile> file)
        : m_file(std::move(file)), m_partlyWritten(loop) {}
    DetachedTask throughBuffer(IoOp& op);

    std::unique_ptr<AsyncFile> m_file;
    RangeLocks m_partlyWritten; // blocks whose other bytes must not change meanwhile
};

} // namespace vivarium
