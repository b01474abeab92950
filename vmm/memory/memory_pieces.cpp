#include "vmm/memory/memory_pieces.h"

#include <algorithm>
#include <cstring>

namespace vivarium {

namespace {

// Calls visit(data, length) for each stretch of [offset, offset + length) that there is; how many
// bytes that were.
template <class Visit>
uint64_t walk(std::span<const iovec> pieces, uint64_t offset, uint64_t length, Visit visit) {
    uint64_t done = 0;
    for (const iovec& piece : pieces) {
        if (done == length)
            break;
        if (offset >= piece.iov_len) {
            offset -= piece.iov_len;
            continue;
        }
        const uint64_t part = std::min<uint64_t>(piece.iov_len - offset, length - done);
        visit(static_cast<uint8_t*>(piece.iov_base) + offset, part);
        done += part;
        offset = 0;
    }
    return done;
}

} // namespace

uint64_t readPieces(std::span<const iovec> pieces, uint64_t offset, ByteSpan out) {
    uint8_t* to = out.data();
    return walk(pieces, offset, out.size(), [&](const uint8_t* data, uint64_t length) {
        std::memcpy(to, data, length);
        to += length;
    });
}

uint64_t writePieces(std::span<const iovec> pieces, uint64_t offset, ConstByteSpan in) {
    const uint8_t* from = in.data();
    return walk(pieces, offset, in.size(), [&](uint8_t* data, uint64_t length) {
        std::memcpy(data, from, length);
        from += length;
    });
}

std::vector<iovec> piecesFrom(std::span<const iovec> pieces, uint64_t offset, uint64_t length) {
    std::vector<iovec> part;
    part.reserve(pieces.size());
    walk(pieces, offset, length, [&](uint8_t* data, uint64_t bytes) {
        part.push_back({data, bytes});
    });
    return part;
}

} // namespace vivarium
