#pragma once

#include "vmm/base/bytes.h"
#include "vmm/disk/qcow2/format.h"

#include <vector>

namespace vivarium::qcow2 {

// Unpacks one cluster; `packed` may have bytes after the end of the data. False: the data are
// damaged or do not fill `cluster`.
bool decompressCluster(Compression type, ConstByteSpan packed, ByteSpan cluster);

// Packs one cluster; empty when that saves nothing.
std::vector<uint8_t> compressCluster(Compression type, ConstByteSpan cluster);

} // namespace vivarium::qcow2
