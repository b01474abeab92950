#include "vmm/softcpu/memory/soft_mmu.h"

#include <algorithm>
#include <cstring>

namespace vivarium::softcpu {
namespace {

constexpr uint64_t kPageBytes = 4096;

// One host access for the sizes that a CPU makes in one piece.
void copyAccess(void* to, const void* from, unsigned sizeBytes) {
    switch (sizeBytes) {
    case 1:
        std::memcpy(to, from, 1);
        break;
    case 2:
        std::memcpy(to, from, 2);
        break;
    case 4:
        std::memcpy(to, from, 4);
        break;
    case 8:
        std::memcpy(to, from, 8);
        break;
    default:
        std::memcpy(to, from, sizeBytes);
    }
}

// Bytes of an access of `sizeBytes` at `linear` that lie in its first page.
unsigned firstPart(uint64_t linear, unsigned sizeBytes) {
    return static_cast<unsigned>(std::min<uint64_t>(sizeBytes, kPageBytes - linear % kPageBytes));
}

// The largest naturally aligned piece of up to 8 bytes at the start of a device access.
unsigned devicePiece(GuestAddress physical, unsigned sizeBytes) {
    unsigned piece = 8;
    while (piece > sizeBytes || physical % piece != 0)
        piece /= 2;
    return piece;
}

} // namespace

SoftMmu::SoftMmu(CpuState& state, PhysicalView& physical, CpuBus& bus, unsigned physicalBits)
    : m_state(state), m_physical(physical), m_bus(bus), m_tlb(state),
      m_physicalBits(std::clamp(physicalBits, 32u, 52u)) {}

SoftMmu::Place SoftMmu::place(uint64_t linear, AccessKind kind, TlbMode mode) {
    if (uint8_t* host = m_tlb.lookup(linear, kind, mode))
        return {.host = host};
    return placeSlow(linear, kind, mode);
}

SoftMmu::Place SoftMmu::placeSlow(uint64_t linear, AccessKind kind, TlbMode mode) {
    const Walk found = walk(linear, kind, mode, true);
    if (!found.ok)
        return {.fault = PageFault{linear, found.errorCode}};
    Place result{.physical = found.physical};
    const PhysicalPage page = m_physical.find(found.physical);
    if (page.host == nullptr || (kind == AccessKind::Write && !page.writable))
        return result;
    result.host = page.host + linear % kPageBytes;
    if (kind == AccessKind::Write) {
        uint8_t flags = page.flags->load();
        if (flags & kPageClean)
            flags = page.flags->fetch_and(static_cast<uint8_t>(~kPageClean));
        result.tracked = flags & kPageHasCode;
    }
    if (!result.tracked)
        m_tlb.fill({.linear = linear & ~(kPageBytes - 1),
                    .host = page.host,
                    .shift = found.shift,
                    .global = found.global},
                   kind, mode);
    return result;
}

SoftMmu::CodePlace SoftMmu::codePlace(uint64_t linear, TlbMode mode) {
    const Walk found = walk(linear, AccessKind::Execute, mode, true);
    if (!found.ok)
        return {.fault = PageFault{linear, found.errorCode}};
    CodePlace result{.physical = found.physical};
    const PhysicalPage page = m_physical.find(found.physical);
    if (page.host == nullptr || page.logged)
        return result;
    result.host = page.host + linear % kPageBytes;
    m_tlb.fill({.linear = linear & ~(kPageBytes - 1),
                .host = page.host,
                .shift = found.shift,
                .global = found.global},
               AccessKind::Execute, mode);
    return result;
}

void SoftMmu::readDevice(GuestAddress physical, uint8_t* out, unsigned sizeBytes) {
    while (sizeBytes > 0) {
        const unsigned piece = devicePiece(physical, sizeBytes);
        const uint64_t value = m_bus.readPhysical(physical, piece);
        std::memcpy(out, &value, piece);
        physical += piece;
        out += piece;
        sizeBytes -= piece;
    }
}

void SoftMmu::writeDevice(GuestAddress physical, const uint8_t* in, unsigned sizeBytes) {
    while (sizeBytes > 0) {
        const unsigned piece = devicePiece(physical, sizeBytes);
        uint64_t value = 0;
        std::memcpy(&value, in, piece);
        m_bus.writePhysical(physical, piece, value);
        physical += piece;
        in += piece;
        sizeBytes -= piece;
    }
}

std::optional<PageFault> SoftMmu::read(uint64_t linear, void* out, unsigned sizeBytes,
                                       TlbMode mode) {
    const unsigned first = firstPart(linear, sizeBytes);
    const Place low = place(linear, AccessKind::Read, mode);
    if (low.fault)
        return low.fault;
    if (first == sizeBytes && low.host != nullptr) {
        copyAccess(out, low.host, sizeBytes);
        return std::nullopt;
    }
    // Both pages are looked up before a device is read: a fault must have no side effects.
    Place high;
    if (first < sizeBytes) {
        high = place(nextPage(linear), AccessKind::Read, mode);
        if (high.fault)
            return high.fault;
    }
    auto* bytes = static_cast<uint8_t*>(out);
    if (low.host != nullptr)
        std::memcpy(bytes, low.host, first);
    else
        readDevice(low.physical, bytes, first);
    if (first == sizeBytes)
        return std::nullopt;
    if (low.host == nullptr) // the device may have changed the memory map
        high = place(nextPage(linear), AccessKind::Read, mode);
    if (high.host != nullptr)
        std::memcpy(bytes + first, high.host, sizeBytes - first);
    else
        readDevice(high.physical, bytes + first, sizeBytes - first);
    return std::nullopt;
}

std::optional<PageFault> SoftMmu::write(uint64_t linear, const void* in, unsigned sizeBytes,
                                        TlbMode mode) {
    const unsigned first = firstPart(linear, sizeBytes);
    const Place low = place(linear, AccessKind::Write, mode);
    if (low.fault)
        return low.fault;
    if (first == sizeBytes && low.host != nullptr) {
        copyAccess(low.host, in, sizeBytes);
        wrote(low, sizeBytes);
        return std::nullopt;
    }
    Place high;
    if (first < sizeBytes) {
        high = place(nextPage(linear), AccessKind::Write, mode);
        if (high.fault)
            return high.fault;
    }
    const auto* bytes = static_cast<const uint8_t*>(in);
    if (low.host != nullptr) {
        std::memcpy(low.host, bytes, first);
        wrote(low, first);
    } else {
        writeDevice(low.physical, bytes, first);
    }
    if (first == sizeBytes)
        return std::nullopt;
    if (low.host == nullptr)
        high = place(nextPage(linear), AccessKind::Write, mode);
    if (high.host != nullptr) {
        std::memcpy(high.host, bytes + first, sizeBytes - first);
        wrote(high, sizeBytes - first);
    } else {
        writeDevice(high.physical, bytes + first, sizeBytes - first);
    }
    return std::nullopt;
}

std::optional<PageFault> SoftMmu::fetch(uint64_t linear, void* out, unsigned sizeBytes,
                                        TlbMode mode) {
    const Place code = place(linear, AccessKind::Execute, mode);
    if (code.fault)
        return code.fault;
    if (code.host != nullptr)
        std::memcpy(out, code.host, sizeBytes);
    else
        readDevice(code.physical, static_cast<uint8_t*>(out), sizeBytes);
    return std::nullopt;
}

std::optional<PageFault> SoftMmu::probeWrite(uint64_t linear, unsigned sizeBytes, TlbMode mode) {
    const Place low = place(linear, AccessKind::Write, mode);
    if (low.fault || firstPart(linear, sizeBytes) == sizeBytes)
        return low.fault;
    return place(nextPage(linear), AccessKind::Write, mode).fault;
}

uint64_t SoftMmu::nextPage(uint64_t linear) const {
    const uint64_t next = (linear & ~(kPageBytes - 1)) + kPageBytes;
    return longModeActive(m_state) ? next : next & 0xFFFFFFFF;
}

} // namespace vivarium::softcpu
