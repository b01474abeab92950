#include "vmm/softcpu/translator/hostile_guest.h"

namespace vivarium::softcpu::test {

namespace {

constexpr uint64_t kPageBytes = 4096, kWindowPages = GuardedMemory::kRamBytes / kPageBytes;
// Page-table entries (Intel SDM 3A, 4.3 to 4.5).
constexpr uint64_t kPresent = 1, kWritable = 2, kUser = 4, kAccessed = 0x20, kDirty = 0x40,
                   kLarge = 0x80, kGlobal = 0x100, kNoExecute = uint64_t{1} << 63;
// The tables of each kind of paging; leaves last.
constexpr uint64_t kRoot = HostileGuest::kTables, kSecond = kRoot + 0x1000, kThird = kRoot + 0x2000,
                   kLeaves = kRoot + 0x3000;

// Selectors of the global table; what else is there is chance.
constexpr uint16_t kCode32 = 0x08, kData32 = 0x10, kUserCode32 = 0x1B, kUserData32 = 0x23,
                   kCode64 = 0x28, kUserCode64 = 0x33, kCode16 = 0x38, kData16 = 0x40,
                   kTssSelector = 0x48 /* 16 bytes in long mode */, kConforming = 0x58,
                   kExpandDown = 0x60, kReadOnly = 0x68, kCallGate = 0x70 /* likewise */,
                   kTaskGate = 0x80, kOtherTask = 0x88, kOtherTask16 = 0x90,
                   kLdtSelector = 0x98 /* likewise */, kNotPresent = 0xA8, kExecuteOnly = 0xB0,
                   kFirstRandom = 0xB8, kGdtBytes = 0x100;

uint64_t gateTo(uint16_t selector, uint32_t offset, uint8_t access, uint8_t low) {
    return (offset & 0xFFFF) | uint64_t{selector} << 16 | uint64_t{low} << 32 |
           uint64_t{access} << 40 | uint64_t{offset >> 16} << 48;
}

} // namespace

HostileGuest::HostileGuest(uint64_t seed) : HostileGuest(seed, {}) {}

HostileGuest::HostileGuest(uint64_t seed, ConstByteSpan code)
    : m_random(seed), m_ram(GuardedMemory::kRamBytes), m_state(std::make_unique<CpuState>()) {
    m_mode = static_cast<Mode>(below(kModes));
    m_cpl = realLike() ? 0 : static_cast<unsigned>(below(3) ? (below(2) ? 0 : 3) : below(4));
    if (m_mode == Mode::Virtual8086)
        m_cpl = 3;
    if (longActive())
        m_paging = Paging::Long;
    else if (m_mode >= Mode::Virtual8086)
        m_paging = static_cast<Paging>(below(3));
    resetCpu(*m_state, CpuReset::PowerOn);
    for (uint64_t i = kData; i < kData + kDataBytes; i += 8)
        store<uint64_t>(i, below(4) ? registerValue() : below(~uint64_t{0}));
    descriptorTables();
    tasks();
    controlRegisters();
    segments();
    pageTables();
    generalRegisters();
    updateModeKey(*m_state);
    codePages();
    std::memcpy(m_ram.data() + kCode, code.data(), std::min<size_t>(code.size(), kCodeBytes));
}

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

// --- Registers

void HostileGuest::controlRegisters() {
    CpuState& state = *m_state;
    state.cr0 = kCr0Et | (below(4) ? kCr0Ne : 0) | (below(2) ? kCr0Mp : 0) |
                (below(2) ? kCr0Wp : 0) | (oneIn(4) ? kCr0Am : 0) | (oneIn(16) ? kCr0Ts : 0) |
                (oneIn(32) ? kCr0Em : 0);
    if (m_mode >= Mode::Virtual8086)
        state.cr0 |= kCr0Pe;
    if (m_paging != Paging::Off)
        state.cr0 |= kCr0Pg;
    for (uint64_t bit : {kCr4Tsd, kCr4De, kCr4Pse, kCr4Pge, kCr4Pce, kCr4Umip, kCr4Fsgsbase})
        state.cr4 |= below(2) ? bit : 0;
    state.cr4 |= (below(8) ? kCr4Osfxsr : 0) | (below(4) ? kCr4Osxsave : 0) |
                 (below(2) ? kCr4Osxmmexcpt : 0) | (oneIn(8) ? kCr4Smep : 0) |
                 (oneIn(8) ? kCr4Smap : 0);
    if (m_paging == Paging::Pae || m_paging == Paging::Long)
        state.cr4 |= kCr4Pae;
    state.cr3 = m_paging == Paging::Off ? 0 : kRoot;
    state.efer = (below(4) ? kEferNxe : 0) | (below(2) ? kEferSce : 0) |
                 (longActive() ? kEferLme | kEferLma : 0);
    state.xcr0 = below(4) ? 7 : below(2) ? 3 : 1;
    state.star = uint64_t{kUserCode32 - 8} << 48 | uint64_t{kCode32} << 32 | kCode;
    state.lstar = state.cstar = kCode + below(kCodeBytes);
    state.sfmask = below(0x800);
    state.kernelGsBase = kData;
    state.sysenterCs = kCode32;
    state.sysenterEip = kCode + below(kCodeBytes);
    state.sysenterEsp = kStack + 0x1000;
    if (oneIn(10)) {
        for (unsigned i = 0; i < 4; ++i)
            state.dr[i] = registerValue();
        state.dr[7] = 0x400 | below(0x100) | below(0x10000) << 16;
    }
    state.dr[6] = 0xFFFF0FF0;
    m_random.simd(state);
    if (oneIn(8))
        state.xsave[0] = static_cast<uint8_t>(0x40 | below(64)); // x87 exceptions, some unmasked
    if (oneIn(8))
        state.xsave[24] = static_cast<uint8_t>(below(256)), state.xsave[25] = 0x1F & below(256);
}

void HostileGuest::segments() {
    CpuState& state = *m_state;
    state.gdtr = {kGdt, kGdtBytes - 1};
    state.idtr = {realLike() && m_mode != Mode::Virtual8086 ? 0 : kIdt,
                  static_cast<uint16_t>(oneIn(16) ? below(0x1000) : 0xFFF)};
    auto busy = static_cast<uint16_t>(!longActive() && oneIn(8) ? 0x83 : 0x8B);
    state.tr = {kTss, 0x7FF, kTssSelector, busy};
    state.ldtr = {kLdt, 0x7F, kLdtSelector, 0x82};
    if (realLike()) {
        for (unsigned i = 0; i < 6; ++i) {
            uint64_t base = i == kCs ? kCode : i == kSs ? kStack - 0x1000 : kData;
            if (i != kCs && oneIn(4))
                base = below(0x10000) << 4;
            bool virtual86 = m_mode == Mode::Virtual8086;
            state.segment[i] = {base, m_mode == Mode::BigReal ? 0xFFFFFFFFu : 0xFFFFu,
                                static_cast<uint16_t>(base >> 4),
                                static_cast<uint16_t>(virtual86  ? 0xF3
                                                      : i == kCs ? 0x9B
                                                                 : 0x93)};
        }
        return;
    }
    auto level = static_cast<uint16_t>(m_cpl);
    auto dpl = static_cast<uint16_t>(m_cpl << 5);
    for (unsigned i : {kEs, kSs, kDs, kFs, kGs}) {
        uint16_t selector = static_cast<uint16_t>(m_cpl == 3 ? kUserData32 : kData32);
        state.segment[i] = {0, 0xFFFFFFFF, selector, static_cast<uint16_t>(0xC093 | dpl)};
        if (longActive() ? i >= kFs : i != kSs && oneIn(3))
            state.segment[i].base = below(2) ? kData : below(0x40000);
        if (!longActive() && i != kSs && oneIn(4))
            state.segment[i].limit = static_cast<uint32_t>(below(0x40000));
        if (!longActive() && i != kSs && oneIn(5)) // read-only, expand-down, absent, code
            state.segment[i].attributes =
                static_cast<uint16_t>((0x4091 | dpl) ^ (below(16) << 1) ^ (oneIn(4) ? 0x80 : 0));
    }
    bool bits16 = m_mode == Mode::Protected16 || (m_mode == Mode::Compatibility && oneIn(2));
    uint16_t selector = m_mode == Mode::Long ? (m_cpl == 3 ? kUserCode64 : kCode64)
                        : bits16             ? kCode16
                        : m_cpl == 3         ? kUserCode32
                                             : kCode32;
    auto kind = static_cast<uint16_t>(m_mode == Mode::Long ? 0xA09B : bits16 ? 0x009B : 0xC09B);
    state.segment[kCs] = {bits16 ? kCode : 0, bits16 ? 0xFFFFu : 0xFFFFFFFFu,
                          static_cast<uint16_t>((selector & 0xFFFC) | level),
                          static_cast<uint16_t>(kind | dpl)};
    if (bits16 && below(2))
        state.segment[kSs].attributes &= static_cast<uint16_t>(~kSegmentDb);
    state.segment[kSs].selector =
        static_cast<uint16_t>((state.segment[kSs].selector & 0xFFFC) | level);
}

uint64_t HostileGuest::registerValue() {
    switch (below(20)) {
    case 0:
    case 1:
    case 2:
        return below(256);
    case 3:
        return below(~uint64_t{0});
    case 4:
        return ~below(4096);
    case 5:
        return kTables + below(0x4000);
    case 6:
        return GuardedMemory::kRamBytes - below(64);
    case 7:
        return (uint64_t{1} << (below(2) ? 32 : 47)) - below(64);
    case 8:
        return 0xFFFFFFFF00000000 | below(0x40000); // sign-extended 32 bits
    case 9:
    case 10:
    case 11:
        return kCode + below(kCodeBytes);
    case 12:
        return 0xFFFF800000000000 + below(0x40000);
    default:
        return kData + below(kDataBytes);
    }
}

void HostileGuest::generalRegisters() {
    CpuState& state = *m_state;
    for (uint64_t& value : state.gpr)
        value = registerValue();
    bool based = state.segment[kCs].base != 0;
    state.rip = (based ? 0 : kCode) + (below(2) ? 0 : below(0x1000));
    if (below(8) != 0)
        state.gpr[kRsp] = realLike() ? 0x2000 - below(0x800) : kStack + 0x1000 + below(0xE00);
    if (longActive() ? m_mode != Mode::Long : true)
        for (uint64_t& value : state.gpr)
            value &= 0xFFFFFFFF;
    state.rflags = kFlagFixed | (below(~uint64_t{0}) & kArithmeticFlags) |
                   (below(2) ? kFlagIf : 0) | (below(4) << 12) | (oneIn(8) ? kFlagDf : 0) |
                   (oneIn(16) ? kFlagAc : 0) | (oneIn(32) ? kFlagNt : 0) |
                   (oneIn(32) ? kFlagTf : 0) | (m_mode == Mode::Virtual8086 ? kFlagVm : 0);
}

// --- Code

void HostileGuest::codePages() {
    for (uint64_t page = kCode; page < kCode + kCodeBytes; page += kPageBytes) {
        for (uint64_t i = 0; i < kPageBytes; i += 8)
            store<uint64_t>(page + i, below(~uint64_t{0}));
        if (below(4) != 0)
            instructions(page, page + kPageBytes);
    }
}

// Instructions with operands near by, and jumps that stay there.
void HostileGuest::instructions(uint64_t start, uint64_t end) {
    uint64_t at = start;
    while (at + 32 < end) {
        std::vector<uint8_t> bytes = m_random.anyEncoding(code64(*m_state));
        GuestInstruction guest;
        if (fetchInstruction(bytes, at, m_state->modeKey, guest) != FetchStatus::Ok)
            continue;
        const ZydisDecodedInstruction& info = guest.info;
        if ((info.mnemonic == ZYDIS_MNEMONIC_HLT || info.meta.category == ZYDIS_CATEGORY_RET) &&
            below(8) != 0)
            continue;
        auto aim = [&](unsigned offset, unsigned bits, int64_t value) {
            for (unsigned i = 0; i < bits / 8; ++i)
                bytes[offset + i] = static_cast<uint8_t>(value >> (8 * i));
        };
        if (info.raw.disp.size >= 16 && guest.memory()) {
            bool based = guest.memory()->mem.base != ZYDIS_REGISTER_NONE;
            int64_t near = static_cast<int64_t>(below(0x200)) - 0x100;
            if (guest.memory()->mem.base == ZYDIS_REGISTER_RIP)
                near += static_cast<int64_t>(kData) - static_cast<int64_t>(at);
            aim(info.raw.disp.offset, info.raw.disp.size,
                based ? near : static_cast<int64_t>(registerValue()));
        }
        if (info.raw.imm[0].is_relative && info.raw.imm[0].size >= 16)
            aim(info.raw.imm[0].offset, info.raw.imm[0].size,
                static_cast<int64_t>(below(0x1000)) - static_cast<int64_t>(at - kCode));
        std::copy_n(bytes.begin(), info.length, m_ram.begin() + static_cast<ptrdiff_t>(at));
        at += info.length;
    }
}

// --- Use

void HostileGuest::load(GuardedMachine& machine) const {
    CpuState& state = *machine.state;
    std::memcpy(machine.memory.ram(), m_ram.data(), m_ram.size());
    machine.memory.accesses = 0;
    machine.platform.ticks = 0;
    machine.platform.fpuErrors = 0;
    machine.platform.priority = 0;
    resetCpu(state, CpuReset::PowerOn);
    // All but the TLB, which stands last.
    state.attention.store(0);
    std::memcpy(state.gpr, m_state->gpr, sizeof state.gpr);
    state.rip = m_state->rip;
    state.rflags = m_state->rflags;
    std::copy(std::begin(m_state->segment), std::end(m_state->segment), state.segment);
    state.ldtr = m_state->ldtr;
    state.tr = m_state->tr;
    state.gdtr = m_state->gdtr;
    state.idtr = m_state->idtr;
    state.cr0 = m_state->cr0;
    state.cr2 = 0;
    state.cr3 = m_state->cr3;
    state.cr4 = m_state->cr4;
    state.efer = m_state->efer;
    state.xcr0 = m_state->xcr0;
    std::copy(std::begin(m_state->dr), std::end(m_state->dr), state.dr);
    state.star = m_state->star;
    state.lstar = m_state->lstar;
    state.cstar = m_state->cstar;
    state.sfmask = m_state->sfmask;
    state.kernelGsBase = m_state->kernelGsBase;
    state.sysenterCs = m_state->sysenterCs;
    state.sysenterEsp = m_state->sysenterEsp;
    state.sysenterEip = m_state->sysenterEip;
    std::copy(std::begin(m_state->pdpte), std::end(m_state->pdpte), state.pdpte);
    std::memcpy(state.xsave, m_state->xsave, sizeof state.xsave);
    state.activity = Activity::Running;
    state.interruptShadow = state.nmiBlocked = state.interruptWindowWanted = 0;
    state.pendingDebug = 0;
    machine.mmu.tlb().flushAll();
    updateModeKey(state);
}

std::string HostileGuest::modeName() const {
    static constexpr const char* kNames[] = {"real",         "big real",     "virtual 8086",
                                             "protected 16", "protected 32", "compatibility",
                                             "long"};
    static constexpr const char* kPagings[] = {"no paging", "32-bit paging", "PAE",
                                               "4-level paging"};
    return std::string(kNames[static_cast<unsigned>(m_mode)]) + ", " +
           kPagings[static_cast<unsigned>(m_paging)] + ", CPL " + std::to_string(m_cpl);
}

} // namespace vivarium::softcpu::test
