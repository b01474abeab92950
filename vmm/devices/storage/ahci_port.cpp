#include "vmm/devices/storage/ahci_port.h"

#include "vmm/devices/storage/ata_registers.h"

#include <algorithm>
#include <utility>

namespace vivarium {

using namespace ahci;

AhciPort::AhciPort(AhciPortHost& host, unsigned index, const GuestMemory& memory, TaskQueue& tasks)
    : m_host(host), m_index(index), m_memory(memory), m_tasks(tasks),
      m_self(std::make_shared<AhciPort*>(this)) {}

AhciPort::~AhciPort() = default;

void AhciPort::attach(std::unique_ptr<SataDrive> drive) {
    m_drive = std::move(drive);
    m_drive->io().setIdle([this] { hostIdle(); });
}

// --- Registers ------------------------------------------------------------------------------

uint32_t AhciPort::interruptStatus() const {
    return m_state.interruptStatus | (m_state.sataError & kSerrExchanged ? kIntConnectChange : 0) |
           (m_state.sataError & kSerrPhyReadyChange ? kIntPhyReady : 0);
}

uint32_t AhciPort::commandRegister() const {
    uint32_t value = m_state.command | kCmdSpinUp | kCmdPowerOn |
                     uint32_t{m_state.currentSlot} << kCmdCurrentSlotShift;
    if (m_state.command & kCmdFisEnable)
        value |= kCmdFisRunning;
    // The guest may reuse its buffers once this bit is clear (AHCI 1.3.1, 10.3.2).
    if ((m_state.command & kCmdStart) || (m_drive && m_drive->io().busy()))
        value |= kCmdListRunning;
    return value;
}

uint32_t AhciPort::readRegister(uint32_t offset) const {
    switch (offset) {
    case kPxCommandList:
        return static_cast<uint32_t>(m_state.commandList);
    case kPxCommandListUpper:
        return static_cast<uint32_t>(m_state.commandList >> 32);
    case kPxFisBase:
        return static_cast<uint32_t>(m_state.fisBase);
    case kPxFisBaseUpper:
        return static_cast<uint32_t>(m_state.fisBase >> 32);
    case kPxInterruptStatus:
        return interruptStatus();
    case kPxInterruptEnable:
        return m_state.interruptEnable;
    case kPxCommand:
        return commandRegister();
    case kPxTaskFile:
        return m_state.taskFile;
    case kPxSignature:
        return m_state.signature;
    case kPxSataStatus:
        return m_state.sataStatus;
    case kPxSataControl:
        return m_state.sataControl;
    case kPxSataError:
        return m_state.sataError;
    case kPxSataActive:
        return m_state.sataActive;
    case kPxCommandIssue:
        return m_state.commandIssue;
    default:
        return 0; // no port multiplier, no device sleep
    }
}

void AhciPort::writeRegister(uint32_t offset, uint32_t value) {
    constexpr uint64_t kLow = 0xFFFFFFFF;
    switch (offset) {
    case kPxCommandList: // 1 KiB aligned
        m_state.commandList = (m_state.commandList & ~kLow) | (value & ~0x3FFu);
        return;
    case kPxCommandListUpper:
        m_state.commandList = (m_state.commandList & kLow) | uint64_t{value} << 32;
        return;
    case kPxFisBase: // 256 bytes aligned
        m_state.fisBase = (m_state.fisBase & ~kLow) | (value & ~0xFFu);
        return;
    case kPxFisBaseUpper:
        m_state.fisBase = (m_state.fisBase & kLow) | uint64_t{value} << 32;
        return;
    case kPxInterruptStatus:
        m_state.interruptStatus &= ~value;
        m_host.portInterruptChanged(m_index);
        return;
    case kPxInterruptEnable:
        m_state.interruptEnable = value & kIntEnableMask;
        m_host.portInterruptChanged(m_index);
        return;
    case kPxCommand:
        return writeCommand(value);
    case kPxSataControl:
        return writeSataControl(value & kSctlWritable);
    case kPxSataError:
        m_state.sataError &= ~(value & kSerrWritable);
        m_host.portInterruptChanged(m_index);
        return;
    case kPxSataActive: // set only, and only while running (AHCI 1.3.1, 3.3.13)
        if (m_state.command & kCmdStart)
            m_state.sataActive |= value;
        return;
    case kPxCommandIssue:
        if (m_state.command & kCmdStart)
            m_state.commandIssue |= value;
        return runCommands();
    default:
        return;
    }
}

void AhciPort::writeCommand(uint32_t value) {
    bool wasStarted = m_state.command & kCmdStart;
    bool starts = value & kCmdStart;
    // Only honoured together with a stopped list (AHCI 1.3.1, 3.3.7).
    if ((value & kCmdListOverride) && !wasStarted && m_drive)
        m_state.taskFile &= ~uint32_t{ata::kStatusBusy | ata::kStatusDataRequest};
    m_state.command = value & kCmdWritable;
    if ((value & kCmdFisEnable) && m_state.signatureHeld)
        presentSignature();
    if (starts && !wasStarted)
        start();
    else if (!starts && wasStarted)
        stop();
}

void AhciPort::start() {
    m_state.currentSlot = 0;
    m_state.nextSlot = 0;
    runCommands();
}

// The device forgets what it was told; what the host still does to guest memory shows in CR.
void AhciPort::stop() {
    m_state.commandIssue = 0;
    m_state.sataActive = 0;
    m_state.currentSlot = 0;
    m_state.halted = false;
    dropCommands();
    if (m_drive && !m_drive->io().busy())
        hostIdle();
}

// The drive is done with what was dropped, and so not busy any more.
void AhciPort::hostIdle() {
    bool linked = (m_state.sataStatus & kDetectMask) == kDetectEstablished;
    if ((m_state.command & kCmdStart) || !linked || m_state.signatureHeld || m_state.softReset)
        return;
    if (status() & ata::kStatusBusy)
        setTaskFile(ata::kStatusIdle, 0);
}

void AhciPort::raise(uint32_t interrupts) {
    m_state.interruptStatus |= interrupts;
    m_host.portInterruptChanged(m_index);
}

void AhciPort::setTaskFile(uint8_t status, uint8_t error) {
    m_state.taskFile = uint32_t{error} << 8 | status;
}

// --- Link and resets ------------------------------------------------------------------------

void AhciPort::writeSataControl(uint32_t value) {
    uint32_t before = m_state.sataControl & kDetectMask;
    uint32_t now = value & kDetectMask;
    m_state.sataControl = value;
    if (now == before)
        return;
    if (now == kSctlDetectReset) // COMRESET for as long as it is set (AHCI 1.3.1, 10.4.2)
        linkDown(0);
    else if (now == kSctlDetectOffline)
        linkDown(kDetectOffline);
    else if (before == kSctlDetectReset || before == kSctlDetectOffline)
        reconnect();
}

void AhciPort::linkDown(uint32_t detect) {
    bool wasUp = (m_state.sataStatus & kDetectMask) == kDetectEstablished;
    deviceReset(SataDrive::ResetKind::Hard);
    m_state.sataStatus = detect;
    m_state.taskFile = kTaskFileNoDevice;
    m_state.signature = 0xFFFFFFFF;
    m_state.signatureHeld = false;
    if (wasUp)
        m_state.sataError |= kSerrPhyReadyChange;
    m_host.portInterruptChanged(m_index);
}

void AhciPort::linkUp() {
    if (!m_drive) {
        m_state.sataStatus = 0;
        return;
    }
    uint32_t limit = m_state.sataControl >> 4 & 0xF;
    uint32_t generation = limit == 0 ? kMaxGeneration : std::min(limit, kMaxGeneration);
    m_state.sataStatus = kSstsActive | generation << 4 | kDetectEstablished;
    presentSignature();
}

bool AhciPort::linkWanted() const {
    const uint32_t detect = m_state.sataControl & kDetectMask;
    return detect != kSctlDetectReset && detect != kSctlDetectOffline;
}

void AhciPort::plugged() {
    m_drive->reset(SataDrive::ResetKind::Power);
    if (linkWanted())
        reconnect();
}

// The link is lost, which a port tells by PhyRdy alone (AHCI 1.3.1, 6.2.2.3); commands under way
// never end, and the guest stops the list.
std::unique_ptr<BlockDevice> AhciPort::unplug() {
    linkDown(linkWanted() ? 0 : m_state.sataStatus);
    std::unique_ptr<BlockDevice> image = m_drive->io().setImage(nullptr);
    m_drive.reset();
    return image;
}

// The guest sees the drive come, unlike at power-on, where PxSERR starts as zero (AHCI 1.3.1,
// 3.3.12).
void AhciPort::reconnect() {
    linkUp();
    if (m_drive)
        m_state.sataError |= kSerrPhyReadyChange | kSerrExchanged;
    m_host.portInterruptChanged(m_index);
}

void AhciPort::deviceReset(SataDrive::ResetKind kind) {
    dropCommands();
    m_state.softReset = false;
    if (m_drive)
        m_drive->reset(kind);
}

// The first register frame after a reset; it waits in the port until the guest receives frames
// (AHCI 1.3.1, 10.1.1), and until then PxTFD has its reset value (3.3.8).
void AhciPort::presentSignature() {
    m_state.signatureHeld = !(m_state.command & kCmdFisEnable);
    if (m_state.signatureHeld)
        return;
    AtaReply reply = m_drive->signature();
    m_state.signature = static_cast<uint32_t>(reply.lba << 8 | (reply.count & 0xFF));
    postRegisters(reply, FisInterrupt::None);
}

void AhciPort::powerOnReset() {
    dropCommands();
    if (m_drive)
        m_drive->reset(SataDrive::ResetKind::Power);
    m_state = {};
    linkUp();
}

void AhciPort::adapterReset() {
    deviceReset(SataDrive::ResetKind::Hard);
    State state;
    state.commandList = m_state.commandList;
    state.fisBase = m_state.fisBase;
    m_state = state;
    linkUp();
}

// --- Save and restore -----------------------------------------------------------------------

void AhciPort::save(StateWriter& writer) const {
    const State& s = m_state;
    writer.fields(s.commandList, s.fisBase, s.interruptStatus, s.interruptEnable, s.command,
                  s.taskFile, s.signature, s.sataStatus, s.sataControl, s.sataError, s.sataActive,
                  s.commandIssue, s.outstanding, s.currentSlot, s.nextSlot, s.halted, s.softReset,
                  s.signatureHeld);
    if (m_drive)
        m_drive->save(writer);
}

Result<void> AhciPort::restore(StateReader& reader) {
    State s;
    TRY(reader.fields(s.commandList, s.fisBase, s.interruptStatus, s.interruptEnable, s.command,
                      s.taskFile, s.signature, s.sataStatus, s.sataControl, s.sataError,
                      s.sataActive, s.commandIssue, s.outstanding, s.currentSlot, s.nextSlot,
                      s.halted, s.softReset, s.signatureHeld));
    bool linked = (s.sataStatus & kDetectMask) == kDetectEstablished;
    bool wellFormed = s.currentSlot < kSlotCount && s.nextSlot < kSlotCount &&
                      (s.commandList & 0x3FF) == 0 && (s.fisBase & 0xFF) == 0 &&
                      (s.command & ~kCmdWritable) == 0 && (s.sataControl & ~kSctlWritable) == 0 &&
                      (m_drive || (!linked && s.outstanding == 0 && !s.signatureHeld));
    if (!wellFormed)
        return fail(ErrorCode::Corrupt, "saved state: an AHCI port is malformed");
    dropCommands();
    if (m_drive) {
        m_drive->io().cancel();
        TRY(m_drive->restore(reader));
    }
    m_state = s;
    return {};
}

} // namespace vivarium
