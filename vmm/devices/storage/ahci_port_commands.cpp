// The command half of AhciPort: command list, execution, frames to the guest (AHCI 1.3.1, 5).

#include "vmm/devices/storage/ahci_port.h"
#include "vmm/devices/storage/ata_registers.h"

#include <bit>
#include <utility>

namespace vivarium {

using namespace ahci;

namespace {
// Region descriptors walked in one go; more wait for a task of their own, so that a guest with
// full tables in all slots cannot hold the device lock for long.
constexpr uint32_t kDescriptorBudget = 65536;
} // namespace

// --- Issuing --------------------------------------------------------------------------------

uint32_t AhciPort::activeSlots() const {
    uint32_t slots = 0;
    for (unsigned slot = 0; slot < kSlotCount; ++slot)
        slots |= m_active[slot] ? 1u << slot : 0;
    return slots;
}

bool AhciPort::canIssue() const {
    bool linked = m_drive && (m_state.sataStatus & kDetectMask) == kDetectEstablished;
    if (!linked || !(m_state.command & kCmdStart) || m_state.halted || m_state.signatureHeld ||
        !m_host.memoryAccessAllowed())
        return false;
    bool busy = status() & (ata::kStatusBusy | ata::kStatusDataRequest);
    // Busy with a command of a restored state: that one is begun again.
    bool restored = m_state.outstanding != 0 && activeSlots() == 0;
    return !busy || restored;
}

std::optional<unsigned> AhciPort::findSlot() const {
    // What is outstanding but not active comes from a restored state.
    uint32_t active = activeSlots();
    uint32_t restored = m_state.outstanding & ~active;
    uint32_t waiting = restored ? restored : m_state.commandIssue & ~active;
    if (waiting == 0)
        return std::nullopt;
    uint32_t rotated = std::rotr(waiting, m_state.nextSlot);
    return (m_state.nextSlot + static_cast<unsigned>(std::countr_zero(rotated))) % kSlotCount;
}

void AhciPort::runCommands() {
    if (m_running) // a command that ended at once; the loop below goes on
        return;
    m_running = true;
    uint32_t budget = kDescriptorBudget;
    while (canIssue()) {
        auto slot = findSlot();
        if (!slot)
            break;
        std::unique_ptr<SataCommand> command = fetch(*slot);
        if (!command) {
            halt(kIntHostBusFatal);
            break;
        }
        if (command->prdTable.entryCount() > budget) {
            continueLater();
            break;
        }
        budget -= command->prdTable.entryCount();
        if (!issue(std::move(command)))
            break;
    }
    m_running = false;
}

void AhciPort::continueLater() {
    if (std::exchange(m_continuing, true))
        return;
    m_tasks.post([weak = std::weak_ptr<AhciPort*>(m_self)] {
        auto self = weak.lock();
        if (!self)
            return;
        (*self)->m_continuing = false;
        (*self)->runCommands();
    });
}

// Copies slot `slot`'s header, frame and packet; null when they are not in RAM.
std::unique_ptr<SataCommand> AhciPort::fetch(unsigned slot) {
    std::array<uint8_t, kHeaderBytes> header;
    std::array<uint8_t, kTableFisBytes> frame;
    if (!m_memory.read(m_state.commandList + slot * kHeaderBytes, header))
        return nullptr;
    GuestAddress table = loadLe<uint64_t>(&header[8]) & ~uint64_t{0x7F};
    auto command = std::make_unique<SataCommand>();
    if (!m_memory.read(table, frame) || !m_memory.read(table + kTablePacketOffset, command->packet))
        return nullptr;
    auto flags = loadLe<uint16_t>(&header[0]);
    command->slot = slot;
    command->hasPacket = flags & kHeaderAtapi;
    command->clearBusy = flags & kHeaderClearBusy;
    // No overflow: the table's first bytes were in RAM.
    command->prdTable = PrdTable(m_memory, table + kTablePrdOffset, loadLe<uint16_t>(&header[2]));
    if (auto fis = parseHostFis(frame)) {
        command->taskFile = fis->taskFile;
        command->frame = fis->isCommand ? SataCommand::Frame::Command : SataCommand::Frame::Control;
    }
    return command;
}

bool AhciPort::issue(std::unique_ptr<SataCommand> command) {
    unsigned slot = command->slot;
    uint8_t code = command->taskFile.command;
    bool queued = command->frame == SataCommand::Frame::Command &&
                  (code == ata::kReadQueued || code == ata::kWriteQueued);
    // Queued commands run beside each other, all others alone.
    if (!queued && activeSlots() != 0)
        return false;
    m_state.currentSlot = static_cast<uint8_t>(slot);
    m_state.nextSlot = static_cast<uint8_t>((slot + 1) % kSlotCount);
    if (command->frame == SataCommand::Frame::Control) {
        controlFis(*command);
        return true;
    }
    m_state.outstanding |= 1u << slot;
    setTaskFile(ata::kStatusBusy | ata::kStatusReady, 0);
    m_active[slot] = std::move(command);
    if (m_active[slot]->frame == SataCommand::Frame::Unknown || m_state.softReset) {
        AtaReply reply;
        reply.status = ata::kStatusFailed;
        reply.error = ata::kErrorAborted;
        commandDone(slot, reply);
        return true;
    }
    if (code == ata::kPacket && m_active[slot]->hasPacket)
        postFis(kFisPioSetupOffset, packetSetupFis());
    m_drive->execute(*m_active[slot]);
    return true;
}

// The device control register: only its software reset bit does anything (Serial ATA 3.x, 11.4).
void AhciPort::controlFis(const SataCommand& command) {
    bool reset = command.taskFile.control & ata::kControlSoftReset;
    m_state.commandIssue &= ~(1u << command.slot);
    m_state.outstanding &= ~(1u << command.slot);
    if (reset && !m_state.softReset) {
        deviceReset(SataDrive::ResetKind::Soft);
        m_state.softReset = true;
        setTaskFile(command.clearBusy ? ata::kStatusIdle : ata::kStatusBusy, 0);
    } else if (!reset && m_state.softReset) {
        m_state.softReset = false;
        presentSignature();
    }
}

void AhciPort::dropCommands() {
    if (m_drive)
        m_drive->abandon();
    for (auto& command : m_active)
        command.reset();
    m_state.outstanding = 0;
}

void AhciPort::retryStalled() {
    if (m_drive)
        m_drive->io().retryStalled();
    runCommands();
}

// --- Ends -----------------------------------------------------------------------------------

// A fatal error: nothing runs until the guest has cleared ST (AHCI 1.3.1, 6.2.2).
void AhciPort::halt(uint32_t interrupts) {
    m_state.halted = true;
    raise(interrupts);
}

void AhciPort::commandQueued(unsigned slot) {
    if (!m_active[slot])
        return;
    m_active[slot]->queued = true;
    m_state.commandIssue &= ~(1u << slot);
    postRegisters({}, FisInterrupt::None);
}

void AhciPort::commandFaulted(unsigned slot) {
    m_active[slot].reset();
    m_state.outstanding &= ~(1u << slot);
    halt(kIntHostBusFatal);
}

void AhciPort::commandDone(unsigned slot, const AtaReply& reply) {
    std::unique_ptr<SataCommand> command = std::move(m_active[slot]);
    if (!command)
        return;
    m_state.outstanding &= ~(1u << slot);
    m_memory.written(); // also without frames for the guest
    m_state.interruptStatus |=
        (command->descriptorInterrupt ? kIntDescriptor : 0) | (reply.overflow ? kIntOverflow : 0);
    if (command->queued)
        finishQueued(slot, reply);
    else
        finishPlain(slot, reply);
    runCommands();
}

void AhciPort::finishQueued(unsigned slot, const AtaReply& reply) {
    bool failed = reply.status & ata::kStatusError;
    uint32_t finished = failed ? 0 : 1u << slot;
    postFis(kFisSetDeviceBitsOffset, setDeviceBitsFis(reply, finished));
    m_state.sataActive &= ~finished;
    constexpr uint8_t kKept = ata::kStatusBusy | ata::kStatusDataRequest;
    setTaskFile(static_cast<uint8_t>((status() & kKept) | (reply.status & ~kKept)), reply.error);
    raise(kIntSetDeviceBits);
    if (!failed)
        return;
    // The drive ends all other queued commands too; the guest reads log 10h to learn which one
    // failed and issues the rest again (ACS-3, 4.15.3).
    dropCommands();
    halt(kIntTaskFileError);
}

void AhciPort::finishPlain(unsigned slot, const AtaReply& reply) {
    bool failed = reply.status & ata::kStatusError;
    writeTransferCount(slot, reply.transferredBytes);
    if (!failed)
        m_state.commandIssue &= ~(1u << slot);
    if (!failed)
        postPioSetup(reply);
    // PIO data to the host needs no register frame (its setup frame carries the final status), but
    // drivers exist that wait for one after every command, and none minds it.
    postRegisters(reply, FisInterrupt::Requested);
    if (failed)
        halt(kIntTaskFileError);
}

void AhciPort::postPioSetup(const AtaReply& reply) {
    using Transfer = AtaReply::Transfer;
    if (reply.transfer == Transfer::None || reply.transfer == Transfer::Dma)
        return;
    // The first block to the device is asked for without an interrupt (ACS-3, 11.7).
    bool interrupts =
        reply.transfer != Transfer::PioToDevice || reply.transferredBytes > reply.blockBytes;
    postFis(kFisPioSetupOffset,
            pioSetupFis(reply, interrupts ? FisInterrupt::Requested : FisInterrupt::None));
    if (interrupts)
        raise(kIntPioSetup);
}

void AhciPort::postRegisters(const AtaReply& reply, FisInterrupt interrupt) {
    postFis(kFisRegisterOffset, registerFis(reply, interrupt));
    setTaskFile(reply.status, reply.error);
    if (interrupt == FisInterrupt::Requested)
        raise(kIntRegisterFis);
}

void AhciPort::postFis(uint32_t offset, ConstByteSpan fis) {
    if (!(m_state.command & kCmdFisEnable) || !m_host.memoryAccessAllowed())
        return;
    if (!m_memory.write(m_state.fisBase + offset, fis))
        halt(kIntHostBusFatal);
}

void AhciPort::writeTransferCount(unsigned slot, uint64_t bytes) {
    GuestAddress at = m_state.commandList + slot * kHeaderBytes + 4; // PRDBC
    if (!m_memory.writeObject(at, static_cast<uint32_t>(bytes)))
        halt(kIntHostBusFatal);
}

} // namespace vivarium
