#pragma once

#include "vmm/softcpu/cpu_state.h"

#include <bitset>
#include <cstdint>
#include <vector>

namespace vivarium::softcpu {

// Keeps the book of the TLB arrays inside a CpuState: which entries are filled, which are global or
// part of a large page. Flushing costs only what was filled. Thread: the vCPU's.
class SoftTlb {
public:
    explicit SoftTlb(CpuState& state);

    static constexpr unsigned indexOf(uint64_t linear) { return (linear >> 12) % kTlbEntries; }

    // Host address of a byte, or null on a miss.
    uint8_t* lookup(uint64_t linear, AccessKind kind, TlbMode mode) const {
        const TlbEntry& entry =
            m_state.tlb[static_cast<unsigned>(mode)][static_cast<unsigned>(kind)][indexOf(linear)];
        if (entry.tag != (linear & ~uint64_t{0xFFF}))
            return nullptr;
        return reinterpret_cast<uint8_t*>(linear + entry.addend);
    }

    struct Page {
        uint64_t linear; // of the 4 KiB page
        uint8_t* host;   // likewise
        uint8_t shift;   // of the guest's page: 12, 21, 22 or 30
        bool global;
    };
    void fill(const Page& page, AccessKind kind, TlbMode mode);

    void flushAll();
    void flushNonGlobal();
    void flushWrites(); // all write entries: page flags have changed
    // The guest page that holds `linear`, whatever its size, in every mode.
    void flushPage(uint64_t linear);

    // Rises with every flush that may change where code lies (all but flushWrites).
    uint64_t flushCount() const { return m_flushCount; }

private:
    static constexpr unsigned kSlots = kTlbModes * kAccessKinds * kTlbEntries;
    static constexpr uint64_t invalidTag(unsigned slot) { return tlbInvalidTag(slot % kTlbEntries); }
    TlbEntry& entry(unsigned slot) { return (&m_state.tlb[0][0][0])[slot]; }

    CpuState& m_state;
    std::bitset<kSlots> m_listed;   // slot is in m_filled
    std::vector<uint16_t> m_filled; // slots that may hold an entry
    uint8_t m_shift[kSlots] = {};
    bool m_global[kSlots] = {};
    uint64_t m_flushCount = 0;
    unsigned m_largeFills = 0; // since the last flush; zero: flushPage need not search
};

} // namespace vivarium::softcpu
