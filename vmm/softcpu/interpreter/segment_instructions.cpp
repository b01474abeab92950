#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {
namespace {

// LDS, LES, LFS, LGS, LSS
template <unsigned segment>
void loadFarPointer(Engine& e) {
    const unsigned bytes = e.instruction->operandBytes;
    const uint64_t address = e.operandLinear(bytes + 2, AccessKind::Read);
    uint8_t raw[10] = {};
    e.loadBytes(address, raw, bytes + 2, dataTlbMode(e.state));
    e.loadSegment(segment, loadLe<uint16_t>(raw + bytes));
    e.setGpr(e.operand(0).reg, bytes, loadLe<uint64_t>(raw));
}

void requireProtected(const Engine& e) {
    Engine::requireDefined(!e.realMode() && !e.vm86());
}

// The descriptor that LAR, LSL, VERR and VERW may look at; nullopt clears ZF.
std::optional<Descriptor> visible(Engine& e, uint16_t selector, uint32_t systemTypes) {
    if ((selector & 0xFFFC) == 0)
        return std::nullopt;
    auto found = e.findDescriptor(selector);
    if (!found)
        return std::nullopt;
    if (found->system() && !((systemTypes >> found->type()) & 1))
        return std::nullopt;
    const bool checked = !found->isCode() || !found->conforming();
    if (checked && (found->dpl() < cpl(e.state) || found->dpl() < (selector & 3u)))
        return std::nullopt;
    return found;
}

// Descriptor types that are valid for the instruction (Intel SDM 2A, LAR and LSL).
uint32_t systemTypes(const Engine& e, bool gates) {
    if (longModeActive(e.state))
        return 1u << 2 | 1u << 9 | 1u << 0xB | (gates ? 1u << 0xC : 0);
    const uint32_t segments = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 9 | 1u << 0xB;
    return segments | (gates ? 1u << 4 | 1u << 5 | 1u << 0xC : 0);
}

void lar(Engine& e) {
    requireProtected(e);
    const auto found = visible(e, static_cast<uint16_t>(e.read(1)), systemTypes(e, true));
    e.setFlag(kFlagZf, found.has_value());
    if (found)
        e.write(0, (found->raw >> 32) & 0x00FFFF00);
}

void lsl(Engine& e) {
    requireProtected(e);
    const auto found = visible(e, static_cast<uint16_t>(e.read(1)), systemTypes(e, false));
    e.setFlag(kFlagZf, found.has_value());
    if (found)
        e.write(0, found->limit());
}

void verr(Engine& e) {
    requireProtected(e);
    const auto found = visible(e, static_cast<uint16_t>(e.read(0)), 0);
    e.setFlag(kFlagZf, found && (!found->isCode() || (found->type() & 2)));
}

void verw(Engine& e) {
    requireProtected(e);
    const auto found = visible(e, static_cast<uint16_t>(e.read(0)), 0);
    e.setFlag(kFlagZf, found && !found->isCode() && (found->type() & 2));
}

void arpl(Engine& e) {
    requireProtected(e);
    const uint64_t rpl = e.read(1) & 3;
    bool raised = false;
    e.modify(0, [&](uint64_t selector) {
        raised = (selector & 3) < rpl;
        return raised ? (selector & ~uint64_t{3}) | rpl : selector;
    });
    e.setFlag(kFlagZf, raised);
}

// User-mode instruction prevention (Intel SDM 3A, 2.5).
void checkUmip(const Engine& e) {
    e.require(!(e.state.cr4 & kCr4Umip) || cpl(e.state) == 0, kGeneralProtection, 0);
}

void sldt(Engine& e) {
    requireProtected(e);
    checkUmip(e);
    e.write(0, e.state.ldtr.selector);
}

void str(Engine& e) {
    requireProtected(e);
    checkUmip(e);
    e.write(0, e.state.tr.selector);
}

void lldt(Engine& e) {
    requireProtected(e);
    e.requirePrivilege0();
    e.loadLdt(static_cast<uint16_t>(e.read(0)));
}

void ltr(Engine& e) {
    requireProtected(e);
    e.requirePrivilege0();
    e.loadTaskRegister(static_cast<uint16_t>(e.read(0)));
}

template <DescriptorTable CpuState::*table>
void storeTable(Engine& e) {
    checkUmip(e);
    const unsigned baseBytes = e.is64() ? 8 : 4;
    const uint64_t address = e.operandLinear(2 + baseBytes, AccessKind::Write);
    uint8_t raw[10];
    storeLe<uint16_t>(raw, (e.state.*table).limit);
    storeLe<uint64_t>(raw + 2, (e.state.*table).base);
    e.storeBytes(address, raw, 2 + baseBytes, dataTlbMode(e.state));
}

template <DescriptorTable CpuState::*table>
void loadTable(Engine& e) {
    e.requirePrivilege0();
    const unsigned baseBytes = e.is64() ? 8 : 4;
    const uint64_t address = e.operandLinear(2 + baseBytes, AccessKind::Read);
    uint8_t raw[10] = {};
    e.loadBytes(address, raw, 2 + baseBytes, dataTlbMode(e.state));
    uint64_t base = loadLe<uint64_t>(raw + 2);
    const bool canonical = static_cast<int64_t>(base << 16) >> 16 == static_cast<int64_t>(base);
    e.require(canonical, kGeneralProtection, 0);
    if (!e.is64() && e.instruction->operandBytes == 2)
        base &= 0xFFFFFF; // Intel SDM 2A, LGDT: 24 bits with a 16-bit operand
    e.state.*table = {.base = base, .limit = loadLe<uint16_t>(raw)};
}

} // namespace

void addSegmentInstructions(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_LES] = loadFarPointer<kEs>;
    table[ZYDIS_MNEMONIC_LDS] = loadFarPointer<kDs>;
    table[ZYDIS_MNEMONIC_LSS] = loadFarPointer<kSs>;
    table[ZYDIS_MNEMONIC_LFS] = loadFarPointer<kFs>;
    table[ZYDIS_MNEMONIC_LGS] = loadFarPointer<kGs>;
    table[ZYDIS_MNEMONIC_LAR] = lar;
    table[ZYDIS_MNEMONIC_LSL] = lsl;
    table[ZYDIS_MNEMONIC_VERR] = verr;
    table[ZYDIS_MNEMONIC_VERW] = verw;
    table[ZYDIS_MNEMONIC_ARPL] = arpl;
    table[ZYDIS_MNEMONIC_SLDT] = sldt;
    table[ZYDIS_MNEMONIC_STR] = str;
    table[ZYDIS_MNEMONIC_LLDT] = lldt;
    table[ZYDIS_MNEMONIC_LTR] = ltr;
    table[ZYDIS_MNEMONIC_SGDT] = storeTable<&CpuState::gdtr>;
    table[ZYDIS_MNEMONIC_SIDT] = storeTable<&CpuState::idtr>;
    table[ZYDIS_MNEMONIC_LGDT] = loadTable<&CpuState::gdtr>;
    table[ZYDIS_MNEMONIC_LIDT] = loadTable<&CpuState::idtr>;
}

} // namespace vivarium::softcpu
