// The translator's blocks: found, made, linked and forgotten.
#include "vmm/softcpu/translator/translator.h"

#include <algorithm>
#include <cstring>

namespace vivarium::softcpu {

namespace {

constexpr uint64_t kPageBytes = 4096;
// A block of 64 instructions with a TLB lookup each stays far below this.
constexpr size_t kBlockReserveBytes = 24 * 1024;
// Bounds of what a guest can make the tables beside the code grow to.
constexpr size_t kMaxBlocks = 100'000, kMaxPages = 16'384;
// Mode bits that only interpreted instructions look at.
constexpr uint32_t kModeBitsIgnored = mode::kFsgsbase;
// Invalidating more goes faster by forgetting all.
constexpr uint64_t kManyBytes = uint64_t{16} << 20;

} // namespace

BlockKey Translator::presentKey() const {
    BlockKey key;
    key.rip = m_state.rip;
    key.modeKey = m_state.modeKey & ~kModeBitsIgnored;
    if (!code64(m_state)) {
        key.codeBase = m_state.segment[kCs].base;
        key.codeLimit = m_state.segment[kCs].limit;
    }
    return key;
}

const uint8_t* Translator::findCode() {
    BlockKey key = presentKey();
    bool bits64 = code64(m_state);
    if (bits64 ? !canonical(key.rip) : key.rip > key.codeLimit)
        return nullptr;
    uint64_t linear = bits64 ? key.rip : (key.codeBase + key.rip) & 0xFFFFFFFF;
    TlbMode fetchMode = cpl(m_state) == 3 ? TlbMode::User : TlbMode::Supervisor;
    std::optional<GuestAddress> physical = m_mmu.tlb().codePage(linear, fetchMode);
    if (!physical)
        physical = enterPage(linear, fetchMode);
    if (!physical)
        return nullptr;
    key.physical = *physical;
    if (const uint8_t* code = linkedCode(key, linear))
        return code;
    const JumpEntry& jump = jumpEntry(key);
    if (!m_linkPending && jump.inverted == ~jumpName(key.codeBase, key.rip) &&
        jump.page == codePageName(linear, key.physical))
        return jump.code;
    Block* block = m_index.find(key);
    if (!block)
        block = translate(key, linear, fetchMode);
    if (!block)
        return nullptr;
    connectPending(*block, linear);
    // Contexts may have been given out anew since the entry was missed.
    jumpEntry(key) = {.inverted = ~jumpName(key.codeBase, key.rip),
                      .code = block->code,
                      .page = codePageName(linear, key.physical),
                      .slot = SoftTlb::codePageOffset(linear, fetchMode)};
    return block->code;
}

// Looks up where a page of code lies and compares its bytes if devices may have written there.
std::optional<GuestAddress> Translator::enterPage(uint64_t linear, TlbMode fetchMode) {
    SoftMmu::CodePlace place = m_mmu.codePlace(linear, fetchMode);
    if (place.fault || !place.host || place.physical >> kCodePhysicalBits != 0)
        return std::nullopt;
    m_index.verifyPage(place.physical, place.host - place.physical % kPageBytes, m_verifyRound,
                       [this](const Block& block) { dropJump(block); });
    m_mmu.tlb().setCodePage(linear, place.physical, fetchMode);
    return place.physical;
}

// The target of the link that was left by, when only its page had to be looked up again.
const uint8_t* Translator::linkedCode(const BlockKey& key, uint64_t linear) {
    if (!m_linkPending)
        return nullptr;
    const Link* link = m_index.link(m_pendingLink);
    if (!link || !link->target || link->page != codePageName(linear, key.physical) ||
        !(link->target->key == key))
        return nullptr;
    m_linkPending = false;
    return link->target->code;
}

Block* Translator::translate(const BlockKey& key, uint64_t linear, TlbMode fetchMode) {
    if (m_cache->freeBytes() < kBlockReserveBytes || m_index.size() >= kMaxBlocks ||
        m_index.pages() >= kMaxPages) {
        ++m_statistics.flushes;
        forgetBlocks();
    }
    switch (m_coherence.gainCode(
        m_member, key.physical & ~(kPageBytes - 1),
        [this](const CodeCoherence::Requests& requests) { serve(requests); })) {
    case CodeCoherence::Gain::Known:
        break;
    case CodeCoherence::Gain::New:
        m_mmu.tlb().flushWrites();
        break;
    case CodeCoherence::Gain::Interrupted:
        return nullptr;
    }
    SoftMmu::CodePlace place = m_mmu.codePlace(linear, fetchMode);
    if (place.fault || !place.host || place.physical != key.physical)
        return nullptr;
    uint64_t available = kPageBytes - key.physical % kPageBytes;
    if (!code64(m_state))
        available = std::min(available, uint64_t{key.codeLimit} - key.rip + 1);
    // The guest may change its code at any time: what is translated is one copy of it.
    uint8_t copy[kPageBytes];
    std::memcpy(copy, place.host, available);
    BlockSource source;
    source.rip = key.rip;
    source.codeBase = key.codeBase;
    source.codeLimit = key.codeLimit;
    source.bytes = ConstByteSpan(copy, static_cast<size_t>(available));
    source.modeKey = key.modeKey;
    source.jumpContext = contextFor(key);
    source.firstLink = m_index.nextLink();
    BlockCode code;
    if (!m_blockTranslator.translate(source, code))
        return nullptr;
    ++m_statistics.blocks;
    return &m_index.add(key, std::move(code), copy, place.host - key.physical % kPageBytes,
                        m_verifyRound);
}

unsigned Translator::contextFor(const BlockKey& key) {
    for (unsigned i = 0; i < kJumpContexts; ++i) {
        Context& context = m_contexts[i];
        if (!context.used)
            context = {key.modeKey, key.codeLimit, true};
        if (context.modeKey == key.modeKey && context.codeLimit == key.codeLimit)
            return i;
    }
    forgetBlocks(); // blocks have their jump cache built in
    m_contexts[0] = {key.modeKey, key.codeLimit, true};
    return 0;
}

JumpEntry& Translator::jumpEntry(const BlockKey& key) {
    return m_data.jumpCache[contextFor(key)][key.rip % kJumpEntries];
}

void Translator::connectPending(Block& target, uint64_t linear) {
    if (!m_linkPending)
        return;
    m_linkPending = false;
    Link* link = m_index.link(m_pendingLink);
    if (!link || !link->owner->alive || link->site.targetRip != target.key.rip ||
        link->owner->key.modeKey != target.key.modeKey ||
        link->owner->key.codeBase != target.key.codeBase)
        return;
    if (link->site.pageOffset == 0 &&
        link->owner->key.physical / kPageBytes != target.key.physical / kPageBytes)
        return;
    m_index.connect(m_pendingLink, target, codePageName(linear, target.key.physical));
}

void Translator::serve(const CodeCoherence::Requests& requests) {
    if (requests.flushWrites) {
        m_mmu.tlb().flushWrites();
        m_coherence.flushed(m_member);
    }
    if (requests.verify) {
        ++m_verifyRound;
        m_mmu.tlb().forgetCodePages();
    }
    for (const auto& range : requests.ranges)
        removeCode(range.address, range.sizeBytes);
}

void Translator::removeCode(GuestAddress address, uint64_t sizeBytes) {
    if (sizeBytes > kManyBytes) {
        forgetBlocks();
        return;
    }
    auto removed = [this](const Block& block) { dropJump(block); };
    while (sizeBytes > 0) {
        uint64_t part = std::min(sizeBytes, kPageBytes - address % kPageBytes);
        m_index.removeRange(address, part, removed);
        address += part;
        sizeBytes -= part;
    }
}

// A page without code of this vCPU is unmarked, and the others forget what they have of it: the
// next translation marks it again. Else every write to data beside code that is gone were slow.
void Translator::codeWritten(GuestAddress address, unsigned sizeBytes) {
    bool remain =
        m_index.removeRange(address, sizeBytes, [this](const Block& block) { dropJump(block); });
    if (remain) {
        m_coherence.written(&m_member, address, sizeBytes);
        return;
    }
    GuestAddress page = address & ~(kPageBytes - 1);
    m_coherence.loseCode(m_member, page, kPageBytes);
}

void Translator::dropJump(const Block& block) {
    ++m_statistics.removals;
    unsigned index = block.key.rip % kJumpEntries;
    for (unsigned i = 0; i < kJumpContexts; ++i)
        if (m_data.jumpCache[i][index].code == block.code)
            m_data.jumpCache[i][index] = emptyJump(index);
}

void Translator::forgetBlocks() {
    m_index.clear();
    m_cache->flush();
    m_linkPending = false;
    for (unsigned i = 0; i < kJumpContexts && m_contexts[i].used; ++i) {
        m_contexts[i].used = false;
        std::fill_n(m_data.jumpCache[i], kJumpEntries, JumpEntry{});
        m_data.jumpCache[i][kJumpEntries - 1] = emptyJump(kJumpEntries - 1);
    }
}

void Translator::invalidateAll() {
    forgetBlocks();
}

void Translator::requestCodeInvalidation(GuestAddress address, uint64_t sizeBytes) {
    m_coherence.request(m_member, address, sizeBytes);
}

} // namespace vivarium::softcpu
