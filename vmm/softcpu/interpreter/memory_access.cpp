#include "vmm/softcpu/interpreter/engine.h"

namespace vivarium::softcpu {
namespace {

constexpr uint16_t kTypeWritable = 2, kTypeExpandDown = 4, kTypeCode = 8;

bool canonical(uint64_t address) {
    return static_cast<int64_t>(address << 16) >> 16 == static_cast<int64_t>(address);
}

// Type and limit checks outside 64-bit mode (Intel SDM 3A, 5.3 to 5.5).
bool accessAllowed(const SegmentRegister& segment, uint64_t offset, unsigned sizeBytes,
                   AccessKind kind, bool protectedMode) {
    const uint16_t type = segment.attributes & kSegmentType;
    if (protectedMode) {
        if (!(segment.attributes & kSegmentP))
            return false;
        if (kind == AccessKind::Write && ((type & kTypeCode) || !(type & kTypeWritable)))
            return false;
        if (kind == AccessKind::Read && (type & kTypeCode) && !(type & kTypeWritable))
            return false;
    }
    const uint64_t last = offset + sizeBytes - 1;
    if ((type & kTypeExpandDown) && !(type & kTypeCode)) {
        const uint64_t top = segment.attributes & kSegmentDb ? 0xFFFFFFFF : 0xFFFF;
        return offset > segment.limit && last <= top;
    }
    return last <= segment.limit;
}

} // namespace

uint64_t Engine::linear(unsigned segment, uint64_t offset, unsigned sizeBytes, AccessKind kind) {
    const SegmentRegister& reg = state.segment[segment];
    uint64_t address;
    if (is64()) {
        address = segment >= kFs ? reg.base + offset : offset;
        if (!canonical(address) || !canonical(address + sizeBytes - 1)) {
            if (segment == kSs)
                raise(kStackFault, stackErrorCode);
            raise(kGeneralProtection, 0);
        }
    } else {
        if (!accessAllowed(reg, offset, sizeBytes, kind, !realMode() && !vm86())) {
            if (segment == kSs)
                raise(kStackFault, stackErrorCode);
            raise(kGeneralProtection, 0);
        }
        address = (reg.base + offset) & 0xFFFFFFFF;
    }
    if ((state.modeKey & mode::kAlignmentCheck) && sizeBytes <= 8 &&
        (address & (sizeBytes - 1)) != 0 && (sizeBytes & (sizeBytes - 1)) == 0)
        raise(kAlignmentCheckVector, 0);
    if (state.modeKey & mode::kBreakpoints)
        noteDataBreakpoint(address, sizeBytes, kind);
    return address;
}

uint64_t Engine::effectiveOffset() const {
    const MemoryOperand& memory = instruction->memory;
    auto offset = static_cast<uint64_t>(memory.displacement);
    if (memory.base == kRipRegister)
        offset += state.rip + instruction->length;
    else if (memory.base != kNoRegister)
        offset += state.gpr[memory.base];
    if (memory.index != kNoRegister && !memory.vsib)
        offset += state.gpr[memory.index] * memory.scale;
    return offset & accessMask(memory.addressBytes);
}

uint64_t Engine::operandLinear(unsigned sizeBytes, AccessKind kind) {
    return linear(instruction->memory.segment, effectiveOffset(), sizeBytes, kind);
}

uint64_t Engine::load(uint64_t linearAddress, unsigned sizeBytes) {
    uint64_t value = 0;
    throwFault(mmu.read(linearAddress, &value, sizeBytes, dataTlbMode(state)));
    return value;
}

void Engine::store(uint64_t linearAddress, unsigned sizeBytes, uint64_t value) {
    throwFault(mmu.write(linearAddress, &value, sizeBytes, dataTlbMode(state)));
}

void Engine::loadBytes(uint64_t linearAddress, void* out, unsigned sizeBytes, TlbMode tlbMode) {
    throwFault(mmu.read(linearAddress, out, sizeBytes, tlbMode));
}

void Engine::storeBytes(uint64_t linearAddress, const void* in, unsigned sizeBytes,
                        TlbMode tlbMode) {
    throwFault(mmu.write(linearAddress, in, sizeBytes, tlbMode));
}

uint64_t Engine::loadSystem(uint64_t linearAddress, unsigned sizeBytes) {
    uint64_t value = 0;
    loadBytes(linearAddress, &value, sizeBytes, TlbMode::Supervisor);
    return value;
}

void Engine::storeSystem(uint64_t linearAddress, unsigned sizeBytes, uint64_t value) {
    storeBytes(linearAddress, &value, sizeBytes, TlbMode::Supervisor);
}

// Breakpoint registers (Intel SDM 3B, 17.2): R/W 0 execute, 1 write, 2 I/O, 3 read or write.
namespace {

struct Breakpoint {
    uint64_t address;
    unsigned sizeBytes;
    unsigned kind;
    bool enabled;
};

Breakpoint breakpoint(const CpuState& state, unsigned number) {
    static constexpr unsigned kSizes[4] = {1, 2, 8, 4};
    const uint64_t control = state.dr[7];
    const unsigned sizeBytes = kSizes[(control >> (18 + 4 * number)) & 3];
    return {.address = state.dr[number] & ~uint64_t{sizeBytes - 1},
            .sizeBytes = sizeBytes,
            .kind = static_cast<unsigned>((control >> (16 + 4 * number)) & 3),
            .enabled = ((control >> (2 * number)) & 3) != 0};
}

} // namespace

void Engine::noteDataBreakpoint(uint64_t linearAddress, unsigned sizeBytes, AccessKind kind) {
    for (unsigned i = 0; i < 4; ++i) {
        const Breakpoint point = breakpoint(state, i);
        const bool kindFits = point.kind == 3 || (point.kind == 1 && kind == AccessKind::Write);
        if (point.enabled && kindFits && linearAddress < point.address + point.sizeBytes &&
            point.address < linearAddress + sizeBytes)
            state.pendingDebug |= uint64_t{1} << i;
    }
}

void Engine::noteIoBreakpoint(uint16_t port, unsigned sizeBytes) {
    if (!(state.cr4 & kCr4De))
        return;
    for (unsigned i = 0; i < 4; ++i) {
        const Breakpoint point = breakpoint(state, i);
        if (point.enabled && point.kind == 2 && port < point.address + point.sizeBytes &&
            point.address < uint64_t{port} + sizeBytes)
            state.pendingDebug |= uint64_t{1} << i;
    }
}

void Engine::checkInstructionBreakpoint() {
    if (state.rflags & kFlagRf)
        return;
    uint64_t address = state.rip;
    if (!is64())
        address = (address + state.segment[kCs].base) & 0xFFFFFFFF;
    uint64_t hits = 0;
    for (unsigned i = 0; i < 4; ++i) {
        const Breakpoint point = breakpoint(state, i);
        if (point.enabled && point.kind == 0 && state.dr[i] == address)
            hits |= uint64_t{1} << i;
    }
    if (hits != 0)
        throw GuestException{.vector = kDebugException, .debugStatus = hits};
}

// --- stack

unsigned Engine::stackAddressBytes() const {
    if (is64())
        return 8;
    return state.modeKey & mode::kStack32 ? 4 : 2;
}

void Engine::push(uint64_t value, unsigned sizeBytes) {
    const unsigned addressBytes = stackAddressBytes();
    const uint64_t top = (state.gpr[kRsp] - sizeBytes) & accessMask(addressBytes);
    store(linear(kSs, top, sizeBytes, AccessKind::Write), sizeBytes, value);
    setGpr(kRsp, addressBytes, top);
}

uint64_t Engine::peek(uint64_t offset, unsigned sizeBytes) {
    const uint64_t top = (state.gpr[kRsp] + offset) & accessMask(stackAddressBytes());
    return readMemory(kSs, top, sizeBytes);
}

void Engine::releaseStack(uint64_t bytes) {
    setGpr(kRsp, stackAddressBytes(), state.gpr[kRsp] + bytes);
}

uint64_t Engine::pop(unsigned sizeBytes) {
    const uint64_t value = peek(0, sizeBytes);
    releaseStack(sizeBytes);
    return value;
}

} // namespace vivarium::softcpu
