#include "vmm/softcpu/memory/soft_mmu.h"

#include <cstring>

namespace vivarium::softcpu {
namespace {

// Entry bits common to all formats (Intel SDM 3A, 4.3 to 4.5).
constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 1 << 5, kDirty = 1 << 6,
                   kLarge = 1 << 7, kGlobal = 1 << 8, kNoExecute = uint64_t{1} << 63;
constexpr unsigned kMaxRestarts = 64; // of a walk whose entries others keep changing

constexpr uint64_t bits(unsigned high, unsigned low) {
    return high < low ? 0 : (~uint64_t{0} >> (63 - high)) & (~uint64_t{0} << low);
}

} // namespace

// The rights of a page: those of all levels together (Intel SDM 3A, 4.6).
struct SoftMmu::Rights {
    bool writable = true;
    bool user = true;
    bool noExecute = false;
};

uint32_t SoftMmu::faultCode(AccessKind kind, TlbMode mode, uint32_t faultBits) const {
    uint32_t code = faultBits;
    if (kind == AccessKind::Write)
        code |= kFaultWrite;
    if (mode == TlbMode::User)
        code |= kFaultUser;
    // Intel SDM 3A, 4.7: I/D is only reported where execute rights exist.
    const bool fetchReported =
        (m_state.cr4 & kCr4Smep) || ((m_state.cr4 & kCr4Pae) && (m_state.efer & kEferNxe));
    if (kind == AccessKind::Execute && fetchReported)
        code |= kFaultFetch;
    return code;
}

bool SoftMmu::allowed(const Rights& rights, AccessKind kind, TlbMode mode) const {
    if (mode == TlbMode::User) {
        if (!rights.user)
            return false;
        return kind == AccessKind::Read || (kind == AccessKind::Write && rights.writable) ||
               (kind == AccessKind::Execute && !rights.noExecute);
    }
    if (kind == AccessKind::Execute)
        return !rights.noExecute && !(rights.user && (m_state.cr4 & kCr4Smep));
    if (rights.user && (m_state.cr4 & kCr4Smap) && mode == TlbMode::Supervisor)
        return false;
    return kind == AccessKind::Read || rights.writable || !(m_state.cr0 & kCr0Wp);
}

std::optional<uint64_t> SoftMmu::readEntry(GuestAddress address, unsigned sizeBytes) {
    const uint8_t* host = m_physical.host(address, sizeBytes);
    if (host == nullptr)
        return m_bus.readPhysical(address, sizeBytes);
    if (sizeBytes == 4)
        return __atomic_load_n(reinterpret_cast<const uint32_t*>(host), __ATOMIC_ACQUIRE);
    return __atomic_load_n(reinterpret_cast<const uint64_t*>(host), __ATOMIC_ACQUIRE);
}

// Sets accessed and dirty bits in an entry that is still `expected`; false: it has changed, walk
// again. Tables in ROM or device memory keep their bits.
bool SoftMmu::setEntryBits(GuestAddress address, unsigned sizeBytes, uint64_t expected,
                           uint64_t wanted) {
    if ((expected & wanted) == wanted)
        return true;
    const PhysicalPage page = m_physical.find(address);
    if (page.host == nullptr || !page.writable)
        return true;
    uint8_t* host = page.host + address % 4096;
    bool same;
    if (sizeBytes == 4) {
        auto old = static_cast<uint32_t>(expected);
        same = __atomic_compare_exchange_n(reinterpret_cast<uint32_t*>(host), &old,
                                           static_cast<uint32_t>(expected | wanted), false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    } else {
        uint64_t old = expected;
        same =
            __atomic_compare_exchange_n(reinterpret_cast<uint64_t*>(host), &old, expected | wanted,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    const uint8_t flags = page.flags->fetch_and(static_cast<uint8_t>(~kPageClean));
    if (same && (flags & kPageHasCode) && m_codeListener != nullptr)
        m_codeListener->codeWritten(address, sizeBytes);
    return same;
}

SoftMmu::Walk SoftMmu::walk(uint64_t linear, AccessKind kind, TlbMode mode, bool update) {
    if (!(m_state.cr0 & kCr0Pg)) {
        Walk flat;
        flat.physical = linear & 0xFFFFFFFF;
        flat.ok = true;
        return flat;
    }
    return m_state.cr4 & kCr4Pae ? walkTables(linear, kind, mode, update)
                                 : walk32(linear, kind, mode, update);
}

// PAE and 4-level paging: 64-bit entries, nine address bits a level (Intel SDM 3A, 4.4 and 4.5).
SoftMmu::Walk SoftMmu::walkTables(uint64_t linear, AccessKind kind, TlbMode mode, bool update) {
    const bool fourLevels = longModeActive(m_state);
    const bool noExecuteOn = m_state.efer & kEferNxe;
    uint64_t reservedAlways = bits(51, m_physicalBits);
    if (!fourLevels)
        reservedAlways |= bits(62, 52);
    if (!noExecuteOn)
        reservedAlways |= kNoExecute;
    const uint64_t addressMask = bits(m_physicalBits - 1, 12);

    Walk result;
    for (unsigned restart = 0; restart < kMaxRestarts; ++restart) {
        struct Visited {
            GuestAddress address;
            uint64_t value;
        } visited[4];
        unsigned visitedCount = 0;
        Rights rights;
        uint64_t table = m_state.cr3 & addressMask;
        unsigned level = fourLevels ? 4 : 2;
        if (!fourLevels) {
            const uint64_t pointer = m_state.pdpte[(linear >> 30) & 3];
            if (!(pointer & kPresent)) {
                result.errorCode = faultCode(kind, mode, 0);
                return result;
            }
            table = pointer & addressMask;
        }
        for (;; --level) {
            const unsigned shift = 12 + 9 * (level - 1);
            const GuestAddress address = table + ((linear >> shift) & 511) * 8;
            const uint64_t value = *readEntry(address, 8);
            if (!(value & kPresent)) {
                result.errorCode = faultCode(kind, mode, 0);
                return result;
            }
            const bool leaf = level == 1 || (value & kLarge);
            uint64_t reserved = reservedAlways;
            if (level == 4)
                reserved |= kLarge;
            else if (level > 1 && leaf)
                reserved |= bits(shift - 1, 13); // bit 12 is PAT
            if (value & reserved) {
                result.errorCode = faultCode(kind, mode, kFaultPresent | kFaultReserved);
                return result;
            }
            visited[visitedCount++] = {address, value};
            rights.writable = rights.writable && (value & kWritable);
            rights.user = rights.user && (value & kUser);
            rights.noExecute = rights.noExecute || (value & kNoExecute);
            if (leaf) {
                result.shift = static_cast<uint8_t>(shift);
                result.global = (value & kGlobal) && (m_state.cr4 & kCr4Pge);
                result.physical =
                    (value & addressMask & ~bits(shift - 1, 0)) | (linear & bits(shift - 1, 0));
                break;
            }
            table = value & addressMask;
        }
        if (!allowed(rights, kind, mode)) {
            result.errorCode = faultCode(kind, mode, kFaultPresent);
            return result;
        }
        bool unchanged = true;
        for (unsigned i = 0; update && unchanged && i < visitedCount; ++i) {
            const bool last = i + 1 == visitedCount;
            const uint64_t wanted = kAccessed | (last && kind == AccessKind::Write ? kDirty : 0);
            unchanged = setEntryBits(visited[i].address, 8, visited[i].value, wanted);
        }
        if (unchanged)
            break;
    }
    result.ok = true;
    return result;
}

// 32-bit paging (Intel SDM 3A, 4.3).
SoftMmu::Walk SoftMmu::walk32(uint64_t linear, AccessKind kind, TlbMode mode, bool update) {
    Walk result;
    for (unsigned restart = 0; restart < kMaxRestarts; ++restart) {
        const GuestAddress directoryAddress =
            (m_state.cr3 & 0xFFFFF000) + ((linear >> 22) & 0x3FF) * 4;
        const uint64_t directory = *readEntry(directoryAddress, 4);
        if (!(directory & kPresent)) {
            result.errorCode = faultCode(kind, mode, 0);
            return result;
        }
        Rights rights{.writable = (directory & kWritable) != 0, .user = (directory & kUser) != 0};
        GuestAddress leafAddress = directoryAddress;
        uint64_t leaf = directory;
        const bool large = (directory & kLarge) && (m_state.cr4 & kCr4Pse);
        if (large) {
            // PSE-36: bits 13 to 20 are physical address bits 32 to 39; what lies beyond
            // MAXPHYADDR, and bit 21, are reserved (Intel SDM 3A, table 4-4).
            const unsigned extra = m_physicalBits >= 40 ? 8 : m_physicalBits - 32;
            if (directory & bits(21, 13 + extra)) {
                result.errorCode = faultCode(kind, mode, kFaultPresent | kFaultReserved);
                return result;
            }
            result.physical =
                (directory & 0xFFC00000) | ((directory & bits(20, 13)) << 19) | (linear & 0x3FFFFF);
            result.shift = 22;
        } else {
            leafAddress = (directory & 0xFFFFF000) + ((linear >> 12) & 0x3FF) * 4;
            leaf = *readEntry(leafAddress, 4);
            if (!(leaf & kPresent)) {
                result.errorCode = faultCode(kind, mode, 0);
                return result;
            }
            rights.writable = rights.writable && (leaf & kWritable);
            rights.user = rights.user && (leaf & kUser);
            result.physical = (leaf & 0xFFFFF000) | (linear & 0xFFF);
            result.shift = 12;
        }
        result.global = (leaf & kGlobal) && (m_state.cr4 & kCr4Pge);
        if (!allowed(rights, kind, mode)) {
            result.errorCode = faultCode(kind, mode, kFaultPresent);
            return result;
        }
        const uint64_t wanted = kAccessed | (kind == AccessKind::Write ? kDirty : 0);
        if (!update || ((large || setEntryBits(directoryAddress, 4, directory, kAccessed)) &&
                        setEntryBits(leafAddress, 4, leaf, wanted)))
            break;
    }
    result.ok = true;
    return result;
}

bool SoftMmu::loadPdptes() {
    const GuestAddress table = m_state.cr3 & 0xFFFFFFE0;
    // Intel SDM 3A, table 4-8.
    const uint64_t reserved = bits(63, m_physicalBits) | bits(8, 5) | bits(2, 1);
    uint64_t loaded[4];
    for (unsigned i = 0; i < 4; ++i) {
        loaded[i] = *readEntry(table + i * 8, 8);
        if ((loaded[i] & kPresent) && (loaded[i] & reserved))
            return false;
    }
    std::memcpy(m_state.pdpte, loaded, sizeof loaded);
    return true;
}

std::optional<GuestAddress> SoftMmu::inspect(uint64_t linear) {
    // Supervisor reads with SMAP out of the way see every mapped page.
    const Walk found = walk(linear, AccessKind::Read, TlbMode::SupervisorAc, false);
    if (!found.ok)
        return std::nullopt;
    return found.physical;
}

} // namespace vivarium::softcpu
