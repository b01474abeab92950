#pragma once

#include <cstdint>

namespace vivarium {

// How an interrupt is delivered (Intel SDM 3A, 11.5.1, 11.6.1 and 11.11.2: one encoding for the
// local vector table, the ICR, the IOAPIC and MSI).
enum class DeliveryMode : uint8_t {
    Fixed = 0,
    LowestPriority = 1,
    Smi = 2,
    Reserved = 3,
    Nmi = 4,
    Init = 5,
    StartUp = 6,
    ExtInt = 7, // the vector comes from the 8259
};

// What travels to the local APICs.
struct InterruptMessage {
    uint32_t destination = 0;
    bool logical = false;         // how `destination` is read
    bool wideDestination = false; // 32 bits of an x2APIC's ICR, else 8
    DeliveryMode mode = DeliveryMode::Fixed;
    uint8_t vector = 0;
    bool level = false; // the IOAPIC awaits an end of interrupt
};

} // namespace vivarium
