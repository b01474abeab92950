#include "vmm/devices/storage/prd_table.h"

#include "vmm/memory/memory_pieces.h"

#include <algorithm>
#include <array>

namespace vivarium {

namespace {
constexpr uint64_t kEntryBytes = 16;
constexpr size_t kEntriesAtOnce = 128;
constexpr uint32_t kByteCountMask = 0x3FFFFF; // up to 4 MiB an entry
constexpr uint32_t kInterruptBit = 1u << 31;
} // namespace

GuestBuffers PrdTable::map(uint64_t lengthBytes) const {
    GuestBuffers buffers;
    std::array<uint8_t, kEntriesAtOnce * kEntryBytes> table;
    uint32_t done = 0;
    while (buffers.sizeBytes < lengthBytes && done < m_entryCount) {
        auto count = std::min<uint32_t>(m_entryCount - done, kEntriesAtOnce);
        auto at = checkedAdd(m_base, done * kEntryBytes);
        if (!at || !m_memory->read(*at, ByteSpan(table).first(count * kEntryBytes)))
            return {{}, 0, GuestBuffers::Fault::BadAddress, false};
        for (uint32_t i = 0; i < count && buffers.sizeBytes < lengthBytes; ++i) {
            const uint8_t* entry = table.data() + i * kEntryBytes;
            // Word aligned and of even length by definition (AHCI 1.3.1, 4.2.3.3).
            auto address = loadLe<uint64_t>(entry) & ~uint64_t{1};
            auto control = loadLe<uint32_t>(entry + 12);
            uint64_t length = std::min<uint64_t>(((control & kByteCountMask) | 1) + uint64_t{1},
                                                 lengthBytes - buffers.sizeBytes);
            auto view = m_memory->view(address, length);
            if (!view)
                return {{}, 0, GuestBuffers::Fault::BadAddress, false};
            buffers.interrupt = buffers.interrupt || (control & kInterruptBit) != 0;
            iovec* last = buffers.pieces.empty() ? nullptr : &buffers.pieces.back();
            if (last && static_cast<uint8_t*>(last->iov_base) + last->iov_len == view->data())
                last->iov_len += length;
            else
                buffers.pieces.push_back({view->data(), length});
            buffers.sizeBytes += length;
        }
        done += count;
    }
    if (buffers.sizeBytes < lengthBytes)
        buffers.fault = GuestBuffers::Fault::TooShort;
    return buffers;
}

uint64_t GuestBuffers::copyIn(ConstByteSpan bytes) const {
    return writePieces(pieces, 0, bytes);
}

uint64_t GuestBuffers::copyOut(ByteSpan bytes) const {
    return readPieces(pieces, 0, bytes);
}

bool BufferCursor::take(uint64_t lengthBytes, std::vector<iovec>& out) {
    while (lengthBytes > 0) {
        if (m_piece == m_buffers.pieces.size())
            return false;
        const iovec& piece = m_buffers.pieces[m_piece];
        uint64_t part = std::min<uint64_t>(lengthBytes, piece.iov_len - m_offset);
        out.push_back({static_cast<uint8_t*>(piece.iov_base) + m_offset, part});
        m_offset += part;
        lengthBytes -= part;
        if (m_offset == piece.iov_len) {
            ++m_piece;
            m_offset = 0;
        }
    }
    return true;
}

bool BufferCursor::put(ConstByteSpan bytes) {
    std::vector<iovec> pieces;
    if (!take(bytes.size(), pieces))
        return false;
    writePieces(pieces, 0, bytes);
    return true;
}

} // namespace vivarium
