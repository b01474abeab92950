#include "vmm/devices/display/vga_memory.h"

#include "vmm/devices/display/vbe_dispi.h"
#include "vmm/devices/display/vga_bits.h"

#include <utility>

namespace vivarium {

namespace {

// Four bits, one a plane, widened to a byte each.
uint32_t widen(unsigned planes) {
    return ((planes & 1) ? 0x000000FFu : 0) | ((planes & 2) ? 0x0000FF00u : 0) |
           ((planes & 4) ? 0x00FF0000u : 0) | ((planes & 8) ? 0xFF000000u : 0);
}

// The same byte in all four planes.
uint32_t replicate(uint8_t value) {
    return value * 0x01010101u;
}

uint8_t rotateRight(uint8_t value, unsigned count) {
    return static_cast<uint8_t>(value >> count | value << (8 - count));
}

} // namespace

// Address within video memory (bank added) for an offset in the window; nullopt where graphics
// register 6 decodes nothing or misc output bit 1 hides the memory.
std::optional<uint32_t> VgaMemory::decode(uint32_t offset) const {
    if (!(m_state.miscOutput & vga::kMiscMemoryEnable))
        return std::nullopt;
    switch (m_state.graphics[6] >> 2 & 3) {
    case 0: // all 128 KiB
        return offset;
    case 1: // 0xA0000, 64 KiB
        if (offset >= 0x10000)
            return std::nullopt;
        return offset + (VbeDispi::enabled(m_state) ? uint32_t{m_state.dispi.bank} << 16 : 0);
    case 2: // 0xB0000, 32 KiB
        if (offset < 0x10000 || offset >= 0x18000)
            return std::nullopt;
        return offset - 0x10000;
    default: // 0xB8000, 32 KiB
        if (offset < 0x18000)
            return std::nullopt;
        return offset - 0x18000;
    }
}

// A VGA has 64 KiB a plane; only the VBE modes reach beyond. Either way it lies in video memory.
uint32_t VgaMemory::groupIndex(uint32_t address) const {
    return address & (VbeDispi::enabled(m_state) ? m_memory.groupMask() : 0xFFFF);
}

uint8_t VgaMemory::read(uint32_t offset) {
    auto address = decode(offset);
    if (!address)
        return 0xFF;
    const auto& graphics = m_state.graphics;
    uint32_t index;
    unsigned plane;
    if (m_state.sequencer[4] & vga::kChain4) {
        index = *address >> 2;
        plane = *address & 3;
    } else if (graphics[5] & vga::kReadOddEven) {
        index = *address & ~1u;
        plane = (graphics[4] & 2) | (*address & 1);
    } else {
        index = *address;
        plane = graphics[4] & 3;
    }
    uint32_t latches = m_memory.group(groupIndex(index));
    storeLe<uint32_t>(m_state.latches.data(), latches);
    if (!(graphics[5] & vga::kReadMode1))
        return static_cast<uint8_t>(latches >> (8 * plane));
    // Read mode 1: a bit is set where every plane that counts equals the colour to compare.
    uint32_t differs = (latches ^ widen(graphics[2])) & widen(graphics[7]);
    differs |= differs >> 16;
    differs |= differs >> 8;
    return static_cast<uint8_t>(~differs);
}

void VgaMemory::write(uint32_t offset, uint8_t value) {
    auto address = decode(offset);
    if (!address)
        return;
    const auto& graphics = m_state.graphics;
    unsigned planes = m_state.sequencer[2];
    uint32_t index;
    if (m_state.sequencer[4] & vga::kChain4) {
        planes &= 1u << (*address & 3);
        index = *address >> 2;
    } else if (!(m_state.sequencer[4] & vga::kSequential)) {
        planes &= *address & 1 ? 0xA : 0x5;
        index = *address & ~1u;
    } else {
        index = *address;
    }

    uint32_t latches = loadLe<uint32_t>(m_state.latches.data());
    uint8_t rotated = rotateRight(value, graphics[3] & 7);
    uint32_t bitMask = replicate(graphics[8]);
    uint32_t data;
    switch (graphics[5] & 3) {
    case 0: { // rotated CPU data, or set/reset in the planes that enable it
        uint32_t enable = widen(graphics[1]);
        data = (replicate(rotated) & ~enable) | (widen(graphics[0]) & enable);
        break;
    }
    case 1: // the latches, whole
        data = latches;
        bitMask = 0;
        break;
    case 2: // a colour
        data = widen(value);
        break;
    default: // 3: set/reset where both the bit mask and the rotated data have ones
        data = widen(graphics[0]);
        bitMask &= replicate(rotated);
        break;
    }
    switch (graphics[3] >> 3) {
    case 1:
        data &= latches;
        break;
    case 2:
        data |= latches;
        break;
    case 3:
        data ^= latches;
        break;
    default:
        break;
    }
    data = (data & bitMask) | (latches & ~bitMask);

    uint32_t group = groupIndex(index);
    uint32_t planeMask = widen(planes);
    uint32_t old = m_memory.group(group);
    uint32_t updated = (old & ~planeMask) | (data & planeMask);
    if (updated == old)
        return;
    storeLe<uint32_t>(m_memory.data() + size_t{group} * 4, updated);
    m_memory.markDirty(uint64_t{group} * 4, 4);
    if (planes & 4)
        m_fontWritten = true;
}

std::optional<VgaMemory::Direct> VgaMemory::direct() const {
    const auto& graphics = m_state.graphics;
    bool plain =
        (m_state.miscOutput & vga::kMiscMemoryEnable) && (m_state.sequencer[4] & vga::kChain4) &&
        m_state.sequencer[2] == 0x0F && graphics[1] == 0 && graphics[3] == 0 &&
        (graphics[5] & (vga::kWriteModeMask | vga::kReadMode1)) == 0 && graphics[8] == 0xFF;
    if (!plain)
        return std::nullopt;
    switch (graphics[6] >> 2 & 3) {
    case 0:
        return Direct{0, 0x20000, 0};
    case 1:
        return Direct{0, 0x10000, *decode(0)};
    case 2:
        return Direct{0x10000, 0x8000, 0};
    default:
        return Direct{0x18000, 0x8000, 0};
    }
}

bool VgaMemory::takeFontWritten() {
    return std::exchange(m_fontWritten, false);
}

} // namespace vivarium
