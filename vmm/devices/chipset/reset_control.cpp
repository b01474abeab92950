#include "vmm/devices/chipset/reset_control.h"

#include "vmm/base/bytes.h"

namespace vivarium {

namespace {
constexpr uint64_t kResetOffset = 1; // 0xCF9 within 0xCF8..0xCFB
// ICH9 datasheet, 13.7.5: RST_CNT. The machine resets when RST_CPU goes from 0 to 1.
constexpr uint8_t kResetCpu = 1 << 2;
constexpr uint8_t kResetMask = 0x0E;
// 13.7.3: PORT92. INIT_NOW resets on a rising edge.
constexpr uint16_t kPortA = 0x92;
constexpr uint8_t kFastReset = 1 << 0;
constexpr uint8_t kPortAMask = 0x03;
} // namespace

Result<std::unique_ptr<ResetControl>> ResetControl::create(PortBus& ports, PciBus& bus,
                                                           SystemControl& system) {
    std::unique_ptr<ResetControl> control(new ResetControl(system));
    control->m_portA = TRY(ports.map(
        "port-a", kPortA, 1,
        byteIoHandler<&ResetControl::readPortA, &ResetControl::writePortA>(control.get())));
    bus.setNarrowPortHandler(
        byteIoHandler<&ResetControl::readResetControl, &ResetControl::writeResetControl>(
            control.get()));
    return control;
}

uint8_t ResetControl::readResetControl(uint64_t offset) {
    return offset == kResetOffset ? m_state.resetControl : 0xFF;
}

void ResetControl::writeResetControl(uint64_t offset, uint8_t value) {
    if (offset != kResetOffset)
        return;
    bool rising = value & ~m_state.resetControl & kResetCpu;
    m_state.resetControl = value & kResetMask;
    if (rising)
        m_system.requestReset(ResetCause::Port0xCf9);
}

void ResetControl::writePortA(uint64_t, uint8_t value) {
    bool rising = value & ~m_state.systemControl & kFastReset;
    m_state.systemControl = value & kPortAMask;
    if (rising)
        m_system.requestReset(ResetCause::Port92);
}

void ResetControl::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    writer.fields(m_state.resetControl, m_state.systemControl);
}

Result<void> ResetControl::restore(StateReader& reader) {
    reset();
    State state;
    TRY(reader.enterSection(name(), stateVersion()));
    TRY(reader.fields(state.resetControl, state.systemControl));
    state.resetControl &= kResetMask;
    state.systemControl &= kPortAMask;
    m_state = state;
    return {};
}

} // namespace vivarium
