#include "vmm/devices/chipset/acpi_pm.h"

#include "vmm/base/bytes.h"
#include "vmm/devices/chipset/chipset_start.h"

namespace vivarium {

namespace {
// ICH9 datasheet (Intel 316972), 13.8.3: power management I/O registers; ACPI 6.4, 4.8.3.
constexpr uint64_t kEventEnable = 0x02;
constexpr uint64_t kControl = 0x04;
constexpr uint64_t kTimer = 0x08;
constexpr uint64_t kAfterTimer = 0x0C;
constexpr uint64_t kGeneralStatus = 0x20;
constexpr uint64_t kGeneralEnable = 0x28;
constexpr uint64_t kSmiEnable = 0x30;
constexpr uint64_t kGeneralControl = 0x42;
constexpr uint16_t kApmPort = 0xB2;

constexpr uint16_t kEventTimer = 1 << 0;
constexpr uint16_t kEventGlobal = 1 << 5;
constexpr uint16_t kEventPowerButton = 1 << 8;
constexpr uint16_t kEventRtc = 1 << 10;
constexpr uint16_t kEvents = kEventTimer | kEventGlobal | kEventPowerButton | kEventRtc;
constexpr uint16_t kEventEnableMask = kEvents | 1 << 14; // bit 14: PCI Express wake disable

constexpr uint16_t kControlSci = 1 << 0;
constexpr uint16_t kControlBusMaster = 1 << 1;
constexpr uint16_t kControlGlobalRelease = 1 << 2;
constexpr unsigned kSleepTypeShift = 10;
constexpr uint16_t kControlSleepType = 7 << kSleepTypeShift;
constexpr uint16_t kControlSleep = 1 << 13;
constexpr uint16_t kControlMask = kControlSci | kControlBusMaster | kControlSleepType;

// SeaBIOS takes the set APMC bit to mean that SMM is set up or not there, and leaves it alone.
constexpr uint32_t kSmiApmEnable = 1 << 5;
constexpr uint32_t kSmiEnableMask = 0x0002'2FFF & ~kSmiApmEnable;

constexpr uint64_t kTicksPerSecond = 3'579'545; // ACPI 6.4, 4.8.2.1
constexpr uint64_t kTimerMask = 0xFFFFFF;       // 24 bits wide, as FADT.TMR_VAL_EXT = 0 says
constexpr unsigned kTopBit = 23;
constexpr uint64_t kNsPerSecond = 1'000'000'000;

uint64_t ticksOfNs(uint64_t ns) {
    return ns / kNsPerSecond * kTicksPerSecond + ns % kNsPerSecond * kTicksPerSecond / kNsPerSecond;
}

// The first nanosecond of tick `ticks`.
uint64_t nsOfTicks(uint64_t ticks) {
    return ticks / kTicksPerSecond * kNsPerSecond +
           (ticks % kTicksPerSecond * kNsPerSecond + kTicksPerSecond - 1) / kTicksPerSecond;
}

template <class T>
uint8_t byteOf(T value, uint64_t index) {
    return static_cast<uint8_t>(value >> (8 * index));
}

template <class T>
void setByte(T& value, uint64_t index, uint8_t byte) {
    value = static_cast<T>((value & ~(T{0xFF} << (8 * index))) | T{byte} << (8 * index));
}
} // namespace

Result<std::unique_ptr<AcpiPm>> AcpiPm::create(PortBus& ports, InterruptSink& interrupts,
                                               TimerQueue& timers, SystemControl& system) {
    std::unique_ptr<AcpiPm> pm(new AcpiPm(interrupts, timers, system, ports));
    pm->m_apmPorts = TRY(ports.map("apm", kApmPort, 2,
                                   byteIoHandler<&AcpiPm::readApm, &AcpiPm::writeApm>(pm.get())));
    return pm;
}

AcpiPm::AcpiPm(InterruptSink& interrupts, TimerQueue& timers, SystemControl& system, PortBus& ports)
    : m_ports(ports), m_system(system), m_clock(timers.clock()),
      m_sci(interrupts, chipset::kSciGsi), m_overflow(timers, [this] { update(); }),
      m_state(freshState()) {}

AcpiPm::State AcpiPm::freshState() const {
    State state;
    state.smiEnable = kSmiApmEnable;
    state.timerHalves = ticksNow() >> kTopBit;
    return state;
}

void AcpiPm::setBase(std::optional<uint16_t> base) {
    if (base == m_base)
        return;
    m_base = base;
    m_timerPorts.reset();
    m_lowPorts.reset();
    m_highPorts.reset();
    if (!base)
        return;
    auto place = [&](PortMapping& mapping, uint64_t first, uint64_t end, IoHandler handler) {
        auto mapped = m_ports.map("acpi-pm", static_cast<uint16_t>(*base + first),
                                  static_cast<uint32_t>(end - first), handler);
        if (mapped)
            mapping = std::move(*mapped);
    };
    // The PM timer is the hottest register of a guest without a better clock: no lock.
    place(m_timerPorts, kTimer, kAfterTimer,
          ioHandler<&AcpiPm::readTimer, &AcpiPm::ignoreTimerWrite>(this, IoLocking::LockFree));
    place(m_lowPorts, 0, kTimer, byteIoHandler<&AcpiPm::readLow, &AcpiPm::writeLow>(this));
    place(m_highPorts, kAfterTimer, kBlockBytes,
          byteIoHandler<&AcpiPm::readHigh, &AcpiPm::writeHigh>(this));
}

// --- Events ---------------------------------------------------------------------------------

bool AcpiPm::powerButtonPressed() {
    m_state.eventStatus |= kEventPowerButton;
    update();
    return m_state.control & kControlSci && m_state.eventEnable & kEventPowerButton;
}

void AcpiPm::setGeneralEvent(unsigned index, bool active) {
    if (index >= 64)
        return;
    uint64_t bit = uint64_t{1} << index;
    m_state.generalStatus = active ? m_state.generalStatus | bit : m_state.generalStatus & ~bit;
    update();
}

uint64_t AcpiPm::ticksNow() const {
    return ticksOfNs(m_clock.nowNs());
}

// TMR_STS is set whenever the timer's top bit changes (ACPI 6.4, 4.8.3.1.1).
void AcpiPm::settleTimer() {
    uint64_t halves = ticksNow() >> kTopBit;
    if (halves != m_state.timerHalves)
        m_state.eventStatus |= kEventTimer;
    m_state.timerHalves = halves;
}

void AcpiPm::update() {
    settleTimer();
    bool active = (m_state.eventStatus & m_state.eventEnable & kEvents) ||
                  (m_state.generalStatus & m_state.generalEnable);
    m_sci.set(active && m_state.control & kControlSci);
    if (m_state.eventEnable & kEventTimer && !(m_state.eventStatus & kEventTimer))
        m_overflow.arm(nsOfTicks((m_state.timerHalves + 1) << kTopBit));
    else
        m_overflow.cancel();
}

void AcpiPm::sleep() {
    unsigned type = m_state.control >> kSleepTypeShift & 7;
    if (type == 0 || type == 7)
        m_system.requestPowerOff();
    // S1, S3 and S4 are not offered (no _S1, _S3, _S4 in the DSDT): the write does nothing.
}

// --- Registers ------------------------------------------------------------------------------

uint64_t AcpiPm::readTimer(uint64_t offset, unsigned) {
    return (ticksNow() & kTimerMask) >> (8 * offset);
}

uint8_t AcpiPm::readHigh(uint64_t offset) {
    return readRegister(offset + kAfterTimer);
}

void AcpiPm::writeHigh(uint64_t offset, uint8_t value) {
    writeRegister(offset + kAfterTimer, value);
}

uint8_t AcpiPm::readRegister(uint64_t offset) {
    if (offset < kEventEnable) {
        settleTimer();
        return byteOf(m_state.eventStatus, offset);
    }
    if (offset < kControl)
        return byteOf(m_state.eventEnable, offset - kEventEnable);
    if (offset < kControl + 2)
        return byteOf(m_state.control, offset - kControl);
    if (offset >= kGeneralStatus && offset < kGeneralStatus + 8)
        return byteOf(m_state.generalStatus, offset - kGeneralStatus);
    if (offset >= kGeneralEnable && offset < kGeneralEnable + 8)
        return byteOf(m_state.generalEnable, offset - kGeneralEnable);
    if (offset >= kSmiEnable && offset < kSmiEnable + 4)
        return byteOf(m_state.smiEnable, offset - kSmiEnable);
    if (offset >= kGeneralControl && offset < kGeneralControl + 2)
        return byteOf(m_state.generalControl, offset - kGeneralControl);
    return 0;
}

void AcpiPm::writeRegister(uint64_t offset, uint8_t value) {
    if (offset < kEventEnable) {
        settleTimer(); // a turn that lies behind is cleared too
        m_state.eventStatus = static_cast<uint16_t>(m_state.eventStatus & ~(value << (8 * offset)));
    } else if (offset < kControl) {
        setByte(m_state.eventEnable, offset - kEventEnable, value);
        m_state.eventEnable &= kEventEnableMask;
    } else if (offset < kControl + 2) {
        setByte(m_state.control, offset - kControl, value);
        bool enters = m_state.control & kControlSleep; // write-only, reads 0
        if (m_state.control & kControlGlobalRelease)
            m_state.eventStatus |= kEventGlobal; // no SMI handler: the global lock is free at once
        m_state.control &= kControlMask;
        if (enters)
            sleep();
    } else if (offset >= kGeneralStatus && offset < kGeneralStatus + 8) {
        m_state.generalStatus &= ~(uint64_t{value} << (8 * (offset - kGeneralStatus)));
    } else if (offset >= kGeneralEnable && offset < kGeneralEnable + 8) {
        setByte(m_state.generalEnable, offset - kGeneralEnable, value);
    } else if (offset >= kSmiEnable && offset < kSmiEnable + 4) {
        setByte(m_state.smiEnable, offset - kSmiEnable, value);
        m_state.smiEnable = (m_state.smiEnable & kSmiEnableMask) | kSmiApmEnable;
    } else if (offset == kGeneralControl) {
        m_state.generalControl = value & 0x04; // SWGPE_CTRL is the only lasting bit here
    }
    update();
}

uint8_t AcpiPm::readApm(uint64_t offset) {
    return offset == 0 ? m_state.apmCommand : m_state.apmStatus;
}

void AcpiPm::writeApm(uint64_t offset, uint8_t value) {
    if (offset != 0) {
        m_state.apmStatus = value;
        return;
    }
    m_state.apmCommand = value;
    // What firmware's SMI handler would do (ACPI 6.4, 4.8.2.5).
    if (value == kEnableCommand)
        m_state.control |= kControlSci;
    else if (value == kDisableCommand)
        m_state.control &= static_cast<uint16_t>(~kControlSci);
    update();
}

// --- Reset, save, restore -------------------------------------------------------------------

void AcpiPm::reset() {
    m_state = freshState();
    update();
}

void AcpiPm::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    writer.fields(m_state.eventStatus, m_state.eventEnable, m_state.control, m_state.generalStatus,
                  m_state.generalEnable, m_state.smiEnable, m_state.generalControl,
                  m_state.apmCommand, m_state.apmStatus, m_state.timerHalves);
}

Result<void> AcpiPm::restore(StateReader& reader) {
    reset();
    State state;
    TRY(reader.enterSection(name(), stateVersion()));
    TRY(reader.fields(state.eventStatus, state.eventEnable, state.control, state.generalStatus,
                      state.generalEnable, state.smiEnable, state.generalControl, state.apmCommand,
                      state.apmStatus, state.timerHalves));
    state.eventStatus &= kEvents;
    state.eventEnable &= kEventEnableMask;
    state.control &= kControlMask;
    state.smiEnable = (state.smiEnable & kSmiEnableMask) | kSmiApmEnable;
    state.generalControl &= 0x04;
    m_state = state;
    update();
    return {};
}

} // namespace vivarium
