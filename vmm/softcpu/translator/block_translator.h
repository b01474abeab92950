#pragma once

#include "vmm/base/bytes.h"
#include "vmm/softcpu/translator/instruction_copier.h"

#include <cstdint>
#include <vector>

namespace vivarium::softcpu {

// What a block is made from. `bytes` start at `rip` (within the code segment) and end with the
// page.
struct BlockSource {
    uint64_t rip = 0;
    uint64_t codeBase = 0; // of CS; 0 in 64-bit mode
    uint32_t codeLimit = 0;
    ConstByteSpan bytes;
    uint32_t modeKey = 0;
    unsigned jumpContext = 0; // which jump cache
    uint32_t firstLink = 0;   // number of the block's first link
};

// A jump out of a block to a RIP that is known. It leads to an exit with CodeExit::Chain until it
// is patched. Links that leave the page hold as long as the other page is where it was:
// `pageOffset` (else 0) is where the code has its codePageName(), `noPage` while it is not patched.
struct BlockLink {
    size_t jumpOffset = 0;
    size_t pageOffset = 0;
    uint64_t noPage = 0;
    uint64_t targetRip = 0;
};

struct InstructionMark {
    uint32_t hostOffset;  // in the code cache
    uint32_t guestOffset; // from the block's start
};

struct BlockCode {
    size_t codeOffset = 0;
    size_t codeBytes = 0;
    unsigned guestBytes = 0;            // that the code was made from, at least 1
    std::vector<InstructionMark> marks; // ascending; ends with the cold code's
    std::vector<BlockLink> links;
};

// Translates one block: up to a branch that is always taken or leads back. Thread: the vCPU's.
class BlockTranslator {
public:
    BlockTranslator(CodeCache& cache, TranslatorData& data, const Thunks& thunks)
        : m_cache(cache), m_data(data), m_thunks(thunks) {}

    // false: the cache is full.
    bool translate(const BlockSource& source, BlockCode& block);

private:
    class Run; // one translation

    CodeCache& m_cache;
    TranslatorData& m_data;
    const Thunks& m_thunks;
};

} // namespace vivarium::softcpu
