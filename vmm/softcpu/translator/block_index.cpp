#include "vmm/softcpu/translator/block_index.h"

#include <algorithm>
#include <cstring>

namespace vivarium::softcpu {

namespace {

constexpr size_t kDisplacementBytes = 4, kPageBytes = 4096;

} // namespace

Block* BlockIndex::find(const BlockKey& key) {
    Block*& recent = m_recent[KeyHash()(key) % kRecentBlocks];
    if (recent && recent->alive && recent->key == key)
        return recent;
    auto found = m_byKey.find(key);
    if (found == m_byKey.end())
        return nullptr;
    recent = found->second;
    return recent;
}

const Block* BlockIndex::findByCode(const void* hostAddress) const {
    size_t offset = m_cache.offsetOf(hostAddress);
    auto after =
        std::upper_bound(m_blocks.begin(), m_blocks.end(), offset,
                         [](size_t value, const Block& block) { return value < block.codeOffset; });
    if (after == m_blocks.begin())
        return nullptr;
    const Block& block = *std::prev(after);
    return offset < block.codeOffset + block.codeBytes ? &block : nullptr;
}

Block& BlockIndex::add(const BlockKey& key, BlockCode&& code, const uint8_t* guestBytes,
                       const uint8_t* host, uint32_t round) {
    Block& block = m_blocks.emplace_back();
    block.key = key;
    block.code = m_cache.executable(code.codeOffset);
    block.codeOffset = code.codeOffset;
    block.codeBytes = code.codeBytes;
    block.guestBytes = code.guestBytes;
    block.marks = std::move(code.marks);
    block.guestCopy.assign(guestBytes, guestBytes + code.guestBytes);
    block.firstLink = nextLink();
    block.linkCount = static_cast<uint32_t>(code.links.size());
    for (const BlockLink& site : code.links) {
        int32_t displacement;
        std::memcpy(&displacement, m_cache.writable(site.jumpOffset), kDisplacementBytes);
        size_t target = site.jumpOffset + kDisplacementBytes + static_cast<size_t>(displacement);
        m_links.push_back({site, target, &block, nullptr, 0});
    }
    m_byKey[key] = &block;
    Page& page = m_pages[key.physical >> 12];
    if (page.blocks.empty())
        page.verifiedRound = round;
    page.blocks.push_back(&block);
    remember(page, block, host);
    return block;
}

void BlockIndex::connect(uint32_t number, Block& target, uint64_t page) {
    Link& link = m_links[number];
    // The page had only to be looked up again: writing into code that runs is slow.
    if (!link.owner->alive || (link.target == &target && link.page == page))
        return;
    link.page = page;
    if (link.target != &target) {
        disconnect(link);
        link.target = &target;
        target.incoming.push_back(number);
    }
    auto displacement =
        static_cast<uint32_t>(target.codeOffset - (link.site.jumpOffset + kDisplacementBytes));
    std::memcpy(m_cache.writable(link.site.jumpOffset), &displacement, kDisplacementBytes);
    if (link.site.pageOffset != 0)
        std::memcpy(m_cache.writable(link.site.pageOffset), &page, sizeof page);
}

void BlockIndex::disconnect(Link& link) {
    if (!link.target)
        return;
    auto number = static_cast<uint32_t>(&link - m_links.data());
    std::erase(link.target->incoming, number);
    link.target = nullptr;
    auto displacement =
        static_cast<uint32_t>(link.unlinkedTarget - (link.site.jumpOffset + kDisplacementBytes));
    std::memcpy(m_cache.writable(link.site.jumpOffset), &displacement, kDisplacementBytes);
    if (link.site.pageOffset != 0)
        std::memcpy(m_cache.writable(link.site.pageOffset), &link.site.noPage, sizeof(uint64_t));
}

void BlockIndex::retire(Block& block) {
    block.alive = false;
    block.marks = {};
    block.guestCopy = {};
    while (!block.incoming.empty())
        disconnect(m_links[block.incoming.back()]);
    for (uint32_t i = 0; i < block.linkCount; ++i)
        disconnect(m_links[block.firstLink + i]);
    auto found = m_byKey.find(block.key);
    if (found != m_byKey.end() && found->second == &block)
        m_byKey.erase(found);
}

bool BlockIndex::unchanged(Page& page, const uint8_t* host) {
    if (std::memcmp(page.copy.get() + page.low, host + page.low, page.high - page.low) == 0)
        return true;
    bool same = std::all_of(page.blocks.begin(), page.blocks.end(), [&](const Block* block) {
        return std::memcmp(block->guestCopy.data(), host + block->key.physical % kPageBytes,
                           block->guestCopy.size()) == 0;
    });
    if (same) {
        std::memcpy(page.copy.get() + page.low, host + page.low, page.high - page.low);
        for (const Block* block : page.blocks)
            remember(page, *block, host);
    }
    return same;
}

void BlockIndex::remember(Page& page, const Block& block, const uint8_t* host) {
    auto first = static_cast<unsigned>(block.key.physical % kPageBytes);
    unsigned end = first + block.guestBytes;
    if (!page.copy) {
        page.copy = std::make_unique_for_overwrite<uint8_t[]>(kPageBytes);
        page.low = page.high = first;
    }
    if (first < page.low) {
        std::memcpy(page.copy.get() + first, host + first, page.low - first);
        page.low = first;
    }
    if (end > page.high) {
        std::memcpy(page.copy.get() + page.high, host + page.high, end - page.high);
        page.high = end;
    }
    std::memcpy(page.copy.get() + first, block.guestCopy.data(), block.guestCopy.size());
}

void BlockIndex::clear() {
    std::fill(m_recent.begin(), m_recent.end(), nullptr);
    std::fill(m_verified.begin(), m_verified.end(), Verified{});
    m_pages.clear();
    m_byKey.clear();
    m_links.clear();
    m_blocks.clear();
}

} // namespace vivarium::softcpu
