#include "vmm/devices/interrupt/interrupt_chips.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

constexpr uint32_t kTimerGsi = 0, kTimerPin = 2, kCascadeGsi = 2, kIsaLines = 16;
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kMessageAddress = 0xFEE00000, kMessageAddressMask = 0xFFFFFFFFFFF00000;

} // namespace

InterruptChips::Cpu::Cpu(InterruptChips& chips, unsigned index, uint32_t apicId)
    : apic(apicId, index == 0 ? LocalApic::Role::Bootstrap : LocalApic::Role::Application),
      timer(chips.m_timers,
            [&chips, index]() REQUIRES(chips.m_deviceLock) { chips.timerExpired(index); }) {}

InterruptChips::InterruptChips(const Services& services, const std::vector<uint32_t>& apicIds,
                               std::function<void(unsigned)> wake)
    : m_deviceLock(services.deviceLock), m_ports(services.ports), m_memoryMap(services.memoryMap),
      m_timers(services.timers), m_wake(std::move(wake)),
      m_ioApic([this](const InterruptMessage& message)
                   REQUIRES(m_mutex) { return deliverLocked(message); }),
      m_pit(services.timers,
            [this](bool high) { setLine(kTimerGsi, high ? Level::High : Level::Low); }) {
    for (unsigned i = 0; i < apicIds.size(); ++i)
        m_cpus.push_back(std::make_unique<Cpu>(*this, i, apicIds[i]));
}

InterruptChips::~InterruptChips() = default;

Result<std::unique_ptr<InterruptChips>> InterruptChips::create(const Services& services,
                                                               const std::vector<uint32_t>& apicIds,
                                                               std::function<void(unsigned)> wake) {
    std::unique_ptr<InterruptChips> chips(new InterruptChips(services, apicIds, std::move(wake)));
    TRY(chips->mapRegisters());
    return chips;
}

Result<void> InterruptChips::mapRegisters() {
    using Self = InterruptChips;
    const auto map = [this](const char* name, uint16_t base, uint32_t count,
                            IoHandler handler) -> Result<void> {
        m_portMappings.push_back(TRY(m_ports.map(name, base, count, handler)));
        return {};
    };
    TRY(map("pic0", 0x20, 2, byteIoHandler<&Self::readPic0, &Self::writePic0>(this)));
    TRY(map("pic1", 0xA0, 2, byteIoHandler<&Self::readPic1, &Self::writePic1>(this)));
    TRY(map("elcr", 0x4D0, 2, byteIoHandler<&Self::readElcr, &Self::writeElcr>(this)));
    TRY(map("pit", 0x40, 4, byteIoHandler<&Self::readPit, &Self::writePit>(this)));
    TRY(map("speaker", 0x61, 1, byteIoHandler<&Self::readSpeaker, &Self::writeSpeaker>(this)));
    MemoryRegion region;
    region.name = "ioapic";
    region.base = IoApic::kDefaultBase;
    region.sizeBytes = kPageBytes;
    region.handler = ioHandler<&Self::readIoApic, &Self::writeIoApic>(this);
    m_ioApicMapping = TRY(m_memoryMap.map(std::move(region)));
    return {};
}

// --- Lines and messages
// ----------------------------------------------------------------------------

void InterruptChips::setLine(uint32_t gsi, Level level) {
    if (gsi == kCascadeGsi || gsi >= IoApic::kPins)
        return; // wired to nothing
    const bool high = level == Level::High;
    MutexLocker lock(m_mutex);
    if (gsi == kTimerGsi) {
        if (high && !m_timerLine && tickWaitsLocked())
            m_owedTicks = std::min(m_owedTicks + 1, LocalApic::kMaxOwedTicks);
        m_timerLine = high;
    }
    setLineLocked(gsi, high);
}

void InterruptChips::setLineLocked(uint32_t gsi, bool high) {
    if (gsi < kIsaLines) {
        const bool before = m_pics.output();
        m_pics.setLine(gsi, high);
        picChangedLocked(before);
    }
    m_ioApic.setLine(gsi == kTimerGsi ? kTimerPin : gsi, high);
}

// Whether the system timer's last interrupt still waits for a processor, so that one more would be
// lost. Behind a mask nobody waits for it.
bool InterruptChips::tickWaitsLocked() const {
    const PicPair::Chip& pic = m_pics.state().chips[0];
    if (pic.requests & ~pic.mask & 1)
        for (const auto& cpu : m_cpus)
            if (cpu->apic.passesExtInt())
                return true;
    if (const auto vector = m_ioApic.edgeVector(kTimerPin))
        for (const auto& cpu : m_cpus)
            if (cpu->apic.requests(*vector))
                return true;
    return false;
}

// A processor took a tick: the next one that is owed comes at once, in service after this one.
void InterruptChips::tickTakenLocked() {
    if (m_owedTicks == 0 || tickWaitsLocked())
        return;
    --m_owedTicks;
    setLineLocked(kTimerGsi, false);
    setLineLocked(kTimerGsi, true);
    setLineLocked(kTimerGsi, m_timerLine);
}

// The 8259's output is wired to every LINT0.
void InterruptChips::picChangedLocked(bool before) {
    if (before || !m_pics.output())
        return;
    for (unsigned i = 0; i < m_cpus.size(); ++i) {
        m_cpus[i]->apic.localInterrupt0();
        if (pendingLocked(i) || m_cpus[i]->apic.hasEvents())
            m_wake(i);
    }
}

// Intel SDM 3A, 11.11: the message's address and data.
void InterruptChips::sendMessage(uint64_t address, uint32_t data) {
    if ((address & kMessageAddressMask) != kMessageAddress)
        return;
    InterruptMessage message;
    message.destination = static_cast<uint32_t>(address >> 12 & 0xFF);
    message.logical = address >> 2 & 1;
    message.mode = static_cast<DeliveryMode>(data >> 8 & 7);
    message.vector = static_cast<uint8_t>(data);
    const bool redirected = address >> 3 & 1;
    if (redirected && message.logical && message.mode == DeliveryMode::Fixed)
        message.mode = DeliveryMode::LowestPriority;
    MutexLocker lock(m_mutex);
    deliverLocked(message);
}

bool InterruptChips::deliverTo(unsigned cpu, const InterruptMessage& message) {
    if (!m_cpus[cpu]->apic.deliver(message))
        return false;
    m_wake(cpu);
    return true;
}

bool InterruptChips::deliverLocked(const InterruptMessage& message) {
    const auto count = static_cast<unsigned>(m_cpus.size());
    const auto isMeant = [&](unsigned cpu) {
        return m_cpus[cpu]->apic.accepts(message.destination, message.logical,
                                         message.wideDestination);
    };
    if (message.mode != DeliveryMode::LowestPriority) {
        bool taken = false;
        for (unsigned i = 0; i < count; ++i)
            if (isMeant(i))
                taken |= deliverTo(i, message);
        return taken;
    }
    // 11.6.2.4: the processor that does the least urgent work; between equals the vector decides,
    // so that devices spread.
    std::optional<unsigned> best;
    for (unsigned step = 0; step < count; ++step) {
        const unsigned i = (message.vector + step) % count;
        const LocalApic& apic = m_cpus[i]->apic;
        if (isMeant(i) && apic.softwareEnabled() &&
            (!best || apic.processorPriority() < m_cpus[*best]->apic.processorPriority()))
            best = i;
    }
    if (!best)
        return false;
    return deliverTo(*best, message);
}

void InterruptChips::applyLocked(unsigned cpu, const LocalApic::Effect& effect) {
    using Shorthand = LocalApic::Effect::Shorthand;
    if (effect.endOfInterrupt)
        m_ioApic.endOfInterrupt(*effect.endOfInterrupt);
    if (effect.send) {
        switch (effect.shorthand) {
        case Shorthand::None:
            deliverLocked(*effect.send);
            break;
        case Shorthand::Self:
            deliverTo(cpu, *effect.send);
            break;
        case Shorthand::All:
        case Shorthand::Others:
            for (unsigned i = 0; i < m_cpus.size(); ++i)
                if (m_cpus[i]->apic.enabled() && (i != cpu || effect.shorthand == Shorthand::All))
                    deliverTo(i, *effect.send);
            break;
        }
    }
    if (pendingLocked(cpu)) // the write may have let something through
        m_wake(cpu);
}

// --- Processors
// --------------------------------------------------------------------------------------

uint32_t InterruptChips::readApic(unsigned cpu, uint64_t offset) {
    const uint64_t now = nowNs();
    MutexLocker lock(m_mutex);
    return m_cpus[cpu]->apic.readRegister(offset, now);
}

void InterruptChips::writeApic(unsigned cpu, uint64_t offset, uint32_t value) {
    const uint64_t now = nowNs();
    bool timerChanged = false;
    {
        MutexLocker lock(m_mutex);
        const auto effect = m_cpus[cpu]->apic.writeRegister(offset, value, now);
        applyLocked(cpu, effect);
        timerChanged = effect.timerChanged;
    }
    if (timerChanged)
        armTimer(cpu);
}

std::optional<uint64_t> InterruptChips::readApicMsr(unsigned cpu, uint32_t msr) {
    const uint64_t now = nowNs();
    MutexLocker lock(m_mutex);
    return m_cpus[cpu]->apic.readMsr(msr, now);
}

bool InterruptChips::writeApicMsr(unsigned cpu, uint32_t msr, uint64_t value) {
    const uint64_t now = nowNs();
    bool timerChanged = false;
    {
        MutexLocker lock(m_mutex);
        const auto effect = m_cpus[cpu]->apic.writeMsr(msr, value, now);
        if (effect.refused)
            return false;
        applyLocked(cpu, effect);
        timerChanged = effect.timerChanged;
    }
    if (timerChanged)
        armTimer(cpu);
    return true;
}

bool InterruptChips::setApicBase(unsigned cpu, uint64_t base) {
    {
        MutexLocker lock(m_mutex);
        if (!m_cpus[cpu]->apic.setBase(base))
            return false;
        if (pendingLocked(cpu))
            m_wake(cpu);
    }
    armTimer(cpu);
    return true;
}

uint64_t InterruptChips::tscDeadline(unsigned cpu) {
    MutexLocker lock(m_mutex);
    return m_cpus[cpu]->apic.tscDeadline();
}

void InterruptChips::setTscDeadline(unsigned cpu, uint64_t deadline, uint64_t tscOffset) {
    {
        MutexLocker lock(m_mutex);
        m_cpus[cpu]->tscOffset = tscOffset;
        m_cpus[cpu]->apic.setTscDeadline(deadline);
    }
    armTimer(cpu);
}

uint8_t InterruptChips::taskPriority(unsigned cpu) {
    MutexLocker lock(m_mutex);
    return m_cpus[cpu]->apic.taskPriority();
}

void InterruptChips::setTaskPriority(unsigned cpu, uint8_t value) {
    MutexLocker lock(m_mutex);
    m_cpus[cpu]->apic.setTaskPriority(value);
    if (pendingLocked(cpu))
        m_wake(cpu);
}

InterruptChips::Events InterruptChips::takeEvents(unsigned cpu) {
    MutexLocker lock(m_mutex);
    LocalApic& apic = m_cpus[cpu]->apic;
    apic.takeSmi(); // there is no system management mode
    Events events;
    events.init = apic.takeInit();
    events.nmi = apic.takeNmi();
    events.startUpVector = apic.takeStartUp();
    return events;
}

void InterruptChips::returnNmi(unsigned cpu) {
    MutexLocker lock(m_mutex);
    m_cpus[cpu]->apic.deliver({.mode = DeliveryMode::Nmi});
}

bool InterruptChips::hasEvents(unsigned cpu) {
    MutexLocker lock(m_mutex);
    return m_cpus[cpu]->apic.hasEvents();
}

bool InterruptChips::pendingLocked(unsigned cpu) const {
    const LocalApic& apic = m_cpus[cpu]->apic;
    return apic.extIntPending() || (m_pics.output() && apic.passesExtInt()) ||
           apic.pendingVector().has_value();
}

bool InterruptChips::interruptPending(unsigned cpu) {
    MutexLocker lock(m_mutex);
    return pendingLocked(cpu);
}

std::optional<uint8_t> InterruptChips::acknowledge(unsigned cpu) {
    MutexLocker lock(m_mutex);
    LocalApic& apic = m_cpus[cpu]->apic;
    if (apic.extIntPending() || (m_pics.output() && apic.passesExtInt())) {
        apic.clearExtInt();
        const uint8_t vector = m_pics.acknowledge();
        picChangedLocked(false); // the next request waits already
        if (vector == m_pics.state().chips[0].vectorBase)
            tickTakenLocked();
        return vector;
    }
    const auto vector = apic.pendingVector();
    if (vector) {
        apic.acknowledge(*vector);
        if (vector == m_ioApic.edgeVector(kTimerPin))
            tickTakenLocked();
    }
    return vector;
}

void InterruptChips::initApic(unsigned cpu) {
    {
        MutexLocker lock(m_mutex);
        const auto startUp = m_cpus[cpu]->apic.takeStartUp(); // came after the INIT
        m_cpus[cpu]->apic.init();
        if (startUp)
            m_cpus[cpu]->apic.deliver({.mode = DeliveryMode::StartUp, .vector = *startUp});
    }
    armTimer(cpu);
}

std::optional<unsigned> InterruptChips::cpuWithApicId(uint32_t apicId) const {
    for (unsigned i = 0; i < m_cpus.size(); ++i)
        if (m_cpus[i]->apic.id() == apicId)
            return i;
    return std::nullopt;
}

// --- Timers
// --------------------------------------------------------------------------------------------

std::optional<uint64_t> InterruptChips::deadlineNsLocked(const Cpu& cpu, uint64_t now) const {
    if (cpu.apic.timerMode() != LocalApic::TimerMode::TscDeadline)
        return cpu.apic.countdownEndNs();
    const uint64_t deadline = cpu.apic.tscDeadline();
    if (deadline == 0)
        return std::nullopt;
    // Time stamps wrap: one that lies behind is due at once.
    const TimeStampRate rate = timeStampRate();
    const auto ahead = static_cast<int64_t>(deadline - cpu.tscOffset - rate.ticks(now));
    return ahead > 0 ? now + rate.ns(static_cast<uint64_t>(ahead)) : now;
}

void InterruptChips::armTimer(unsigned cpu) {
    MutexLocker lock(m_deviceLock);
    armTimerLocked(cpu);
}

void InterruptChips::armTimerLocked(unsigned cpu) {
    std::optional<uint64_t> deadline;
    {
        MutexLocker lock(m_mutex);
        deadline = deadlineNsLocked(*m_cpus[cpu], nowNs());
    }
    if (deadline)
        m_cpus[cpu]->timer.arm(*deadline);
    else
        m_cpus[cpu]->timer.cancel();
}

void InterruptChips::timerExpired(unsigned cpu) {
    const uint64_t now = nowNs();
    {
        MutexLocker lock(m_mutex);
        LocalApic& apic = m_cpus[cpu]->apic;
        // It may have been set anew since.
        if (const auto deadline = deadlineNsLocked(*m_cpus[cpu], now);
            deadline && *deadline <= now) {
            apic.timerExpired(now);
            if (pendingLocked(cpu) || apic.hasEvents())
                m_wake(cpu);
        }
    }
    armTimerLocked(cpu);
}

void InterruptChips::runDueTimers() {
    MutexLocker lock(m_deviceLock);
    m_timers.runExpired();
}

void InterruptChips::armTimers() {
    m_pit.arm();
    for (unsigned i = 0; i < m_cpus.size(); ++i)
        armTimerLocked(i);
}

void InterruptChips::connectPit(bool connected) {
    {
        MutexLocker lock(m_mutex);
        m_owedTicks = 0; // those of another timer
    }
    m_pit.connect(connected);
}

// --- State
// ---------------------------------------------------------------------------------------------

// Everybody is quiet, or the caller holds the device lock: the PIT is safe.
InterruptChips::ChipStates InterruptChips::states() {
    MutexLocker lock(m_mutex);
    return {m_pics.state(), m_ioApic.state(), m_pit.state(), m_owedTicks};
}

void InterruptChips::setStates(const ChipStates& states) {
    MutexLocker lock(m_mutex);
    m_pics.setState(states.pics);
    m_ioApic.setState(states.ioApic);
    m_pit.setState(states.pit);
    m_timerLine = states.ioApic.lines >> kTimerPin & 1;
    m_owedTicks = std::min(states.owedTicks, LocalApic::kMaxOwedTicks);
}

LocalApic::State InterruptChips::apicState(unsigned cpu) {
    MutexLocker lock(m_mutex);
    return m_cpus[cpu]->apic.state();
}

void InterruptChips::setApicState(unsigned cpu, const LocalApic::State& state, uint64_t tscOffset) {
    MutexLocker lock(m_mutex);
    m_cpus[cpu]->apic.setState(state);
    m_cpus[cpu]->tscOffset = tscOffset;
    m_wake(cpu);
}

void InterruptChips::reset() {
    m_pit.reset();
    MutexLocker lock(m_mutex);
    m_pics.reset();
    m_ioApic.reset();
    m_timerLine = false;
    m_owedTicks = 0;
}

void InterruptChips::resetApic(unsigned cpu) {
    MutexLocker lock(m_mutex);
    m_cpus[cpu]->apic.reset();
    m_cpus[cpu]->tscOffset = 0;
}

// --- Registers
// -----------------------------------------------------------------------------------------

uint8_t InterruptChips::readPic(unsigned chip, uint64_t offset) {
    MutexLocker lock(m_mutex);
    const bool before = m_pics.output();
    const uint8_t value = m_pics.read(chip, static_cast<unsigned>(offset)); // a poll acknowledges
    picChangedLocked(before);
    return value;
}

void InterruptChips::writePic(unsigned chip, uint64_t offset, uint8_t value) {
    MutexLocker lock(m_mutex);
    // An end of interrupt lets the next request through even where the wire stayed high.
    m_pics.write(chip, static_cast<unsigned>(offset), value);
    if (chip == 0 && offset == 0 && value & 0x10) // ICW1
        m_owedTicks = 0;
    picChangedLocked(false);
}

uint8_t InterruptChips::readElcr(uint64_t offset) {
    MutexLocker lock(m_mutex);
    return m_pics.readElcr(static_cast<unsigned>(offset));
}

void InterruptChips::writeElcr(uint64_t offset, uint8_t value) {
    MutexLocker lock(m_mutex);
    m_pics.writeElcr(static_cast<unsigned>(offset), value);
}

uint64_t InterruptChips::readIoApic(uint64_t offset, unsigned sizeBytes) {
    MutexLocker lock(m_mutex);
    const uint64_t value = m_ioApic.read(offset & ~uint64_t{3});
    const uint64_t shifted = value >> (offset & 3) * 8;
    return sizeBytes >= 8 ? shifted : shifted & ((uint64_t{1} << sizeBytes * 8) - 1);
}

// 82093AA, 3.1: registers are accessed as 32-bit quantities.
void InterruptChips::writeIoApic(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (sizeBytes < 4 && !(sizeBytes == 1 && offset == 0))
        return;
    MutexLocker lock(m_mutex);
    const auto before = m_ioApic.edgeVector(kTimerPin);
    m_ioApic.write(offset, static_cast<uint32_t>(value));
    if (m_ioApic.edgeVector(kTimerPin) != before)
        m_owedTicks = 0; // of who was interrupted before
}

} // namespace vivarium
