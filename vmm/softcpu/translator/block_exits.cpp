#include "vmm/softcpu/translator/block_exits.h"

#include "vmm/softcpu/memory/soft_tlb.h"

namespace vivarium::softcpu {

namespace {

constexpr int32_t kUpperHalf = 0x1FFFF; // bits 47..63 of its addresses

// Every loop has such a branch, or an indirect one.
bool leadsBack(uint64_t rip, uint64_t targetRip) {
    return targetRip <= rip;
}

} // namespace

bool BlockExits::allowed(uint64_t targetRip) const {
    if (!m_operands.bits64())
        return targetRip <= m_source.codeLimit;
    return targetRip >> 47 == 0 || targetRip >> 47 == kUpperHalf;
}

void BlockExits::checkTarget(uint64_t rip) {
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

void BlockExits::jump(uint64_t rip, uint64_t targetRip) {
    if (leadsBack(rip, targetRip))
        m_operands.attentionCheck(targetRip);
    BlockLink link;
    link.targetRip = targetRip;
    if (!samePage(targetRip))
        checkPage(link);
    addLink(link, m_code.jumpLater());
}

void BlockExits::jumpIf(unsigned condition, uint64_t rip, uint64_t targetRip) {
    if (!samePage(targetRip)) {
        m_farJumps.push_back({m_code.jumpIfLater(condition), rip, targetRip});
        return;
    }
    if (leadsBack(rip, targetRip))
        m_operands.attentionCheck(rip);
    BlockLink link;
    link.targetRip = targetRip;
    addLink(link, m_code.jumpIfLater(condition));
}

void BlockExits::addLink(BlockLink link, JumpSite jump) {
    m_operands.coldExit(jump, CodeExit::Chain, link.targetRip, nextLinkNumber());
    link.jumpOffset = jump.offset;
    m_block.links.push_back(link);
}

// Goes on only if the link's page is still where it was.
void BlockExits::checkPage(BlockLink& link) {
    auto index = static_cast<unsigned>((linear(link.targetRip) >> 12) % kTlbEntries);
    bool user = (m_source.modeKey & mode::kCpl) == mode::kCpl;
    link.noPage = noCodePage(index);
    m_code.load(kScratch, stateField(SoftTlb::codePageOffset(
                              linear(link.targetRip), user ? TlbMode::User : TlbMode::Supervisor)));
    m_code.loadImmediate64(kAddress, link.noPage);
    link.pageOffset = m_code.offset() - sizeof(uint64_t);
    m_code.lea(kScratch, sumOf(kScratch, kAddress, m_operands.hit()));
    m_operands.coldExit(m_operands.jumpUnlessHit(), CodeExit::Chain, link.targetRip,
                        nextLinkNumber());
}

void BlockExits::jumpIndirect(uint64_t rip, int32_t stackBytes) {
    m_operands.attentionCheck(rip);
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
    m_misses.push_back({m_operands.jumpUnlessHit(), rip, stackBytes, Target::InAddress});
    m_code.load(kScratch, baseAnd(kAddend, offsetof(JumpEntry, slot)));
    HostMemory slot = stateField(0);
    slot.base = kScratch;
    m_code.load(kScratch, slot);
    m_code.load(kAddress, baseAnd(kAddend, offsetof(JumpEntry, page)));
    m_code.lea(kScratch, sumOf(kScratch, kAddress, m_operands.hit()));
    m_misses.push_back({m_operands.jumpUnlessHit(), rip, stackBytes, Target::InEntry});
    if (stackBytes != 0)
        m_operands.moveStackPointer(stackBytes);
    m_code.jump(baseAnd(kAddend, offsetof(JumpEntry, code)));
}

// The target in kAddress perhaps has the segment's base above RIP.
void BlockExits::finishMiss(const Miss& miss) {
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

void BlockExits::finish() {
    for (const FarJump& far : m_farJumps) {
        m_code.bind(far.from);
        jump(far.rip, far.targetRip);
    }
    for (const Miss& miss : m_misses)
        finishMiss(miss);
}

} // namespace vivarium::softcpu
