#pragma once

#include <cstdint>

// Model-specific registers (Intel SDM 4, chapter 2; AMD APM 2, appendix A).
namespace vivarium::msr {

inline constexpr uint32_t kTsc = 0x10, kApicBase = 0x1B, kTscAdjust = 0x3B, kSysenterCs = 0x174,
                          kSysenterEsp = 0x175, kSysenterEip = 0x176, kMiscEnable = 0x1A0,
                          kDebugControl = 0x1D9, kMtrrBase = 0x200, kMtrrFixed64K = 0x250,
                          kMtrrFixed16K = 0x258, kMtrrFixed4K = 0x268, kPat = 0x277,
                          kMtrrDefaultType = 0x2FF, kTscDeadline = 0x6E0, kX2ApicFirst = 0x800,
                          kX2ApicLast = 0x8FF, kStar = 0xC0000081, kLstar = 0xC0000082,
                          kCstar = 0xC0000083, kSfmask = 0xC0000084, kKernelGsBase = 0xC0000102,
                          kTscAux = 0xC0000103;

// Registers of the processor families that we may show, which systems touch without asking CPUID:
// they read 0, and what is written is dropped.
constexpr bool isHarmless(uint32_t index) {
    switch (index) {
    case 0x17:  // platform id
    case 0x2A:  // power-on configuration
    case 0x2C:  // frequency
    case 0x34:  // SMI count
    case 0x3A:  // feature control
    case 0x79:  // microcode update
    case 0x8B:  // microcode revision
    case 0xCD:  // bus speed
    case 0xCE:  // platform information
    case 0x11E: // second-level cache control
    case 0x140: // feature enables
    case 0x179: // machine check capabilities
    case 0x17A: // machine check status
    case 0x186: // performance event selects
    case 0x187:
    case 0xC1:
    case 0xC2:
    case 0x198: // performance status
    case 0x199: // performance control
    case 0x19A: // clock modulation
    case 0x19B: // thermal interrupt
    case 0x19C: // thermal status
    case 0x1AD: // turbo ratios
    case 0x1B0: // energy bias
    case 0x1FC: // power control
    case 0x606: // power units
    case 0x611:
    case 0x619:
    case 0x639:
    case 0x641:
    case 0xC0010010: // SYSCFG
    case 0xC0010015: // HWCR
    case 0xC001001A: // top of memory
    case 0xC001001D:
    case 0xC001001F: // north bridge configuration
    case 0xC0010055: // interrupt pending
    case 0xC0010058: // memory-mapped configuration base
    case 0xC0010112: // SMM address and mask
    case 0xC0010113:
    case 0xC0010114: // VM_CR
    case 0xC0010117:
    case 0xC0010140: // OS visible workaround
    case 0xC0010141:
    case 0xC0011020: // load-store configuration
    case 0xC0011021: // instruction cache configuration
    case 0xC0011022: // data cache configuration
    case 0xC0011023:
    case 0xC0011029: // decode configuration
    case 0xC001102A:
        return true;
    default:
        return false;
    }
}

} // namespace vivarium::msr
