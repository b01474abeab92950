#include "vmm/softcpu/translator/instruction_copier.h"

namespace vivarium::softcpu {

namespace {

bool high(HostRegister reg) {
    return reg != kHostNone && reg >= 8;
}

bool writes(const ZydisDecodedOperand& operand) {
    return (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
}

bool hidden(const ZydisDecodedOperand& operand) {
    return operand.visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
}

bool vectorOperands(const GuestInstruction& instruction) {
    for (unsigned i = 0; i < instruction.info.operand_count; ++i)
        if (instruction.operands[i].type == ZYDIS_OPERAND_TYPE_REGISTER) {
            ZydisRegisterClass kind = ZydisRegisterGetClass(instruction.operands[i].reg.value);
            if (kind == ZYDIS_REGCLASS_MMX || kind == ZYDIS_REGCLASS_XMM ||
                kind == ZYDIS_REGCLASS_YMM || kind == ZYDIS_REGCLASS_X87)
                return true;
        }
    return false;
}

// The operand-size prefix is part of the meaning: an operand has 16 bits because of it (or because
// of the code segment's default).
bool operandSize16(const GuestInstruction& instruction) {
    if (instruction.info.operand_width != 16 || vectorOperands(instruction))
        return false;
    for (unsigned i = 0; i < instruction.info.operand_count; ++i) {
        const ZydisDecodedOperand& operand = instruction.operands[i];
        bool data = operand.type == ZYDIS_OPERAND_TYPE_MEMORY ||
                    (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && isGpr(operand.reg.value));
        if (data && operand.size == 16)
            return true;
    }
    return false;
}

// Those that leave their addresses behind.
bool x87Arithmetic(const ZydisDecodedInstruction& info) {
    if (info.meta.category != ZYDIS_CATEGORY_X87_ALU && info.meta.category != ZYDIS_CATEGORY_FCMOV)
        return false;
    switch (info.mnemonic) {
    case ZYDIS_MNEMONIC_FNINIT:
    case ZYDIS_MNEMONIC_FNCLEX:
    case ZYDIS_MNEMONIC_FNSTSW:
    case ZYDIS_MNEMONIC_FNSTCW:
    case ZYDIS_MNEMONIC_FLDCW:
        return false;
    default:
        return true;
    }
}

unsigned mandatoryPrefix(const ZydisDecodedInstruction& info) {
    for (unsigned i = 0; i < info.raw.prefix_count; ++i)
        if (info.raw.prefixes[i].type == ZYDIS_PREFIX_TYPE_MANDATORY)
            return info.raw.prefixes[i].value;
    return 0;
}

bool shortIncrement(const ZydisDecodedInstruction& info) { // 40+r, 48+r outside 64-bit mode
    return info.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && info.opcode >= 0x40 &&
           info.opcode <= 0x4F;
}

bool absoluteMove(const ZydisDecodedInstruction& info) { // A0 to A3
    return info.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && info.opcode >= 0xA0 &&
           info.opcode <= 0xA3;
}

} // namespace

HostRegister InstructionCopier::takeTemporary() {
    return m_freeCount == 0 ? kHostNone : m_free[--m_freeCount];
}

const InstructionCopier::Part* InstructionCopier::partOf(unsigned guest) const {
    for (unsigned i = 0; i < m_partCount; ++i)
        if (m_parts[i].guest == guest)
            return &m_parts[i];
    return nullptr;
}

bool InstructionCopier::addPart(const ZydisDecodedOperand& operand, bool highBytes) {
    GuestGpr gpr = gprOf(operand.reg.value);
    if (const Part* known = partOf(gpr.number)) {
        m_parts[known - m_parts].written |= writes(operand);
        return true;
    }
    HostRegister home = kHomes[gpr.number];
    Part part{gpr.number, home, false, writes(operand)};
    if (home == kHostNone || (highBytes && home >= 8)) {
        part.host = takeTemporary();
        part.temporary = true;
        if (part.host == kHostNone || (highBytes && high(part.host)))
            return false;
        if (part.host == kAddend)
            m_addendTaken = true;
    }
    m_parts[m_partCount++] = part;
    return true;
}

bool InstructionCopier::assignRegisters(const GuestInstruction& instruction, bool hasMemory) {
    m_partCount = m_freeCount = 0;
    m_forbidsRex = m_hiddenRcx = m_hiddenRcxWritten = m_addendTaken = false;
    for (unsigned i = 0; i < instruction.info.operand_count; ++i) {
        const ZydisDecodedOperand& operand = instruction.operands[i];
        if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || !isGpr(operand.reg.value))
            continue;
        GuestGpr gpr = gprOf(operand.reg.value);
        m_forbidsRex |= gpr.highByte && operand.encoding != ZYDIS_OPERAND_ENCODING_NONE;
        // Also explicit operands that are not encoded: SHL r, CL.
        if (operand.encoding == ZYDIS_OPERAND_ENCODING_NONE && gpr.number == kRcx) {
            m_hiddenRcx = true;
            m_hiddenRcxWritten |= writes(operand);
        }
    }
    // A high byte leaves RCX for the memory operand's address or for a register, not both.
    if (!m_forbidsRex) {
        if (!hasMemory)
            m_free[m_freeCount++] = kAddress;
        m_free[m_freeCount++] = kAddend;
    }
    if (!m_hiddenRcx && !(m_forbidsRex && hasMemory))
        m_free[m_freeCount++] = kScratch;
    for (unsigned i = 0; i < instruction.info.operand_count; ++i) {
        const ZydisDecodedOperand& operand = instruction.operands[i];
        if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && isGpr(operand.reg.value) &&
            operand.encoding != ZYDIS_OPERAND_ENCODING_NONE && !addPart(operand, m_forbidsRex))
            return false;
    }
    return true;
}

unsigned InstructionCopier::encodedRegister(ZydisRegister reg) const {
    if (!isGpr(reg))
        return static_cast<unsigned>(ZydisRegisterGetId(reg));
    GuestGpr gpr = gprOf(reg);
    const Part* part = partOf(gpr.number);
    return static_cast<unsigned>(part->host) + (gpr.highByte ? 4 : 0);
}

void InstructionCopier::loadTemporaries() {
    for (unsigned i = 0; i < m_partCount; ++i) {
        const Part& part = m_parts[i];
        if (!part.temporary)
            continue;
        if (kHomes[part.guest] == kHostNone)
            m_code.load(part.host, gprField(part.guest));
        else
            m_code.move(part.host, kHomes[part.guest]);
    }
    if (m_hiddenRcx)
        m_code.move(kHostRcx, kGuestRcxHome);
}

void InstructionCopier::storeTemporaries() {
    for (unsigned i = 0; i < m_partCount; ++i) {
        const Part& part = m_parts[i];
        if (!part.temporary || !part.written)
            continue;
        if (kHomes[part.guest] == kHostNone)
            m_code.store(gprField(part.guest), part.host);
        else
            m_code.move(kHomes[part.guest], part.host);
    }
    if (m_hiddenRcxWritten)
        m_code.move(kGuestRcxHome, kHostRcx);
}

HostMemory InstructionCopier::hostOperand() {
    if (m_forbidsRex) {
        m_code.lea(kScratch, sumOf(kAddress, kAddend));
        return baseAnd(kScratch, 0);
    }
    if (m_addendTaken) {
        m_code.lea(kAddress, sumOf(kAddress, kAddend));
        return baseAnd(kAddress, 0);
    }
    return sumOf(kAddress, kAddend);
}

bool InstructionCopier::copy(const GuestInstruction& instruction) {
    const ZydisDecodedOperand* memory = instruction.memory();
    if (!assignRegisters(instruction, memory != nullptr))
        return false;
    if (m_forbidsRex && memory && m_hiddenRcx)
        return false;
    bool simd = usesSimd(instruction);
    if (simd)
        m_operands.ensureSimd();
    m_operands.setFaults(simd ? OperandEmitter::Faults::Interpret : OperandEmitter::Faults::Exact);
    HostMemory host;
    if (memory) {
        AccessKind kind = writes(*memory) ? AccessKind::Write : AccessKind::Read;
        if (!m_operands.memoryOperand(instruction, *memory, kind))
            return false;
        host = hostOperand();
    }
    loadTemporaries();
    if (!emit(instruction, fieldsOf(instruction, host)))
        return false;
    storeTemporaries();
    if (x87Arithmetic(instruction.info) || instruction.info.mnemonic == ZYDIS_MNEMONIC_FNINIT)
        notePointers(instruction);
    return true;
}

// What FNSTENV tells of the last x87 instruction, whose linear address is in kAddress.
void InstructionCopier::notePointers(const GuestInstruction& instruction) {
    const ZydisDecodedInstruction& info = instruction.info;
    X87Pointers& pointers = m_operands.data().x87;
    bool none = info.mnemonic == ZYDIS_MNEMONIC_FNINIT;
    auto modrm = info.raw.modrm.mod << 6 | info.raw.modrm.reg << 3 | info.raw.modrm.rm;
    auto opcode = static_cast<int32_t>((info.opcode & 7) << 8 | modrm);
    m_code.storeImmediate(dataField(&pointers.opcode), none ? 0 : opcode, Width::Bits32);
    m_code.loadImmediate(kScratch, none ? 0 : instruction.rip);
    m_code.store(dataField(&pointers.instruction), kScratch);
    if (instruction.memory())
        m_code.store(dataField(&pointers.data), kAddress);
    else if (none)
        m_code.store(dataField(&pointers.data), kScratch);
}

bool InstructionCopier::lea(const GuestInstruction& instruction) {
    const ZydisDecodedOperand& address = instruction.operands[1];
    GuestGpr target = gprOf(instruction.operands[0].reg.value);
    m_operands.effectiveAddress(instruction, address);
    m_operands.writeGpr(target.number, kAddress, target.sizeBytes);
    return true;
}

InstructionCopier::Fields InstructionCopier::fieldsOf(const GuestInstruction& instruction,
                                                      const HostMemory& memory) const {
    const ZydisDecodedInstruction& info = instruction.info;
    Fields fields;
    fields.hasModrm = (info.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
    // Fields that no operand claims extend the opcode.
    fields.reg = info.raw.modrm.reg;
    fields.rm = info.raw.modrm.rm;
    fields.memory = memory;
    for (unsigned i = 0; i < info.operand_count; ++i) {
        const ZydisDecodedOperand& operand = instruction.operands[i];
        if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && !hidden(operand))
            fields.rmIsMemory = true;
        if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER ||
            operand.encoding == ZYDIS_OPERAND_ENCODING_NONE)
            continue;
        ZydisRegister reg = operand.reg.value;
        unsigned number = encodedRegister(reg);
        if (isGpr(reg)) {
            GuestGpr gpr = gprOf(reg);
            fields.forbidsRex |= gpr.highByte;
            fields.needsRex |= gpr.sizeBytes == 1 && !gpr.highByte && number >= 4 && number < 8;
        }
        switch (operand.encoding) {
        case ZYDIS_OPERAND_ENCODING_MODRM_REG:
            fields.reg = number;
            break;
        case ZYDIS_OPERAND_ENCODING_MODRM_RM:
            fields.rm = number;
            break;
        case ZYDIS_OPERAND_ENCODING_NDSNDD:
            fields.vvvv = number;
            break;
        case ZYDIS_OPERAND_ENCODING_OPCODE:
            fields.opcodeRegister = number;
            break;
        default:
            break;
        }
    }
    return fields;
}

bool InstructionCopier::emit(const GuestInstruction& instruction, const Fields& fields) {
    return instruction.info.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX
               ? emitVex(instruction, fields)
               : emitLegacy(instruction, fields);
}

bool InstructionCopier::emitLegacy(const GuestInstruction& instruction, const Fields& fields) {
    const ZydisDecodedInstruction& info = instruction.info;
    Fields host = fields;
    unsigned opcode = info.opcode;
    if (shortIncrement(info)) {
        host.hasModrm = true;
        host.reg = opcode < 0x48 ? 0 : 1;
        host.rm = host.opcodeRegister;
        host.opcodeRegister = 0;
        opcode = 0xFF;
    } else if (absoluteMove(info)) {
        host.hasModrm = host.rmIsMemory = true;
        host.reg = kHostRax;
        opcode = opcode < 0xA2 ? 0x8A | (opcode & 1) : 0x88 | (opcode & 1);
    } else if (!host.hasModrm) {
        bool inOpcode = false;
        for (unsigned i = 0; i < info.operand_count; ++i)
            inOpcode |= instruction.operands[i].encoding == ZYDIS_OPERAND_ENCODING_OPCODE;
        if (inOpcode)
            opcode = (opcode & ~7u) | (host.opcodeRegister & 7);
    }
    if (info.attributes & ZYDIS_ATTRIB_HAS_LOCK)
        m_code.byte(0xF0);
    unsigned mandatory = mandatoryPrefix(info);
    if (operandSize16(instruction) && mandatory != 0x66)
        m_code.byte(0x66);
    if (mandatory)
        m_code.byte(mandatory);
    bool wide = (info.attributes & ZYDIS_ATTRIB_HAS_REX) != 0 && info.raw.rex.W != 0;
    unsigned rex = wide ? 8 : 0;
    if (host.hasModrm) {
        rex |= host.reg >= 8 ? 4 : 0;
        if (host.rmIsMemory)
            rex |= (high(host.memory.index) ? 2 : 0) | (high(host.memory.base) ? 1 : 0);
        else
            rex |= host.rm >= 8 ? 1 : 0;
    }
    rex |= host.opcodeRegister >= 8 ? 1 : 0;
    if (rex != 0 || host.needsRex) {
        if (host.forbidsRex)
            return false;
        m_code.byte(0x40 | rex);
    }
    if (info.opcode_map != ZYDIS_OPCODE_MAP_DEFAULT)
        m_code.byte(0x0F);
    if (info.opcode_map == ZYDIS_OPCODE_MAP_0F38)
        m_code.byte(0x38);
    else if (info.opcode_map == ZYDIS_OPCODE_MAP_0F3A)
        m_code.byte(0x3A);
    m_code.byte(opcode);
    emitModrmAndRest(instruction, host);
    return true;
}

// Three-byte form (Intel SDM 2A, 2.3.5).
bool InstructionCopier::emitVex(const GuestInstruction& instruction, const Fields& fields) {
    const ZydisDecodedInstructionRawVex& vex = instruction.info.raw.vex;
    if (vex.W && !m_operands.bits64())
        return false; // partly ignored there
    bool x = fields.rmIsMemory && high(fields.memory.index);
    bool b = fields.rmIsMemory ? high(fields.memory.base) : fields.rm >= 8;
    unsigned map = vex.size == 2 ? 1 : vex.m_mmmm;
    m_code.byte(0xC4);
    m_code.byte((fields.reg >= 8 ? 0 : 0x80) | (x ? 0 : 0x40) | (b ? 0 : 0x20) | map);
    m_code.byte((vex.W ? 0x80 : 0) | (~fields.vvvv & 15) << 3 | (vex.L ? 4 : 0) | vex.pp);
    m_code.byte(instruction.info.opcode);
    emitModrmAndRest(instruction, fields);
    return true;
}

void InstructionCopier::emitModrmAndRest(const GuestInstruction& instruction,
                                         const Fields& fields) {
    const ZydisDecodedInstruction& info = instruction.info;
    if (fields.hasModrm) {
        if (fields.rmIsMemory)
            m_code.modrm(fields.reg, fields.memory);
        else
            m_code.byte(0xC0 | (fields.reg & 7) << 3 | (fields.rm & 7));
    }
    // Whatever follows address and opcode in the guest's code is immediate data.
    unsigned rest = info.length;
    if (info.raw.imm[0].size != 0)
        rest = info.raw.imm[0].offset;
    else if (instruction.info.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX)
        for (unsigned i = 0; i < info.operand_count; ++i)
            if (instruction.operands[i].encoding == ZYDIS_OPERAND_ENCODING_IS4)
                rest = info.length - 1u;
    m_code.bytes(instruction.bytes + rest, info.length - rest);
}

} // namespace vivarium::softcpu
