#include "vmm/softcpu/translator/block_translator.h"

#include "vmm/softcpu/memory/soft_tlb.h"
#include "vmm/softcpu/translator/flag_instructions.h"
#include "vmm/softcpu/translator/stack_instructions.h"

namespace vivarium::softcpu {

namespace {

constexpr unsigned kMaxInstructions = 64;
constexpr int32_t kUpperHalf = 0x1FFFF; // bits 47..63 of its addresses

} // namespace

class BlockTranslator::Run {
public:
    Run(BlockTranslator& translator, const BlockSource& source, BlockCode& block)
        : m_source(source), m_block(block), m_data(translator.m_data), m_code(translator.m_cache),
          m_operands(m_code, translator.m_data, translator.m_thunks, source.modeKey),
          m_copier(m_operands) {}

    bool translate() {
        m_block.codeOffset = m_code.offset();
        unsigned position = 0;
        bool open = true;
        for (unsigned count = 0; open; ++count) {
            uint64_t rip = m_source.rip + position;
            if (count == kMaxInstructions || position == m_source.bytes.size()) {
                m_block.marks.push_back({static_cast<uint32_t>(m_code.offset()), position});
                edge(rip);
                break;
            }
            FetchStatus status =
                fetchInstruction(m_source.bytes.subspan(position), rip, m_source.modeKey, m_guest);
            m_block.marks.push_back({static_cast<uint32_t>(m_code.offset()), position});
            if (status != FetchStatus::Ok) { // crosses the page, or raises #UD
                m_operands.exit(CodeExit::Interpret, rip);
                position = static_cast<unsigned>(m_source.bytes.size());
                break;
            }
            position += m_guest.info.length;
            open = instruction();
        }
        m_block.guestBytes = std::max(position, 1u);
        m_block.marks.push_back({static_cast<uint32_t>(m_code.offset()), position});
        emitMisses();
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
            open = false;
            return conditionalJump();
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

    uint64_t linear(uint64_t rip) const {
        return m_operands.bits64() ? rip : (m_source.codeBase + rip) & 0xFFFFFFFF;
    }
    bool samePage(uint64_t rip) const { return linear(rip) >> 12 == linear(m_source.rip) >> 12; }

    bool leadsBack(uint64_t targetRip) const { return targetRip <= m_guest.rip; }

    void addLink(BlockLink link, JumpSite jump) {
        m_operands.coldExit(jump, CodeExit::Chain, link.targetRip, nextLinkNumber());
        link.jumpOffset = jump.offset;
        m_block.links.push_back(link);
    }

    // Goes on at a known RIP.
    void edge(uint64_t targetRip) {
        if (leadsBack(targetRip)) // every loop has such an edge, or an indirect one
            m_operands.attentionCheck(targetRip);
        BlockLink link;
        link.targetRip = targetRip;
        if (!samePage(targetRip))
            checkPage(link);
        addLink(link, m_code.jumpLater());
    }

    // Goes on only if the link's page is still where it was.
    void checkPage(BlockLink& link) {
        auto index = static_cast<unsigned>((linear(link.targetRip) >> 12) % kTlbEntries);
        bool user = (m_source.modeKey & mode::kCpl) == mode::kCpl;
        link.noPage = noCodePage(index);
        m_code.load(kScratch,
                    stateField(SoftTlb::codePageOffset(
                        linear(link.targetRip), user ? TlbMode::User : TlbMode::Supervisor)));
        m_code.loadImmediate64(kAddress, link.noPage);
        link.pageOffset = m_code.offset() - sizeof(uint64_t);
        m_code.lea(kScratch, sumOf(kScratch, kAddress, m_operands.hit()));
        m_operands.coldExit(m_operands.jumpUnlessHit(), CodeExit::Chain, link.targetRip,
                            nextLinkNumber());
    }

    uint32_t nextLinkNumber() const {
        return m_source.firstLink + static_cast<uint32_t>(m_block.links.size());
    }

    // Goes on at the RIP in kAddress, through the jump cache, after adding to the stack pointer.
    // Nothing has changed when it turns out that the guest cannot go there.
    void indirect(int32_t stackBytes) {
        m_operands.attentionCheck(m_guest.rip);
        if (m_source.codeBase != 0) {
            m_code.loadImmediate(kScratch, jumpName(m_source.codeBase, 0));
            m_code.lea(kAddress, sumOf(kAddress, kScratch));
        }
        m_code.pext(kScratch, kAddress, dataField(&m_data.jumpIndexMask));
        HostMemory four; // 32 bytes an entry
        four.index = kScratch;
        four.scaleShift = 2;
        m_code.lea(kScratch, four, Width::Bits32);
        m_code.lea(kAddend, dataField(&m_data.jumpCache[m_source.jumpContext]));
        HostMemory entry = sumOf(kAddend, kScratch);
        entry.scaleShift = 3;
        m_code.lea(kAddend, entry);
        m_code.load(kScratch, baseAnd(kAddend, offsetof(JumpEntry, inverted)));
        m_code.lea(kScratch, sumOf(kScratch, kAddress, 1 + m_operands.hit()));
        m_misses.push_back({m_operands.jumpUnlessHit(), m_guest.rip, stackBytes, Target::InAddress});
        m_code.load(kScratch, baseAnd(kAddend, offsetof(JumpEntry, slot)));
        HostMemory slot = stateField(0);
        slot.base = kScratch;
        m_code.load(kScratch, slot);
        m_code.load(kAddress, baseAnd(kAddend, offsetof(JumpEntry, page)));
        m_code.lea(kScratch, sumOf(kScratch, kAddress, m_operands.hit()));
        m_misses.push_back({m_operands.jumpUnlessHit(), m_guest.rip, stackBytes, Target::InEntry});
        if (stackBytes != 0)
            m_operands.moveStackPointer(stackBytes);
        m_code.jump(baseAnd(kAddend, offsetof(JumpEntry, code)));
    }

    // Indirect jumps that missed, perhaps with the segment's base above RIP.
    void emitMisses() {
        for (const Miss& miss : m_misses) {
            m_code.bind(miss.from);
            if (miss.target == Target::InEntry) {
                m_code.load(kAddress, baseAnd(kAddend, offsetof(JumpEntry, inverted)));
                m_code.bitwiseNot(kAddress);
            }
            if (m_source.codeBase != 0)
                m_code.move(kAddress, kAddress, Width::Bits32);
            checkTarget(miss.rip);
            if (miss.stackBytes != 0)
                m_operands.moveStackPointer(miss.stackBytes);
            m_operands.exitWithRipInAddress(CodeExit::Lookup);
        }
    }

    // The branch itself faults if its target is beyond the segment or not canonical (Intel SDM 2A,
    // JMP), at `rip`. For the target in kAddress; uses kScratch and kAddend.
    void checkTarget(uint64_t rip) {
        if (m_operands.bits64()) {
            m_code.pext(kScratch, kAddress, dataField(&m_data.canonicalMask));
            JumpSite low = m_code.jumpIfRcxZero();
            m_code.lea(kScratch, baseAnd(kScratch, -kUpperHalf));
            m_operands.interpretUnlessRcxZero(rip);
            m_code.bindShort(low);
        } else if (m_source.codeLimit != ~uint32_t{0}) { // limit - target, and what it borrows
            m_code.loadImmediate(kScratch, m_source.codeLimit);
            m_code.move(kAddend, kAddress);
            m_code.bitwiseNot(kAddend);
            m_code.lea(kScratch, sumOf(kScratch, kAddend, 1));
            m_code.pext(kScratch, kScratch, dataField(&m_data.highHalfMask));
            m_operands.interpretUnlessRcxZero(rip);
        }
    }

    bool allowed(uint64_t targetRip) const {
        if (!m_operands.bits64())
            return targetRip <= m_source.codeLimit;
        return targetRip >> 47 == 0 || targetRip >> 47 == kUpperHalf;
    }

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
            if (!allowed(relativeTarget()))
                return false;
            edge(relativeTarget());
            return true;
        }
        if (!indirectTarget())
            return false;
        indirect(0);
        return true;
    }

    bool conditionalJump() {
        if (!branchWidthFits() || !relative() || !allowed(relativeTarget()))
            return false;
        unsigned condition = m_guest.info.opcode & 0xF;
        BlockLink link;
        link.targetRip = relativeTarget();
        if (samePage(link.targetRip)) {
            if (leadsBack(link.targetRip))
                m_operands.attentionCheck(m_guest.rip);
            addLink(link, m_code.jumpIfLater(condition));
            edge(nextRip());
            return true;
        }
        JumpSite taken = m_code.jumpIfLater(condition);
        edge(nextRip());
        m_code.bind(taken);
        edge(link.targetRip);
        return true;
    }

    bool countedJump() {
        if (!branchWidthFits() || !allowed(relativeTarget()))
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
            edge(nextRip());
            m_code.bindShort(zero);
            edge(relativeTarget());
            return true;
        }
        bool conditional = mnemonic != ZYDIS_MNEMONIC_LOOP;
        JumpSite refused{};
        if (conditional) // LOOPE is refused by NZ (condition 5), LOOPNE by Z (4)
            refused = m_code.jumpIfLater(mnemonic == ZYDIS_MNEMONIC_LOOPE ? 5 : 4);
        edge(relativeTarget());
        m_code.bindShort(zero);
        if (conditional)
            m_code.bind(refused);
        edge(nextRip());
        return true;
    }

    bool call() {
        unsigned size = operandBytes();
        if (!branchWidthFits() || (relative() && !allowed(relativeTarget())))
            return false;
        if (!relative()) {
            if (!indirectTarget())
                return false;
            checkTarget(m_guest.rip);
            m_code.store(dataField(&m_data.target), kAddress);
        }
        if (!stackSlot(m_operands, AccessKind::Write, -static_cast<int32_t>(size), size,
                       m_guest.rip))
            return false;
        storeConstant(m_operands, nextRip(), size);
        if (relative()) {
            m_operands.moveStackPointer(-static_cast<int32_t>(size));
            edge(relativeTarget());
        } else {
            m_code.load(kAddress, dataField(&m_data.target));
            indirect(-static_cast<int32_t>(size));
        }
        return true;
    }

    bool ret() {
        unsigned size = operandBytes();
        if (!branchWidthFits() || !stackSlot(m_operands, AccessKind::Read, 0, size, m_guest.rip))
            return false;
        unsigned release = relative() ? static_cast<uint16_t>(m_guest.operands[0].imm.value.u) : 0;
        loadFromHost(m_operands, size);
        indirect(static_cast<int32_t>(size + release));
        return true;
    }

    enum class Target { InAddress, InEntry /* of the jump cache, at kAddend */ };
    struct Miss {
        JumpSite from;
        uint64_t rip;
        int32_t stackBytes;
        Target target;
    };

    const BlockSource& m_source;
    BlockCode& m_block;
    TranslatorData& m_data;
    Emitter m_code;
    OperandEmitter m_operands;
    InstructionCopier m_copier;
    GuestInstruction m_guest{};
    std::vector<Miss> m_misses;
};

bool BlockTranslator::translate(const BlockSource& source, BlockCode& block) {
    return Run(*this, source, block).translate();
}

} // namespace vivarium::softcpu
