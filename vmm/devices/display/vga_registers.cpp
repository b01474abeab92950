#include "vmm/devices/display/vga_registers.h"

#include <cstddef>

namespace vivarium {

namespace {

// Bits that exist, by index (FreeVGA register descriptions).
constexpr std::array<uint8_t, 8> kSequencerMask{0x03, 0x3D, 0x0F, 0x3F, 0x0E, 0, 0, 0};
constexpr std::array<uint8_t, 16> kGraphicsMask{0x0F, 0x0F, 0x0F, 0x1F, 0x03,
                                                0x7B, 0x0F, 0x0F, 0xFF};
constexpr std::array<uint8_t, 32> kAttributeMask{0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F,
                                                 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F,
                                                 0x3F, 0x3F, 0xEF, 0xFF, 0x3F, 0x0F, 0x0F};
constexpr std::array<uint8_t, 32> kCrtcMask{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F,
                                            0xFF, 0x3F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                            0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xEF, 0xFF};

// Sets a register; tells whether it changed.
bool assign(uint8_t& reg, unsigned value) {
    auto byte = static_cast<uint8_t>(value);
    bool changed = reg != byte;
    reg = byte;
    return changed;
}

VgaWriteEffect effectIf(bool changed, VgaWriteEffect effect) {
    return changed ? effect : VgaWriteEffect::None;
}

} // namespace

// The CRTC, status 1 and feature control answer at 0x3Bx or 0x3Dx (misc output bit 0).
bool VgaRegisters::crtcDecoded(uint16_t port) const {
    bool color = m_state.miscOutput & 1;
    return (port >= 0x3D0) == color;
}

uint8_t VgaRegisters::read(uint16_t port) {
    VgaState& s = m_state;
    switch (port) {
    case 0x3C0:
        return s.attributeIndex;
    case 0x3C1:
        return s.attribute[s.attributeIndex & 0x1F];
    case 0x3C2: // input status 0: the monitor's sense line, no vertical interrupt
        return 0x10;
    case 0x3C3:
        return s.adapterEnable;
    case 0x3C4:
        return s.sequencerIndex;
    case 0x3C5:
        return s.sequencer[s.sequencerIndex & 7];
    case 0x3C6:
        return s.pixelMask;
    case 0x3C7: // 3 while the palette is read, 0 while it is written
        return s.dacReading ? 3 : 0;
    case 0x3C8:
        return s.dacWriteIndex;
    case 0x3C9:
        return readDac();
    case 0x3CA:
        return s.featureControl;
    case 0x3CC:
        return s.miscOutput;
    case 0x3CE:
        return s.graphicsIndex;
    case 0x3CF:
        return s.graphics[s.graphicsIndex & 15];
    case 0x3B4:
    case 0x3D4:
        return crtcDecoded(port) ? s.crtcIndex : 0xFF;
    case 0x3B5:
    case 0x3D5:
        return crtcDecoded(port) ? s.crtc[s.crtcIndex & 0x1F] : 0xFF;
    case 0x3BA:
    case 0x3DA:
        return crtcDecoded(port) ? readStatus1() : 0xFF;
    default:
        return 0xFF;
    }
}

VgaWriteEffect VgaRegisters::write(uint16_t port, uint8_t value) {
    VgaState& s = m_state;
    switch (port) {
    case 0x3C0:
        return writeAttribute(value);
    case 0x3C2:
        return effectIf(assign(s.miscOutput, value & 0xEF), VgaWriteEffect::Memory);
    case 0x3C3:
        s.adapterEnable = value & 1;
        return VgaWriteEffect::None;
    case 0x3C4:
        s.sequencerIndex = value & 7;
        return VgaWriteEffect::None;
    case 0x3C5:
        return writeSequencer(value);
    case 0x3C6:
        return effectIf(assign(s.pixelMask, value), VgaWriteEffect::Picture);
    case 0x3C7:
        s.dacReadIndex = value;
        s.dacReadComponent = 0;
        s.dacReading = true;
        return VgaWriteEffect::None;
    case 0x3C8:
        s.dacWriteIndex = value;
        s.dacWriteComponent = 0;
        s.dacReading = false;
        return VgaWriteEffect::None;
    case 0x3C9:
        return writeDac(value);
    case 0x3CE:
        s.graphicsIndex = value & 15;
        return VgaWriteEffect::None;
    case 0x3CF:
        return writeGraphics(value);
    case 0x3B4:
    case 0x3D4:
        if (crtcDecoded(port))
            s.crtcIndex = value & 0x1F;
        return VgaWriteEffect::None;
    case 0x3B5:
    case 0x3D5:
        return crtcDecoded(port) ? writeCrtc(value) : VgaWriteEffect::None;
    case 0x3BA:
    case 0x3DA:
        if (crtcDecoded(port))
            s.featureControl = value & 0x0B;
        return VgaWriteEffect::None;
    default:
        return VgaWriteEffect::None;
    }
}

// Bit 3 (vertical retrace) follows guest time, because programs pace themselves by it. Bit 0 (not
// displaying) includes the horizontal blanking, far shorter than one trapped access, so it simply
// alternates: whoever waits for either edge goes on at once.
uint8_t VgaRegisters::readStatus1() {
    m_state.attributeDataNext = false; // FreeVGA, attribute address register: read resets it
    constexpr uint64_t kNsPerSecond = 1'000'000'000;
    bool lines480 = (m_state.miscOutput & 0xC0) == 0xC0; // both sync polarities negative
    uint64_t frameNs = kNsPerSecond / (lines480 ? 60 : 70);
    bool retrace = m_clock.nowNs() % frameNs >= frameNs - frameNs / 14;
    m_state.statusToggle = !m_state.statusToggle;
    return static_cast<uint8_t>((retrace ? 0x08 : 0) | (retrace || m_state.statusToggle ? 1 : 0));
}

uint8_t VgaRegisters::readDac() {
    VgaState& s = m_state;
    uint8_t value = s.palette[size_t{s.dacReadIndex} * 3 + s.dacReadComponent];
    if (++s.dacReadComponent == 3) {
        s.dacReadComponent = 0;
        ++s.dacReadIndex;
    }
    return value;
}

// The three components take effect together, with blue.
VgaWriteEffect VgaRegisters::writeDac(uint8_t value) {
    VgaState& s = m_state;
    constexpr uint16_t kEightBitDac = 0x20;
    if (!(s.dispi.enable & kEightBitDac))
        value &= 0x3F;
    if (s.dacWriteComponent < 2) {
        s.dacPending[s.dacWriteComponent++] = value;
        return VgaWriteEffect::None;
    }
    uint8_t* entry = &s.palette[size_t{s.dacWriteIndex} * 3];
    bool changed = assign(entry[0], s.dacPending[0]);
    changed |= assign(entry[1], s.dacPending[1]);
    changed |= assign(entry[2], value);
    s.dacWriteComponent = 0;
    ++s.dacWriteIndex;
    return effectIf(changed, VgaWriteEffect::Picture);
}

VgaWriteEffect VgaRegisters::writeAttribute(uint8_t value) {
    VgaState& s = m_state;
    s.attributeDataNext = !s.attributeDataNext;
    if (s.attributeDataNext)
        return effectIf(assign(s.attributeIndex, value & 0x3F), VgaWriteEffect::Picture);
    unsigned index = s.attributeIndex & 0x1F;
    return effectIf(assign(s.attribute[index], value & kAttributeMask[index]),
                    VgaWriteEffect::Picture);
}

VgaWriteEffect VgaRegisters::writeSequencer(uint8_t value) {
    unsigned index = m_state.sequencerIndex & 7;
    return effectIf(assign(m_state.sequencer[index], value & kSequencerMask[index]),
                    VgaWriteEffect::Memory);
}

VgaWriteEffect VgaRegisters::writeGraphics(uint8_t value) {
    unsigned index = m_state.graphicsIndex & 15;
    return effectIf(assign(m_state.graphics[index], value & kGraphicsMask[index]),
                    VgaWriteEffect::Memory);
}

VgaWriteEffect VgaRegisters::writeCrtc(uint8_t value) {
    VgaState& s = m_state;
    unsigned index = s.crtcIndex & 0x1F;
    constexpr uint8_t kProtect = 0x80; // CR11 bit 7: registers 0..7 read-only
    if (index <= 7 && (s.crtc[0x11] & kProtect)) {
        if (index != 7)
            return VgaWriteEffect::None;
        constexpr uint8_t kLineCompareBit8 = 0x10; // stays writable
        value = static_cast<uint8_t>((s.crtc[7] & ~kLineCompareBit8) | (value & kLineCompareBit8));
    }
    return effectIf(assign(s.crtc[index], value & kCrtcMask[index]), VgaWriteEffect::Picture);
}

} // namespace vivarium
