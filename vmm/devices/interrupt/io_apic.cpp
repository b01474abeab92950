#include "vmm/devices/interrupt/io_apic.h"

#include <utility>

namespace vivarium {

namespace {

// Redirection entries (82093AA, 3.2.4).
constexpr uint64_t kLogical = 1 << 11, kDeliveryStatus = 1 << 12, kRemoteIrr = 1 << 14,
                   kLevel = 1 << 15, kMasked = 1 << 16;
constexpr uint64_t kReadOnly = kDeliveryStatus | kRemoteIrr;
constexpr uint64_t kWritable = 0xFF0000000001FFFF & ~kReadOnly;
constexpr uint32_t kIdMask = 0x0F000000;
constexpr uint32_t kVersion = 0x11 | (IoApic::kPins - 1) << 16; // 3.2.2

bool awaitsEnd(uint64_t entry) {
    const auto mode = static_cast<DeliveryMode>(entry >> 8 & 7);
    return (entry & kLevel) &&
           (mode == DeliveryMode::Fixed || mode == DeliveryMode::LowestPriority);
}

} // namespace

IoApic::IoApic(std::function<bool(const InterruptMessage&)> deliver)
    : m_deliver(std::move(deliver)) {
    reset();
}

void IoApic::reset() {
    m_state = {};
    m_state.entries.fill(kMaskedEntry);
}

void IoApic::setState(const State& state) {
    m_state = state;
    m_state.id &= kIdMask;
    m_state.selected &= 0xFF;
    m_state.lines &= (1u << kPins) - 1;
    for (uint64_t& entry : m_state.entries) {
        entry &= kWritable | kRemoteIrr;
        if (!awaitsEnd(entry))
            entry &= ~kRemoteIrr;
    }
}

void IoApic::setLine(unsigned pin, bool high) {
    if (pin >= kPins)
        return;
    const uint32_t bit = 1u << pin;
    const bool was = m_state.lines & bit;
    m_state.lines = high ? m_state.lines | bit : m_state.lines & ~bit;
    // An edge on a masked input is not held pending; a level is looked at again when unmasked.
    if (high && !was)
        service(pin);
}

std::optional<uint8_t> IoApic::edgeVector(unsigned pin) const {
    const uint64_t entry = m_state.entries[pin];
    const auto mode = static_cast<DeliveryMode>(entry >> 8 & 7);
    if ((entry & (kMasked | kLevel)) ||
        (mode != DeliveryMode::Fixed && mode != DeliveryMode::LowestPriority))
        return std::nullopt;
    return static_cast<uint8_t>(entry);
}

void IoApic::service(unsigned pin) {
    uint64_t& entry = m_state.entries[pin];
    if (entry & (kMasked | kRemoteIrr))
        return;
    InterruptMessage message;
    message.destination = static_cast<uint32_t>(entry >> 56);
    message.logical = entry & kLogical;
    message.mode = static_cast<DeliveryMode>(entry >> 8 & 7);
    message.vector = static_cast<uint8_t>(entry);
    message.level = awaitsEnd(entry);
    if (m_deliver(message) && message.level)
        entry |= kRemoteIrr;
}

void IoApic::endOfInterrupt(uint8_t vector) {
    for (unsigned pin = 0; pin < kPins; ++pin) {
        uint64_t& entry = m_state.entries[pin];
        if (!(entry & kRemoteIrr) || static_cast<uint8_t>(entry) != vector)
            continue;
        entry &= ~kRemoteIrr;
        if (m_state.lines >> pin & 1)
            service(pin);
    }
}

uint32_t IoApic::read(uint64_t offset) const {
    switch (offset) {
    case 0x00:
        return m_state.selected;
    case 0x10:
        return readRegister();
    default:
        return 0;
    }
}

void IoApic::write(uint64_t offset, uint32_t value) {
    if (offset == 0x00)
        m_state.selected = value & 0xFF;
    else if (offset == 0x10)
        writeRegister(value);
}

uint32_t IoApic::readRegister() const {
    switch (m_state.selected) {
    case 0:
    case 2: // the arbitration id follows the id
        return m_state.id;
    case 1:
        return kVersion;
    default:
        break;
    }
    const uint32_t index = m_state.selected - 0x10;
    if (m_state.selected < 0x10 || index / 2 >= kPins)
        return 0;
    return static_cast<uint32_t>(m_state.entries[index / 2] >> (index % 2 * 32));
}

void IoApic::writeRegister(uint32_t value) {
    if (m_state.selected == 0) {
        m_state.id = value & kIdMask;
        return;
    }
    const uint32_t index = m_state.selected - 0x10;
    if (m_state.selected < 0x10 || index / 2 >= kPins)
        return;
    uint64_t& entry = m_state.entries[index / 2];
    const unsigned shift = index % 2 * 32;
    const uint64_t half = uint64_t{0xFFFFFFFF} << shift;
    const uint64_t writable = kWritable & half;
    entry = (entry & ~writable) | (uint64_t{value} << shift & writable);
    if (!awaitsEnd(entry))
        entry &= ~kRemoteIrr;
    // A level that waited behind the mask comes through.
    if ((entry & kLevel) && m_state.lines >> (index / 2) & 1)
        service(index / 2);
}

} // namespace vivarium
