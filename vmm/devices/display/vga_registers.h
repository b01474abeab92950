#pragma once

#include "vmm/base/clock.h"
#include "vmm/devices/display/vga_state.h"

#include <cstdint>

namespace vivarium {

// What a register write asks of the adapter.
enum class VgaWriteEffect {
    None,
    Picture, // what is shown may differ
    Memory,  // so may how the CPU's window reaches video memory
};

// The VGA register ports 0x3B0-0x3DF (IBM VGA technical reference; FreeVGA): misc output,
// sequencer, CRTC, graphics and attribute controller, DAC, status. Works on a borrowed VgaState.
class VgaRegisters {
public:
    VgaRegisters(VgaState& state, const Clock& clock) : m_state(state), m_clock(clock) {}

    // One byte port access, `port` 0x3B0..0x3DF. Nothing there reads 0xFF.
    uint8_t read(uint16_t port);
    VgaWriteEffect write(uint16_t port, uint8_t value);

private:
    bool crtcDecoded(uint16_t port) const;
    uint8_t readStatus1();
    uint8_t readDac();
    VgaWriteEffect writeDac(uint8_t value);
    VgaWriteEffect writeAttribute(uint8_t value);
    VgaWriteEffect writeSequencer(uint8_t value);
    VgaWriteEffect writeGraphics(uint8_t value);
    VgaWriteEffect writeCrtc(uint8_t value);

    VgaState& m_state;
    const Clock& m_clock;
};

} // namespace vivarium
