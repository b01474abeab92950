#pragma once

#include <cstdint>

namespace vivarium::softcpu {

// Where an indirect jump to a guest RIP goes on. `inverted` is ~RIP, so that RIP + inverted + 1 is
// zero on a hit (adding and testing for zero leaves the flags alone).
struct JumpEntry {
    uint64_t inverted;
    const uint8_t* code;
};
inline constexpr unsigned kJumpEntries = 1024;
// Jump caches exist for this many pairs of mode and code segment at a time.
inline constexpr unsigned kJumpContexts = 8;

// Why translated code came back.
enum class CodeExit : uint32_t {
    Lookup,    // CpuState::rip has no block yet (or an indirect jump missed)
    Chain,     // likewise, and `exitArgument` is the number of the link to be patched
    Interpret, // the instruction at rip is for the interpreter
    PortIo,    // likewise, and it reads or writes a port
    Attention, // CpuState::attention was seen
};

// Segment attributes that data accesses need, and what they read when gathered with PEXT:
// expand-up (bit 2 clear), data (3 clear), S (4) and P (7) set, for writes writable (1) as well.
inline constexpr uint64_t kReadAttributesMask = 0x9C, kWriteAttributesMask = 0x9E;
inline constexpr int32_t kReadAttributes = 0b1100, kWriteAttributes = 0b11001;

// Read-write memory in front of the generated code, which reaches it relative to RIP.
struct TranslatorData {
    uint64_t pageNumberMask;      // bits 12..63
    uint64_t tlbIndexMask;        // the bits of a linear address that index the TLB
    uint64_t highHalfMask;        // bits 32..63
    uint64_t jumpIndexMask;       // the bits of RIP that index a jump cache
    uint64_t readAttributesMask;  // segment attributes that decide a read of data,
    uint64_t writeAttributesMask; // and a write

    uint64_t arithmeticFlags; // kept in the host's flags
    uint64_t storedFlags;     // kept in CpuState, as far as PUSHF shows them
    uint64_t popFlags;        // that POPF may change beyond the arithmetic ones,
    uint64_t popFlags16;      // with 16 bits
    uint64_t notInterruptFlag;
    uint64_t notDirectionFlag;
    uint64_t bitIndexMask[3]; // of a bit number within 2, 4 and 8 bytes

    uint64_t slowLinear;
    uint64_t slowRip;
    uint64_t target; // of an indirect call while its return address is pushed
    uint64_t exitArgument;
    const void* entryTarget;
    uint64_t (*fillHelper)(TranslatorData*);
    void* owner;           // the Translator
    uint32_t slowArgument; // access kind | size in bytes << 8
    uint32_t exitReason;   // CodeExit
    uint32_t epoch;        // of links that leave a page: TLB flushes change it
    uint32_t simdUnloaded; // zero: the guest's x87, SSE and AVX registers are in the host's
    uint32_t simdWasUnloaded;
    uint32_t simdMask; // XSAVE components that exist
    uint32_t hostMxcsr;
    uint16_t flags; // LAHF's AH in the high byte, OF in the low

    alignas(64) JumpEntry jumpCache[kJumpContexts][kJumpEntries];
};

} // namespace vivarium::softcpu
