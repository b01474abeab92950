#pragma once

#include "vmm/base/bytes.h"

#include <cstdint>
#include <span>
#include <vector>

#include <sys/uio.h>

namespace vivarium {

// The pieces of a chain's readable or writable part as one row of bytes. The guest can change them
// at any time: what is read is a copy.

// Copies from `offset` on; how many bytes there were.
uint64_t readPieces(std::span<const iovec> pieces, uint64_t offset, ByteSpan out);
uint64_t writePieces(std::span<const iovec> pieces, uint64_t offset, ConstByteSpan in);
// What lies behind the first `offset` bytes.
std::vector<iovec> piecesFrom(std::span<const iovec> pieces, uint64_t offset);

} // namespace vivarium
