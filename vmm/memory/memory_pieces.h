#pragma once

#include "vmm/base/bytes.h"

#include <cstdint>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace vivarium {

// Pieces of guest memory, as descriptors name them, taken as one row of bytes. The guest can change
// them at any time: what is read is a copy.

// Copy from `offset` on; how many bytes there were.
uint64_t readPieces(std::span<const iovec> pieces, uint64_t offset, ByteSpan out);
uint64_t writePieces(std::span<const iovec> pieces, uint64_t offset, ConstByteSpan in);
// At most `length` bytes from `offset` on.
std::vector<iovec> piecesFrom(std::span<const iovec> pieces, uint64_t offset,
                              uint64_t length = UINT64_MAX);

} // namespace vivarium
