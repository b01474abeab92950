#include "vmm/softcpu/interpreter/cpu_features.h"

#include "vmm/softcpu/cpu_state.h"

#include <Zydis/Zydis.h>

#include <optional>

namespace vivarium::softcpu {
namespace {

struct IsaRequirement {
    ZydisISASet isaSet;
    CpuFeatures::Bit bit;
};

constexpr IsaRequirement kRequirements[] = {
    {ZYDIS_ISA_SET_SSE, feature::kSse},
    {ZYDIS_ISA_SET_SSEMXCSR, feature::kSse},
    {ZYDIS_ISA_SET_SSE2, feature::kSse2},
    {ZYDIS_ISA_SET_SSE2MMX, feature::kSse2},
    {ZYDIS_ISA_SET_SSE3, feature::kSse3},
    {ZYDIS_ISA_SET_SSE3X87, feature::kSse3},
    {ZYDIS_ISA_SET_SSSE3, feature::kSsse3},
    {ZYDIS_ISA_SET_SSSE3MMX, feature::kSsse3},
    {ZYDIS_ISA_SET_SSE4, feature::kSse41},
    {ZYDIS_ISA_SET_SSE42, feature::kSse42},
    {ZYDIS_ISA_SET_SSE4A, feature::kSse4a},
    {ZYDIS_ISA_SET_AES, feature::kAes},
    {ZYDIS_ISA_SET_PCLMULQDQ, feature::kPclmulqdq},
    {ZYDIS_ISA_SET_SHA, feature::kSha},
    {ZYDIS_ISA_SET_GFNI, feature::kGfni},
    {ZYDIS_ISA_SET_AVX, feature::kAvx},
    {ZYDIS_ISA_SET_AVXAES, feature::kAes},
    {ZYDIS_ISA_SET_AVX2, feature::kAvx2},
    {ZYDIS_ISA_SET_AVX2GATHER, feature::kAvx2},
    {ZYDIS_ISA_SET_AVX_GFNI, feature::kGfni},
    {ZYDIS_ISA_SET_FMA, feature::kFma},
    {ZYDIS_ISA_SET_F16C, feature::kF16c},
    {ZYDIS_ISA_SET_VAES, feature::kVaes},
    {ZYDIS_ISA_SET_VPCLMULQDQ, feature::kVpclmulqdq},
    {ZYDIS_ISA_SET_BMI1, feature::kBmi1},
    {ZYDIS_ISA_SET_BMI2, feature::kBmi2},
    {ZYDIS_ISA_SET_ADOX_ADCX, feature::kAdx},
    {ZYDIS_ISA_SET_MOVBE, feature::kMovbe},
    {ZYDIS_ISA_SET_POPCNT, feature::kPopcnt},
    {ZYDIS_ISA_SET_CMPXCHG16B, feature::kCx16},
    {ZYDIS_ISA_SET_RDRAND, feature::kRdrand},
    {ZYDIS_ISA_SET_RDSEED, feature::kRdseed},
    {ZYDIS_ISA_SET_RDPID, feature::kRdpid},
    {ZYDIS_ISA_SET_RDTSCP, feature::kRdtscp},
    {ZYDIS_ISA_SET_RDWRFSGS, feature::kFsgsbase},
    {ZYDIS_ISA_SET_INVPCID, feature::kInvpcid},
    {ZYDIS_ISA_SET_SMAP, feature::kSmap},
    {ZYDIS_ISA_SET_CLFSH, feature::kClflush},
    {ZYDIS_ISA_SET_CLFLUSHOPT, feature::kClflushopt},
    {ZYDIS_ISA_SET_CLWB, feature::kClwb},
    {ZYDIS_ISA_SET_MONITOR, feature::kMonitor},
    {ZYDIS_ISA_SET_XSAVE, feature::kXsave},
    {ZYDIS_ISA_SET_XSAVEOPT, feature::kXsaveopt},
    {ZYDIS_ISA_SET_XSAVEC, feature::kXsavec},
    {ZYDIS_ISA_SET_XSAVES, feature::kXsaves},
    {ZYDIS_ISA_SET_FXSAVE, feature::kFxsr},
    {ZYDIS_ISA_SET_FXSAVE64, feature::kFxsr},
    {ZYDIS_ISA_SET_PENTIUMMMX, feature::kMmx},
    {ZYDIS_ISA_SET_CMOV, feature::kCmov},
    {ZYDIS_ISA_SET_FCMOV, feature::kCmov},
    {ZYDIS_ISA_SET_XOP, feature::kXop},
    {ZYDIS_ISA_SET_FMA4, feature::kFma4},
    {ZYDIS_ISA_SET_TBM, feature::kTbm},
    {ZYDIS_ISA_SET_AMD3DNOW, feature::k3dnow},
};

constexpr ZydisISASet kAlways[] = {
    ZYDIS_ISA_SET_I86,          ZYDIS_ISA_SET_I186,     ZYDIS_ISA_SET_I286PROTECTED,
    ZYDIS_ISA_SET_I286REAL,     ZYDIS_ISA_SET_I386,     ZYDIS_ISA_SET_I486,
    ZYDIS_ISA_SET_I486REAL,     ZYDIS_ISA_SET_LONGMODE, ZYDIS_ISA_SET_LAHF,
    ZYDIS_ISA_SET_PAUSE,        ZYDIS_ISA_SET_PPRO,     ZYDIS_ISA_SET_PENTIUMREAL,
    ZYDIS_ISA_SET_FAT_NOP,      ZYDIS_ISA_SET_RDPMC,    ZYDIS_ISA_SET_PREFETCH_NOP,
    ZYDIS_ISA_SET_SSE_PREFETCH, ZYDIS_ISA_SET_X87,      ZYDIS_ISA_SET_LZCNT,
    ZYDIS_ISA_SET_PREFETCHWT1,  ZYDIS_ISA_SET_CLDEMOTE, ZYDIS_ISA_SET_AMD,
};

// Of these only the calls of a hypervisor are there (VMCALL, VMMCALL); they ask the platform.
constexpr ZydisISASet kHypervisorCalls[] = {ZYDIS_ISA_SET_VTX, ZYDIS_ISA_SET_SVM};

// AVX-512 sets by the range of their names in the enumeration.
std::optional<CpuFeatures::Bit> avx512Requirement(uint16_t isaSet) {
    struct Range {
        ZydisISASet first, last;
        CpuFeatures::Bit bit;
    };
    static constexpr Range kRanges[] = {
        {ZYDIS_ISA_SET_AVX512BW_128, ZYDIS_ISA_SET_AVX512BW_KOP, feature::kAvx512bw},
        {ZYDIS_ISA_SET_AVX512CD_128, ZYDIS_ISA_SET_AVX512CD_512, feature::kAvx512cd},
        {ZYDIS_ISA_SET_AVX512DQ_128, ZYDIS_ISA_SET_AVX512DQ_SCALAR, feature::kAvx512dq},
        {ZYDIS_ISA_SET_AVX512F_128, ZYDIS_ISA_SET_AVX512F_SCALAR, feature::kAvx512f},
        {ZYDIS_ISA_SET_AVX512_BITALG_128, ZYDIS_ISA_SET_AVX512_BITALG_512, feature::kAvx512bitalg},
        {ZYDIS_ISA_SET_AVX512_GFNI_128, ZYDIS_ISA_SET_AVX512_GFNI_512, feature::kGfni},
        {ZYDIS_ISA_SET_AVX512_IFMA_128, ZYDIS_ISA_SET_AVX512_IFMA_512, feature::kAvx512ifma},
        {ZYDIS_ISA_SET_AVX512_VAES_128, ZYDIS_ISA_SET_AVX512_VAES_512, feature::kVaes},
        {ZYDIS_ISA_SET_AVX512_VBMI2_128, ZYDIS_ISA_SET_AVX512_VBMI2_512, feature::kAvx512vbmi2},
        {ZYDIS_ISA_SET_AVX512_VBMI_128, ZYDIS_ISA_SET_AVX512_VBMI_512, feature::kAvx512vbmi},
        {ZYDIS_ISA_SET_AVX512_VNNI_128, ZYDIS_ISA_SET_AVX512_VNNI_512, feature::kAvx512vnni},
        {ZYDIS_ISA_SET_AVX512_VPCLMULQDQ_128, ZYDIS_ISA_SET_AVX512_VPCLMULQDQ_512,
         feature::kVpclmulqdq},
        {ZYDIS_ISA_SET_AVX512_VPOPCNTDQ_128, ZYDIS_ISA_SET_AVX512_VPOPCNTDQ_512,
         feature::kAvx512vpopcntdq},
    };
    for (const Range& range : kRanges)
        if (isaSet >= range.first && isaSet <= range.last)
            return range.bit;
    return std::nullopt;
}

} // namespace

CpuFeatures::CpuFeatures(CpuPlatform& platform) {
    const CpuidResult leaf1 = platform.cpuid(1, 0), leaf7 = platform.cpuid(7, 0),
                      extended = platform.cpuid(0x80000001, 0), state1 = platform.cpuid(0xD, 1);
    const uint32_t words[8] = {leaf1.ecx, leaf1.edx,    leaf7.ebx,    leaf7.ecx,
                               leaf7.edx, extended.ecx, extended.edx, state1.eax};
    for (unsigned i = 0; i < 8; ++i)
        m_words[i] = words[i];
    if (const unsigned bits = platform.cpuid(0x80000008, 0).eax & 0xFF; bits >= 32 && bits <= 52)
        m_physicalBits = bits;
    constexpr uint32_t kAuthenticAmd = 0x68747541, kHygon = 0x6F677948;
    const uint32_t vendor = platform.cpuid(0, 0).ebx;
    m_amd = vendor == kAuthenticAmd || vendor == kHygon;
    const CpuidResult state0 = platform.cpuid(0xD, 0);
    if (has(feature::kXsave))
        m_xcr0Mask = (state0.eax | (uint64_t{state0.edx} << 32)) &
                     (kXcr0X87 | kXcr0Sse | kXcr0Avx | kXcr0Avx512);
    m_xcr0Mask |= kXcr0X87;
}

bool CpuFeatures::hasIsaSet(uint16_t isaSet) const {
    for (const ZydisISASet always : kAlways)
        if (isaSet == always)
            return true;
    for (const ZydisISASet calls : kHypervisorCalls)
        if (isaSet == calls)
            return true;
    for (const IsaRequirement& requirement : kRequirements)
        if (isaSet == requirement.isaSet)
            return has(requirement.bit);
    const auto avx512 = avx512Requirement(isaSet);
    return avx512 && has(*avx512) && has(feature::kAvx512f) && has(feature::kAvx512vl);
}

uint64_t CpuFeatures::cr4Mask() const {
    static constexpr struct {
        uint64_t bit;
        Bit needs;
    } kBits[] = {{kCr4De, feature::kDe},
                 {kCr4Pse, feature::kPse},
                 {kCr4Pae, feature::kPae},
                 {kCr4Mce, feature::kMce},
                 {kCr4Pge, feature::kPge},
                 {kCr4Osfxsr, feature::kFxsr},
                 {kCr4Osxmmexcpt, feature::kSse},
                 {kCr4Tsd, feature::kTsc},
                 {kCr4Fsgsbase, feature::kFsgsbase},
                 {kCr4Pcide, feature::kPcid},
                 {kCr4Osxsave, feature::kXsave},
                 {kCr4Smep, feature::kSmep},
                 {kCr4Smap, feature::kSmap},
                 {kCr4Umip, feature::kUmip}};
    uint64_t mask = kCr4Pce;
    for (const auto& entry : kBits)
        if (has(entry.needs))
            mask |= entry.bit;
    return mask;
}

uint64_t CpuFeatures::eferMask() const {
    uint64_t mask = 0;
    if (has(feature::kSyscall))
        mask |= kEferSce;
    if (has(feature::kLongMode))
        mask |= kEferLme | kEferLma;
    if (has(feature::kNx))
        mask |= kEferNxe;
    return mask;
}

} // namespace vivarium::softcpu
