#pragma once

#include "vmm/bus/device.h"
#include "vmm/bus/port_bus.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace vivarium {

// Firmware's log port: reads 0xE9 (its presence mark), written bytes are collected into lines.
// After kMaxTotalBytes the guest's output is dropped, with one line that says so. Device thread.
class DebugConsole final : public Device {
public:
    static constexpr uint16_t kPort = 0x402;
    static constexpr size_t kMaxLineBytes = 512;        // longer lines are broken
    static constexpr uint64_t kMaxTotalBytes = 8 << 20; // in the life of the machine

    // Called for each line, without its end, with the device lock held; must not block. The text
    // is the guest's: any bytes but CR, LF and NUL.
    using LineSink = std::function<void(const std::string& line)>;
    static Result<std::unique_ptr<DebugConsole>> create(PortBus& ports, LineSink sink);

    std::string_view name() const override { return "debug-console"; }
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        std::string line; // received so far, at most kMaxLineBytes
    };
    explicit DebugConsole(LineSink sink) : m_sink(std::move(sink)) {}
    uint8_t readPort(uint64_t offset);
    void writePort(uint64_t offset, uint8_t value);
    void flushLine();
    Result<State> readState(StateReader& reader) const;

    LineSink m_sink;
    uint64_t m_totalBytes = 0;
    PortMapping m_mapping;
    State m_state;
};

} // namespace vivarium
