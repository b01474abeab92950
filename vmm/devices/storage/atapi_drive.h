#pragma once

#include "vmm/devices/storage/optical_replies.h"
#include "vmm/devices/storage/sata_drive.h"
#include "vmm/devices/storage/scsi_sense.h"

#include <memory>
#include <string>
#include <vector>

namespace vivarium {

// A CD/DVD-ROM drive behind the ATA PACKET command (MMC-6, ACS-3). The disc can be changed while
// the guest runs. Owner: its port. Device lock.
class AtapiDrive final : public SataDrive {
public:
    AtapiDrive(SataHost& host, std::string id, DriveErrorPolicies policies,
               DriveIo::Services services, std::unique_ptr<BlockDevice> image);

    AtaReply signature() const override;
    void execute(SataCommand& command) override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

    bool locked() const { return m_state.locked; }
    // Takes the present disc out and puts `image` in (null: leaves the tray open). A command that
    // reads the old disc fails. Error: Busy when the guest has locked the tray; it is then told
    // that an eject is wanted.
    enum class TrayLock { Honoured, Broken };
    Result<void> changeMedium(std::unique_ptr<BlockDevice> image, TrayLock lock);

private:
    struct State {
        uint8_t transferMode = 0x46; // Ultra DMA 6
        bool locked = false;
        bool trayOpen = false;
        bool standby = false;
        ScsiSense sense;             // of the last command
        bool removalPending = false; // the guest has not seen yet that the old disc is gone
        bool changePending = false;  // nor that there is a new one (unit attention)
        bool ejectRequested = false; // media events not yet fetched
        bool removalEvent = false;
        bool newMediumEvent = false;
    };
    struct PacketCommand;
    enum class Service { Stop, Continue };

    void resetState(ResetKind kind) override;
    void commandsDropped() override { m_reading = nullptr; }
    OpticalMedium medium() const;
    TrayState tray() const { return {m_state.trayOpen, m_state.locked}; }
    uint32_t blockCount() const;
    void removeDisc();

    void identify(SataCommand& command);
    void setFeatures(SataCommand& command);
    void packet(SataCommand& command);
    Service checkAttention(SataCommand& command, const PacketCommand& known);
    static const PacketCommand* findPacketCommand(uint8_t operation);

    void testUnitReady(SataCommand& command);
    void requestSense(SataCommand& command);
    void inquiry(SataCommand& command);
    void modeSense6(SataCommand& command);
    void modeSense10(SataCommand& command);
    void modeSelect(SataCommand& command);
    void startStop(SataCommand& command);
    void preventAllow(SataCommand& command);
    void readCapacity(SataCommand& command);
    void read10(SataCommand& command);
    void read12(SataCommand& command);
    void readCd(SataCommand& command);
    void seek(SataCommand& command);
    void readSubchannel(SataCommand& command);
    void readToc(SataCommand& command);
    void getConfiguration(SataCommand& command);
    void getEventStatus(SataCommand& command);
    void readDiscInformation(SataCommand& command);
    void readTrackInformation(SataCommand& command);
    void readDvdStructure(SataCommand& command);
    void mechanismStatus(SataCommand& command);

    void readBlocks(SataCommand& command, uint32_t first, uint32_t count);
    void readRaw(SataCommand& command, uint32_t first, uint32_t count, uint8_t parts);
    void submitRead(SataCommand& command, uint32_t first, uint32_t count, std::vector<iovec> pieces,
                    uint64_t transferredBytes);
    bool checkRange(SataCommand& command, uint32_t first, uint64_t count, uint64_t bytes);

    void sendReply(SataCommand& command, ConstByteSpan data, uint64_t allocationBytes);
    void succeed(SataCommand& command, uint64_t transferredBytes = 0, bool overflow = false);
    void checkCondition(SataCommand& command, const ScsiSense& sense);
    // The guest's buffers are smaller than what it asked to read.
    void overrun(SataCommand& command);
    void failPacket(SataCommand& command, const ScsiSense& sense, bool overflow);
    void finishAta(SataCommand& command, uint8_t error);

    std::string m_serialNumber;
    SataCommand* m_reading = nullptr; // the command whose blocks the image is delivering
    State m_state;
};

} // namespace vivarium
