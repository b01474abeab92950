#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"

namespace vivarium {

// Page-aligned zeroed memory of this process alone. A child process (fork) gets a copy that shares
// every page until one of the two writes to it. Large pages are asked for: they make a guest
// faster, and a copy of a gigabyte takes under a millisecond.
class PrivateMapping {
public:
    // `sizeBytes` > 0 is rounded up to whole pages. Errors: LimitExceeded, NoSpace.
    static Result<PrivateMapping> create(uint64_t sizeBytes);

    PrivateMapping() = default;
    PrivateMapping(PrivateMapping&& other) noexcept;
    PrivateMapping& operator=(PrivateMapping&& other) noexcept;
    ~PrivateMapping();

    uint8_t* data() const { return m_data; }
    uint64_t sizeBytes() const { return m_sizeBytes; }
    ByteSpan bytes() const { return {m_data, static_cast<size_t>(m_sizeBytes)}; }

private:
    PrivateMapping(uint8_t* data, uint64_t sizeBytes) : m_data(data), m_sizeBytes(sizeBytes) {}

    uint8_t* m_data = nullptr;
    uint64_t m_sizeBytes = 0;
};

} // namespace vivarium
