#pragma once

#include "vmm/base/guest_address.h"
#include "vmm/softcpu/cpu_state.h"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
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
        const TlbTable& table =
            m_state.tlb[static_cast<unsigned>(mode)][static_cast<unsigned>(kind)];
        if (~table.invertedTag[indexOf(linear)] != (linear & ~uint64_t{0xFFF}))
            return nullptr;
        return reinterpret_cast<uint8_t*>(linear + table.addend[indexOf(linear)]);
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

    // The page's translated code may be entered: it has an entry for execution with this place.
    // Holds until that entry goes, or forgetCodePages().
    void setCodePage(uint64_t linear, GuestAddress physical, TlbMode mode);
    void forgetCodePages();
    // The physical address of a byte in such a page, or nullopt.
    std::optional<GuestAddress> codePage(uint64_t linear, TlbMode mode) const;
    // Where in a CpuState the page is noted.
    static constexpr size_t codePageOffset(uint64_t linear, TlbMode mode) {
        return offsetof(CpuState, codePage) +
               (static_cast<size_t>(mode) * kTlbEntries + indexOf(linear)) * sizeof(uint64_t);
    }

private:
    static constexpr unsigned kSlots = kTlbModes * kAccessKinds * kTlbEntries;
    static constexpr uint64_t invalidTag(unsigned slot) {
        return tlbInvalidTag(slot % kTlbEntries);
    }
    TlbTable& table(unsigned slot) { return (&m_state.tlb[0][0])[slot / kTlbEntries]; }
    uint64_t& invertedTag(unsigned slot) { return table(slot).invertedTag[slot % kTlbEntries]; }
    uint64_t& addend(unsigned slot) { return table(slot).addend[slot % kTlbEntries]; }
    uint64_t tag(unsigned slot) { return ~invertedTag(slot); }
    static constexpr bool executes(unsigned slot) {
        return slot / kTlbEntries % kAccessKinds == static_cast<unsigned>(AccessKind::Execute);
    }
    uint64_t& codePageOf(unsigned slot) { // of an entry for execution
        return m_state.codePage[slot / (kTlbEntries * kAccessKinds)][slot % kTlbEntries];
    }
    static constexpr unsigned executeSlot(uint64_t linear, TlbMode mode) {
        return (static_cast<unsigned>(mode) * kAccessKinds +
                static_cast<unsigned>(AccessKind::Execute)) *
                   kTlbEntries +
               indexOf(linear);
    }
    void drop(unsigned slot);
    void flushLargePage(uint64_t linear);

    CpuState& m_state;
    std::bitset<kSlots> m_listed;   // slot is in m_filled
    std::vector<uint16_t> m_filled; // slots that may hold an entry
    uint8_t m_shift[kSlots] = {};
    bool m_global[kSlots] = {};
    // Bounds of the large pages filled since the last full flush; others are not searched for.
    uint64_t m_largeLow = ~uint64_t{0}, m_largeHigh = 0;
    std::vector<uint16_t> m_codeSlots; // that setCodePage() has set since they were all forgotten
};

} // namespace vivarium::softcpu
