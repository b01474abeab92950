#pragma once

#include "vmm/base/bytes.h"
#include "vmm/memory/guest_memory.h"

#include <cstdint>
#include <vector>

#include <sys/uio.h>

namespace vivarium {

// A part of guest memory in pieces, as a command's physical region descriptors describe it.
struct GuestBuffers {
    enum class Fault {
        None,
        BadAddress, // a descriptor (or the table) is not in RAM: no pieces at all
        TooShort,   // the table ends early: the pieces it has
    };
    std::vector<iovec> pieces;
    uint64_t sizeBytes = 0;
    Fault fault = Fault::None;
    bool interrupt = false; // a descriptor asks for an interrupt (DPS)

    // Copies from the front; returns how many bytes fitted.
    uint64_t copyIn(ConstByteSpan bytes) const;
    uint64_t copyOut(ByteSpan bytes) const;
};

// The PRDT of one command (AHCI 1.3.1, 4.2.3.3), in guest memory. Read anew by each map().
class PrdTable {
public:
    PrdTable() = default;
    PrdTable(const GuestMemory& memory, GuestAddress base, uint32_t entryCount)
        : m_memory(&memory), m_base(base), m_entryCount(entryCount) {}

    uint32_t entryCount() const { return m_entryCount; }
    // The first `lengthBytes` of the region. Walks no further than that, nor past the table's end
    // (65,535 entries).
    GuestBuffers map(uint64_t lengthBytes) const;

private:
    const GuestMemory* m_memory = nullptr;
    GuestAddress m_base = 0;
    uint32_t m_entryCount = 0;
};

// Walks pieces of guest memory front to back, taking parts of them.
class BufferCursor {
public:
    explicit BufferCursor(const GuestBuffers& buffers) : m_buffers(buffers) {}
    // The next `lengthBytes` bytes, appended to `out`; false when there are fewer.
    bool take(uint64_t lengthBytes, std::vector<iovec>& out);
    // Copies `bytes` to the next bytes; false when they do not fit.
    bool put(ConstByteSpan bytes);

private:
    const GuestBuffers& m_buffers;
    size_t m_piece = 0;
    uint64_t m_offset = 0; // in that piece
};

} // namespace vivarium
