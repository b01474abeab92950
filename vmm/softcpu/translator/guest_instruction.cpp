#include "vmm/softcpu/translator/guest_instruction.h"

#include "vmm/softcpu/cpu_state.h"

namespace vivarium::softcpu {

namespace {

struct Decoders {
    ZydisDecoder bits16, bits32, bits64;
    Decoders() {
        ZydisDecoderInit(&bits16, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16);
        ZydisDecoderInit(&bits32, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
        ZydisDecoderInit(&bits64, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    }
};

const ZydisDecoder& decoderFor(uint32_t modeKey) {
    static const Decoders decoders;
    switch (modeKey & mode::kCodeSize) {
    case mode::kCode16:
        return decoders.bits16;
    case mode::kCode32:
        return decoders.bits32;
    default:
        return decoders.bits64;
    }
}

bool simdRegister(ZydisRegister reg) {
    switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_X87:
    case ZYDIS_REGCLASS_MMX:
    case ZYDIS_REGCLASS_XMM:
    case ZYDIS_REGCLASS_YMM:
        return true;
    default:
        return reg == ZYDIS_REGISTER_MXCSR || reg == ZYDIS_REGISTER_X87CONTROL ||
               reg == ZYDIS_REGISTER_X87STATUS || reg == ZYDIS_REGISTER_X87TAG;
    }
}

bool simdCategory(ZydisInstructionCategory category) {
    switch (category) {
    case ZYDIS_CATEGORY_MMX:
    case ZYDIS_CATEGORY_SSE:
    case ZYDIS_CATEGORY_AVX:
    case ZYDIS_CATEGORY_AVX2:
    case ZYDIS_CATEGORY_X87_ALU:
    case ZYDIS_CATEGORY_FCMOV:
        return true;
    default:
        return false;
    }
}

// Instructions of these categories do the same in the host's user mode as in the guest, as long as
// their operands are general registers, vector registers and one memory operand.
bool copyableCategory(ZydisInstructionCategory category) {
    switch (category) {
    case ZYDIS_CATEGORY_ADOX_ADCX:
    case ZYDIS_CATEGORY_AES:
    case ZYDIS_CATEGORY_AVX:
    case ZYDIS_CATEGORY_AVX2:
    case ZYDIS_CATEGORY_BINARY:
    case ZYDIS_CATEGORY_BITBYTE:
    case ZYDIS_CATEGORY_BLEND:
    case ZYDIS_CATEGORY_BMI1:
    case ZYDIS_CATEGORY_BMI2:
    case ZYDIS_CATEGORY_BROADCAST:
    case ZYDIS_CATEGORY_CMOV:
    case ZYDIS_CATEGORY_CONVERT:
    case ZYDIS_CATEGORY_DATAXFER:
    case ZYDIS_CATEGORY_FCMOV:
    case ZYDIS_CATEGORY_FLAGOP:
    case ZYDIS_CATEGORY_LOGICAL:
    case ZYDIS_CATEGORY_LOGICAL_FP:
    case ZYDIS_CATEGORY_LZCNT:
    case ZYDIS_CATEGORY_MMX:
    case ZYDIS_CATEGORY_PCLMULQDQ:
    case ZYDIS_CATEGORY_ROTATE:
    case ZYDIS_CATEGORY_SEMAPHORE:
    case ZYDIS_CATEGORY_SETCC:
    case ZYDIS_CATEGORY_SHA:
    case ZYDIS_CATEGORY_SHIFT:
    case ZYDIS_CATEGORY_SSE:
    case ZYDIS_CATEGORY_STTNI:
    case ZYDIS_CATEGORY_VAES:
    case ZYDIS_CATEGORY_VFMA:
    case ZYDIS_CATEGORY_VPCLMULQDQ:
    case ZYDIS_CATEGORY_X87_ALU:
        return true;
    default:
        return false;
    }
}

// Exceptions to the categories: what reads or changes state beyond the registers that the host
// holds for the guest, or addresses memory in a way of its own.
bool copyableMnemonic(ZydisMnemonic mnemonic) {
    switch (mnemonic) {
    case ZYDIS_MNEMONIC_CLD:
    case ZYDIS_MNEMONIC_STD:
    case ZYDIS_MNEMONIC_CLI:
    case ZYDIS_MNEMONIC_STI:
    case ZYDIS_MNEMONIC_CLAC:
    case ZYDIS_MNEMONIC_STAC:
    case ZYDIS_MNEMONIC_FLDENV:
    case ZYDIS_MNEMONIC_FNSTENV:
    case ZYDIS_MNEMONIC_FNSAVE:
    case ZYDIS_MNEMONIC_FRSTOR:
    case ZYDIS_MNEMONIC_FWAIT:
    case ZYDIS_MNEMONIC_FXSAVE:
    case ZYDIS_MNEMONIC_FXRSTOR:
    case ZYDIS_MNEMONIC_FXSAVE64:
    case ZYDIS_MNEMONIC_FXRSTOR64:
    case ZYDIS_MNEMONIC_FDISI8087_NOP:
    case ZYDIS_MNEMONIC_FENI8087_NOP:
    case ZYDIS_MNEMONIC_FSETPM287_NOP:
    case ZYDIS_MNEMONIC_SALC: // not there in the host's 64-bit mode
    case ZYDIS_MNEMONIC_MASKMOVQ:
    case ZYDIS_MNEMONIC_MASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVDQU:
    case ZYDIS_MNEMONIC_XLAT:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
        return false;
    default:
        return true;
    }
}

bool fence(ZydisMnemonic mnemonic) {
    return mnemonic == ZYDIS_MNEMONIC_MFENCE || mnemonic == ZYDIS_MNEMONIC_LFENCE ||
           mnemonic == ZYDIS_MNEMONIC_SFENCE;
}

bool bitString(ZydisMnemonic mnemonic) {
    return mnemonic == ZYDIS_MNEMONIC_BT || mnemonic == ZYDIS_MNEMONIC_BTS ||
           mnemonic == ZYDIS_MNEMONIC_BTR || mnemonic == ZYDIS_MNEMONIC_BTC;
}

constexpr unsigned kMaxOperandBytes = 32;

bool copyableOperands(const GuestInstruction& instruction) {
    for (unsigned i = 0; i < instruction.info.operand_count; ++i) {
        const ZydisDecodedOperand& operand = instruction.operands[i];
        bool hidden = operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
        switch (operand.type) {
        case ZYDIS_OPERAND_TYPE_REGISTER: {
            ZydisRegister reg = operand.reg.value;
            if (isGpr(reg)) {
                if (hidden && gprOf(reg).number == kRsp)
                    return false;
                break;
            }
            if (ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_FLAGS || simdRegister(reg))
                break;
            return false;
        }
        case ZYDIS_OPERAND_TYPE_MEMORY:
            if (hidden || operand.mem.type != ZYDIS_MEMOP_TYPE_MEM ||
                operand.size / 8 > kMaxOperandBytes || operand.size == 0)
                return false;
            if (operand.mem.index != ZYDIS_REGISTER_NONE && !isGpr(operand.mem.index))
                return false;
            break;
        case ZYDIS_OPERAND_TYPE_IMMEDIATE:
            break;
        default:
            return false;
        }
    }
    return true;
}

// The mode lets the instruction use the state it works on; otherwise the interpreter finds the
// right exception (Intel SDM 2A, 2.4 to 2.5 and tables there).
bool stateEnabled(const GuestInstruction& instruction) {
    const ZydisDecodedInstruction& info = instruction.info;
    uint32_t key = instruction.modeKey;
    bool vex = info.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX;
    if (vex && ((key & mode::kProtected) == 0 || (key & mode::kVm86) != 0))
        return false;
    if (!usesSimd(instruction))
        return true;
    if (key & mode::kFpuBlocked)
        return false;
    if (vex)
        return (key & mode::kAvx) != 0;
    bool legacyFpu = info.meta.category == ZYDIS_CATEGORY_X87_ALU ||
                     info.meta.category == ZYDIS_CATEGORY_FCMOV ||
                     info.meta.category == ZYDIS_CATEGORY_MMX;
    return legacyFpu || (key & mode::kSse) != 0;
}

bool copyable(const GuestInstruction& instruction) {
    const ZydisDecodedInstruction& info = instruction.info;
    bool encodable = info.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX ||
                     (info.encoding == ZYDIS_INSTRUCTION_ENCODING_LEGACY &&
                      info.opcode_map <= ZYDIS_OPCODE_MAP_0F3A);
    if (!encodable || (info.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) ||
        !(copyableCategory(info.meta.category) || fence(info.mnemonic)) ||
        !copyableMnemonic(info.mnemonic))
        return false;
    return copyableOperands(instruction) && stateEnabled(instruction);
}

bool flagsMnemonic(ZydisMnemonic mnemonic) {
    switch (mnemonic) {
    case ZYDIS_MNEMONIC_PUSHF:
    case ZYDIS_MNEMONIC_PUSHFD:
    case ZYDIS_MNEMONIC_PUSHFQ:
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFD:
    case ZYDIS_MNEMONIC_POPFQ:
        return true;
    default:
        return false;
    }
}

Treatment branchTreatment(const GuestInstruction& instruction) {
    const ZydisDecodedInstruction& info = instruction.info;
    if (info.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
        return Treatment::Interpret;
    switch (info.mnemonic) {
    case ZYDIS_MNEMONIC_JMP:
        return Treatment::Jump;
    case ZYDIS_MNEMONIC_CALL:
        return Treatment::Call;
    case ZYDIS_MNEMONIC_RET:
        return Treatment::Return;
    case ZYDIS_MNEMONIC_LOOP:
    case ZYDIS_MNEMONIC_LOOPE:
    case ZYDIS_MNEMONIC_LOOPNE:
    case ZYDIS_MNEMONIC_JCXZ:
    case ZYDIS_MNEMONIC_JECXZ:
    case ZYDIS_MNEMONIC_JRCXZ:
        return Treatment::CountedJump;
    default:
        break;
    }
    return info.meta.category == ZYDIS_CATEGORY_COND_BR ? Treatment::ConditionalJump
                                                        : Treatment::Interpret;
}

bool plainStackOperand(const GuestInstruction& instruction) {
    const ZydisDecodedOperand& operand = instruction.operands[0];
    return operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE ||
           operand.type == ZYDIS_OPERAND_TYPE_MEMORY ||
           (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && isGpr(operand.reg.value));
}

} // namespace

const ZydisDecodedOperand* GuestInstruction::memory() const {
    for (unsigned i = 0; i < info.operand_count_visible; ++i)
        if (operands[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
            return &operands[i];
    return nullptr;
}

bool isGpr(ZydisRegister reg) {
    return reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_R15;
}

GuestGpr gprOf(ZydisRegister reg) {
    if (reg >= ZYDIS_REGISTER_RAX)
        return {static_cast<uint8_t>(reg - ZYDIS_REGISTER_RAX), 8, false};
    if (reg >= ZYDIS_REGISTER_EAX)
        return {static_cast<uint8_t>(reg - ZYDIS_REGISTER_EAX), 4, false};
    if (reg >= ZYDIS_REGISTER_AX)
        return {static_cast<uint8_t>(reg - ZYDIS_REGISTER_AX), 2, false};
    if (reg >= ZYDIS_REGISTER_R8B)
        return {static_cast<uint8_t>(reg - ZYDIS_REGISTER_R8B + 8), 1, false};
    if (reg >= ZYDIS_REGISTER_SPL)
        return {static_cast<uint8_t>(reg - ZYDIS_REGISTER_SPL + 4), 1, false};
    if (reg >= ZYDIS_REGISTER_AH)
        return {static_cast<uint8_t>(reg - ZYDIS_REGISTER_AH), 1, true};
    return {static_cast<uint8_t>(reg - ZYDIS_REGISTER_AL), 1, false};
}

FetchStatus fetchInstruction(ConstByteSpan bytes, uint64_t rip, uint32_t modeKey,
                             GuestInstruction& instruction) {
    ZyanStatus status = ZydisDecoderDecodeFull(&decoderFor(modeKey), bytes.data(), bytes.size(),
                                               &instruction.info, instruction.operands);
    if (status == ZYDIS_STATUS_NO_MORE_DATA)
        return FetchStatus::NeedsMore;
    if (!ZYAN_SUCCESS(status))
        return FetchStatus::Undecodable;
    instruction.bytes = bytes.data();
    instruction.rip = rip;
    instruction.modeKey = modeKey;
    return FetchStatus::Ok;
}

bool usesSimd(const GuestInstruction& instruction) {
    const ZydisDecodedInstruction& info = instruction.info;
    // Conversions from memory to a general register (CVTSD2SI) still work with MXCSR; CBW and its
    // kin have one-byte opcodes.
    bool conversion =
        info.meta.category == ZYDIS_CATEGORY_CONVERT && info.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT;
    if (simdCategory(info.meta.category) || conversion)
        return true;
    for (unsigned i = 0; i < instruction.info.operand_count; ++i)
        if (instruction.operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            simdRegister(instruction.operands[i].reg.value))
            return true;
    return false;
}

Treatment treatmentOf(const GuestInstruction& instruction) {
    const ZydisDecodedInstruction& info = instruction.info;
    bool plain = (info.attributes & ZYDIS_ATTRIB_HAS_LOCK) == 0;
    switch (info.meta.category) {
    case ZYDIS_CATEGORY_COND_BR:
    case ZYDIS_CATEGORY_UNCOND_BR:
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_RET:
        return branchTreatment(instruction);
    case ZYDIS_CATEGORY_NOP:
    case ZYDIS_CATEGORY_WIDENOP:
    case ZYDIS_CATEGORY_PREFETCH:
        return info.mnemonic == ZYDIS_MNEMONIC_FNOP ? Treatment::Interpret : Treatment::Skip;
    case ZYDIS_CATEGORY_CET:
        return info.mnemonic == ZYDIS_MNEMONIC_ENDBR64 || info.mnemonic == ZYDIS_MNEMONIC_ENDBR32
                   ? Treatment::Skip
                   : Treatment::Interpret;
    case ZYDIS_CATEGORY_PUSH:
        if (flagsMnemonic(info.mnemonic))
            return (instruction.modeKey & mode::kVm86) ? Treatment::Interpret
                                                       : Treatment::PushFlags;
        return info.mnemonic == ZYDIS_MNEMONIC_PUSH && plainStackOperand(instruction)
                   ? Treatment::Push
                   : Treatment::Interpret;
    case ZYDIS_CATEGORY_POP:
        if (flagsMnemonic(info.mnemonic))
            return (instruction.modeKey & mode::kVm86) ? Treatment::Interpret : Treatment::PopFlags;
        return info.mnemonic == ZYDIS_MNEMONIC_POP &&
                       instruction.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
                       isGpr(instruction.operands[0].reg.value)
                   ? Treatment::Pop
                   : Treatment::Interpret;
    default:
        break;
    }
    if (info.mnemonic == ZYDIS_MNEMONIC_LEA && plain)
        return Treatment::Lea;
    if (info.mnemonic == ZYDIS_MNEMONIC_CLD || info.mnemonic == ZYDIS_MNEMONIC_STD ||
        ((info.mnemonic == ZYDIS_MNEMONIC_CLI || info.mnemonic == ZYDIS_MNEMONIC_STI) &&
         (instruction.modeKey & mode::kIoPrivileged)))
        return plain ? Treatment::StoredFlag : Treatment::Interpret;
    if (bitString(info.mnemonic) && instruction.memory() &&
        instruction.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER)
        return info.address_width == 64 ? Treatment::BitString : Treatment::Interpret;
    if (info.mnemonic == ZYDIS_MNEMONIC_PAUSE)
        return Treatment::Skip;
    if (info.mnemonic == ZYDIS_MNEMONIC_LEAVE)
        return Treatment::Leave;
    return copyable(instruction) ? Treatment::Copy : Treatment::Interpret;
}

} // namespace vivarium::softcpu
