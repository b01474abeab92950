#include "vmm/devices/serial/uart_16550.h"

#include "vmm/base/log.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {

// Register names are those of the PC16550D data sheet (National Semiconductor, June 1995).
constexpr uint32_t kPortCount = 8;
constexpr uint64_t kBaudBase = 115200; // 1.8432 MHz / 16

enum Register : uint64_t {
    kData = 0,            // RBR, THR; divisor latch low with DLAB
    kInterruptEnable = 1, // divisor latch high with DLAB
    kInterruptId = 2,     // FIFO control when written
    kLineControl = 3,
    kModemControl = 4,
    kLineStatus = 5,
    kModemStatus = 6,
    kScratch = 7,
};

// interrupt enable register
constexpr uint8_t kEnableReceive = 0x01;
constexpr uint8_t kEnableTransmit = 0x02;
constexpr uint8_t kEnableLineStatus = 0x04;
constexpr uint8_t kEnableModemStatus = 0x08;
constexpr uint8_t kEnableMask = 0x0F;

// interrupt identification register
constexpr uint8_t kIdNone = 0x01;
constexpr uint8_t kIdModemStatus = 0x00;
constexpr uint8_t kIdTransmit = 0x02;
constexpr uint8_t kIdReceive = 0x04;
constexpr uint8_t kIdLineStatus = 0x06;
constexpr uint8_t kIdTimeout = 0x0C;
constexpr uint8_t kIdFifosEnabled = 0xC0;

// FIFO control register
constexpr uint8_t kFifoEnable = 0x01;
constexpr uint8_t kFifoClearReceive = 0x02;
constexpr uint8_t kFifoKept = 0xC9; // enable, DMA mode and trigger; the clear bits clear themselves

constexpr uint8_t kDivisorLatchAccess = 0x80; // line control
constexpr uint8_t kParityEnable = 0x08;
constexpr uint8_t kTwoStopBits = 0x04;

// modem control
constexpr uint8_t kDtr = 0x01;
constexpr uint8_t kRts = 0x02;
constexpr uint8_t kOut1 = 0x04;
constexpr uint8_t kOut2 = 0x08; // opens the way to the interrupt controller on a PC
constexpr uint8_t kLoop = 0x10;
constexpr uint8_t kModemControlMask = 0x1F;

// line status
constexpr uint8_t kDataReady = 0x01;
constexpr uint8_t kOverrun = 0x02;
constexpr uint8_t kTransmitterEmpty = 0x60; // holding and shift register

// modem status
constexpr uint8_t kTrailingRing = 0x04;
constexpr uint8_t kCts = 0x10;
constexpr uint8_t kDsr = 0x20;
constexpr uint8_t kRing = 0x40;
constexpr uint8_t kCarrier = 0x80;
constexpr uint8_t kDeltaMask = 0x0F;
constexpr uint8_t kPeerPresent = kCts | kDsr | kCarrier; // a cable with somebody at its end

constexpr size_t kFifoBytes = 16;

} // namespace

UartConfig UartConfig::standard(unsigned index) {
    constexpr uint16_t kPorts[] = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    index &= 3;
    return {formatText("com%u", index + 1), kPorts[index], index % 2 == 0 ? 4u : 3u};
}

Result<std::unique_ptr<Uart16550>> Uart16550::create(PortBus& ports, InterruptSink& interrupts,
                                                     TimerQueue& timers, CharacterBackend& backend,
                                                     const UartConfig& config) {
    std::unique_ptr<Uart16550> uart(new Uart16550(interrupts, timers, backend, config));
    uart->m_mapping = TRY(
        ports.map(config.name, config.port, kPortCount,
                  byteIoHandler<&Uart16550::readRegister, &Uart16550::writeRegister>(uart.get())));
    backend.setReceiver([device = uart.get()](ConstByteSpan bytes) { device->receive(bytes); });
    uart->announceRoom();
    return uart;
}

Uart16550::Uart16550(InterruptSink& interrupts, TimerQueue& timers, CharacterBackend& backend,
                     const UartConfig& config)
    : m_name(config.name), m_backend(backend), m_clock(timers.clock()),
      m_interrupt(interrupts, config.gsi), m_timeout(timers, [this] { timeoutExpired(); }),
      m_state(powerOnState()) {}

Uart16550::~Uart16550() {
    m_backend.setReceiver(nullptr);
    m_backend.setReceiveRoom(0);
}

Uart16550::State Uart16550::powerOnState() {
    State state;
    state.modemStatus = kPeerPresent;
    return state;
}

void Uart16550::reset() {
    m_state = powerOnState();
    armTimeout();
    updateInterrupt();
    announceRoom();
}

bool Uart16550::fifoEnabled() const {
    return m_state.fifoControl & kFifoEnable;
}

bool Uart16550::loopback() const {
    return m_state.modemControl & kLoop;
}

size_t Uart16550::fifoSize() const {
    return fifoEnabled() ? kFifoBytes : 1;
}

size_t Uart16550::triggerLevel() const {
    constexpr size_t kLevels[] = {1, 4, 8, 14};
    return fifoEnabled() ? kLevels[m_state.fifoControl >> 6] : 1;
}

// The time of four characters at the present speed and format.
uint64_t Uart16550::timeoutNs() const {
    uint64_t bits = 1 + 5 + (m_state.lineControl & 3) + 1;
    if (m_state.lineControl & kParityEnable)
        ++bits;
    if (m_state.lineControl & kTwoStopBits)
        ++bits;
    uint64_t divisor = std::max<uint64_t>(m_state.divisor, 1);
    return 4 * bits * divisor * 1'000'000'000 / kBaudBase;
}

uint8_t Uart16550::readRegister(uint64_t offset) {
    bool divisorLatch = m_state.lineControl & kDivisorLatchAccess;
    switch (offset) {
    case kData:
        return divisorLatch ? static_cast<uint8_t>(m_state.divisor) : readReceiver();
    case kInterruptEnable:
        return divisorLatch ? static_cast<uint8_t>(m_state.divisor >> 8) : m_state.interruptEnable;
    case kInterruptId: {
        uint8_t id = interruptIdentification();
        // Reading acknowledges the transmitter's interrupt, if that is what was read (interrupt
        // identification, table).
        if (id == kIdTransmit) {
            m_state.transmitInterrupt = false;
            updateInterrupt();
        }
        return fifoEnabled() ? id | kIdFifosEnabled : id;
    }
    case kLineControl:
        return m_state.lineControl;
    case kModemControl:
        return m_state.modemControl;
    case kLineStatus: {
        uint8_t status = lineStatus();
        m_state.lineErrors = 0;
        updateInterrupt();
        return status;
    }
    case kModemStatus: {
        uint8_t status = m_state.modemStatus;
        m_state.modemStatus &= static_cast<uint8_t>(~kDeltaMask);
        updateInterrupt();
        return status;
    }
    case kScratch:
        return m_state.scratch;
    default:
        return 0xFF;
    }
}

void Uart16550::writeRegister(uint64_t offset, uint8_t value) {
    bool divisorLatch = m_state.lineControl & kDivisorLatchAccess;
    switch (offset) {
    case kData:
        if (divisorLatch)
            m_state.divisor = static_cast<uint16_t>((m_state.divisor & 0xFF00) | value);
        else
            transmit(value);
        break;
    case kInterruptEnable:
        if (divisorLatch) {
            m_state.divisor = static_cast<uint16_t>((m_state.divisor & 0x00FF) | value << 8);
            break;
        }
        // Enabling the interrupt of a transmitter that is empty raises it at once.
        if (value & ~m_state.interruptEnable & kEnableTransmit)
            m_state.transmitInterrupt = true;
        m_state.interruptEnable = value & kEnableMask;
        restartTimeout();
        break;
    case kInterruptId:
        writeFifoControl(value);
        break;
    case kLineControl:
        m_state.lineControl = value;
        break;
    case kModemControl:
        writeModemControl(value);
        break;
    case kScratch:
        m_state.scratch = value;
        break;
    default: // line status is for factory tests only, modem status is read-only
        break;
    }
    updateInterrupt();
}

uint8_t Uart16550::readReceiver() {
    if (m_state.receiveFifo.empty())
        return m_state.lastReceived;
    m_state.lastReceived = m_state.receiveFifo.front();
    m_state.receiveFifo.erase(m_state.receiveFifo.begin());
    m_state.receiveTimeout = false;
    restartTimeout();
    updateInterrupt();
    announceRoom();
    return m_state.lastReceived;
}

void Uart16550::transmit(uint8_t value) {
    // The write takes the interrupt back, the character leaves, the empty register raises it anew:
    // an edge for each, as drivers expect.
    m_state.transmitInterrupt = false;
    updateInterrupt();
    if (loopback())
        receive(ConstByteSpan(&value, 1));
    else
        m_backend.write(ConstByteSpan(&value, 1));
    m_state.transmitInterrupt = true;
}

void Uart16550::writeFifoControl(uint8_t value) {
    // Switching the FIFOs on or off empties them; the other bits count only when they are on
    // (FIFO control register, bit 0).
    bool switched = (value ^ m_state.fifoControl) & kFifoEnable;
    if (switched || (value & kFifoClearReceive && value & kFifoEnable))
        m_state.receiveFifo.clear();
    m_state.fifoControl = value & kFifoEnable ? value & kFifoKept : 0;
    if (m_state.receiveFifo.empty())
        m_state.receiveTimeout = false;
    restartTimeout();
    announceRoom();
}

void Uart16550::writeModemControl(uint8_t value) {
    m_state.modemControl = value & kModemControlMask;
    // In loop-back the four outputs are the four inputs (modem control register, bit 4).
    uint8_t inputs = kPeerPresent;
    if (loopback()) {
        inputs = 0;
        inputs |= value & kRts ? kCts : 0;
        inputs |= value & kDtr ? kDsr : 0;
        inputs |= value & kOut1 ? kRing : 0;
        inputs |= value & kOut2 ? kCarrier : 0;
    }
    uint8_t changed = (inputs ^ m_state.modemStatus) & 0xF0;
    auto deltas = static_cast<uint8_t>(changed >> 4);
    if (!(m_state.modemStatus & kRing)) // only the end of a ring is reported
        deltas &= static_cast<uint8_t>(~kTrailingRing);
    m_state.modemStatus =
        static_cast<uint8_t>(inputs | (m_state.modemStatus & kDeltaMask) | deltas);
    announceRoom();
}

uint8_t Uart16550::lineStatus() const {
    uint8_t status = kTransmitterEmpty | m_state.lineErrors;
    if (!m_state.receiveFifo.empty())
        status |= kDataReady;
    return status;
}

// The cause with the highest priority (interrupt identification, table).
uint8_t Uart16550::interruptIdentification() const {
    uint8_t enabled = m_state.interruptEnable;
    if (enabled & kEnableLineStatus && m_state.lineErrors)
        return kIdLineStatus;
    if (enabled & kEnableReceive && m_state.receiveFifo.size() >= triggerLevel())
        return kIdReceive;
    if (enabled & kEnableReceive && m_state.receiveTimeout)
        return kIdTimeout;
    if (enabled & kEnableTransmit && m_state.transmitInterrupt)
        return kIdTransmit;
    if (enabled & kEnableModemStatus && m_state.modemStatus & kDeltaMask)
        return kIdModemStatus;
    return kIdNone;
}

void Uart16550::updateInterrupt() {
    bool pending = interruptIdentification() != kIdNone;
    m_interrupt.set(pending && m_state.modemControl & kOut2);
}

void Uart16550::receive(ConstByteSpan bytes) {
    for (uint8_t byte : bytes) {
        if (m_state.receiveFifo.size() < fifoSize()) {
            m_state.receiveFifo.push_back(byte);
            continue;
        }
        // With FIFOs the new character is lost, without them the old one (line status register, bit
        // 1).
        m_state.lineErrors |= kOverrun;
        if (!fifoEnabled())
            m_state.receiveFifo.back() = byte;
    }
    m_state.receiveTimeout = false;
    restartTimeout();
    updateInterrupt();
    announceRoom();
}

// Room is announced in batches: a guest that reads byte by byte would otherwise make the backend
// read its descriptor byte by byte as well.
void Uart16550::announceRoom() {
    size_t used = m_state.receiveFifo.size();
    bool room = !loopback() && used <= fifoSize() / 2;
    m_backend.setReceiveRoom(room ? fifoSize() - used : 0);
}

// FIFO interrupt mode operation: the time-out runs while characters wait, from the last one
// received or read. It matters only where no interrupt is due for them anyway.
void Uart16550::restartTimeout() {
    size_t count = m_state.receiveFifo.size();
    bool runs = fifoEnabled() && count > 0 && count < triggerLevel() && !m_state.receiveTimeout &&
                m_state.interruptEnable & kEnableReceive;
    m_state.timeoutDeadlineNs = runs ? m_clock.nowNs() + timeoutNs() : 0;
    armTimeout();
}

void Uart16550::armTimeout() {
    if (m_state.timeoutDeadlineNs)
        m_timeout.arm(m_state.timeoutDeadlineNs);
    else
        m_timeout.cancel();
}

void Uart16550::timeoutExpired() {
    m_state.timeoutDeadlineNs = 0;
    m_state.receiveTimeout = true;
    updateInterrupt();
}

void Uart16550::save(StateWriter& writer) const {
    const State& s = m_state;
    writer.beginSection(name(), stateVersion());
    writer.fields(s.interruptEnable, s.fifoControl, s.lineControl, s.modemControl, s.lineErrors,
                  s.modemStatus, s.scratch, s.divisor, s.transmitInterrupt, s.receiveTimeout,
                  s.lastReceived, s.timeoutDeadlineNs, s.receiveFifo);
}

Result<void> Uart16550::restore(StateReader& reader) {
    auto state = readState(reader);
    if (!state) {
        reset();
        return state.error();
    }
    m_state = std::move(*state);
    armTimeout();
    updateInterrupt();
    announceRoom();
    return {};
}

Result<Uart16550::State> Uart16550::readState(StateReader& reader) const {
    TRY(reader.enterSection(name(), stateVersion()));
    State s;
    TRY(reader.fields(s.interruptEnable, s.fifoControl, s.lineControl, s.modemControl, s.lineErrors,
                      s.modemStatus, s.scratch, s.divisor, s.transmitInterrupt, s.receiveTimeout,
                      s.lastReceived, s.timeoutDeadlineNs, s.receiveFifo));
    size_t limit = s.fifoControl & kFifoEnable ? kFifoBytes : 1;
    if ((s.interruptEnable & ~kEnableMask) != 0 || (s.fifoControl & ~kFifoKept) != 0 ||
        (s.modemControl & ~kModemControlMask) != 0 || (s.lineErrors & ~kOverrun) != 0 ||
        s.receiveFifo.size() > limit)
        return fail(ErrorCode::Corrupt, m_name + ": saved state out of range");
    return s;
}

} // namespace vivarium
