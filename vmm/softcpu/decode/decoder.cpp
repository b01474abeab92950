#include "vmm/softcpu/decode/decoder.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace vivarium::softcpu {
namespace {

ZydisDecoder makeDecoder(ZydisMachineMode machineMode, ZydisStackWidth stackWidth) {
    ZydisDecoder decoder;
    ZydisDecoderInit(&decoder, machineMode, stackWidth);
    // Guests have neither MPX nor CET: their opcodes are the no-operations they were before.
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_CET, ZYAN_FALSE);
    ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
    return decoder;
}

const ZydisDecoder& decoderFor(uint32_t codeSize) {
    static const std::array<ZydisDecoder, 3> kDecoders{
        makeDecoder(ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16),
        makeDecoder(ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32),
        makeDecoder(ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)};
    return kDecoders[std::min<uint32_t>(codeSize, 2)];
}

uint8_t registerNumber(ZydisRegister reg) {
    const ZyanI8 id = ZydisRegisterGetId(reg);
    return id < 0 ? kNoRegister : static_cast<uint8_t>(id);
}

uint8_t addressRegister(ZydisRegister reg) {
    switch (reg) {
    case ZYDIS_REGISTER_NONE:
        return kNoRegister;
    case ZYDIS_REGISTER_RIP:
    case ZYDIS_REGISTER_EIP:
        return kRipRegister;
    default:
        return registerNumber(reg);
    }
}

uint8_t segmentNumber(ZydisRegister reg) {
    return reg >= ZYDIS_REGISTER_ES && reg <= ZYDIS_REGISTER_GS
               ? static_cast<uint8_t>(reg - ZYDIS_REGISTER_ES)
               : uint8_t{3};
}

void convertRegister(ZydisRegister reg, Operand& operand) {
    switch (ZydisRegisterGetClass(reg)) {
    case ZYDIS_REGCLASS_GPR8:
        operand.kind = OperandKind::Gpr;
        if (reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH) {
            operand.kind = OperandKind::GprHigh;
            operand.reg = static_cast<uint8_t>(reg - ZYDIS_REGISTER_AH);
        } else if (reg >= ZYDIS_REGISTER_SPL) {
            operand.reg = static_cast<uint8_t>(reg - ZYDIS_REGISTER_SPL + 4);
        } else {
            operand.reg = static_cast<uint8_t>(reg - ZYDIS_REGISTER_AL);
        }
        break;
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32:
    case ZYDIS_REGCLASS_GPR64:
        operand.kind = OperandKind::Gpr;
        operand.reg = registerNumber(reg);
        break;
    case ZYDIS_REGCLASS_SEGMENT:
        operand.kind = OperandKind::Segment;
        operand.reg = segmentNumber(reg);
        break;
    case ZYDIS_REGCLASS_CONTROL:
        operand.kind = OperandKind::Control;
        operand.reg = registerNumber(reg);
        break;
    case ZYDIS_REGCLASS_DEBUG:
        operand.kind = OperandKind::Debug;
        operand.reg = registerNumber(reg);
        break;
    default:
        operand.kind = OperandKind::Other;
        operand.reg = registerNumber(reg);
    }
}

void convertMemory(const ZydisDecodedOperandMem& from, uint8_t addressBytes, MemoryOperand& to) {
    to.segment = segmentNumber(from.segment);
    to.base = addressRegister(from.base);
    to.index = addressRegister(from.index);
    to.scale = from.scale;
    to.addressBytes = addressBytes;
    to.vsib = from.type == ZYDIS_MEMOP_TYPE_VSIB;
    to.displacement = from.disp.has_displacement ? from.disp.value : 0;
}

Operand convertOperand(const ZydisDecodedOperand& from, Instruction& instruction) {
    Operand operand;
    operand.sizeBytes = static_cast<uint16_t>(from.size / 8);
    operand.read = (from.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    operand.written = (from.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    operand.inRm = from.encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM;
    switch (from.type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        convertRegister(from.reg.value, operand);
        break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
        operand.kind = OperandKind::Memory;
        convertMemory(from.mem, instruction.addressBytes, instruction.memory);
        break;
    case ZYDIS_OPERAND_TYPE_POINTER:
        operand.kind = OperandKind::FarPointer;
        operand.immediate =
            static_cast<int64_t>((uint64_t{from.ptr.segment} << 32) | from.ptr.offset);
        break;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        operand.kind = OperandKind::Immediate;
        operand.immediate = from.imm.value.s;
        break;
    default:
        break;
    }
    return operand;
}

// Prefixes that Zydis reports only where an instruction gives them a meaning.
void scanPrefixes(const ZydisDecodedInstruction& decoded, uint32_t codeSize,
                  Instruction& instruction) {
    static constexpr uint8_t kSegmentPrefixes[6] = {0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65};
    for (unsigned i = 0; i < decoded.raw.prefix_count; ++i) {
        const uint8_t value = decoded.raw.prefixes[i].value;
        if (value == 0xF3)
            instruction.repeat = Repeat::Rep;
        else if (value == 0xF2)
            instruction.repeat = Repeat::Repne;
        for (uint8_t segment = 0; segment < 6; ++segment)
            if (value == kSegmentPrefixes[segment] && (codeSize != 2 || segment >= 4))
                instruction.segmentOverride = segment;
    }
    instruction.prefixCount = decoded.raw.prefix_count;
}

Encoding convertEncoding(ZydisInstructionEncoding encoding) {
    switch (encoding) {
    case ZYDIS_INSTRUCTION_ENCODING_LEGACY:
        return Encoding::Legacy;
    case ZYDIS_INSTRUCTION_ENCODING_VEX:
        return Encoding::Vex;
    case ZYDIS_INSTRUCTION_ENCODING_EVEX:
        return Encoding::Evex;
    default:
        return Encoding::Other;
    }
}

// Classes of instructions whose masked-out elements do not fault; those in "NF" compute with them.
bool suppressesFaults(ZydisExceptionClass exceptionClass) {
    switch (exceptionClass) {
    case ZYDIS_EXCEPTION_CLASS_E1:
    case ZYDIS_EXCEPTION_CLASS_E2:
    case ZYDIS_EXCEPTION_CLASS_E3:
    case ZYDIS_EXCEPTION_CLASS_E4:
    case ZYDIS_EXCEPTION_CLASS_E5:
    case ZYDIS_EXCEPTION_CLASS_E6:
    case ZYDIS_EXCEPTION_CLASS_E10:
    case ZYDIS_EXCEPTION_CLASS_E11:
        return true;
    default:
        return false;
    }
}

// Results that depend on other elements than theirs, whatever the decoder's tables say.
bool mixesElements(ZydisMnemonic mnemonic) {
    return mnemonic == ZYDIS_MNEMONIC_VDBPSADBW || mnemonic == ZYDIS_MNEMONIC_VGF2P8AFFINEQB ||
           mnemonic == ZYDIS_MNEMONIC_VGF2P8AFFINEINVQB;
}

bool compresses(ZydisMnemonic mnemonic) {
    switch (mnemonic) {
    case ZYDIS_MNEMONIC_VCOMPRESSPD:
    case ZYDIS_MNEMONIC_VCOMPRESSPS:
    case ZYDIS_MNEMONIC_VPCOMPRESSB:
    case ZYDIS_MNEMONIC_VPCOMPRESSW:
    case ZYDIS_MNEMONIC_VPCOMPRESSD:
    case ZYDIS_MNEMONIC_VPCOMPRESSQ:
    case ZYDIS_MNEMONIC_VEXPANDPD:
    case ZYDIS_MNEMONIC_VEXPANDPS:
    case ZYDIS_MNEMONIC_VPEXPANDB:
    case ZYDIS_MNEMONIC_VPEXPANDW:
    case ZYDIS_MNEMONIC_VPEXPANDD:
    case ZYDIS_MNEMONIC_VPEXPANDQ:
        return true;
    default:
        return false;
    }
}

bool isVector(const ZydisDecodedOperand& operand) {
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER)
        return false;
    const ZydisRegisterClass kind = ZydisRegisterGetClass(operand.reg.value);
    return kind == ZYDIS_REGCLASS_XMM || kind == ZYDIS_REGCLASS_YMM || kind == ZYDIS_REGCLASS_ZMM;
}

MaskedMemory maskedMemory(const ZydisDecodedInstruction& decoded,
                          const ZydisDecodedOperand& destination,
                          const ZydisDecodedOperand& memory) {
    MaskedMemory masked;
    if (!suppressesFaults(decoded.meta.exception_class) || mixesElements(decoded.mnemonic) ||
        memory.element_count == 0)
        return masked;
    const bool toVector = isVector(destination);
    const auto& broadcast = decoded.avx.broadcast;
    if (broadcast.mode != ZYDIS_BROADCAST_MODE_INVALID) {
        masked.masking = Masking::Whole;
        masked.elementBytes = static_cast<uint8_t>(memory.size / 8);
        masked.maskBits = static_cast<uint8_t>(
            broadcast.is_static ? destination.element_count
                                : 2u << (broadcast.mode - ZYDIS_BROADCAST_MODE_1_TO_2));
        return masked;
    }
    // A bit of the mask may stand for several parts of a memory element's (VPDPBUSD), and a
    // destination be wider than its results (VCVTPD2PS).
    unsigned bits = memory.element_count;
    if (toVector)
        bits = std::min<unsigned>(bits, destination.element_count);
    masked.masking = compresses(decoded.mnemonic) ? Masking::Compressed : Masking::Elements;
    masked.maskBits = static_cast<uint8_t>(bits);
    masked.elementBytes = static_cast<uint8_t>(memory.size / 8 / bits);
    return masked;
}

} // namespace

DecodeStatus decode(ConstByteSpan bytes, uint32_t codeSize, Instruction& instruction) {
    const ZydisDecoder& decoder = decoderFor(codeSize);
    ZydisDecoderContext context;
    ZydisDecodedInstruction decoded;
    const size_t available = std::min<size_t>(bytes.size(), Instruction::kMaxBytes);
    const ZyanStatus status =
        ZydisDecoderDecodeInstruction(&decoder, &context, bytes.data(), available, &decoded);
    if (status == ZYDIS_STATUS_NO_MORE_DATA)
        return available == Instruction::kMaxBytes ? DecodeStatus::TooLong : DecodeStatus::NeedMore;
    if (status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG)
        return DecodeStatus::TooLong;
    if (!ZYAN_SUCCESS(status))
        return DecodeStatus::Invalid;

    instruction = {};
    instruction.mnemonic = static_cast<uint16_t>(decoded.mnemonic);
    instruction.isaSet = static_cast<uint16_t>(decoded.meta.isa_set);
    instruction.category = static_cast<uint16_t>(decoded.meta.category);
    instruction.length = decoded.length;
    instruction.operandBytes = static_cast<uint8_t>(decoded.operand_width / 8);
    instruction.addressBytes = static_cast<uint8_t>(decoded.address_width / 8);
    instruction.opcode = decoded.opcode;
    instruction.opcodeMap = static_cast<uint8_t>(decoded.opcode_map);
    instruction.lock = (decoded.attributes & ZYDIS_ATTRIB_HAS_LOCK) != 0;
    instruction.hasModrm = (decoded.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
    instruction.encoding = convertEncoding(decoded.encoding);
    instruction.codeSize = static_cast<uint8_t>(codeSize);
    instruction.immediateBytes =
        static_cast<uint8_t>((decoded.raw.imm[0].size + decoded.raw.imm[1].size) / 8);
    scanPrefixes(decoded, codeSize, instruction);
    if (instruction.hasModrm) {
        instruction.modrmOffset = decoded.raw.modrm.offset;
        instruction.modrm = bytes[decoded.raw.modrm.offset];
    }

    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    const ZyanU8 count = std::min<ZyanU8>(decoded.operand_count_visible, Instruction::kMaxOperands);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeOperands(&decoder, &context, &decoded, operands, count)))
        return DecodeStatus::Invalid;
    instruction.operandCount = count;
    for (uint8_t i = 0; i < count; ++i) {
        instruction.operand[i] = convertOperand(operands[i], instruction);
        if (instruction.operand[i].kind == OperandKind::Memory)
            instruction.memoryIndex = i;
    }
    if (instruction.encoding == Encoding::Evex) {
        instruction.maskRegister = registerNumber(decoded.avx.mask.reg) & 7;
        if (instruction.memoryIndex < Instruction::kMaxOperands)
            instruction.masked =
                maskedMemory(decoded, operands[0], operands[instruction.memoryIndex]);
    }
    std::memcpy(instruction.bytes, bytes.data(), decoded.length);
    return DecodeStatus::Ok;
}

} // namespace vivarium::softcpu
