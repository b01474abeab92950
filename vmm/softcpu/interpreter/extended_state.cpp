#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/xsave_area.h"

#include <Zydis/Zydis.h>

#include <cpuid.h>

#include <array>
#include <cstring>

// FXSAVE, the XSAVE family, MXCSR and XCR0 on the area in CpuState (Intel SDM 1, chapter 13).
namespace vivarium::softcpu {
namespace {

constexpr unsigned kLastComponent = 7;
constexpr uint64_t kCompacted = uint64_t{1} << 63;

std::array<XsaveComponent, kLastComponent + 1> hostComponents() {
    std::array<XsaveComponent, kLastComponent + 1> components{};
    for (const unsigned number : {2u, 5u, 6u, 7u}) {
        unsigned a, b, c, d;
        if (!__get_cpuid_count(0xD, number, &a, &b, &c, &d) || a == 0 || b + a > kXsaveBytes)
            continue;
        components[number] = {.offset = b, .sizeBytes = a, .aligned = (c & 2) != 0};
    }
    return components;
}

uint32_t compactedOffset(uint64_t components, unsigned number) {
    uint32_t offset = kExtendedStart;
    for (unsigned i = 2; i <= number; ++i) {
        if (!((components >> i) & 1))
            continue;
        if (xsaveComponent(i).aligned)
            offset = static_cast<uint32_t>(alignUp(offset, 64));
        if (i != number)
            offset += xsaveComponent(i).sizeBytes;
    }
    return offset;
}

uint64_t askForXsaveComponents() {
    unsigned a, b, c, d;
    constexpr unsigned kOsxsave = 1u << 27;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsxsave))
        return 0;
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    uint64_t components = low & (kXcr0X87 | kXcr0Sse | kXcr0Avx | kXcr0Avx512);
    if ((components & kXcr0Avx512) != kXcr0Avx512)
        components &= ~uint64_t{kXcr0Avx512};
    return components;
}

} // namespace

uint64_t hostXsaveComponents() {
    static const uint64_t kComponents = askForXsaveComponents(); // CPUID is slow where it exits
    return kComponents;
}

const XsaveComponent& xsaveComponent(unsigned number) {
    static const auto kComponents = hostComponents();
    return kComponents[number <= kLastComponent ? number : 0];
}

uint32_t xsaveBytes(uint64_t components, bool compacted) {
    uint32_t bytes = kExtendedStart;
    for (unsigned i = 2; i <= kLastComponent; ++i) {
        if (!((components >> i) & 1))
            continue;
        const uint32_t offset =
            compacted ? compactedOffset(components, i) : xsaveComponent(i).offset;
        bytes = std::max(bytes, offset + xsaveComponent(i).sizeBytes);
    }
    return bytes;
}

namespace {

uint64_t inUse(const CpuState& state) {
    // MXCSR and the registers of SSE are always taken as used: no state is ever lost.
    return loadLe<uint64_t>(state.xsave + kXstateBv) | kXcr0X87 | kXcr0Sse;
}

unsigned xmmCount(const Engine& e) {
    return e.is64() ? 16 : 8;
}

// Without REX.W the instruction and data pointers have 32 bits and a selector, which newer
// processors store as zero.
void copyX87Out(const Engine& e, uint8_t* image, bool wide) {
    std::memcpy(image, e.state.xsave, 24);
    if (!wide) {
        storeLe<uint32_t>(image + kFip + 4, 0);
        storeLe<uint32_t>(image + kFdp + 4, 0);
    }
    std::memcpy(image + kSt0, e.state.xsave + kSt0, 128);
}

void copyX87In(Engine& e, const uint8_t* image, bool wide) {
    std::memcpy(e.state.xsave, image, 24);
    if (!wide) {
        storeLe<uint32_t>(e.state.xsave + kFip + 4, 0);
        storeLe<uint32_t>(e.state.xsave + kFdp + 4, 0);
    }
    std::memcpy(e.state.xsave + kSt0, image + kSt0, 128);
    markUsed(e.state, kXcr0X87);
}

void initX87(CpuState& state) {
    std::memset(state.xsave, 0, 24);
    storeLe<uint16_t>(state.xsave + kFcw, 0x37F);
    std::memset(state.xsave + kSt0, 0, 128);
}

void fxsave(Engine& e) {
    if (e.state.cr0 & (kCr0Em | kCr0Ts))
        Engine::raise(kDeviceNotAvailable);
    const uint64_t address = e.operandLinear(512, AccessKind::Write);
    e.require(address % 16 == 0, kGeneralProtection, 0);
    uint8_t image[kLegacyEnd] = {};
    const bool wide = e.instruction->mnemonic == ZYDIS_MNEMONIC_FXSAVE64;
    copyX87Out(e, image, wide);
    storeLe<uint32_t>(image + kMxcsr, mxcsr(e.state));
    storeLe<uint32_t>(image + kMxcsr + 4, kMxcsrMask);
    std::memcpy(image + kXmm0, e.state.xsave + kXmm0, 16 * xmmCount(e));
    e.storeBytes(address, image, kXmm0 + 16 * xmmCount(e), dataTlbMode(e.state));
}

void fxrstor(Engine& e) {
    if (e.state.cr0 & (kCr0Em | kCr0Ts))
        Engine::raise(kDeviceNotAvailable);
    const uint64_t address = e.operandLinear(512, AccessKind::Read);
    e.require(address % 16 == 0, kGeneralProtection, 0);
    uint8_t image[kLegacyEnd];
    e.loadBytes(address, image, sizeof image, dataTlbMode(e.state));
    const auto newMxcsr = loadLe<uint32_t>(image + kMxcsr);
    e.require((newMxcsr & ~kMxcsrMask) == 0, kGeneralProtection, 0);
    copyX87In(e, image, e.instruction->mnemonic == ZYDIS_MNEMONIC_FXRSTOR64);
    setMxcsr(e.state, newMxcsr);
    std::memcpy(e.state.xsave + kXmm0, image + kXmm0, 16 * xmmCount(e));
}

void requireXsave(const Engine& e) {
    Engine::requireDefined(e.state.cr4 & kCr4Osxsave);
    if (e.state.cr0 & kCr0Ts)
        Engine::raise(kDeviceNotAvailable);
}

uint64_t requestedComponents(const Engine& e) {
    return e.state.xcr0 & (e.gpr(kRax, 4) | (e.gpr(kRdx, 4) << 32));
}

bool wideForm(const Engine& e) {
    switch (e.instruction->mnemonic) {
    case ZYDIS_MNEMONIC_XSAVE64:
    case ZYDIS_MNEMONIC_XSAVEOPT64:
    case ZYDIS_MNEMONIC_XSAVEC64:
    case ZYDIS_MNEMONIC_XSAVES64:
    case ZYDIS_MNEMONIC_XRSTOR64:
    case ZYDIS_MNEMONIC_XRSTORS64:
        return true;
    default:
        return false;
    }
}

uint64_t areaLinear(Engine& e, unsigned bytes, AccessKind kind) {
    const uint64_t address = e.operandLinear(bytes, kind);
    e.require(address % 64 == 0, kGeneralProtection, 0);
    return address;
}

// Parts are written one by one: bytes of components that are not asked for stay as they are.
template <bool compacted>
void xsave(Engine& e) {
    requireXsave(e);
    const bool supervisor = e.instruction->mnemonic == ZYDIS_MNEMONIC_XSAVES ||
                            e.instruction->mnemonic == ZYDIS_MNEMONIC_XSAVES64;
    if (supervisor)
        e.requirePrivilege0();
    const uint64_t requested = requestedComponents(e);
    const uint64_t used = inUse(e.state) & requested;
    const unsigned total = xsaveBytes(requested, compacted);
    const uint64_t address = areaLinear(e, total, AccessKind::Write);
    const TlbMode tlbMode = dataTlbMode(e.state);
    Engine::throwFault(e.mmu.probeWrite(address, total, tlbMode));
    uint64_t header[2] = {};
    if constexpr (compacted) {
        header[0] = used;
        header[1] = requested | kCompacted;
    } else {
        header[0] = (e.load(address + kXstateBv, 8) & ~requested) | used;
    }
    uint8_t image[kXmm0] = {};
    if (requested & kXcr0X87) {
        copyX87Out(e, image, wideForm(e));
        e.storeBytes(address, image, 24, tlbMode);
        e.storeBytes(address + kSt0, image + kSt0, 128, tlbMode);
    }
    if (requested & (kXcr0Sse | kXcr0Avx)) {
        const uint32_t control[2] = {mxcsr(e.state), kMxcsrMask};
        e.storeBytes(address + kMxcsr, control, 8, tlbMode);
    }
    if (requested & kXcr0Sse)
        e.storeBytes(address + kXmm0, e.state.xsave + kXmm0, 16 * xmmCount(e), tlbMode);
    for (unsigned i = 2; i <= kLastComponent; ++i) {
        const uint64_t bit = uint64_t{1} << i;
        if (!(requested & bit) || (compacted && !(used & bit)))
            continue;
        const XsaveComponent& component = xsaveComponent(i);
        const uint32_t offset = compacted ? compactedOffset(requested, i) : component.offset;
        e.storeBytes(address + offset, e.state.xsave + component.offset, component.sizeBytes,
                     tlbMode);
    }
    e.storeBytes(address + kXstateBv, header, compacted ? 16 : 8, tlbMode);
}

void xrstor(Engine& e) {
    requireXsave(e);
    const bool supervisor = e.instruction->mnemonic == ZYDIS_MNEMONIC_XRSTORS ||
                            e.instruction->mnemonic == ZYDIS_MNEMONIC_XRSTORS64;
    if (supervisor)
        e.requirePrivilege0();
    const uint64_t requested = requestedComponents(e);
    const uint64_t address = areaLinear(e, kExtendedStart, AccessKind::Read);
    const TlbMode tlbMode = dataTlbMode(e.state);
    uint8_t image[kXsaveBytes] = {};
    e.loadBytes(address, image, kExtendedStart, tlbMode);
    const auto present = loadLe<uint64_t>(image + kXstateBv),
               layout = loadLe<uint64_t>(image + kXcompBv);
    const bool compacted = layout & kCompacted;
    // Intel SDM 1, 13.8: header checks.
    e.require(compacted || (layout == 0 && !supervisor), kGeneralProtection, 0);
    e.require(!compacted || e.features.has(feature::kXsavec), kGeneralProtection, 0);
    e.require((present & ~e.state.xcr0) == 0, kGeneralProtection, 0);
    for (unsigned i = kXcompBv + 8; i < kExtendedStart; ++i)
        e.require(image[i] == 0 || (!compacted && i >= kXcompBv + 16), kGeneralProtection, 0);
    if (compacted)
        e.require((layout & ~kCompacted & ~e.state.xcr0) == 0 && (present & ~layout) == 0,
                  kGeneralProtection, 0);
    const uint64_t loaded = requested & present, initialised = requested & ~present;
    uint32_t newMxcsr = mxcsr(e.state);
    if (compacted ? (loaded & kXcr0Sse) != 0 : (requested & (kXcr0Sse | kXcr0Avx)) != 0)
        newMxcsr = loadLe<uint32_t>(image + kMxcsr);
    else if (compacted && (initialised & kXcr0Sse))
        newMxcsr = kMxcsrDefault;
    e.require((newMxcsr & ~kMxcsrMask) == 0, kGeneralProtection, 0);
    // All memory is read before a register changes.
    for (unsigned i = 2; i <= kLastComponent; ++i) {
        if (!((loaded >> i) & 1))
            continue;
        const XsaveComponent& component = xsaveComponent(i);
        const uint32_t offset =
            compacted ? compactedOffset(layout & ~kCompacted, i) : component.offset;
        e.loadBytes(address + offset, image + component.offset, component.sizeBytes, tlbMode);
    }
    if (loaded & kXcr0X87)
        copyX87In(e, image, wideForm(e));
    else if (initialised & kXcr0X87)
        initX87(e.state);
    setMxcsr(e.state, newMxcsr);
    if (loaded & kXcr0Sse)
        std::memcpy(e.state.xsave + kXmm0, image + kXmm0, 16 * xmmCount(e));
    else if (initialised & kXcr0Sse)
        std::memset(e.state.xsave + kXmm0, 0, 16 * xmmCount(e));
    for (unsigned i = 2; i <= kLastComponent; ++i) {
        const XsaveComponent& component = xsaveComponent(i);
        if ((loaded >> i) & 1)
            std::memcpy(e.state.xsave + component.offset, image + component.offset,
                        component.sizeBytes);
        else if ((initialised >> i) & 1)
            std::memset(e.state.xsave + component.offset, 0, component.sizeBytes);
    }
    uint8_t* used = e.state.xsave + kXstateBv;
    storeLe<uint64_t>(used, (loadLe<uint64_t>(used) & ~initialised) | loaded | kXcr0Sse);
}

void xgetbv(Engine& e) {
    Engine::requireDefined(e.state.cr4 & kCr4Osxsave);
    const auto index = static_cast<uint32_t>(e.state.gpr[kRcx]);
    e.require(index == 0 || (index == 1 && e.features.has(feature::kXgetbv1)), kGeneralProtection,
              0);
    const uint64_t value = index == 0 ? e.state.xcr0 : e.state.xcr0 & inUse(e.state);
    e.setGpr(kRax, 4, value);
    e.setGpr(kRdx, 4, value >> 32);
}

void xsetbv(Engine& e) {
    Engine::requireDefined(e.state.cr4 & kCr4Osxsave);
    e.requirePrivilege0();
    const uint64_t value = e.gpr(kRax, 4) | (e.gpr(kRdx, 4) << 32);
    e.require((e.state.gpr[kRcx] & 0xFFFFFFFF) == 0 && (value & kXcr0X87) &&
                  (value & ~e.features.xcr0Mask()) == 0,
              kGeneralProtection, 0);
    // Intel SDM 1, 13.3: AVX needs SSE, the parts of AVX-512 need each other and AVX.
    const uint64_t avx512 = value & kXcr0Avx512;
    e.require(!(value & kXcr0Avx) || (value & kXcr0Sse), kGeneralProtection, 0);
    e.require(avx512 == 0 || (avx512 == kXcr0Avx512 && (value & kXcr0Avx)), kGeneralProtection, 0);
    e.state.xcr0 = value;
    e.modeChanged();
}

void requireSse(const Engine& e) {
    Engine::requireDefined(e.state.modeKey & mode::kSse);
    if (e.state.cr0 & kCr0Ts)
        Engine::raise(kDeviceNotAvailable);
}

void requireAvx(const Engine& e) {
    Engine::requireDefined(e.state.modeKey & mode::kAvx);
    if (e.state.cr0 & kCr0Ts)
        Engine::raise(kDeviceNotAvailable);
}

template <void (*check)(const Engine&)>
void ldmxcsr(Engine& e) {
    check(e);
    const uint64_t value = e.read(0);
    e.require((value & ~uint64_t{kMxcsrMask}) == 0, kGeneralProtection, 0);
    setMxcsr(e.state, static_cast<uint32_t>(value));
}

template <void (*check)(const Engine&)>
void stmxcsr(Engine& e) {
    check(e);
    e.write(0, mxcsr(e.state));
}

} // namespace

void addExtendedState(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_FXSAVE] = table[ZYDIS_MNEMONIC_FXSAVE64] = fxsave;
    table[ZYDIS_MNEMONIC_FXRSTOR] = table[ZYDIS_MNEMONIC_FXRSTOR64] = fxrstor;
    for (const ZydisMnemonic name : {ZYDIS_MNEMONIC_XSAVE, ZYDIS_MNEMONIC_XSAVE64,
                                     ZYDIS_MNEMONIC_XSAVEOPT, ZYDIS_MNEMONIC_XSAVEOPT64})
        table[name] = xsave<false>;
    for (const ZydisMnemonic name : {ZYDIS_MNEMONIC_XSAVEC, ZYDIS_MNEMONIC_XSAVEC64,
                                     ZYDIS_MNEMONIC_XSAVES, ZYDIS_MNEMONIC_XSAVES64})
        table[name] = xsave<true>;
    for (const ZydisMnemonic name : {ZYDIS_MNEMONIC_XRSTOR, ZYDIS_MNEMONIC_XRSTOR64,
                                     ZYDIS_MNEMONIC_XRSTORS, ZYDIS_MNEMONIC_XRSTORS64})
        table[name] = xrstor;
    table[ZYDIS_MNEMONIC_XGETBV] = xgetbv;
    table[ZYDIS_MNEMONIC_XSETBV] = xsetbv;
    table[ZYDIS_MNEMONIC_LDMXCSR] = ldmxcsr<requireSse>;
    table[ZYDIS_MNEMONIC_STMXCSR] = stmxcsr<requireSse>;
    table[ZYDIS_MNEMONIC_VLDMXCSR] = ldmxcsr<requireAvx>;
    table[ZYDIS_MNEMONIC_VSTMXCSR] = stmxcsr<requireAvx>;
}

} // namespace vivarium::softcpu
