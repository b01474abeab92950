#pragma once

#include "vmm/bus/vcpu.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace vivarium::softcpu {

// General registers in the hardware's numbering (Intel SDM 2A, 2.1.5).
inline constexpr unsigned kRax = 0, kRcx = 1, kRdx = 2, kRbx = 3, kRsp = 4, kRbp = 5, kRsi = 6,
                          kRdi = 7;
// Segment registers likewise.
inline constexpr unsigned kEs = 0, kCs = 1, kSs = 2, kDs = 3, kFs = 4, kGs = 5;

// RFLAGS (Intel SDM 1, 3.4.3).
inline constexpr uint64_t kFlagCf = 1 << 0, kFlagFixed = 1 << 1, kFlagPf = 1 << 2, kFlagAf = 1 << 4,
                          kFlagZf = 1 << 6, kFlagSf = 1 << 7, kFlagTf = 1 << 8, kFlagIf = 1 << 9,
                          kFlagDf = 1 << 10, kFlagOf = 1 << 11, kFlagIopl = 3 << 12,
                          kFlagNt = 1 << 14, kFlagRf = 1 << 16, kFlagVm = 1 << 17,
                          kFlagAc = 1 << 18, kFlagVif = 1 << 19, kFlagVip = 1 << 20,
                          kFlagId = 1 << 21;
inline constexpr uint64_t kArithmeticFlags =
    kFlagCf | kFlagPf | kFlagAf | kFlagZf | kFlagSf | kFlagOf;
inline constexpr uint64_t kWritableFlags = kArithmeticFlags | kFlagTf | kFlagIf | kFlagDf |
                                           kFlagIopl | kFlagNt | kFlagRf | kFlagVm | kFlagAc |
                                           kFlagVif | kFlagVip | kFlagId;

// Control registers (Intel SDM 3A, 2.5).
inline constexpr uint64_t kCr0Pe = 1 << 0, kCr0Mp = 1 << 1, kCr0Em = 1 << 2, kCr0Ts = 1 << 3,
                          kCr0Et = 1 << 4, kCr0Ne = 1 << 5, kCr0Wp = 1 << 16, kCr0Am = 1 << 18,
                          kCr0Nw = 1 << 29, kCr0Cd = 1 << 30, kCr0Pg = uint64_t{1} << 31;
inline constexpr uint64_t kCr4Vme = 1 << 0, kCr4Pvi = 1 << 1, kCr4Tsd = 1 << 2, kCr4De = 1 << 3,
                          kCr4Pse = 1 << 4, kCr4Pae = 1 << 5, kCr4Mce = 1 << 6, kCr4Pge = 1 << 7,
                          kCr4Pce = 1 << 8, kCr4Osfxsr = 1 << 9, kCr4Osxmmexcpt = 1 << 10,
                          kCr4Umip = 1 << 11, kCr4Fsgsbase = 1 << 16, kCr4Pcide = 1 << 17,
                          kCr4Osxsave = 1 << 18, kCr4Smep = 1 << 20, kCr4Smap = 1 << 21;
inline constexpr uint64_t kEferSce = 1 << 0, kEferLme = 1 << 8, kEferLma = 1 << 10,
                          kEferNxe = 1 << 11;
inline constexpr uint64_t kXcr0X87 = 1 << 0, kXcr0Sse = 1 << 1, kXcr0Avx = 1 << 2,
                          kXcr0Avx512 = 7 << 5;

// SegmentRegister::attributes.
inline constexpr uint16_t kSegmentType = 0xF, kSegmentS = 1 << 4, kSegmentDpl = 3 << 5,
                          kSegmentP = 1 << 7, kSegmentL = 1 << 13, kSegmentDb = 1 << 14,
                          kSegmentG = 1 << 15;

// Bits of CpuState::attention.
inline constexpr uint32_t kAttentionKick = 1 << 0, // leave run()
    kAttentionInterrupt = 1 << 1,                  // look at the interrupt controllers
    kAttentionTlbFlush = 1 << 2,                   // flush the software TLB
    kAttentionCode = 1 << 3,                       // translated code was invalidated
    kAttentionGate = 1 << 4;                       // the memory map is about to change

inline constexpr unsigned kTlbEntries = 2048; // index: linear address bits 12..22
// Translations: host address = linear address + addend (modulo 2^64). The tag is the linear address
// of the page, or tlbInvalidTag(); kept inverted, -tag - 1, to be added. Arrays of 8 bytes each, as
// no index can be scaled by 16.
struct TlbTable {
    uint64_t invertedTag[kTlbEntries];
    uint64_t addend[kTlbEntries];
};
// A page that has another index: neither comparing with it nor subtracting it (as translated code
// does) can give a hit.
constexpr uint64_t tlbInvalidTag(unsigned index) {
    return uint64_t{index ^ (kTlbEntries / 2)} << 12;
}
// What a page of code is known by: its linear and its physical page number in one. Physical
// addresses have at most 40 bits here.
inline constexpr unsigned kCodePhysicalBits = 40;
constexpr uint64_t codePageName(uint64_t linear, uint64_t physical) {
    return linear >> 12 << (kCodePhysicalBits - 12) |
           (physical & ((uint64_t{1} << kCodePhysicalBits) - 1)) >> 12;
}
// A name that no page has in the place of `index`.
constexpr uint64_t noCodePage(unsigned index) {
    return codePageName(tlbInvalidTag(index), 0);
}
enum class AccessKind : uint8_t { Read, Write, Execute };
inline constexpr unsigned kAccessKinds = 3;
// Which rights an entry was filled with. SupervisorAc: CPL 0..2 with RFLAGS.AC set, which SMAP
// lets at user pages; without CR4.SMAP the two supervisor sets hold the same.
enum class TlbMode : uint8_t { Supervisor, User, SupervisorAc };
inline constexpr unsigned kTlbModes = 3;

enum class Activity : uint32_t { Running, Halted, WaitForStartup, Shutdown };

// CpuState::interruptShadow: what holds interrupts back until after the next instruction.
inline constexpr uint8_t kShadowSti = 1, kShadowMovSs = 2;

inline constexpr unsigned kXsaveBytes = 4096;
inline constexpr uint64_t kPowerOnPat = 0x0007040600070406;
inline constexpr unsigned kFixedMtrrs = 11, kVariableMtrrs = 8;

// All state of one vCPU, at fixed offsets (the translator's code reads it through the host's GS).
// Owned by the vCPU's thread while it runs; only `attention` belongs to any thread. Large: lives on
// the heap. `cpl` is SS.DPL, as the hardware keeps it. An unusable segment has P = 0.
struct alignas(64) CpuState {
    uint64_t gpr[16] = {};
    uint64_t rip = 0;
    uint64_t rflags = kFlagFixed; // complete and canonical outside translated code

    // Non-zero: leave the loop at the next instruction or block boundary.
    std::atomic<uint32_t> attention = 0;
    uint32_t modeKey = 0; // updateModeKey()

    SegmentRegister segment[6]; // hardware order: ES CS SS DS FS GS
    SegmentRegister ldtr, tr;
    DescriptorTable gdtr, idtr;

    uint64_t cr0 = 0, cr2 = 0, cr3 = 0, cr4 = 0;
    uint64_t cr8 = 0; // the task priority's home is the local APIC: see CpuPlatform
    uint64_t efer = 0, xcr0 = kXcr0X87;
    uint64_t dr[8] = {}; // DR4 and DR5 unused

    uint64_t star = 0, lstar = 0, cstar = 0, sfmask = 0, kernelGsBase = 0;
    uint64_t sysenterCs = 0, sysenterEsp = 0, sysenterEip = 0;
    uint64_t tscAux = 0, tscOffset = 0, tscAdjust = 0; // guest TSC = CpuPlatform::tsc() + tscOffset
    uint64_t pat = kPowerOnPat, miscEnable = 1, apicBase = 0, debugControl = 0;
    uint64_t mtrrDefaultType = 0, mtrrFixed[kFixedMtrrs] = {};
    uint64_t mtrrBase[kVariableMtrrs] = {}, mtrrMask[kVariableMtrrs] = {};
    uint64_t pdpte[4] = {}; // PAE paging loads them with CR3 (Intel SDM 3A, 4.4.1)

    Activity activity = Activity::Running;
    uint8_t interruptShadow = 0;       // kShadow...
    uint8_t nmiBlocked = 0;            // from NMI delivery to IRET
    uint8_t interruptWindowWanted = 0; // set kAttentionInterrupt when interrupts become enabled
    uint8_t reserved = 0;
    uint64_t pendingDebug = 0; // DR6 bits of traps that wait for the end of the instruction

    // Host-format XSAVE area, standard (not compacted) form: x87, SSE, AVX... live here.
    alignas(64) uint8_t xsave[kXsaveBytes] = {};

    // Filled and flushed by SoftTlb; not part of the saved state.
    TlbTable tlb[kTlbModes][kAccessKinds];
    // Beside the entries for execution: 0 - codePageName() of pages whose translated code may be
    // entered, else 0 - noCodePage().
    uint64_t codePage[kTlbModes][kTlbEntries];
};
static_assert(std::is_standard_layout_v<CpuState>);
static_assert(std::atomic<uint32_t>::is_always_lock_free && sizeof(std::atomic<uint32_t>) == 4);

// Everything besides the code bytes on which a translation may depend, packed into
// CpuState::modeKey. Whoever changes one of the inputs calls updateModeKey().
namespace mode {
inline constexpr uint32_t kCodeSize = 3 << 0; // 0: 16 bits, 1: 32 bits, 2: 64-bit mode
inline constexpr uint32_t kCode16 = 0, kCode32 = 1, kCode64 = 2;
inline constexpr uint32_t kStack32 = 1 << 2; // SS.B; in 64-bit mode clear (the stack is 64 bits)
inline constexpr uint32_t kCplShift = 3;     // 2 bits
inline constexpr uint32_t kCpl = 3 << kCplShift;
inline constexpr uint32_t kProtected = 1 << 5; // CR0.PE
inline constexpr uint32_t kVm86 = 1 << 6;
inline constexpr uint32_t kLongActive = 1 << 7; // EFER.LMA: 64-bit or compatibility mode
inline constexpr uint32_t kPaging = 1 << 8;
// CS, DS, ES and SS start at 0 and reach to 4 GiB, DS, ES and SS are writable: no limit or type
// check can fail. Always set in 64-bit mode. FS and GS are never covered.
inline constexpr uint32_t kFlat = 1 << 9;
inline constexpr uint32_t kTrap = 1 << 10;           // RFLAGS.TF
inline constexpr uint32_t kBreakpoints = 1 << 11;    // DR7 enables one
inline constexpr uint32_t kFpuBlocked = 1 << 12;     // CR0.EM or CR0.TS
inline constexpr uint32_t kSse = 1 << 13;            // CR4.OSFXSR and not CR0.EM
inline constexpr uint32_t kAvx = 1 << 14;            // CR4.OSXSAVE and XCR0 SSE, AVX
inline constexpr uint32_t kAvx512 = 1 << 15;         // and opmask, ZMM
inline constexpr uint32_t kAlignmentCheck = 1 << 16; // CR0.AM, RFLAGS.AC, CPL 3
inline constexpr uint32_t kIoPrivileged = 1 << 17;   // CPL <= IOPL (real mode: always)
inline constexpr uint32_t kTlbModeShift = 18;        // 2 bits: TlbMode of data accesses
inline constexpr uint32_t kTlbMode = 3 << kTlbModeShift;
inline constexpr uint32_t kFsgsbase = 1 << 20; // CR4.FSGSBASE
} // namespace mode

// Recomputes modeKey from segments, control registers, RFLAGS, DR7 and XCR0.
void updateModeKey(CpuState& state);

inline unsigned cpl(const CpuState& state) {
    return (state.segment[kSs].attributes >> 5) & 3;
}
inline bool longModeActive(const CpuState& state) {
    return (state.efer & kEferLma) != 0;
}
inline bool code64(const CpuState& state) {
    return (state.modeKey & mode::kCodeSize) == mode::kCode64;
}
inline TlbMode dataTlbMode(const CpuState& state) {
    return static_cast<TlbMode>((state.modeKey & mode::kTlbMode) >> mode::kTlbModeShift);
}
// An external interrupt may be delivered now.
inline bool interruptible(const CpuState& state) {
    return (state.rflags & kFlagIf) != 0 && state.interruptShadow == 0;
}

// Power-on and INIT (Intel SDM 3A, table 9-1). Both leave `attention` and the TLB alone and
// recompute modeKey. Init keeps what INIT keeps: x87/SSE state, the TSC, MTRRs and most MSRs,
// CR0.CD/NW. `apicBase` and `activity` are the caller's.
enum class CpuReset { PowerOn, Init };
void resetCpu(CpuState& state, CpuReset kind);
// A start-up IPI: real mode at `vector` * 4 KiB (Intel SDM 3A, 8.4.4), running.
void startCpu(CpuState& state, uint8_t vector);

} // namespace vivarium::softcpu
