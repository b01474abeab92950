#include "vmm/softcpu/interpreter/engine.h"

#include <Zydis/Zydis.h>

namespace vivarium::softcpu {

// The TSS I/O permission bitmap (Intel SDM 1, 19.5.2).
void Engine::checkIoPermission(uint16_t port, unsigned sizeBytes) {
    if (realMode() || (!vm86() && (state.modeKey & mode::kIoPrivileged)))
        return;
    constexpr unsigned kBitmapField = 102;
    const bool tss32 = (state.tr.attributes & kSegmentP) && (state.tr.attributes & 8);
    require(tss32 && state.tr.limit >= kBitmapField + 1, kGeneralProtection, 0);
    const uint64_t bitmap = loadSystem(state.tr.base + kBitmapField, 2);
    const uint64_t offset = bitmap + port / 8;
    // The processor reads two bytes, so both must be inside.
    require(offset + 1 <= state.tr.limit, kGeneralProtection, 0);
    const uint64_t bits = loadSystem(state.tr.base + offset, 2) >> (port % 8);
    require((bits & ((1u << sizeBytes) - 1)) == 0, kGeneralProtection, 0);
}

namespace {

uint16_t portOf(Engine& e, unsigned index) {
    return static_cast<uint16_t>(e.operand(index).kind == OperandKind::Immediate
                                     ? e.operand(index).immediate & 0xFF
                                     : static_cast<int64_t>(e.gpr(kRdx, 2)));
}

void in(Engine& e) {
    const uint16_t port = portOf(e, 1);
    e.checkIoPermission(port, e.size(0));
    e.noteIoBreakpoint(port, e.size(0));
    e.write(0, e.bus.in(port, e.size(0)));
}

void out(Engine& e) {
    const uint16_t port = portOf(e, 0);
    e.checkIoPermission(port, e.size(1));
    e.noteIoBreakpoint(port, e.size(1));
    e.bus.out(port, e.size(1), static_cast<uint32_t>(e.gpr(kRax, e.size(1))));
}

} // namespace

void addInputOutput(HandlerTable& table) {
    table[ZYDIS_MNEMONIC_IN] = in;
    table[ZYDIS_MNEMONIC_OUT] = out;
}

} // namespace vivarium::softcpu
