#include "vmm/softcpu/interpreter/engine.h"
#include "vmm/softcpu/interpreter/masked_operand.h"
#include "vmm/softcpu/interpreter/xsave_area.h"

#include <Zydis/Zydis.h>

#include <cstring>

namespace vivarium::softcpu {
namespace {

enum class Unit { None, X87, Mmx, Sse, Avx, Avx512 };

bool comparesIntoFlags(uint16_t mnemonic) {
    return mnemonic == ZYDIS_MNEMONIC_FCOMI || mnemonic == ZYDIS_MNEMONIC_FCOMIP ||
           mnemonic == ZYDIS_MNEMONIC_FUCOMI || mnemonic == ZYDIS_MNEMONIC_FUCOMIP;
}

Unit unitOf(const Instruction& instruction) {
    const auto isaSet = static_cast<ZydisISASet>(instruction.isaSet);
    switch (isaSet) {
    case ZYDIS_ISA_SET_X87:
    case ZYDIS_ISA_SET_FCMOV:
        return Unit::X87;
    case ZYDIS_ISA_SET_SSE3:
    case ZYDIS_ISA_SET_SSE3X87: // FISTTP is in either, depending on the decoder
        return instruction.mnemonic == ZYDIS_MNEMONIC_FISTTP ? Unit::X87 : Unit::Sse;
    case ZYDIS_ISA_SET_PPRO:
        return comparesIntoFlags(instruction.mnemonic) ? Unit::X87 : Unit::None;
    case ZYDIS_ISA_SET_PENTIUMMMX:
    case ZYDIS_ISA_SET_SSE2MMX:
    case ZYDIS_ISA_SET_SSSE3MMX:
        return Unit::Mmx;
    case ZYDIS_ISA_SET_SSE: // of its instructions on MMX registers alone, this one is not elsewhere
        return instruction.mnemonic == ZYDIS_MNEMONIC_PMOVMSKB ? Unit::Mmx : Unit::Sse;
    case ZYDIS_ISA_SET_SSE2:
    case ZYDIS_ISA_SET_SSSE3:
    case ZYDIS_ISA_SET_SSE4:
    case ZYDIS_ISA_SET_SSE42:
    case ZYDIS_ISA_SET_SSE4A:
    case ZYDIS_ISA_SET_AES:
    case ZYDIS_ISA_SET_PCLMULQDQ:
    case ZYDIS_ISA_SET_SHA:
    case ZYDIS_ISA_SET_GFNI:
        return Unit::Sse;
    case ZYDIS_ISA_SET_AVX:
    case ZYDIS_ISA_SET_AVXAES:
    case ZYDIS_ISA_SET_AVX2:
    case ZYDIS_ISA_SET_AVX2GATHER:
    case ZYDIS_ISA_SET_AVX_GFNI:
    case ZYDIS_ISA_SET_AVX_VNNI:
    case ZYDIS_ISA_SET_FMA:
    case ZYDIS_ISA_SET_F16C:
    case ZYDIS_ISA_SET_VAES:
    case ZYDIS_ISA_SET_VPCLMULQDQ:
        return Unit::Avx;
    default:
        break;
    }
    if (isaSet >= ZYDIS_ISA_SET_AVX512BW_128 && isaSet <= ZYDIS_ISA_SET_AVX512_VPOPCNTDQ_512)
        return Unit::Avx512;
    return Unit::None;
}

// SSE instructions between MMX and XMM registers or memory also touch the x87 state.
bool touchesMmx(const Instruction& instruction) {
    switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_CVTPI2PS:
    case ZYDIS_MNEMONIC_CVTPS2PI:
    case ZYDIS_MNEMONIC_CVTTPS2PI:
    case ZYDIS_MNEMONIC_CVTPI2PD:
    case ZYDIS_MNEMONIC_CVTPD2PI:
    case ZYDIS_MNEMONIC_CVTTPD2PI:
    case ZYDIS_MNEMONIC_MOVQ2DQ:
    case ZYDIS_MNEMONIC_MOVDQ2Q:
        return true;
    default:
        return false;
    }
}

// x87 instructions that do not wait for pending exceptions (Intel SDM 1, 8.6).
bool nonWaiting(uint16_t mnemonic) {
    switch (mnemonic) {
    case ZYDIS_MNEMONIC_FNINIT:
    case ZYDIS_MNEMONIC_FNCLEX:
    case ZYDIS_MNEMONIC_FNSTSW:
    case ZYDIS_MNEMONIC_FNSTCW:
    case ZYDIS_MNEMONIC_FNSTENV:
    case ZYDIS_MNEMONIC_FNSAVE:
    case ZYDIS_MNEMONIC_FDISI8087_NOP:
    case ZYDIS_MNEMONIC_FENI8087_NOP:
    case ZYDIS_MNEMONIC_FSETPM287_NOP:
        return true;
    default:
        return false;
    }
}

// Control instructions leave the last instruction's address alone.
bool x87Control(uint16_t mnemonic) {
    return nonWaiting(mnemonic) || mnemonic == ZYDIS_MNEMONIC_FLDCW ||
           mnemonic == ZYDIS_MNEMONIC_FLDENV || mnemonic == ZYDIS_MNEMONIC_FRSTOR ||
           mnemonic == ZYDIS_MNEMONIC_FWAIT;
}

constexpr uint16_t kFswFlags = 0x3F, kFswBusy = 0x8000;

// An unmasked x87 exception waits. The flags decide, too: a loaded status may lack the summary bit,
// which the host then works out for itself.
bool pendingX87(const CpuState& state) {
    const auto status = loadLe<uint16_t>(state.xsave + kFsw);
    const auto control = loadLe<uint16_t>(state.xsave + kFcw);
    return (status & kFswPending) || (status & ~control & kFswFlags) != 0;
}

bool exceptionsUnmasked(const CpuState& state) {
    return (loadLe<uint16_t>(state.xsave + kFcw) & kFswFlags) != kFswFlags;
}

// A waiting instruction meets an unmasked x87 exception.
void checkPendingX87(Engine& e) {
    if (!pendingX87(e.state))
        return;
    if (e.state.cr0 & kCr0Ne)
        Engine::raise(kMathFault);
    // FERR#: the interrupt comes by the controller; the instruction itself goes on.
    e.platform.fpuError();
}

void checkUnit(Engine& e, Unit unit) {
    const CpuState& state = e.state;
    const bool emulated = state.cr0 & kCr0Em, switched = state.cr0 & kCr0Ts;
    switch (unit) {
    case Unit::None:
        Engine::raise(kInvalidOpcode);
    case Unit::X87:
        if (emulated || switched)
            Engine::raise(kDeviceNotAvailable);
        return;
    case Unit::Mmx:
        Engine::requireDefined(!emulated);
        break;
    case Unit::Sse:
        Engine::requireDefined(state.modeKey & mode::kSse);
        break;
    case Unit::Avx:
        Engine::requireDefined(state.modeKey & mode::kAvx);
        break;
    case Unit::Avx512:
        Engine::requireDefined(state.modeKey & mode::kAvx512);
        break;
    }
    if (switched)
        Engine::raise(kDeviceNotAvailable);
}

// Whether the memory operand must be aligned to its size (Intel SDM 2A, 2.4 exception classes).
bool needsAlignment(const Instruction& instruction, Unit unit, const CpuFeatures& features) {
    const unsigned bytes = instruction.operand[instruction.memoryIndex].sizeBytes;
    if (bytes < 16 || unit == Unit::X87)
        return false;
    if (instruction.isaSet == ZYDIS_ISA_SET_SHA && features.amd())
        return false; // as seen; their manuals are silent

    switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_MOVUPS:
    case ZYDIS_MNEMONIC_MOVUPD:
    case ZYDIS_MNEMONIC_MOVDQU:
    case ZYDIS_MNEMONIC_LDDQU:
    case ZYDIS_MNEMONIC_PCMPESTRI:
    case ZYDIS_MNEMONIC_PCMPESTRM:
    case ZYDIS_MNEMONIC_PCMPISTRI:
    case ZYDIS_MNEMONIC_PCMPISTRM:
        return false;
    case ZYDIS_MNEMONIC_VMOVAPS:
    case ZYDIS_MNEMONIC_VMOVAPD:
    case ZYDIS_MNEMONIC_VMOVDQA:
    case ZYDIS_MNEMONIC_VMOVDQA32:
    case ZYDIS_MNEMONIC_VMOVDQA64:
    case ZYDIS_MNEMONIC_VMOVNTPS:
    case ZYDIS_MNEMONIC_VMOVNTPD:
    case ZYDIS_MNEMONIC_VMOVNTDQ:
    case ZYDIS_MNEMONIC_VMOVNTDQA:
        return true;
    default:
        return instruction.encoding == Encoding::Legacy;
    }
}

// The image that FNSTENV and FNSAVE stored holds the host's addresses: put in the guest's.
void patchEnvironment(Engine& e) {
    const uint8_t* area = e.state.xsave;
    uint8_t* image = e.native.operand();
    const auto ip = loadLe<uint64_t>(area + kFip), dp = loadLe<uint64_t>(area + kFdp);
    const auto opcode = loadLe<uint16_t>(area + kFop);
    if (e.instruction->operandBytes == 2) {
        storeLe<uint16_t>(image + 6, static_cast<uint16_t>(ip));
        storeLe<uint16_t>(image + 8, 0);
        storeLe<uint16_t>(image + 10, static_cast<uint16_t>(dp));
        storeLe<uint16_t>(image + 12, 0);
        return;
    }
    storeLe<uint32_t>(image + 12, static_cast<uint32_t>(ip));
    storeLe<uint32_t>(image + 16, static_cast<uint32_t>(opcode & 0x7FF) << 16);
    storeLe<uint32_t>(image + 20, static_cast<uint32_t>(dp));
    storeLe<uint32_t>(image + 24, 0xFFFF0000);
}

// While it lives, an exception that FERR# has reported cannot reach the host.
class HiddenX87Exception {
public:
    HiddenX87Exception(CpuState& state, bool waiting)
        : m_status(state.xsave + kFsw), m_hidden(waiting && pendingX87(state)) {
        constexpr uint16_t kHidden = kFswBusy | kFswPending | kFswFlags;
        const auto status = loadLe<uint16_t>(m_status);
        m_bits = status & kHidden;
        if (m_hidden)
            storeLe<uint16_t>(m_status, status & static_cast<uint16_t>(~kHidden));
    }
    ~HiddenX87Exception() {
        if (m_hidden)
            storeLe<uint16_t>(m_status, loadLe<uint16_t>(m_status) | m_bits);
    }
    HiddenX87Exception(const HiddenX87Exception&) = delete;
    HiddenX87Exception& operator=(const HiddenX87Exception&) = delete;

private:
    uint8_t* m_status;
    uint16_t m_bits = 0;
    bool m_hidden;
};

struct X87Pointers {
    uint64_t ip, dp;
    uint16_t opcode;
};

X87Pointers pointers(const CpuState& state) {
    return {loadLe<uint64_t>(state.xsave + kFip), loadLe<uint64_t>(state.xsave + kFdp),
            loadLe<uint16_t>(state.xsave + kFop)};
}

void setPointers(CpuState& state, const X87Pointers& value) {
    storeLe<uint64_t>(state.xsave + kFip, value.ip);
    storeLe<uint64_t>(state.xsave + kFdp, value.dp);
    storeLe<uint16_t>(state.xsave + kFop, value.opcode);
}

void runX87(Engine& e, uint64_t operandAddress) {
    const uint16_t mnemonic = e.instruction->mnemonic;
    X87Pointers last = pointers(e.state);
    const bool mmx = e.instruction->opcodeMap != 0;
    if (!mmx && !x87Control(mnemonic)) {
        last.ip = e.state.rip;
        if (e.instruction->memoryIndex < Instruction::kMaxOperands)
            last.dp = operandAddress;
        last.opcode =
            static_cast<uint16_t>((e.instruction->opcode & 7) << 8 | e.instruction->modrm);
    }
    Engine::requireDefined(e.native.run(e.state, *e.instruction));
    if (mnemonic == ZYDIS_MNEMONIC_FNSTENV || mnemonic == ZYDIS_MNEMONIC_FNSAVE) {
        setPointers(e.state, last); // AMD's XSAVE drops them when no exception waits
        patchEnvironment(e);
    }
    if (mnemonic == ZYDIS_MNEMONIC_FNINIT || mnemonic == ZYDIS_MNEMONIC_FNSAVE)
        last = {};
    if (mnemonic == ZYDIS_MNEMONIC_FLDENV || mnemonic == ZYDIS_MNEMONIC_FRSTOR) {
        const uint8_t* image = e.native.operand();
        const bool small = e.instruction->operandBytes == 2;
        last.ip = small ? loadLe<uint16_t>(image + 6) : loadLe<uint32_t>(image + 12);
        last.dp = small ? loadLe<uint16_t>(image + 10) : loadLe<uint32_t>(image + 20);
        last.opcode = small ? uint16_t{0} : loadLe<uint16_t>(image + 18) & 0x7FF;
    }
    setPointers(e.state, last);
}

// Runs with every SIMD exception masked and then does what an unmasked one would have done: no
// result, flags set, #XM (Intel SDM 1, 11.5).
void runSimd(Engine& e) {
    constexpr uint32_t kFlags = 0x3F, kMasks = 0x1F80, kPreComputation = 7;
    const X87Pointers last = pointers(e.state);
    const uint32_t guest = mxcsr(e.state);
    const bool unmasked = (guest & kMasks) != kMasks;
    alignas(64) uint8_t before[kXsaveBytes];
    uint64_t gprBefore[16];
    if (unmasked) {
        std::memcpy(before, e.state.xsave, sizeof before);
        std::memcpy(gprBefore, e.state.gpr, sizeof gprBefore);
    }
    setMxcsr(e.state, (guest | kMasks) & ~kFlags);
    if (!e.native.run(e.state, *e.instruction)) {
        setMxcsr(e.state, guest);
        setPointers(e.state, last);
        Engine::raise(kInvalidOpcode);
    }
    uint32_t raised = mxcsr(e.state) & kFlags;
    const uint32_t caught = raised & ~((guest >> 7) & kFlags);
    if (caught != 0) {
        // The x87 registers have become MMX registers all the same, as seen.
        const auto status = loadLe<uint16_t>(e.state.xsave + kFsw);
        const uint8_t tags = e.state.xsave[kFtw];
        std::memcpy(e.state.xsave, before, sizeof before);
        if (touchesMmx(*e.instruction)) {
            storeLe<uint16_t>(e.state.xsave + kFsw, status);
            e.state.xsave[kFtw] = tags;
        }
        std::memcpy(e.state.gpr, gprBefore, sizeof gprBefore);
        if (caught & kPreComputation)
            raised &= kPreComputation;
        setMxcsr(e.state, guest | raised);
        Engine::raise(e.state.cr4 & kCr4Osxmmexcpt ? kSimdException : kInvalidOpcode);
    }
    setMxcsr(e.state, guest | raised);
    setPointers(e.state, last);
}

// An EVEX instruction whose opmask decides what of its memory operand is accessed.
void executeMasked(Engine& e, Unit unit) {
    const Instruction& instruction = *e.instruction;
    const Operand& operand = instruction.operand[instruction.memoryIndex];
    if (needsAlignment(instruction, unit, e.features)) {
        const unsigned segment = instruction.memory.segment;
        const uint64_t base = e.is64() && segment < kFs ? 0 : e.state.segment[segment].base;
        e.require((base + e.effectiveOffset()) % operand.sizeBytes == 0, kGeneralProtection, 0);
    }
    MaskedOperand parts(e, operand.written ? AccessKind::Write : AccessKind::Read);
    std::memset(e.native.operand(), 0, operand.sizeBytes);
    if (operand.written)
        parts.probeWrite();
    else
        parts.load(e.native.operand());
    runSimd(e);
    if (operand.written)
        parts.store(e.native.operand());
}

} // namespace

bool isNativeInstruction(const Instruction& instruction) {
    return unitOf(instruction) != Unit::None && !instruction.memory.vsib;
}

void checkVectorUnit(Engine& e) {
    checkUnit(e, unitOf(*e.instruction));
}

void executeNative(Engine& e) {
    const Instruction& instruction = *e.instruction;
    const Unit unit = unitOf(instruction);
    if (instruction.mnemonic == ZYDIS_MNEMONIC_FWAIT) { // TS counts only with MP
        if ((e.state.cr0 & kCr0Mp) && (e.state.cr0 & kCr0Ts))
            Engine::raise(kDeviceNotAvailable);
        return checkPendingX87(e);
    }
    checkUnit(e, unit);
    const bool mmx = unit == Unit::Mmx || touchesMmx(instruction);
    const bool waiting = mmx || (unit == Unit::X87 && !nonWaiting(instruction.mnemonic));
    if (waiting)
        checkPendingX87(e);

    if (instruction.maskRegister != 0 && instruction.masked.masking != Masking::None)
        return executeMasked(e, unit);
    uint64_t address = 0;
    const bool memory = instruction.memoryIndex < Instruction::kMaxOperands;
    const Operand* operand = memory ? &instruction.operand[instruction.memoryIndex] : nullptr;
    const TlbMode tlbMode = dataTlbMode(e.state);
    if (memory) {
        Engine::requireDefined(operand->sizeBytes > 0 &&
                               operand->sizeBytes <= NativeUnit::kOperandBytes);
        address = e.operandLinear(operand->sizeBytes,
                                  operand->written ? AccessKind::Write : AccessKind::Read);
        if (needsAlignment(instruction, unit, e.features))
            e.require(address % operand->sizeBytes == 0, kGeneralProtection, 0);
        if (operand->written)
            Engine::throwFault(e.mmu.probeWrite(address, operand->sizeBytes, tlbMode));
        // Also where it is only written: a masked store, or one with an unmasked x87 exception,
        // leaves bytes as they were.
        if (operand->read || instruction.encoding == Encoding::Evex ||
            (unit == Unit::X87 && exceptionsUnmasked(e.state)))
            e.loadBytes(address, e.native.operand(), operand->sizeBytes, tlbMode);
    }
    {
        const HiddenX87Exception hidden(e.state, waiting);
        if (unit == Unit::X87 || unit == Unit::Mmx)
            runX87(e, address);
        else
            runSimd(e);
    }
    if (memory && operand->written)
        e.storeBytes(address, e.native.operand(), operand->sizeBytes, tlbMode);
}

} // namespace vivarium::softcpu
