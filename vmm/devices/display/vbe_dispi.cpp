#include "vmm/devices/display/vbe_dispi.h"

#include "vmm/base/bytes.h"
#include "vmm/devices/display/vga_bits.h"

#include <algorithm>

namespace vivarium {

namespace {

enum Register : uint16_t {
    Id,
    Width,
    Height,
    BitsPerPixel,
    Enable,
    Bank,
    VirtualWidth,
    VirtualHeight,
    OffsetX,
    OffsetY,
    VideoMemory64K,
};

constexpr uint16_t kOldestId = 0xB0C0, kNewestId = 0xB0C5;
constexpr uint64_t kBankBytes = 0x10000;

bool bitsPerPixelKnown(uint16_t bits) {
    return bits == 4 || bits == 8 || bits == 15 || bits == 16 || bits == 24 || bits == 32;
}

uint32_t strideBytes(const VbeDispiState& dispi) {
    uint32_t width = dispi.virtualWidth;
    switch (dispi.bitsPerPixel) {
    case 4:
        return (width + 7) / 8 * 4;
    case 8:
        return width;
    case 15:
    case 16:
        return width * 2;
    case 24:
        return width * 3;
    default:
        return width * 4;
    }
}

} // namespace

uint16_t VbeDispi::read(uint16_t index) const {
    const VbeDispiState& dispi = m_state.dispi;
    bool capabilities = dispi.enable & kGetCapabilities;
    switch (index) {
    case Id:
        return dispi.id;
    case Width:
        return capabilities ? kMaxWidth : dispi.width;
    case Height:
        return capabilities ? kMaxHeight : dispi.height;
    case BitsPerPixel:
        return capabilities ? 32 : dispi.bitsPerPixel;
    case Enable:
        return dispi.enable;
    case Bank:
        return dispi.bank;
    case VirtualWidth:
        return dispi.virtualWidth;
    case VirtualHeight:
        return static_cast<uint16_t>(
            std::min<uint64_t>(m_memoryBytes / strideBytes(dispi), 0xFFFF));
    case OffsetX:
        return dispi.offsetX;
    case OffsetY:
        return dispi.offsetY;
    case VideoMemory64K:
        return static_cast<uint16_t>(m_memoryBytes / kBankBytes);
    default:
        return 0;
    }
}

VbeDispi::Effect VbeDispi::write(uint16_t index, uint16_t value) {
    VbeDispiState& dispi = m_state.dispi;
    switch (index) {
    case Id: // a guest asks for the newest interface that both know
        if (value >= kOldestId && value <= kNewestId)
            dispi.id = value;
        return Effect::None;
    case Width:
        if (value == 0 || value > kMaxWidth)
            return Effect::None;
        dispi.width = value;
        dispi.virtualWidth = std::max(dispi.virtualWidth, value);
        return Effect::Picture;
    case Height:
        if (value == 0 || value > kMaxHeight)
            return Effect::None;
        dispi.height = value;
        return Effect::Picture;
    case BitsPerPixel:
        if (value == 0) // an old guest's "default"
            value = 8;
        if (!bitsPerPixelKnown(value))
            return Effect::None;
        dispi.bitsPerPixel = value;
        return Effect::Picture;
    case Enable:
        return writeEnable(value);
    case Bank:
        dispi.bank = static_cast<uint16_t>(value & (m_memoryBytes / kBankBytes - 1));
        return Effect::Memory;
    case VirtualWidth:
        dispi.virtualWidth = std::max(value, dispi.width);
        return Effect::Picture;
    case OffsetX:
        dispi.offsetX = value;
        return Effect::Picture;
    case OffsetY:
        dispi.offsetY = value;
        return Effect::Picture;
    default: // the virtual height follows from the width
        return Effect::None;
    }
}

VbeDispi::Effect VbeDispi::writeEnable(uint16_t value) {
    VbeDispiState& dispi = m_state.dispi;
    uint16_t before = dispi.enable;
    dispi.enable = value & (kEnabled | kGetCapabilities | kEightBitDac | kLinear | kKeepMemory);
    if (!(value & kEnabled)) {
        dispi.bank = 0;
        return before & kEnabled ? Effect::Memory : Effect::Picture;
    }
    if (before & kEnabled)
        return Effect::Picture;
    dispi.bank = 0;
    dispi.virtualWidth = dispi.width;
    dispi.offsetX = 0;
    dispi.offsetY = 0;
    enterMode();
    return value & kKeepMemory ? Effect::ModeEnteredKeepMemory : Effect::ModeEntered;
}

// Guests without a VGA BIOS set a mode by these registers alone and then use the window at 0xA0000,
// so the VGA side must agree with the mode.
void VbeDispi::enterMode() {
    VgaState& s = m_state;
    s.miscOutput |= vga::kMiscMemoryEnable;
    s.graphics[6] = static_cast<uint8_t>((s.graphics[6] & ~0x0C) | 0x04 | vga::kGraphicsMode);
    s.graphics[1] = 0; // plain stores, whatever the mode before did with them
    s.graphics[3] = 0;
    s.graphics[5] = 0;
    s.graphics[8] = 0xFF;
    if (s.dispi.bitsPerPixel == 4) {
        s.sequencer[4] = static_cast<uint8_t>((s.sequencer[4] & ~vga::kChain4) | vga::kSequential);
        return;
    }
    s.graphics[5] = vga::kShift256;
    s.sequencer[4] |= vga::kChain4 | vga::kSequential;
    s.sequencer[2] = 0x0F;
}

std::optional<VbeMode> vbeMode(const VgaState& state, uint64_t memoryBytes) {
    const VbeDispiState& dispi = state.dispi;
    if (!VbeDispi::enabled(state))
        return std::nullopt;
    VbeMode mode;
    mode.width = dispi.width;
    mode.bitsPerPixel = dispi.bitsPerPixel;
    mode.strideBytes = strideBytes(dispi);
    uint64_t lines = memoryBytes / mode.strideBytes;
    if (lines == 0)
        return std::nullopt;
    mode.height = static_cast<uint32_t>(std::min<uint64_t>(dispi.height, lines));
    // A display start so far down that the picture would leave the memory is ignored.
    uint64_t offset = uint64_t{dispi.offsetY} * mode.strideBytes;
    uint64_t lineBytes;
    if (mode.bitsPerPixel == 4) {
        offset += dispi.offsetX / 8 * 4u;
        mode.pixelShift = dispi.offsetX % 8;
        lineBytes = (mode.pixelShift + mode.width + 7) / 8 * 4u;
    } else {
        uint32_t pixelBytes = mode.strideBytes / dispi.virtualWidth;
        offset += uint64_t{dispi.offsetX} * pixelBytes;
        lineBytes = uint64_t{mode.width} * pixelBytes;
    }
    uint64_t pictureBytes = uint64_t{mode.height - 1} * mode.strideBytes + lineBytes;
    if (rangeFits(offset, pictureBytes, memoryBytes))
        mode.offsetBytes = offset;
    else
        mode.pixelShift = 0;
    return mode;
}

} // namespace vivarium
