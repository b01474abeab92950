#pragma once

#include "vmm/softcpu/cpu_bus.h"
#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/memory/physical_view.h"
#include "vmm/softcpu/memory/soft_tlb.h"

#include <cstdint>
#include <optional>

namespace vivarium::softcpu {

// Told after the running vCPU has written into a page that has kPageHasCode. Thread: the vCPU's.
class CodeWriteListener {
public:
    virtual ~CodeWriteListener() = default;
    virtual void codeWritten(GuestAddress address, unsigned sizeBytes) = 0;
};

// Page-fault error code (Intel SDM 3A, 4.7).
inline constexpr uint32_t kFaultPresent = 1, kFaultWrite = 2, kFaultUser = 4, kFaultReserved = 8,
                          kFaultFetch = 16;

struct PageFault {
    uint64_t address;
    uint32_t errorCode;
};

// Linear addresses to memory for one vCPU: paging in all its forms, the software TLB in front of
// it, and device memory behind. Segmentation and canonical checks are the caller's. Thread: the
// vCPU's. A fault changes nothing but accessed bits of upper tables.
class SoftMmu {
public:
    // `physicalBits`: CPUID's MAXPHYADDR; page-table bits above it are reserved.
    SoftMmu(CpuState& state, PhysicalView& physical, CpuBus& bus, unsigned physicalBits);

    void setCodeWriteListener(CodeWriteListener* listener) { m_codeListener = listener; }

    // Any size and alignment; naturally aligned accesses of up to 8 bytes are single host accesses.
    // nullopt: done.
    [[nodiscard]] std::optional<PageFault> read(uint64_t linear, void* out, unsigned sizeBytes,
                                                TlbMode mode);
    [[nodiscard]] std::optional<PageFault> write(uint64_t linear, const void* in,
                                                 unsigned sizeBytes, TlbMode mode);
    // Instruction bytes, not crossing a page. `mode` is User or Supervisor.
    [[nodiscard]] std::optional<PageFault> fetch(uint64_t linear, void* out, unsigned sizeBytes,
                                                 TlbMode mode);
    // Whether a write would succeed; sets accessed and dirty bits as the write would.
    [[nodiscard]] std::optional<PageFault> probeWrite(uint64_t linear, unsigned sizeBytes,
                                                      TlbMode mode);

    // One page's place for an access of `kind`: the slow path of translated code. With `host` set
    // the bytes up to the page's end may be accessed there; otherwise it is device memory or ROM
    // written to, at `physical`, for the bus. After a write at `host` to a tracked page call
    // wrote().
    struct Place {
        std::optional<PageFault> fault{};
        uint8_t* host = nullptr;
        GuestAddress physical = 0; // valid unless the TLB answered (then `tracked` is false)
        bool tracked = false;      // the page has code
    };
    Place place(uint64_t linear, AccessKind kind, TlbMode mode);
    void wrote(const Place& place, unsigned sizeBytes) {
        if (place.tracked && m_codeListener != nullptr)
            m_codeListener->codeWritten(place.physical, sizeBytes);
    }

    // Guest-physical address of an instruction byte (for the block index), filled like a fetch.
    struct CodePlace {
        std::optional<PageFault> fault{};
        GuestAddress physical = 0;
        uint8_t* host = nullptr; // null: only to be interpreted (device memory, a screen's)
    };
    CodePlace codePlace(uint64_t linear, TlbMode mode);

    // Start of the page after `linear`'s; outside long mode addresses wrap at 4 GiB.
    uint64_t nextPage(uint64_t linear) const;

    // A walk without side effects (debugger, fault reports).
    std::optional<GuestAddress> inspect(uint64_t linear);

    // After a write of CR3: reload PAE's pointers (Intel SDM 3A, 4.4.1). false: reserved bits, #GP.
    [[nodiscard]] bool loadPdptes();

    SoftTlb& tlb() { return m_tlb; }
    PhysicalView& physical() { return m_physical; }
    CpuBus& bus() { return m_bus; }
    unsigned physicalBits() const { return m_physicalBits; }

private:
    struct Walk {
        GuestAddress physical = 0; // of the byte
        uint32_t errorCode = 0;    // meaningful when !ok
        uint8_t shift = 12;
        bool ok = false;
        bool global = false;
    };
    struct Rights;
    Walk walk(uint64_t linear, AccessKind kind, TlbMode mode, bool update);
    Walk walkTables(uint64_t linear, AccessKind kind, TlbMode mode, bool update);
    Walk walk32(uint64_t linear, AccessKind kind, TlbMode mode, bool update);
    uint32_t faultCode(AccessKind kind, TlbMode mode, uint32_t bits) const;
    bool allowed(const Rights& rights, AccessKind kind, TlbMode mode) const;
    std::optional<uint64_t> readEntry(GuestAddress address, unsigned sizeBytes);
    bool setEntryBits(GuestAddress address, unsigned sizeBytes, uint64_t expected, uint64_t bits);
    Place placeSlow(uint64_t linear, AccessKind kind, TlbMode mode);
    void readDevice(GuestAddress physical, uint8_t* out, unsigned sizeBytes);
    void writeDevice(GuestAddress physical, const uint8_t* in, unsigned sizeBytes);

    CpuState& m_state;
    PhysicalView& m_physical;
    CpuBus& m_bus;
    SoftTlb m_tlb;
    unsigned m_physicalBits;
    CodeWriteListener* m_codeListener = nullptr;
};

} // namespace vivarium::softcpu
