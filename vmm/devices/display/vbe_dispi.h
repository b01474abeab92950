#pragma once

#include "vmm/devices/display/vga_state.h"

#include <cstdint>
#include <optional>

namespace vivarium {

// A linear (or, with 4 bits a pixel, planar) picture in video memory. Every pixel of it lies inside
// video memory, whatever the registers hold (CVE-2016-3710, CVE-2016-3712).
struct VbeMode {
    uint32_t width = 0, height = 0;
    uint32_t bitsPerPixel = 0; // 4, 8, 15, 16, 24, 32
    uint32_t strideBytes = 0;  // of all four planes together for 4 bits a pixel
    uint64_t offsetBytes = 0;  // of the first pixel; of its group of four plane bytes for 4 bits
    uint32_t pixelShift = 0;   // 0..7: pixels to skip in the first group, 4 bits a pixel only
    bool operator==(const VbeMode&) const = default;
};

// The VBE DISPI registers of the Bochs VBE extension: 16-bit registers that set linear modes.
// Works on a borrowed state.
class VbeDispi {
public:
    static constexpr uint16_t kMaxWidth = 4096;
    static constexpr uint16_t kMaxHeight = 4096;
    static constexpr uint16_t kRegisterCount = 11;
    static constexpr uint16_t kEnabled = 0x01, kGetCapabilities = 0x02, kEightBitDac = 0x20,
                              kLinear = 0x40, kKeepMemory = 0x80;

    VbeDispi(VgaState& state, uint64_t memoryBytes) : m_state(state), m_memoryBytes(memoryBytes) {}

    static bool enabled(const VgaState& state) { return state.dispi.enable & kEnabled; }

    enum class Effect {
        None,
        Picture,     // geometry, offset or palette width
        Memory,      // the bank moved, or a mode was left
        ModeEntered, // a mode began
        ModeEnteredKeepMemory,
    };
    uint16_t read(uint16_t index) const;
    Effect write(uint16_t index, uint16_t value);

private:
    Effect writeEnable(uint16_t value);
    void enterMode();

    VgaState& m_state;
    uint64_t m_memoryBytes;
};

// The mode on display; nullopt while disabled or where not one line fits in video memory.
std::optional<VbeMode> vbeMode(const VgaState& state, uint64_t memoryBytes);

} // namespace vivarium
