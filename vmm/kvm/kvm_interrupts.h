#pragma once

#include "vmm/bus/host_events.h"
#include "vmm/bus/interrupt_sink.h"

#include <cstdint>

namespace vivarium {

// Raises interrupts in KVM's controllers and binds eventfds to them. Interrupt 0 (the timer) is
// wired to IOAPIC pin 2, as on a PC: the MADT needs the override "ISA 0 is global 2". Any thread.
class KvmInterrupts : public InterruptSink, public HostEvents {
public:
    explicit KvmInterrupts(int vmFd) : m_vmFd(vmFd) {}

    // Wires the lines; once, after the controllers exist.
    Result<void> setRouting();

    void setLine(uint32_t gsi, Level level) override;
    void sendMessage(uint64_t address, uint32_t data) override;
    Result<Registration> bindDoorbell(const Doorbell& doorbell, int eventFd) override;
    Result<Registration> bindInterrupt(int eventFd, uint32_t gsi) override;

private:
    int m_vmFd; // borrowed
};

} // namespace vivarium
