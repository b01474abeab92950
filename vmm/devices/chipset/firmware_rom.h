#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/result.h"
#include "vmm/base/shared_mapping.h"
#include "vmm/bus/memory_map.h"

namespace vivarium {

// The firmware image, read-only below 4 GiB. Stateless: the machine loads the same image again when
// it restores a state. Any thread.
class FirmwareRom {
public:
    static constexpr uint64_t kMaxBytes = 16 << 20;
    static constexpr uint64_t kTailBytes = 128 << 10; // what also shows at 0xE0000

    // Copies `image` and maps it so that it ends at 4 GiB. Errors: InvalidArgument (not whole
    // 64 KiB, or none, or above kMaxBytes), NoSpace.
    static Result<FirmwareRom> create(MemoryMap& memoryMap, ConstByteSpan image);

    // The last 128 KiB, page-aligned, for the host bridge; valid as long as this object.
    ByteSpan tail() const;

private:
    FirmwareRom(SharedMapping memory, MemoryMapping mapping)
        : m_memory(std::move(memory)), m_mapping(std::move(mapping)) {}

    SharedMapping m_memory; // at least kTailBytes; a shorter image is repeated below itself
    MemoryMapping m_mapping;
};

} // namespace vivarium
