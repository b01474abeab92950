#pragma once

#include "vmm/bus/device.h"
#include "vmm/bus/port_bus.h"

#include <array>
#include <cstdint>
#include <memory>

namespace vivarium {

// The PC's two 8237A DMA controllers and their page registers (ports 0x00-0x0F, 0x80-0x8F,
// 0xC0-0xDF; 0x80 doubles as the POST code). No device of this machine asks for ISA DMA, so
// registers hold their values and nothing is transferred. Device lock.
class DmaController final : public Device {
public:
    // Errors: Busy (ports).
    static Result<std::unique_ptr<DmaController>> create(PortBus& ports);

    std::string_view name() const override { return "dma"; }
    void reset() override { m_state = {}; }
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct Chip {
        std::array<uint16_t, 4> address{};
        std::array<uint16_t, 4> count{};
        std::array<uint8_t, 4> mode{};
        uint8_t command = 0;
        uint8_t request = 0; // software requests, one bit a channel
        uint8_t mask = 0x0F;
        bool highByte = false; // the byte pointer flip-flop
    };
    struct State {
        std::array<Chip, 2> chips{};
        std::array<uint8_t, 16> pages{};
    };

    DmaController() = default;
    static uint8_t read(Chip& chip, uint64_t reg);
    static void write(Chip& chip, uint64_t reg, uint8_t value);
    uint8_t readFirst(uint64_t offset) { return read(m_state.chips[0], offset); }
    void writeFirst(uint64_t offset, uint8_t value) { write(m_state.chips[0], offset, value); }
    // The second chip sits on address lines 1..4.
    uint8_t readSecond(uint64_t offset) { return read(m_state.chips[1], offset / 2); }
    void writeSecond(uint64_t offset, uint8_t value) { write(m_state.chips[1], offset / 2, value); }
    uint8_t readPage(uint64_t offset) { return m_state.pages[offset]; }
    void writePage(uint64_t offset, uint8_t value) { m_state.pages[offset] = value; }

    PortMapping m_first, m_second, m_pages;
    State m_state;
};

} // namespace vivarium
