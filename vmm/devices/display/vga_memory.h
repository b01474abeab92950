#pragma once

#include "vmm/devices/display/vga_state.h"
#include "vmm/devices/display/video_memory.h"

#include <cstdint>
#include <optional>

namespace vivarium {

// What the CPU sees at 0xA0000-0xBFFFF: planes, latches, write modes 0-3, read modes 0 and 1,
// odd/even and chain-4 addressing, the VBE bank. Works on a borrowed state and video memory.
//
// Chain-4 packs its bytes (address n is group n/4), as every Super VGA does and as the linear modes
// need; odd/even addressing leaves every other byte of a plane unused, as the IBM VGA does.
class VgaMemory {
public:
    static constexpr uint32_t kWindowBytes = 0x20000;
    static constexpr uint64_t kWindowBase = 0xA0000;

    VgaMemory(VgaState& state, VideoMemory& memory) : m_state(state), m_memory(memory) {}

    // One byte at `offset` < kWindowBytes of the window. Reads load the latches.
    uint8_t read(uint32_t offset);
    void write(uint32_t offset, uint8_t value);

    // The part of the window where plain loads and stores do the same as read() and write().
    struct Direct {
        uint32_t windowOffset;
        uint32_t sizeBytes; // whole pages
        uint64_t memoryOffset;
        bool operator==(const Direct&) const = default;
    };
    std::optional<Direct> direct() const;

    // Whether plane 2, where fonts are, was written since the last call.
    bool takeFontWritten();

private:
    std::optional<uint32_t> decode(uint32_t offset) const;
    uint32_t groupIndex(uint32_t address) const;

    VgaState& m_state;
    VideoMemory& m_memory;
    bool m_fontWritten = false;
};

} // namespace vivarium
