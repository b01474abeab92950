// The tables of a guest made of accidents: descriptors, gates, tasks, paging.
#include "vmm/softcpu/translator/hostile_guest.h"
#include "vmm/softcpu/translator/hostile_selectors.h"

namespace vivarium::softcpu::test {

namespace {

constexpr uint64_t kPageBytes = 4096, kWindowPages = GuardedMemory::kRamBytes / kPageBytes;
// Page-table entries (Intel SDM 3A, 4.3 to 4.5).
constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40,
                   kLarge = 0x80, kGlobal = 0x100, kNoExecute = uint64_t{1} << 63;
// The tables of each kind of paging; leaves last.
constexpr uint64_t kRoot = HostileGuest::kTables, kSecond = kRoot + 0x1000, kThird = kRoot + 0x2000,
                   kLeaves = kRoot + 0x3000;

uint64_t gateTo(uint16_t selector, uint32_t offset, uint8_t access, uint8_t low) {
    return (offset & 0xFFFF) | uint64_t{selector} << 16 | uint64_t{low} << 32 |
           uint64_t{access} << 40 | uint64_t{offset >> 16} << 48;
}

} // namespace

// --- Tables

uint64_t HostileGuest::anyDescriptor() {
    auto base = static_cast<uint32_t>(below(2) ? below(0x40000) : below(uint64_t{1} << 32));
    uint16_t access = static_cast<uint16_t>(below(256) | (below(5) ? 0x80 : 0));
    return TestCpu::descriptor(base, static_cast<uint32_t>(below(0x100000)),
                               static_cast<uint16_t>(access | below(16) << 12));
}

void HostileGuest::descriptorTables() {
    auto put = [&](uint16_t selector, uint32_t base, uint32_t limit, uint16_t attributes) {
        store(kGdt + (selector & 0xFFF8u), TestCpu::descriptor(base, limit, attributes));
    };
    put(kCode32, 0, 0xFFFFF, 0xC09B);
    put(kData32, 0, 0xFFFFF, 0xC093);
    put(kUserCode32, 0, 0xFFFFF, 0xC0FB);
    put(kUserData32, 0, 0xFFFFF, 0xC0F3);
    put(kCode64, 0, 0xFFFFF, 0xA09B);
    put(kUserCode64, 0, 0xFFFFF, 0xA0FB);
    put(kCode16, kCode, 0xFFFF, 0x009B);
    put(kData16, kData, 0xFFFF, 0x0093);
    put(kTssSelector, kTss, 0x7FF, 0x008B);
    put(kConforming, 0, 0xFFFFF, 0xC09F);
    put(kExpandDown, 0, static_cast<uint32_t>(kData + below(0x8000)), 0x40F7);
    put(kReadOnly, static_cast<uint32_t>(below(0x1000)), static_cast<uint32_t>(below(0x40000)),
        0x40F1);
    bool wide = longActive();
    store(kGdt + kCallGate, gateTo(wide ? kCode64 : kCode32, kCode + below(0x1000),
                                   static_cast<uint8_t>(wide       ? 0xEC
                                                        : below(2) ? 0xEC
                                                                   : 0xE4),
                                   static_cast<uint8_t>(below(4))));
    store(kGdt + kTaskGate, gateTo(kOtherTask, 0, 0xE5, 0));
    put(kOtherTask, kTasks, 0x67, 0x00E9);
    put(kOtherTask16, kTasks + 0x100, 0x2B, 0x00E1);
    put(kLdtSelector, kLdt, 0x7F, 0x00E2);
    put(kNotPresent, 0, 0xFFFFF, 0xC013);
    put(kExecuteOnly, 0, 0xFFFFF, 0xC0F9);
    for (uint64_t i = kFirstRandom; i < kGdtBytes; i += 8)
        store(kGdt + i, anyDescriptor());
    for (uint64_t i = 0; i < 0x80; i += 8)
        store(kLdt + i, below(3) ? anyDescriptor()
                                 : TestCpu::descriptor(0, 0xFFFFF, below(2) ? 0xC0F3 : 0xC0FB));
    for (unsigned vector = 0; vector < 256; ++vector) {
        gate(vector);
        store<uint8_t>(kHandlers + vector * 8, 0xF4); // HLT
        if (vector >= 8)
            continue;
        const uint8_t back[] = {0x83, 0xC4, 4, 0xCF}; // add esp, 4; iret
        std::memcpy(m_ram.data() + kHandlers + vector * 8 + 1, back, sizeof back);
    }
}

// Real mode's table lies at 0, the other's at kIdt.
void HostileGuest::gate(unsigned vector) {
    bool ends = below(8) != 0;
    uint64_t target = ends ? kHandlers + vector * 8 + oneIn(16) : kCode + below(kCodeBytes);
    store<uint32_t>(vector * 4, static_cast<uint32_t>((target & 0xF) | target >> 4 << 16));
    auto access = static_cast<uint8_t>(0x8E | (below(2) ? 0x60 : 0) | (below(2) ? 1 : 0));
    if (oneIn(12))
        access = static_cast<uint8_t>(below(256));
    if (longActive()) {
        uint64_t place = kIdt + vector * 16;
        if (place + 16 > kTss)
            return;
        store(place, gateTo(oneIn(8) ? kCode32 : kCode64, static_cast<uint32_t>(target), access,
                            static_cast<uint8_t>(below(3) ? 0 : below(8))));
        store<uint64_t>(place + 8, oneIn(32) ? below(~uint64_t{0}) : 0);
        return;
    }
    if (oneIn(10))
        store(kIdt + vector * 8, gateTo(below(2) ? kOtherTask : kOtherTask16, 0, 0xE5, 0));
    else
        store(kIdt + vector * 8,
              gateTo(oneIn(8) ? kConforming : kCode32, static_cast<uint32_t>(target), access, 0));
}

void HostileGuest::tasks() {
    for (unsigned level = 0; level < 3; ++level) {
        store<uint32_t>(kTss + 4 + level * 8,
                        static_cast<uint32_t>(kStack + 0x800 + level * 0x400));
        store<uint16_t>(kTss + 8 + level * 8, static_cast<uint16_t>(kData32 | level));
    }
    if (longActive())
        for (unsigned i = 0; i < 3 + 8; ++i)
            store<uint64_t>(kTss + 4 + i * 8, kStack + 0x400 + below(0x1800));
    store<uint16_t>(kTss + 102, static_cast<uint16_t>(below(2) ? 0x80 : below(0x900)));
    for (uint64_t i = kTss + 0x80; i < kTss + 0x800; ++i)
        m_ram[i] = static_cast<uint8_t>(oneIn(8) ? 0xFF : 0);
    // Two tasks to switch to, with 32 and with 16 bits (Intel SDM 3A, 7.2.1 and 7.6).
    store<uint32_t>(kTasks + 28, m_paging == Paging::Off ? 0 : static_cast<uint32_t>(kRoot));
    store<uint32_t>(kTasks + 32, static_cast<uint32_t>(kCode + below(kCodeBytes)));
    store<uint32_t>(kTasks + 36, static_cast<uint32_t>(oneIn(8) ? below(0x40000) : 2));
    for (unsigned i = 0; i < 8; ++i)
        store<uint32_t>(kTasks + 40 + i * 4, static_cast<uint32_t>(registerValue()));
    store<uint16_t>(kTasks + 0x100 + 14, static_cast<uint16_t>(below(kCodeBytes)));
    store<uint16_t>(kTasks + 0x100 + 16, 2);
    bool user = below(2);
    for (unsigned i = 0; i < 6; ++i) {
        uint16_t data = user ? kUserData32 : kData32;
        uint16_t code = user ? kUserCode32 : kCode32;
        auto selector = static_cast<uint16_t>(i == kCs ? code : data);
        store<uint16_t>(kTasks + 72 + i * 4,
                        oneIn(8) ? static_cast<uint16_t>(below(0x100)) : selector);
        if (i < 4)
            store<uint16_t>(kTasks + 0x100 + 34 + i * 2, i == kCs ? kCode16 : data);
    }
}

// --- Paging

// Where a page of the window leads: mostly to itself.
uint64_t HostileGuest::pageTarget(uint64_t page) {
    if (page < kCode / kPageBytes || below(8) != 0)
        return page * kPageBytes;
    switch (below(6)) {
    case 0:
        return GuardedMemory::kRomBase + below(16) * kPageBytes;
    case 1:
        return 0xFEE00000;
    case 2:
        return GuardedMemory::kRamBytes + below(16) * kPageBytes; // nothing is there
    default:
        return below(kWindowPages) * kPageBytes;
    }
}

void HostileGuest::pageTables() {
    bool wide = m_paging == Paging::Pae || m_paging == Paging::Long;
    bool noExecute = wide && (m_state->efer & kEferNxe);
    auto put = [&](uint64_t table, uint64_t index, uint64_t entry) {
        if (wide)
            store<uint64_t>(table + index * 8, entry);
        else
            store<uint32_t>(table + index * 4, static_cast<uint32_t>(entry));
    };
    for (uint64_t page = 0; page < kWindowPages; ++page) {
        bool system = page < kStack / kPageBytes;
        uint64_t entry = pageTarget(page) | kPresent;
        if (system || below(8) != 0)
            entry |= kWritable;
        if (below(4) != 0)
            entry |= kUser;
        if (!system && noExecute && oneIn(8))
            entry |= kNoExecute;
        entry |= below(16) << 3 & (kAccessed | kDirty);
        if (oneIn(4))
            entry |= kGlobal;
        if (!system && oneIn(12))
            entry &= ~kPresent;
        if (!system && oneIn(64))
            entry |= below(2) && wide ? uint64_t{1} << 45 : kLarge; // reserved, or PAT
        put(kLeaves, page, entry);
    }
    constexpr uint64_t kTable = kPresent | kWritable | kUser;
    uint64_t large = kTable | kLarge | (oneIn(4) ? kGlobal : 0);
    switch (m_paging) {
    case Paging::Off:
        return;
    case Paging::Bits32:
        put(kRoot, 0, kLeaves | kTable);
        put(kRoot, 1, large);
        put(kRoot, 0x3FF, kLeaves | kTable);
        break;
    case Paging::Pae: // CR3 leads to kRoot, whose four entries have fewer bits
        put(kRoot, 0, kThird | kPresent);
        put(kRoot, 3, kThird | kPresent);
        put(kThird, 0, kLeaves | kTable);
        put(kThird, 1, large);
        put(kThird, 0x1FF, kLeaves | kTable);
        for (unsigned i = 0; i < 4; ++i)
            std::memcpy(&m_state->pdpte[i], m_ram.data() + kRoot + i * 8, 8);
        break;
    case Paging::Long:
        for (unsigned i : {0, 0x100, 0x1FF})
            put(kRoot, i, kSecond | kTable);
        for (unsigned i : {0, 3, 0x1FF})
            put(kSecond, i, kThird | kTable);
        put(kSecond, 1, large);
        put(kThird, 0, kLeaves | kTable);
        put(kThird, 1, large);
        put(kThird, 0x1FF, kLeaves | kTable);
        break;
    }
}

bool HostileGuest::tablesChanged(const GuardedMachine& machine) const {
    const CpuState& state = *machine.state;
    if (state.cr3 != m_state->cr3 || state.cr0 != m_state->cr0 || state.cr4 != m_state->cr4 ||
        state.efer != m_state->efer)
        return true;
    const uint8_t* ram = machine.memory.ram();
    unsigned step = m_paging == Paging::Bits32 ? 4 : 8;
    for (uint64_t i = kTables; i < kTablesEnd; ++i)
        if (((m_ram[i] ^ ram[i]) & ~(i % step == 0 ? kAccessed | kDirty : 0)) != 0)
            return true;
    return false;
}

} // namespace vivarium::softcpu::test
