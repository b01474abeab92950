#pragma once

#include "vmm/softcpu/cpu_bus.h"
#include "vmm/softcpu/decode/instruction.h"

#include <cstdint>

namespace vivarium::softcpu {

// What the guest's CPU model has, read from its CPUID once. An instruction that it lacks is #UD
// even where the host could execute it.
class CpuFeatures {
public:
    explicit CpuFeatures(CpuPlatform& platform);

    // One feature: a bit of a register of a CPUID leaf.
    struct Bit {
        uint8_t word; // index into m_words
        uint8_t bit;
    };
    bool has(Bit feature) const { return (m_words[feature.word] >> feature.bit) & 1; }
    // Whether an instruction of this ZydisISASet exists.
    bool hasIsaSet(uint16_t isaSet) const;

    unsigned physicalBits() const { return m_physicalBits; }
    uint64_t xcr0Mask() const { return m_xcr0Mask; } // bits that XSETBV may set
    uint64_t cr4Mask() const;                        // bits that CR4 may have
    uint64_t eferMask() const;
    bool amd() const { return m_amd; } // vendor: AMD's or Hygon's SYSCALL in 32-bit code

private:
    uint32_t m_words[8] = {};
    unsigned m_physicalBits = 36;
    uint64_t m_xcr0Mask = 1;
    bool m_amd = false;
};

namespace feature {
// Words: 0 leaf 1 ECX, 1 leaf 1 EDX, 2 leaf 7 EBX, 3 leaf 7 ECX, 4 leaf 7 EDX,
// 5 leaf 80000001 ECX, 6 leaf 80000001 EDX, 7 leaf D.1 EAX.
using Bit = CpuFeatures::Bit;
inline constexpr Bit kSse3{0, 0}, kPclmulqdq{0, 1}, kMonitor{0, 3}, kSsse3{0, 9}, kFma{0, 12},
    kCx16{0, 13}, kPcid{0, 17}, kSse41{0, 19}, kSse42{0, 20}, kMovbe{0, 22}, kPopcnt{0, 23},
    kAes{0, 25}, kXsave{0, 26}, kAvx{0, 28}, kF16c{0, 29}, kRdrand{0, 30};
inline constexpr Bit kFpu{1, 0}, kVme{1, 1}, kDe{1, 2}, kPse{1, 3}, kTsc{1, 4}, kMsr{1, 5},
    kPae{1, 6}, kMce{1, 7}, kCx8{1, 8}, kSep{1, 11}, kPge{1, 13}, kCmov{1, 15}, kClflush{1, 19},
    kMmx{1, 23}, kFxsr{1, 24}, kSse{1, 25}, kSse2{1, 26};
inline constexpr Bit kFsgsbase{2, 0}, kBmi1{2, 3}, kAvx2{2, 5}, kSmep{2, 7}, kBmi2{2, 8},
    kInvpcid{2, 10}, kAvx512f{2, 16}, kAvx512dq{2, 17}, kRdseed{2, 18}, kAdx{2, 19}, kSmap{2, 20},
    kAvx512ifma{2, 21}, kClflushopt{2, 23}, kClwb{2, 24}, kAvx512cd{2, 28}, kSha{2, 29},
    kAvx512bw{2, 30}, kAvx512vl{2, 31};
inline constexpr Bit kAvx512vbmi{3, 1}, kUmip{3, 2}, kAvx512vbmi2{3, 6}, kGfni{3, 8}, kVaes{3, 9},
    kVpclmulqdq{3, 10}, kAvx512vnni{3, 11}, kAvx512bitalg{3, 12}, kAvx512vpopcntdq{3, 14},
    kRdpid{3, 22};
inline constexpr Bit kLahf{5, 0}, kLzcnt{5, 5}, kSse4a{5, 6}, k3dnowPrefetch{5, 8}, kXop{5, 11},
    kFma4{5, 16}, kTbm{5, 21}, kMonitorx{5, 29};
inline constexpr Bit kSyscall{6, 11}, kNx{6, 20}, kRdtscp{6, 27}, kLongMode{6, 29}, k3dnow{6, 31};
inline constexpr Bit kXsaveopt{7, 0}, kXsavec{7, 1}, kXgetbv1{7, 2}, kXsaves{7, 3};
} // namespace feature

} // namespace vivarium::softcpu
