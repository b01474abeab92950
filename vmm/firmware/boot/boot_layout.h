#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/guest_address.h"
#include "vmm/base/result.h"
#include "vmm/firmware/boot/direct_boot.h"
#include "vmm/memory/guest_memory.h"

#include <cstdint>
#include <string>
#include <vector>

namespace vivarium {

// Hands out pieces of the guest's usable RAM to a loader, so that kernel, modules and boot
// information never overlap, and writes them. One load, one layout.
class BootLayout {
public:
    // Both are borrowed. The first page stays free: kernels take address 0 for "none".
    BootLayout(const GuestMemory& memory, const std::vector<BootMemoryRange>& memoryMap);

    const std::vector<BootMemoryRange>& memoryMap() const { return m_memoryMap; }
    // Bytes of usable RAM without a gap from `base`.
    uint64_t usableBytesFrom(GuestAddress base) const;

    // Whether [base, base + sizeBytes) is usable and free.
    bool available(GuestAddress base, uint64_t sizeBytes) const;
    // Takes exactly this piece. Errors: LimitExceeded, naming `what`; Corrupt (overlap).
    Result<void> claim(const std::string& what, GuestAddress base, uint64_t sizeBytes);

    // Where to look for a piece; [low, high) bounds all of it.
    struct Place {
        enum class Preference { Lowest, Highest } preference = Preference::Lowest;
        GuestAddress low = 0;
        GuestAddress high = GuestAddress{1} << 32;
        uint64_t alignment = 1; // a power of two
    };
    // Finds and takes a piece of `sizeBytes` (0 counts as 1). Error: LimitExceeded.
    Result<GuestAddress> take(const std::string& what, uint64_t sizeBytes, const Place& place);
    // take() and write().
    Result<GuestAddress> put(const std::string& what, ConstByteSpan bytes, const Place& place);
    // A NUL-terminated string below 640 KiB.
    Result<GuestAddress> putString(const std::string& what, const std::string& text);

    Result<void> write(GuestAddress address, ConstByteSpan bytes) const;
    Result<void> fillZero(GuestAddress address, uint64_t sizeBytes) const;

private:
    struct Piece {
        GuestAddress base, end;
    };
    const Piece* conflict(GuestAddress base, GuestAddress end) const;

    const GuestMemory& m_memory;
    const std::vector<BootMemoryRange>& m_memoryMap;
    std::vector<Piece> m_usable;
    std::vector<Piece> m_claimed;
};

// Room for small boot structures: conventional memory above the first page.
constexpr BootLayout::Place kConventionalMemory{.preference = BootLayout::Place::Preference::Lowest,
                                                .low = 0x1000,
                                                .high = 0xA0000,
                                                .alignment = 16};

} // namespace vivarium
