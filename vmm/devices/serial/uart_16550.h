#pragma once

#include "vmm/backends/serial/character_backend.h"
#include "vmm/base/timer_queue.h"
#include "vmm/bus/device.h"
#include "vmm/bus/interrupt_sink.h"
#include "vmm/bus/port_bus.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace vivarium {

struct UartConfig {
    std::string name; // unique in the machine; names the saved section
    uint16_t port;    // first of eight I/O ports
    uint32_t gsi;

    // COM1..COM4 (`index` 0..3) of a PC: 0x3F8/4, 0x2F8/3, 0x3E8/4, 0x2E8/3, "com1".."com4".
    static UartConfig standard(unsigned index);
};

// NS16550A. Bytes leave at once (the transmitter is always empty), interrupts and their order of
// service are the real part's; the interrupt pin is gated by OUT2 as PC boards wire it. The backend
// is told how many bytes fit, so nothing is lost while the guest does not read. Device thread.
class Uart16550 final : public Device {
public:
    // `backend` outlives the device. Errors: Busy (ports), InvalidArgument.
    static Result<std::unique_ptr<Uart16550>> create(PortBus& ports, InterruptSink& interrupts,
                                                     TimerQueue& timers, CharacterBackend& backend,
                                                     const UartConfig& config);
    ~Uart16550() override;

    std::string_view name() const override { return m_name; }
    void reset() override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        uint8_t interruptEnable = 0;
        uint8_t fifoControl = 0; // bits that read back or matter later: enable, DMA mode, trigger
        uint8_t lineControl = 0;
        uint8_t modemControl = 0;
        uint8_t lineErrors = 0; // OE of the line status register, until it is read
        uint8_t modemStatus = 0;
        uint8_t scratch = 0;
        uint16_t divisor = 12;
        bool transmitInterrupt = false; // THRE interrupt not yet acknowledged
        bool receiveTimeout = false;
        uint8_t lastReceived = 0;       // what an empty receiver reads
        uint64_t timeoutDeadlineNs = 0; // of the receive time-out; 0: it does not run
        std::vector<uint8_t> receiveFifo;
    };

    Uart16550(InterruptSink& interrupts, TimerQueue& timers, CharacterBackend& backend,
              const UartConfig& config);
    uint8_t readRegister(uint64_t offset);
    void writeRegister(uint64_t offset, uint8_t value);
    uint8_t readReceiver();
    void transmit(uint8_t value);
    void writeFifoControl(uint8_t value);
    void writeModemControl(uint8_t value);
    uint8_t lineStatus() const;
    uint8_t interruptIdentification() const;

    bool fifoEnabled() const;
    bool loopback() const;
    size_t fifoSize() const;
    size_t triggerLevel() const;
    uint64_t timeoutNs() const;
    void receive(ConstByteSpan bytes);
    void announceRoom();
    void restartTimeout();
    void armTimeout();
    void timeoutExpired();
    void updateInterrupt();
    static State powerOnState();
    Result<State> readState(StateReader& reader) const;

    const std::string m_name;
    CharacterBackend& m_backend;
    const Clock& m_clock;
    IrqLine m_interrupt;
    Timer m_timeout;
    PortMapping m_mapping;
    State m_state;
};

} // namespace vivarium
