#pragma once

#include "vmm/base/guest_address.h"
#include "vmm/softcpu/translator/block_translator.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

namespace vivarium::softcpu {

// What makes a block the right one: where its bytes lie, the RIP it was made for (the code has it
// built in), and the mode with the code segment.
struct BlockKey {
    GuestAddress physical = 0;
    uint64_t rip = 0;
    uint64_t codeBase = 0;
    uint32_t codeLimit = 0;
    uint32_t modeKey = 0;
    bool operator==(const BlockKey&) const = default;
};

struct Block {
    BlockKey key;
    const uint8_t* code = nullptr; // executable address
    size_t codeOffset = 0;
    size_t codeBytes = 0;
    unsigned guestBytes = 0;
    uint32_t firstLink = 0;
    uint32_t linkCount = 0;
    bool alive = true;
    std::vector<uint32_t> incoming; // numbers of links that are patched to this block
    std::vector<InstructionMark> marks;
    std::vector<uint8_t> guestCopy; // the bytes that it was made from
};

struct Link {
    BlockLink site;
    size_t unlinkedTarget = 0; // code offset that the jump has while it is not patched
    Block* owner = nullptr;
    Block* target = nullptr;
    uint64_t page = 0; // that it was connected with
};

// All blocks of a vCPU's code cache and the links between them. Thread: the vCPU's.
class BlockIndex {
public:
    explicit BlockIndex(CodeCache& cache) : m_cache(cache) {}

    Block* find(const BlockKey& key);
    // The block that contains a host address of generated code, or null.
    const Block* findByCode(const void* hostAddress) const;
    // `host` is the first byte of the page, `guestBytes` what the block was made from.
    Block& add(const BlockKey& key, BlockCode&& code, const uint8_t* guestBytes,
               const uint8_t* host, uint32_t round);
    uint32_t nextLink() const { return static_cast<uint32_t>(m_links.size()); }
    Link* link(uint64_t number) {
        return number < m_links.size() ? &m_links[static_cast<size_t>(number)] : nullptr;
    }
    // Makes a link lead to `target`; `page` (codePageName()) matters for links that leave the page.
    void connect(uint32_t number, Block& target, uint64_t page);

    // Forgets the blocks of [address, address + sizeBytes), which lies in one page; calls
    // `removed(block)` for each. Returns whether blocks of that page remain.
    template <class Removed>
    bool removeRange(GuestAddress address, uint64_t sizeBytes, Removed removed) {
        auto found = m_pages.find(address >> 12);
        if (found == m_pages.end())
            return false;
        std::erase_if(found->second.blocks, [&](Block* block) {
            bool touched = block->key.physical < address + sizeBytes &&
                           address < block->key.physical + block->guestBytes;
            if (touched) {
                retire(*block);
                removed(*block);
            }
            return touched;
        });
        if (!found->second.blocks.empty())
            return true;
        m_pages.erase(found);
        return false;
    }
    // Forgets the blocks of a page whose bytes have changed (devices write without telling),
    // looking once for each value of `round`. `host` is the page's first byte. Calls `removed`
    // likewise.
    template <class Removed>
    void verifyPage(GuestAddress page, const uint8_t* host, uint32_t round, Removed removed) {
        Verified& recent = m_verified[(page >> 12) % kRecentPages];
        if (recent.page == page >> 12 && recent.round == round)
            return;
        recent = {page >> 12, round};
        auto found = m_pages.find(page >> 12);
        if (found == m_pages.end() || found->second.verifiedRound == round)
            return;
        found->second.verifiedRound = round;
        if (unchanged(found->second, host))
            return;
        removeRange(page & ~GuestAddress{0xFFF}, 4096, removed);
    }
    void clear();
    size_t size() const { return m_blocks.size(); } // with those that were forgotten one by one
    size_t pages() const { return m_pages.size(); }

private:
    struct KeyHash {
        size_t operator()(const BlockKey& key) const {
            uint64_t hash = key.physical * 0x9E3779B97F4A7C15 ^ key.rip ^
                            uint64_t { key.modeKey } << 32 ^ key.codeBase << 16;
            return static_cast<size_t>(hash ^ hash >> 29);
        }
    };
    struct Page {
        std::vector<Block*> blocks;
        uint32_t verifiedRound = 0;
        // The page's bytes [low, high), which hold all blocks, as they once were: equal in one
        // comparison as a rule. What differs may lie between blocks.
        std::unique_ptr<uint8_t[]> copy;
        unsigned low = 0, high = 0;
    };
    struct Verified {
        uint64_t page = ~uint64_t{0};
        uint32_t round = 0;
    };
    static constexpr size_t kRecentBlocks = 8192, kRecentPages = 1024;
    static bool unchanged(Page& page, const uint8_t* host);
    static void remember(Page& page, const Block& block, const uint8_t* host);
    void retire(Block& block);
    void disconnect(Link& link);

    CodeCache& m_cache;
    std::deque<Block> m_blocks; // ascending by code; references stay valid until clear()
    std::vector<Link> m_links;
    std::unordered_map<BlockKey, Block*, KeyHash> m_byKey;
    std::unordered_map<uint64_t, Page> m_pages; // by physical page number
    // What was asked for last, by hash: in front of the maps, which are slow for their size.
    std::vector<Block*> m_recent = std::vector<Block*>(kRecentBlocks);
    std::vector<Verified> m_verified = std::vector<Verified>(kRecentPages);
};

} // namespace vivarium::softcpu
