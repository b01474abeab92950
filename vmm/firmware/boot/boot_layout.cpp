#include "vmm/firmware/boot/boot_layout.h"

#include "vmm/base/log.h"

#include <algorithm>

namespace vivarium {

BootLayout::BootLayout(const GuestMemory& memory, const std::vector<BootMemoryRange>& memoryMap)
    : m_memory(memory), m_memoryMap(memoryMap) {
    for (const BootMemoryRange& range : memoryMap) {
        if (range.type != BootMemoryRange::Type::Usable || range.sizeBytes == 0)
            continue;
        GuestAddress end = range.base + range.sizeBytes;
        if (!m_usable.empty() && m_usable.back().end == range.base)
            m_usable.back().end = end;
        else
            m_usable.push_back({range.base, end});
    }
}

uint64_t BootLayout::usableBytesFrom(GuestAddress base) const {
    for (const Piece& piece : m_usable)
        if (base >= piece.base && base < piece.end)
            return piece.end - base;
    return 0;
}

const BootLayout::Piece* BootLayout::conflict(GuestAddress base, GuestAddress end) const {
    for (const Piece& piece : m_claimed)
        if (base < piece.end && piece.base < end)
            return &piece;
    return nullptr;
}

bool BootLayout::available(GuestAddress base, uint64_t sizeBytes) const {
    return usableBytesFrom(base) >= sizeBytes && !conflict(base, base + sizeBytes);
}

Result<void> BootLayout::claim(const std::string& what, GuestAddress base, uint64_t sizeBytes) {
    if (usableBytesFrom(base) < sizeBytes)
        return fail(ErrorCode::LimitExceeded,
                    formatText("%s (%#llx bytes at %#llx) does not fit into the guest's memory",
                               what.c_str(), static_cast<unsigned long long>(sizeBytes),
                               static_cast<unsigned long long>(base)));
    if (conflict(base, base + sizeBytes))
        return fail(ErrorCode::Corrupt, what + " overlaps another one");
    m_claimed.push_back({base, base + sizeBytes});
    return {};
}

Result<GuestAddress> BootLayout::take(const std::string& what, uint64_t sizeBytes,
                                      const Place& place) {
    sizeBytes = std::max<uint64_t>(sizeBytes, 1);
    const bool lowest = place.preference == Place::Preference::Lowest;
    std::optional<GuestAddress> best;
    for (const Piece& piece : m_usable) {
        const GuestAddress low = std::max(piece.base, place.low);
        const GuestAddress high = std::min(piece.end, place.high);
        if (low >= high || high - low < sizeBytes)
            continue;
        // Steps over what is taken, from one end to the other; every step passes a claimed piece.
        GuestAddress at =
            lowest ? alignUp(low, place.alignment) : alignDown(high - sizeBytes, place.alignment);
        while (at >= low && at <= high - sizeBytes) {
            const Piece* obstacle = conflict(at, at + sizeBytes);
            if (!obstacle) {
                best = at;
                break;
            }
            if (!lowest && obstacle->base < sizeBytes)
                break;
            at = lowest ? alignUp(obstacle->end, place.alignment)
                        : alignDown(obstacle->base - sizeBytes, place.alignment);
        }
        if (best && lowest)
            break; // ranges ascend: the last found is the highest
    }
    if (!best)
        return fail(ErrorCode::LimitExceeded,
                    formatText("the guest has no room for %s (%llu KiB); give it more memory",
                               what.c_str(),
                               static_cast<unsigned long long>((sizeBytes + 1023) / 1024)));
    m_claimed.push_back({*best, *best + sizeBytes});
    return *best;
}

Result<GuestAddress> BootLayout::put(const std::string& what, ConstByteSpan bytes,
                                     const Place& place) {
    GuestAddress address = TRY(take(what, bytes.size(), place));
    TRY(write(address, bytes));
    return address;
}

Result<GuestAddress> BootLayout::putString(const std::string& what, const std::string& text) {
    // A NUL inside would hide the rest from the kernel and from whoever reads the command line.
    if (text.find('\0') != std::string::npos)
        return fail(ErrorCode::InvalidArgument, what + " contains a NUL character");
    return put(what, {reinterpret_cast<const uint8_t*>(text.c_str()), text.size() + 1},
               kConventionalMemory);
}

Result<void> BootLayout::write(GuestAddress address, ConstByteSpan bytes) const {
    if (!bytes.empty() && !m_memory.write(address, bytes))
        return fail(ErrorCode::LimitExceeded,
                    formatText("address %#llx is outside the guest's memory",
                               static_cast<unsigned long long>(address)));
    return {};
}

Result<void> BootLayout::fillZero(GuestAddress address, uint64_t sizeBytes) const {
    if (sizeBytes == 0)
        return {};
    auto target = m_memory.view(address, sizeBytes);
    if (!target)
        return fail(ErrorCode::LimitExceeded,
                    formatText("address %#llx is outside the guest's memory",
                               static_cast<unsigned long long>(address)));
    std::fill(target->begin(), target->end(), uint8_t{0});
    return {};
}

} // namespace vivarium
