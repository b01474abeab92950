#include "vmm/softcpu/translator/operand_emitter.h"

namespace vivarium::softcpu {

namespace {

constexpr int32_t kPageBytes = 4096;

unsigned segmentNumber(ZydisRegister segment) {
    return static_cast<unsigned>(segment - ZYDIS_REGISTER_ES); // ES CS SS DS FS GS
}

HostMemory segmentField(unsigned segment, size_t field) {
    return stateField(offsetof(CpuState, segment) + segment * sizeof(SegmentRegister) + field);
}

} // namespace

HostRegister OperandEmitter::registerOrLoad(unsigned guest, HostRegister scratch) {
    if (kHomes[guest] != kHostNone)
        return kHomes[guest];
    m_code.load(scratch, gprField(guest));
    return scratch;
}

void OperandEmitter::writeGpr(unsigned guest, HostRegister from, unsigned sizeBytes) {
    HostRegister home = kHomes[guest];
    if (home == kHostNone) {
        if (sizeBytes == 4) // the upper half becomes zero
            m_code.move(from, from, Width::Bits32);
        m_code.store(gprField(guest), from, sizeBytes == 2 ? Width::Bits16 : Width::Bits64);
        return;
    }
    if (sizeBytes == 2)
        m_code.legacy(0x66, Width::Bits16, {0x8B}, home, from);
    else
        m_code.move(home, from, sizeBytes == 4 ? Width::Bits32 : Width::Bits64);
}

void OperandEmitter::effectiveAddress(const GuestInstruction& instruction,
                                      const ZydisDecodedOperand& operand) {
    unsigned addressBits = instruction.info.address_width;
    int64_t displacement = operand.mem.disp.has_displacement ? operand.mem.disp.value : 0;
    uint64_t mask = addressBits == 64 ? ~uint64_t{0} : (uint64_t{1} << addressBits) - 1;
    if (operand.mem.base == ZYDIS_REGISTER_RIP || operand.mem.base == ZYDIS_REGISTER_EIP) {
        uint64_t next = instruction.rip + instruction.info.length;
        m_code.loadImmediate(kAddress, (next + static_cast<uint64_t>(displacement)) & mask);
        return;
    }
    HostMemory address;
    if (operand.mem.base != ZYDIS_REGISTER_NONE)
        address.base = registerOrLoad(gprOf(operand.mem.base).number, kAddress);
    if (operand.mem.index != ZYDIS_REGISTER_NONE) {
        address.index = registerOrLoad(gprOf(operand.mem.index).number, kAddend);
        address.scaleShift =
            static_cast<uint8_t>(operand.mem.scale == 8   ? 3
                                 : operand.mem.scale == 4 ? 2
                                                          : operand.mem.scale == 2);
    }
    bool wideDisplacement = displacement != static_cast<int32_t>(displacement);
    if (address.base == kHostNone && address.index == kHostNone) {
        m_code.loadImmediate(kAddress, static_cast<uint64_t>(displacement) & mask);
        return;
    }
    address.displacement = wideDisplacement ? 0 : static_cast<int32_t>(displacement);
    bool justBase = address.index == kHostNone && address.displacement == 0;
    Width width = addressBits == 64 ? Width::Bits64 : Width::Bits32;
    if (justBase && addressBits != 16) {
        if (address.base != kAddress || width == Width::Bits32)
            m_code.move(kAddress, address.base, width);
        return;
    }
    m_code.lea(kAddress, address, width);
    if (addressBits == 16)
        m_code.zeroExtend16(kAddress, kAddress);
}

bool OperandEmitter::segmentToLinear(unsigned segment, AccessKind kind, unsigned sizeBytes,
                                     uint64_t rip) {
    if (bits64()) {
        if (segment < kFs)
            return true;
        m_code.load(kScratch, segmentField(segment, offsetof(SegmentRegister, base)));
        m_code.lea(kAddress, sumOf(kAddress, kScratch));
        return true;
    }
    if ((m_modeKey & mode::kFlat) && segment < kFs && segment != kCs) // CS may be unreadable
        return true;
    bool real = (m_modeKey & mode::kProtected) == 0 || (m_modeKey & mode::kVm86) != 0;
    if (!real) {
        if (segment == kCs)
            return false;
        // Present, data, expand-up; writable if need be (Intel SDM 3A, 5.4 and 5.5). The bits that
        // are wanted, gathered, less what they have to be, are zero.
        m_code.loadZeroExtended(
            kScratch, segmentField(segment, offsetof(SegmentRegister, attributes)), Width::Bits16);
        if (kind == AccessKind::Read)
            m_code.pext(kScratch, kScratch, dataField(&m_data.readAttributesMask));
        else
            m_code.pext(kScratch, kScratch, dataField(&m_data.writeAttributesMask));
        m_code.lea(kScratch, baseAnd(kScratch, kind == AccessKind::Read ? -kReadAttributes
                                                                        : -kWriteAttributes));
        interpretUnlessRcxZero(rip);
    }
    // limit - (offset + size - 1) is negative on a violation; ~offset is -offset - 1.
    m_code.load(kScratch, segmentField(segment, offsetof(SegmentRegister, limit)), Width::Bits32);
    m_code.move(kAddend, kAddress);
    m_code.bitwiseNot(kAddend);
    m_code.lea(kScratch, sumOf(kScratch, kAddend, 2 - static_cast<int32_t>(sizeBytes)));
    m_code.pext(kScratch, kScratch, dataField(&m_data.highHalfMask));
    interpretUnlessRcxZero(rip);
    m_code.load(kScratch, segmentField(segment, offsetof(SegmentRegister, base)));
    m_code.lea(kAddress, sumOf(kAddress, kScratch), Width::Bits32);
    return true;
}

void OperandEmitter::hostAddress(AccessKind kind, unsigned sizeBytes, uint64_t rip) {
    size_t retry = m_code.offset();
    unsigned tlbMode = (m_modeKey & mode::kTlbMode) >> mode::kTlbModeShift;
    size_t table = offsetof(CpuState, tlb) +
                   (tlbMode * kAccessKinds + static_cast<unsigned>(kind)) * sizeof(TlbTable);
    m_code.pext(kScratch, kAddress, dataField(&m_data.tlbIndexMask));
    HostMemory entry = stateField(table + offsetof(TlbTable, addend));
    entry.index = kScratch;
    entry.scaleShift = 3;
    m_code.load(kAddend, entry);
    entry.displacement = static_cast<int32_t>(table + offsetof(TlbTable, invertedTag));
    m_code.load(kScratch, entry);
    // The last byte's distance from the page's start is below 4096 on a hit.
    m_code.lea(kScratch,
               sumOf(kScratch, kAddress, static_cast<int32_t>(sizeBytes) + hit() * kPageBytes));
    m_code.shiftRight(kScratch, kScratch, kPageShift);
    JumpSite miss = jumpUnlessHit();
    uint32_t faults = m_faults == Faults::Interpret ? kInterpretFaults : 0;
    m_fills.push_back({miss, retry, rip, static_cast<uint32_t>(kind) | sizeBytes << 8 | faults});
}

bool OperandEmitter::memoryOperand(const GuestInstruction& instruction,
                                   const ZydisDecodedOperand& operand, AccessKind kind) {
    unsigned sizeBytes = operand.size / 8u;
    effectiveAddress(instruction, operand);
    if (!segmentToLinear(segmentNumber(operand.mem.segment), kind, sizeBytes, instruction.rip))
        return false;
    hostAddress(kind, sizeBytes, instruction.rip);
    return true;
}

unsigned OperandEmitter::stackBytes() const {
    return bits64() ? 8 : (m_modeKey & mode::kStack32) ? 4 : 2;
}

void OperandEmitter::stackAddress(int32_t displacement) {
    unsigned width = stackBytes();
    m_code.lea(kAddress, baseAnd(kGuestRspHome, displacement),
               width == 8 ? Width::Bits64 : Width::Bits32);
    if (width == 2)
        m_code.zeroExtend16(kAddress, kAddress);
}

void OperandEmitter::moveStackPointer(int32_t bytes) {
    switch (stackBytes()) {
    case 8:
        m_code.lea(kGuestRspHome, baseAnd(kGuestRspHome, bytes));
        break;
    case 4:
        m_code.lea(kGuestRspHome, baseAnd(kGuestRspHome, bytes), Width::Bits32);
        break;
    default:
        m_code.lea(kScratch, baseAnd(kGuestRspHome, bytes), Width::Bits32);
        writeGpr(kRsp, kScratch, 2);
        break;
    }
}

void OperandEmitter::exit(CodeExit reason, uint64_t rip, uint32_t argument) {
    m_code.loadImmediate(kAddress, rip);
    m_code.loadImmediate(kAddend, argument);
    exitWithRipInAddress(reason);
}

void OperandEmitter::exitWithRipInAddress(CodeExit reason) {
    m_code.loadImmediate(kScratch, static_cast<uint64_t>(reason));
    m_code.jump(m_thunks.exit);
}

void OperandEmitter::coldExit(JumpSite from, CodeExit reason, uint64_t rip, uint32_t argument) {
    m_exits.push_back({from, reason, rip, argument});
}

JumpSite OperandEmitter::jumpUnlessHit() {
    return m_data.missTest == MissTest::Loop ? m_code.jumpUnlessRcxOne()
                                             : m_code.jumpUnlessRcxZero();
}

JumpSite OperandEmitter::jumpUnlessRcxZero() {
    if (hit() != 0)
        m_code.lea(kScratch, baseAnd(kScratch, hit()));
    return jumpUnlessHit();
}

void OperandEmitter::interpretUnlessRcxZero(uint64_t rip) {
    coldExit(jumpUnlessRcxZero(), CodeExit::Interpret, rip, 0);
}

void OperandEmitter::attentionCheck(uint64_t rip) {
    m_code.load(kScratch, stateField(offsetof(CpuState, attention)), Width::Bits32);
    coldExit(jumpUnlessRcxZero(), CodeExit::Attention, rip, 0);
}

void OperandEmitter::ensureSimd() {
    if (m_simdLoad)
        return;
    m_code.load(kScratch, dataField(&m_data.simdUnloaded), Width::Bits32);
    JumpSite unloaded = jumpUnlessRcxZero();
    m_simdLoad = {unloaded, m_code.offset()};
}

void OperandEmitter::takeBack(const Mark& mark) {
    m_code.rewind(mark.offset);
    m_fills.resize(mark.fills);
    m_exits.resize(mark.exits);
    if (!mark.simdLoad)
        m_simdLoad.reset();
}

void OperandEmitter::finish() {
    for (const ColdFill& fill : m_fills) {
        m_code.bind(fill.from);
        m_code.loadImmediate(kScratch, fill.argument);
        m_code.loadImmediate(kAddend, fill.rip);
        m_code.call(m_thunks.fill);
        m_code.jump(m_code.cache().executable(fill.retryOffset));
    }
    if (m_simdLoad) {
        m_code.bind(m_simdLoad->from);
        m_code.call(m_thunks.loadSimd);
        m_code.jump(m_code.cache().executable(m_simdLoad->backOffset));
    }
    for (const ColdExit& cold : m_exits) {
        m_code.bind(cold.from);
        exit(cold.reason, cold.rip, cold.argument);
    }
}

} // namespace vivarium::softcpu
