#include "vmm/softcpu/translator/hostile_guest.h"

#include "vmm/softcpu/translator/hostile_selectors.h"

namespace vivarium::softcpu::test {

namespace {

constexpr uint64_t kPageBytes = 4096;

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
    state.cr3 = m_paging == Paging::Off ? 0 : kTables;
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
