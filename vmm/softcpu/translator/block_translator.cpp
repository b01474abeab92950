#include "vmm/softcpu/translator/block_translator.h"

#include "vmm/softcpu/translator/block_exits.h"
#include "vmm/softcpu/translator/flag_instructions.h"
#include "vmm/softcpu/translator/stack_instructions.h"

namespace vivarium::softcpu {

namespace {

constexpr unsigned kMaxInstructions = 64;
// Conditional ones. More make blocks whose ends are seldom reached.
constexpr unsigned kMaxBranches = 4;
// Loops of so many instructions are there twice: one look at `attention` for two rounds.
constexpr unsigned kMaxUnrolled = 16;

} // namespace

class BlockTranslator::Run {
public:
    Run(BlockTranslator& translator, const BlockSource& source, BlockCode& block)
        : m_source(source), m_block(block), m_data(translator.m_data), m_code(translator.m_cache),
          m_operands(m_code, translator.m_data, translator.m_thunks, source.modeKey),
          m_copier(m_operands), m_exits(source, block, m_operands) {}

    bool translate() {
        m_block.codeOffset = m_code.offset();
        bool open = true;
        for (; open; ++m_count) {
            uint64_t rip = m_source.rip + m_position;
            if (m_count == kMaxInstructions || m_position == m_source.bytes.size()) {
                m_block.marks.push_back({static_cast<uint32_t>(m_code.offset()), m_position});
                m_exits.jump(m_guest.rip, rip);
                break;
            }
            FetchStatus status = fetchInstruction(m_source.bytes.subspan(m_position), rip,
                                                  m_source.modeKey, m_guest);
            m_block.marks.push_back({static_cast<uint32_t>(m_code.offset()), m_position});
            if (status != FetchStatus::Ok) { // crosses the page, or raises #UD
                m_operands.exit(CodeExit::Interpret, rip);
                m_position = static_cast<unsigned>(m_source.bytes.size());
                break;
            }
            m_position += m_guest.info.length;
            open = instruction();
        }
        m_block.guestBytes = std::max(m_position, 1u);
        m_block.marks.push_back({static_cast<uint32_t>(m_code.offset()), m_position});
        m_exits.finish();
        m_operands.finish();
        m_block.codeBytes = m_code.offset() - m_block.codeOffset;
        if (m_code.overflowed())
            return false;
        m_code.cache().commit(m_block.codeBytes);
        return true;
    }

private:
    // Translates m_guest; false: the block ends with it.
    bool instruction() {
        OperandEmitter::Mark mark = m_operands.mark();
        m_operands.setFaults(OperandEmitter::Faults::Exact);
        bool open = true;
        if (translateAs(treatmentOf(m_guest), open))
            return open;
        m_operands.takeBack(mark);
        m_operands.exit(CodeExit::Interpret, m_guest.rip);
        return false;
    }

    bool translateAs(Treatment treatment, bool& open) {
        switch (treatment) {
        case Treatment::Interpret:
            return false;
        case Treatment::Skip:
            return true;
        case Treatment::Copy:
            return m_copier.copy(m_guest);
        case Treatment::Lea:
            return m_copier.lea(m_guest);
        case Treatment::Push:
            return push(m_operands, m_guest);
        case Treatment::Pop:
            return pop(m_operands, m_guest);
        case Treatment::Leave:
            return leave(m_operands, m_guest);
        case Treatment::Jump:
            open = false;
            return jump();
        case Treatment::ConditionalJump:
            return conditionalJump(open);
        case Treatment::CountedJump:
            open = false;
            return countedJump();
        case Treatment::Call:
            open = false;
            return call();
        case Treatment::Return:
            open = false;
            return ret();
        case Treatment::PushFlags:
            return pushFlags(m_operands, m_guest);
        case Treatment::PopFlags:
            return popFlags(m_operands, m_guest);
        case Treatment::StoredFlag:
            if (m_guest.info.mnemonic == ZYDIS_MNEMONIC_STI && !nextIsTranslated())
                return false; // the interpreter holds interrupts back for the next, HLT perhaps
            changeStoredFlag(m_operands, m_guest.info.mnemonic, m_guest.rip);
            return true;
        case Treatment::BitString:
            return bitString(m_operands, m_guest);
        }
        return false;
    }

    bool nextIsTranslated() const {
        auto position = static_cast<size_t>(m_guest.rip - m_source.rip) + m_guest.info.length;
        GuestInstruction next;
        return fetchInstruction(m_source.bytes.subspan(position), 0, m_source.modeKey, next) ==
                   FetchStatus::Ok &&
               treatmentOf(next) != Treatment::Interpret;
    }

    unsigned operandBytes() const { return softcpu::operandBytes(m_guest); }
    // 64-bit mode has near branches of 64 bits only (Intel); AMD's 16-bit ones are left to the
    // interpreter.
    bool branchWidthFits() const { return !m_operands.bits64() || operandBytes() == 8; }
    uint64_t cut(uint64_t rip) const {
        return operandBytes() == 8 ? rip : operandBytes() == 4 ? rip & 0xFFFFFFFF : rip & 0xFFFF;
    }
    uint64_t nextRip() const {
        uint64_t next = m_guest.rip + m_guest.info.length;
        return m_operands.bits64() ? next : next & 0xFFFFFFFF;
    }
    uint64_t relativeTarget() const {
        return cut(nextRip() + static_cast<uint64_t>(m_guest.info.raw.imm[0].value.s));
    }
    bool relative() const { return m_guest.operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE; }

    // kAddress = the target that a register or memory operand names.
    bool indirectTarget() {
        const ZydisDecodedOperand& operand = m_guest.operands[0];
        unsigned size = operandBytes();
        if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
            if (!m_operands.memoryOperand(m_guest, operand, AccessKind::Read))
                return false;
            loadFromHost(m_operands, size);
            return true;
        }
        HostRegister value = m_operands.registerOrLoad(gprOf(operand.reg.value).number, kAddress);
        if (size == 2)
            m_code.zeroExtend16(kAddress, value);
        else if (value != kAddress || size == 4)
            m_code.move(kAddress, value, widthOf(size));
        return true;
    }

    bool jump() {
        if (!branchWidthFits())
            return false;
        if (relative()) {
            if (!m_exits.allowed(relativeTarget()))
                return false;
            m_exits.jump(m_guest.rip, relativeTarget());
            return true;
        }
        if (!indirectTarget())
            return false;
        m_exits.jumpIndirect(m_guest.rip, 0);
        return true;
    }

    // A loop's end is its block's, too; of a short one only the second time.
    bool conditionalJump(bool& open) {
        if (!branchWidthFits() || !relative() || !m_exits.allowed(relativeTarget()))
            return false;
        unsigned condition = m_guest.info.opcode & 0xF;
        if (relativeTarget() == m_source.rip && m_count < kMaxUnrolled && !m_unrolled) {
            m_exits.jumpIf(condition ^ 1, m_guest.rip, nextRip());
            m_unrolled = true;
            m_position = 0;
            return true;
        }
        m_exits.jumpIf(condition, m_guest.rip, relativeTarget());
        open = ++m_branches < kMaxBranches && relativeTarget() > m_guest.rip;
        if (!open)
            m_exits.jump(m_guest.rip, nextRip());
        return true;
    }

    bool countedJump() {
        if (!branchWidthFits() || !m_exits.allowed(relativeTarget()))
            return false;
        ZydisMnemonic mnemonic = m_guest.info.mnemonic;
        bool loop = mnemonic == ZYDIS_MNEMONIC_LOOP || mnemonic == ZYDIS_MNEMONIC_LOOPE ||
                    mnemonic == ZYDIS_MNEMONIC_LOOPNE;
        unsigned width = m_guest.info.address_width / 8u;
        if (loop) {
            m_code.lea(kScratch, baseAnd(kGuestRcxHome, -1));
            m_operands.writeGpr(kRcx, kScratch, width);
        }
        if (width == 2)
            m_code.zeroExtend16(kScratch, kGuestRcxHome);
        else
            m_code.move(kScratch, kGuestRcxHome, widthOf(width));
        JumpSite zero = m_code.jumpIfRcxZero();
        if (!loop) {
            m_exits.jump(m_guest.rip, nextRip());
            m_code.bindShort(zero);
            m_exits.jump(m_guest.rip, relativeTarget());
            return true;
        }
        bool conditional = mnemonic != ZYDIS_MNEMONIC_LOOP;
        JumpSite refused{};
        if (conditional) // LOOPE is refused by NZ (condition 5), LOOPNE by Z (4)
            refused = m_code.jumpIfLater(mnemonic == ZYDIS_MNEMONIC_LOOPE ? 5 : 4);
        m_exits.jump(m_guest.rip, relativeTarget());
        m_code.bindShort(zero);
        if (conditional)
            m_code.bind(refused);
        m_exits.jump(m_guest.rip, nextRip());
        return true;
    }

    bool call() {
        unsigned size = operandBytes();
        if (!branchWidthFits() || (relative() && !m_exits.allowed(relativeTarget())))
            return false;
        if (!relative()) {
            if (!indirectTarget())
                return false;
            m_exits.checkTarget(m_guest.rip);
            m_code.store(dataField(&m_data.target), kAddress);
        }
        if (!stackSlot(m_operands, AccessKind::Write, -static_cast<int32_t>(size), size,
                       m_guest.rip))
            return false;
        storeConstant(m_operands, nextRip(), size);
        if (relative()) {
            m_operands.moveStackPointer(-static_cast<int32_t>(size));
            m_exits.jump(m_guest.rip, relativeTarget());
        } else {
            m_code.load(kAddress, dataField(&m_data.target));
            m_exits.jumpIndirect(m_guest.rip, -static_cast<int32_t>(size));
        }
        return true;
    }

    bool ret() {
        unsigned size = operandBytes();
        if (!branchWidthFits() || !stackSlot(m_operands, AccessKind::Read, 0, size, m_guest.rip))
            return false;
        unsigned release = relative() ? static_cast<uint16_t>(m_guest.operands[0].imm.value.u) : 0;
        loadFromHost(m_operands, size);
        m_exits.jumpIndirect(m_guest.rip, static_cast<int32_t>(size + release));
        return true;
    }

    const BlockSource& m_source;
    BlockCode& m_block;
    TranslatorData& m_data;
    Emitter m_code;
    OperandEmitter m_operands;
    InstructionCopier m_copier;
    BlockExits m_exits;
    GuestInstruction m_guest{};
    unsigned m_position = 0; // of the next instruction
    unsigned m_count = 0;    // of instructions
    unsigned m_branches = 0;
    bool m_unrolled = false;
};

bool BlockTranslator::translate(const BlockSource& source, BlockCode& block) {
    return Run(*this, source, block).translate();
}

} // namespace vivarium::softcpu
