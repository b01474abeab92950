#pragma once

#include "vmm/devices/storage/ahci_port_host.h"
#include "vmm/devices/storage/ahci_registers.h"
#include "vmm/devices/storage/sata_drive.h"
#include "vmm/devices/storage/sata_fis.h"
#include "vmm/memory/guest_memory.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

namespace vivarium {

// One port of an AHCI adapter: registers, command list, received FISes (AHCI 1.3.1, 3.3 and 5).
// Owner: the controller. Device lock.
class AhciPort final : public SataHost {
public:
    AhciPort(AhciPortHost& host, unsigned index, const GuestMemory& memory, TaskQueue& tasks);
    ~AhciPort() override;

    // The drive appears at the next power-on reset, or by plugged().
    void attach(std::unique_ptr<SataDrive> drive);
    void plugged();
    // Takes the drive away, with what the guest has it do; waits for host I/O. Yields its image.
    std::unique_ptr<BlockDevice> unplug();
    SataDrive* drive() const { return m_drive.get(); }

    // `offset` is below kPortBytes and a multiple of 4.
    uint32_t readRegister(uint32_t offset) const;
    void writeRegister(uint32_t offset, uint32_t value);
    bool interruptPending() const { return interruptStatus() & m_state.interruptEnable; }

    // All wait for host I/O and drop every command.
    void powerOnReset();
    void adapterReset(); // GHC.HR: the base addresses stay (AHCI 1.3.1, 10.4.3)

    // Runs what the guest issued and nothing has held back; called when something changed.
    void runCommands();
    void retryStalled();

    void save(StateWriter& writer) const;
    Result<void> restore(StateReader& reader);

    void commandQueued(unsigned slot) override;
    void commandDone(unsigned slot, const AtaReply& reply) override;
    void commandFaulted(unsigned slot) override;

private:
    struct State {
        uint64_t commandList = 0;
        uint64_t fisBase = 0;
        uint32_t interruptStatus = 0; // without the mirrors of PxSERR
        uint32_t interruptEnable = 0;
        uint32_t command = 0; // kCmdWritable bits
        uint32_t taskFile = ahci::kTaskFileNoDevice;
        uint32_t signature = 0xFFFFFFFF;
        uint32_t sataStatus = 0;
        uint32_t sataControl = 0;
        uint32_t sataError = 0;
        uint32_t sataActive = 0;
        uint32_t commandIssue = 0;
        uint32_t outstanding = 0;   // slots that were begun and are not over
        uint8_t currentSlot = 0;    // CCS
        uint8_t nextSlot = 0;       // where the search for the next command begins
        bool halted = false;        // after a fatal error, until the guest clears ST
        bool softReset = false;     // SRST is set in the device control register
        bool signatureHeld = false; // the first FIS waits for FRE
    };
    // Registers.
    uint32_t interruptStatus() const;
    uint32_t commandRegister() const;
    void writeCommand(uint32_t value);
    void writeSataControl(uint32_t value);
    void start();
    void stop();
    void hostIdle();
    void raise(uint32_t interrupts);
    void setTaskFile(uint8_t status, uint8_t error);
    uint8_t status() const { return static_cast<uint8_t>(m_state.taskFile); }

    // Link.
    void linkDown(uint32_t detect);
    bool linkWanted() const; // the guest lets the port have a link
    void linkUp();
    void reconnect();
    void deviceReset(SataDrive::ResetKind kind);
    void presentSignature();

    // Commands.
    bool canIssue() const;
    std::optional<unsigned> findSlot() const;
    uint32_t activeSlots() const;
    std::unique_ptr<SataCommand> fetch(unsigned slot);
    bool issue(std::unique_ptr<SataCommand> command); // false: it has to wait for others
    void controlFis(const SataCommand& command);
    void continueLater();
    void dropCommands();
    void halt(uint32_t interrupts);

    // Frames.
    void postFis(uint32_t offset, ConstByteSpan fis);
    void postPioSetup(const AtaReply& reply);
    void postRegisters(const AtaReply& reply, FisInterrupt interrupt);
    void finishQueued(unsigned slot, const AtaReply& reply);
    void finishPlain(unsigned slot, const AtaReply& reply);
    void writeTransferCount(unsigned slot, uint64_t bytes);

    AhciPortHost& m_host;
    unsigned m_index;
    const GuestMemory& m_memory;
    TaskQueue& m_tasks;
    std::unique_ptr<SataDrive> m_drive;
    std::array<std::unique_ptr<SataCommand>, ahci::kSlotCount> m_active;
    bool m_running = false;            // inside runCommands
    bool m_continuing = false;         // a posted continuation is under way
    std::shared_ptr<AhciPort*> m_self; // shared with posted continuations
    State m_state;
};

} // namespace vivarium
