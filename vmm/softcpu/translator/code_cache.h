#pragma once

#include "vmm/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium::softcpu {

// Memory for generated code: one memfd mapped twice, writable and executable, so that no page is
// ever both. In front of the executable view lie `dataBytes` of plain read-write memory that the
// code reaches relative to RIP. To be created before the sandbox closes. Thread: the vCPU's.
class CodeCache {
public:
    // `count` caches of one size. Sizes are rounded up to whole pages; together below 2 GiB for
    // each cache. Errors: LimitExceeded, NoSpace.
    static Result<std::vector<std::unique_ptr<CodeCache>>> create(size_t dataBytes,
                                                                  size_t codeBytes, unsigned count);
    ~CodeCache();
    CodeCache(const CodeCache&) = delete;
    CodeCache& operator=(const CodeCache&) = delete;

    uint8_t* data() const { return m_region; }
    size_t codeBytes() const { return m_codeBytes; }
    // Where the byte at `offset` is executed and where it is written.
    uint8_t* executable(size_t offset) const { return m_region + m_dataBytes + offset; }
    uint8_t* writable(size_t offset) const { return m_writable + offset; }
    size_t offsetOf(const void* executableAddress) const {
        return static_cast<size_t>(static_cast<const uint8_t*>(executableAddress) - executable(0));
    }
    bool contains(const void* executableAddress) const {
        return offsetOf(executableAddress) < m_codeBytes;
    }

    size_t usedBytes() const { return m_used; }
    size_t freeBytes() const { return m_codeBytes - m_used; }
    // Takes what was written behind usedBytes(); the next code starts 16-byte aligned.
    void commit(size_t sizeBytes);
    // What is allocated now survives flush() (the thunks).
    void pin() { m_pinned = m_used; }
    void flush() { m_used = m_pinned; }

private:
    CodeCache() = default;

    uint8_t* m_region = nullptr; // data, then the executable view
    uint8_t* m_writable = nullptr;
    size_t m_dataBytes = 0;
    size_t m_codeBytes = 0;
    size_t m_used = 0;
    size_t m_pinned = 0;
};

} // namespace vivarium::softcpu
