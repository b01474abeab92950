#include "vmm/softcpu/soft_cpuid.h"

#include "vmm/softcpu/interpreter/xsave_area.h"
#include "vmm/softcpu/paravirtual/kvm_interface.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <cpuid.h>

namespace vivarium {

namespace {

constexpr uint32_t bits(std::initializer_list<unsigned> numbers) {
    uint32_t value = 0;
    for (unsigned number : numbers)
        value |= 1u << number;
    return value;
}

// Leaf 1, ECX: SSE3, PCLMULQDQ, SSSE3, FMA, CMPXCHG16B, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, XSAVE,
// AVX, F16C, RDRAND (Intel SDM 2A, CPUID).
constexpr uint32_t kLeaf1Ecx = bits({0, 1, 9, 12, 13, 19, 20, 22, 23, 25, 26, 28, 29, 30});
// Ours, whatever the host has: PCID, x2APIC, TSC deadline, hypervisor.
constexpr uint32_t kLeaf1EcxOwn = bits({17, 21, 24, 31});
// Leaf 1, EDX: FPU, DE, PSE, TSC, MSR, PAE, CX8, APIC, SEP, MTRR, PGE, CMOV, PAT, PSE-36, CLFLUSH,
// MMX, FXSR, SSE, SSE2, no VME, MCE or MCA.
constexpr uint32_t kLeaf1Edx =
    bits({0, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 15, 16, 17, 19, 23, 24, 25, 26});
// Leaf 7, EBX: FSGSBASE, BMI1, AVX2, SMEP, BMI2, ERMS, RDSEED, ADX, SMAP, CLFLUSHOPT, SHA.
constexpr uint32_t kLeaf7Ebx = bits({0, 3, 5, 7, 8, 9, 18, 19, 20, 23, 29});
constexpr uint32_t kLeaf7EbxOwn = bits({10}); // INVPCID
// With AVX-512. Leaf 7, EBX: F, DQ, IFMA, CD, BW, VL; ECX: VBMI. Others have not been compared with
// a processor (README.md).
constexpr uint32_t kLeaf7EbxWide = bits({16, 17, 21, 28, 30, 31});
constexpr uint32_t kLeaf7EcxWide = bits({1});
// Leaf 0x80000001: LAHF, LZCNT, PREFETCHW; SYSCALL, NX, RDTSCP, long mode.
constexpr uint32_t kExtendedEcx = bits({0, 5, 8});
constexpr uint32_t kExtendedEdx = bits({11, 20, 27, 29});
constexpr uint32_t kXsaveOpt = bits({0});

constexpr uint32_t kXcr0 = 7; // x87, SSE, AVX
constexpr uint32_t kLegacyXsaveBytes = 576;

CpuidEntry hostLeaf(uint32_t function, uint32_t index = 0) {
    CpuidEntry entry;
    entry.function = function;
    entry.index = index;
    __cpuid_count(function, index, entry.eax, entry.ebx, entry.ecx, entry.edx);
    return entry;
}

uint32_t word(const char* text) {
    uint32_t value;
    std::memcpy(&value, text, sizeof value);
    return value;
}

// AVX-512 with vector lengths (Intel SDM 1, 15.4): where processor and kernel have both.
bool hostHasAvx512() {
    constexpr uint32_t kFoundation = 1 << 16, kVectorLengths = 1u << 31;
    const uint32_t needed = kFoundation | kVectorLengths;
    return hostLeaf(0).eax >= 0xD && (hostLeaf(7).ebx & needed) == needed &&
           (softcpu::hostXsaveComponents() & softcpu::kXcr0Avx512) == softcpu::kXcr0Avx512;
}

void appendXsave(std::vector<CpuidEntry>& leaves, uint32_t components) {
    uint32_t largest = kLegacyXsaveBytes;
    for (uint32_t index = 2; index < 32; ++index)
        if (components >> index & 1) {
            const CpuidEntry part = hostLeaf(0xD, index);
            largest = std::max(largest, part.ebx + part.eax);
        }
    for (uint32_t index = 0; index < 32; ++index) {
        if (index >= 3 && !(components >> index & 1))
            continue;
        CpuidEntry entry = hostLeaf(0xD, index);
        entry.flags = CpuidEntry::kSignificantIndex;
        if (index == 0) {
            entry.eax &= components;
            entry.ecx = largest;
            entry.edx = 0;
        } else if (index == 1) {
            entry.eax &= kXsaveOpt;
            entry.ebx = entry.ecx = entry.edx = 0;
        }
        leaves.push_back(entry);
    }
}

} // namespace

std::vector<CpuidEntry> softwareCpuid() {
    std::vector<CpuidEntry> leaves;
    const CpuidEntry host0 = hostLeaf(0);
    CpuidEntry leaf = host0;
    leaf.eax = 0xD;
    leaves.push_back(leaf);

    leaf = hostLeaf(1);
    leaf.ebx = 8 << 8; // CLFLUSH line of 64 bytes
    leaf.ecx = (leaf.ecx & kLeaf1Ecx) | kLeaf1EcxOwn;
    leaf.edx &= kLeaf1Edx;
    leaves.push_back(leaf);

    for (uint32_t function : {2u, 3u, 5u, 6u, 0xAu}) {
        CpuidEntry empty;
        empty.function = function;
        leaves.push_back(empty);
    }
    CpuidEntry caches; // leaf 4: none
    caches.function = 4;
    caches.flags = CpuidEntry::kSignificantIndex;
    leaves.push_back(caches);

    leaf = host0.eax >= 7 ? hostLeaf(7) : CpuidEntry{};
    leaf.function = 7;
    leaf.flags = CpuidEntry::kSignificantIndex;
    const bool wide = hostHasAvx512();
    leaf.eax = leaf.edx = 0;
    leaf.ebx = (leaf.ebx & (kLeaf7Ebx | (wide ? kLeaf7EbxWide : 0))) | kLeaf7EbxOwn;
    leaf.ecx &= wide ? kLeaf7EcxWide : 0;
    leaves.push_back(leaf);
    appendXsave(leaves, kXcr0 | (wide ? static_cast<uint32_t>(softcpu::kXcr0Avx512) : 0));

    // KVM's interface, of which a guest that begins here is told the clock.
    CpuidEntry signature;
    signature.function = 0x40000000;
    signature.eax = 0x40000001;
    signature.ebx = word("KVMK");
    signature.ecx = word("VMKV");
    signature.edx = word("M\0\0");
    leaves.push_back(signature);
    CpuidEntry interface;
    interface.function = 0x40000001;
    interface.eax = paravirtual::kClockSource | paravirtual::kNoIoDelay |
                    paravirtual::kClockSource2 | paravirtual::kClockSourceStable;
    leaves.push_back(interface);

    leaf = hostLeaf(0x80000000);
    leaf.eax = 0x80000008;
    leaves.push_back(leaf);
    leaf = hostLeaf(0x80000001);
    leaf.eax = leaf.ebx = 0;
    leaf.ecx &= kExtendedEcx;
    leaf.edx &= kExtendedEdx;
    leaves.push_back(leaf);
    std::array<char, 48> brand{};
    std::strncpy(brand.data(), "Vivarium Software CPU", brand.size() - 1);
    for (uint32_t i = 0; i < 3; ++i) {
        CpuidEntry entry;
        entry.function = 0x80000002 + i;
        const char* text = brand.data() + i * size_t{16};
        entry.eax = word(text);
        entry.ebx = word(text + 4);
        entry.ecx = word(text + 8);
        entry.edx = word(text + 12);
        leaves.push_back(entry);
    }
    for (uint32_t function : {0x80000005u, 0x80000006u}) {
        CpuidEntry entry;
        entry.function = function;
        leaves.push_back(entry);
    }
    // No invariant time stamp: where the guest goes on, under KVM, it may have another rate, which
    // the paravirtual clock tells.
    CpuidEntry power;
    power.function = 0x80000007;
    leaves.push_back(power);
    CpuidEntry sizes;
    sizes.function = 0x80000008;
    sizes.eax = kSoftwarePhysicalBits | 48 << 8;
    leaves.push_back(sizes);
    return leaves;
}

} // namespace vivarium
