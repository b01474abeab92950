#pragma once

#include "vmm/base/bytes.h"
#include "vmm/base/guest_address.h"
#include "vmm/base/result.h"
#include "vmm/firmware/boot/boot_layout.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace vivarium {

// The parts of an x86 ELF executable that a loader needs (System V ABI, chapters 4 and 5). The file
// is hostile: every offset is checked once, in parse(). Borrows the bytes.
class ElfImage {
public:
    enum class Width { Bits32, Bits64 };
    struct Segment {
        ConstByteSpan bytes; // in the file
        uint64_t memoryBytes = 0;
        uint64_t virtualAddress = 0;
        GuestAddress physicalAddress = 0;
    };

    static bool looksLikeElf(ConstByteSpan file);
    // Errors: Corrupt; Unsupported (not a little-endian x86 executable); LimitExceeded (segments).
    static Result<ElfImage> parse(ConstByteSpan file);

    Width width() const { return m_width; }
    uint64_t entry() const { return m_entry; }
    // The entry point as a physical address when it lies in a segment's virtual range.
    uint64_t physicalEntry() const;
    const std::vector<Segment>& segments() const { return m_segments; } // PT_LOAD, not empty
    // Descriptor of the first note with this owner and type.
    std::optional<ConstByteSpan> findNote(std::string_view owner, uint32_t type) const;

    // Claims the segments' memory and writes them, zeroing what the file does not fill. Returns the
    // first address after the highest. Errors: Corrupt (segments overlap), LimitExceeded.
    Result<GuestAddress> load(BootLayout& layout) const;

private:
    Width m_width = Width::Bits32;
    uint64_t m_entry = 0;
    std::vector<Segment> m_segments;
    std::vector<ConstByteSpan> m_notes; // PT_NOTE segments
};

} // namespace vivarium
