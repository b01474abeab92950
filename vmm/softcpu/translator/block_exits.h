#pragma once

#include "vmm/softcpu/translator/block_translator.h"
#include "vmm/softcpu/translator/operand_emitter.h"

#include <vector>

namespace vivarium::softcpu {

// Emits where a block goes on: links to RIPs that are known, and jumps through the jump cache.
// Nothing here changes the guest's flags.
class BlockExits {
public:
    BlockExits(const BlockSource& source, BlockCode& block, OperandEmitter& operands)
        : m_source(source), m_block(block), m_operands(operands), m_code(operands.code()),
          m_data(operands.data()) {}

    // Whether a near branch may go there: else it faults at the branch (Intel SDM 2A, JMP).
    bool allowed(uint64_t targetRip) const;
    // Leaves for the interpreter at `rip` unless the target in kAddress is allowed. Uses kScratch
    // and kAddend.
    void checkTarget(uint64_t rip);

    // Goes on at a known RIP after the instruction at `rip`.
    void jump(uint64_t rip, uint64_t targetRip);
    // Likewise when a condition of the host's flags (0..15) holds, else falls through.
    void jumpIf(unsigned condition, uint64_t rip, uint64_t targetRip);
    // Goes on at the RIP in kAddress, after adding to the stack pointer. Nothing has changed when
    // it turns out that the guest cannot go there.
    void jumpIndirect(uint64_t rip, int32_t stackBytes);

    void finish(); // emits the cold code

private:
    struct FarJump { // to another page, when a condition holds
        JumpSite from;
        uint64_t rip;
        uint64_t targetRip;
    };
    enum class Target { InAddress, InEntry /* of the jump cache, at kAddend */ };
    struct Miss {
        JumpSite from;
        uint64_t rip;
        int32_t stackBytes;
        Target target;
    };

    uint64_t linear(uint64_t rip) const {
        return m_operands.bits64() ? rip : (m_source.codeBase + rip) & 0xFFFFFFFF;
    }
    bool samePage(uint64_t rip) const { return linear(rip) >> 12 == linear(m_source.rip) >> 12; }
    uint32_t nextLinkNumber() const {
        return m_source.firstLink + static_cast<uint32_t>(m_block.links.size());
    }
    void addLink(BlockLink link, JumpSite jump);
    void checkPage(BlockLink& link);
    void finishMiss(const Miss& miss);

    const BlockSource& m_source;
    BlockCode& m_block;
    OperandEmitter& m_operands;
    Emitter& m_code;
    TranslatorData& m_data;
    std::vector<FarJump> m_farJumps;
    std::vector<Miss> m_misses;
};

} // namespace vivarium::softcpu
