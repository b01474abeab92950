#pragma once

#include <cstddef>
#include <cstdint>

namespace vivarium::softcpu {

// Where an indirect jump to a guest RIP goes on. `inverted` is ~jumpName(), so that its sum with
// the name and one is zero on a hit (adding and testing for zero leaves the flags alone). It holds
// as long as the page is where it was. All zero: empty (no place has that page).
struct JumpEntry {
    uint64_t inverted = 0;
    const uint8_t* code = nullptr;
    uint64_t page = 0; // codePageName()
    uint64_t slot = 0; // its place in CpuState::codePage, from the CpuState's start
};
inline constexpr unsigned kJumpEntries = 16384;
// Zeros would be the name of the last byte, which has the last place.
constexpr JumpEntry emptyJump(unsigned index) {
    return {.inverted = index == kJumpEntries - 1 ? ~uint64_t{0} : 0};
}
// Code segments with a base (real mode) have 32-bit RIPs.
constexpr uint64_t jumpName(uint64_t codeBase, uint64_t rip) {
    return codeBase << 32 | rip;
}
// Jump caches exist for this many pairs of mode and code segment at a time.
inline constexpr unsigned kJumpContexts = 8;

// Why translated code came back.
enum class CodeExit : uint32_t {
    Lookup,    // CpuState::rip has no block yet (or an indirect jump missed)
    Chain,     // likewise, and `exitArgument` is the number of the link to be patched
    Interpret, // the instruction at rip is for the interpreter
    Attention, // CpuState::attention was seen
    PageFault, // the instruction at rip raises it
};

// Page faults of the access are for the interpreter, which knows of more urgent exceptions.
inline constexpr uint32_t kInterpretFaults = 1 << 16;

// Segment attributes that data accesses need, and what they read when gathered with PEXT:
// expand-up (bit 2 clear), data (3 clear), S (4) and P (7) set, for writes writable (1) as well.
inline constexpr uint64_t kReadAttributesMask = 0x9C, kWriteAttributesMask = 0x9E;
inline constexpr int32_t kReadAttributes = 0b1100, kWriteAttributes = 0b11001;

// Of the last x87 instruction that was none of control (Intel SDM 1, 8.1.8). The host's own name
// host addresses.
struct X87Pointers {
    uint64_t instruction;
    uint64_t data;
    uint32_t opcode;
};

// How translated code tests what nearly always holds. LOOP does not jump then, which saves a taken
// branch; it is one operation on AMD's processors, many on Intel's.
enum class MissTest : uint8_t { Jrcxz, Loop };

// Read-write memory in front of the generated code, which reaches it relative to RIP.
struct TranslatorData {
    uint64_t tlbIndexMask;        // the bits of a linear address that index the TLB
    uint64_t highHalfMask;        // bits 32..63
    uint64_t jumpIndexMask;       // the bits of RIP that index a jump cache
    uint64_t canonicalMask;       // bits 47..63, which are equal in an address
    uint64_t readAttributesMask;  // segment attributes that decide a read of data,
    uint64_t writeAttributesMask; // and a write

    uint64_t arithmeticFlags; // kept in the host's flags
    uint64_t storedFlags;     // kept in CpuState, as far as PUSHF shows them
    uint64_t popFlags;        // that POPF may change beyond the arithmetic ones,
    uint64_t popFlags16;      // with 16 bits
    uint64_t popPrivileged;   // and where it may change the interrupt flag,
    uint64_t popPrivileged16; // with 16 bits
    uint64_t interruptFlag;
    uint64_t notInterruptFlag;
    uint64_t notDirectionFlag;
    uint64_t bitIndexMask[3]; // of a bit number within 2, 4 and 8 bytes

    uint64_t slowLinear;
    uint64_t slowRip;
    uint64_t target; // of an indirect call while its return address is pushed
    uint64_t exitArgument;
    const void* entryTarget;
    uint64_t hostStack;                      // RSP outside translated code
    uint64_t (*fillHelper)(TranslatorData*); // zero: leave for `exitReason`, which it has set
    void* owner;                             // the Translator
    uint32_t slowArgument;                   // access kind | size in bytes << 8 | kInterpretFaults
    uint32_t exitReason;                     // CodeExit
    uint32_t simdUnloaded; // zero: the guest's x87, SSE and AVX registers are in the host's
    uint32_t simdWasUnloaded;
    uint32_t simdSaved; // not zero: CpuState::xsave has been written, with the host's pointers
    uint32_t simdMask;  // XSAVE components that exist
    X87Pointers x87;    // of the guest
    uint32_t hostMxcsr;
    MissTest missTest;                    // that code is made with
    uint16_t flags;                       // LAHF's AH in the high byte, OF in the low
    JumpEntry (*jumpCache)[kJumpEntries]; // one for each context
};
inline constexpr size_t kJumpCacheBytes = sizeof(JumpEntry) * kJumpEntries * kJumpContexts;

} // namespace vivarium::softcpu
