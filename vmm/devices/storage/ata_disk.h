#pragma once

#include "vmm/devices/storage/ata_logs.h"
#include "vmm/devices/storage/sata_drive.h"

#include <memory>
#include <optional>
#include <string>

namespace vivarium {

// A SATA hard disk (ACS-3) with 512-byte sectors, 48-bit addresses, NCQ and TRIM. Owner: its port.
// Device lock.
class AtaDisk final : public SataDrive {
public:
    // `serialNumber`: at most 20 printable characters.
    AtaDisk(SataHost& host, std::string id, std::string serialNumber, DriveErrorPolicies policies,
            DriveIo::Services services, std::unique_ptr<BlockDevice> image);

    AtaReply signature() const override;
    void execute(SataCommand& command) override;
    void save(StateWriter& writer) const override;
    Result<void> restore(StateReader& reader) override;

private:
    struct State {
        bool writeCache = true;
        bool readLookAhead = true;
        bool smart = true;
        bool standby = false;
        uint8_t multipleCount = kMaxMultipleCount; // 0: off
        uint8_t transferMode = 0x46;               // Ultra DMA 6
        QueuedErrorLog queuedError;
    };
    struct Transfer {
        BlockRequest::Kind kind = BlockRequest::Kind::Read;
        AtaReply::Transfer protocol = AtaReply::Transfer::Dma;
        bool extended = false;
        bool queued = false;
        bool multiple = false;
        bool forceUnitAccess = false;
    };
    struct SectorRange {
        uint64_t first = 0;
        uint64_t count = 0;
    };
    struct TrimJob;

    void resetState(ResetKind kind) override;
    static std::optional<Transfer> decodeTransfer(uint8_t command);
    SectorRange sectorRange(const AtaTaskFile& registers, const Transfer& transfer) const;
    bool fits(const SectorRange& range) const;
    uint64_t sectorCount() const;

    void transfer(SataCommand& command, Transfer transfer);
    void transferDone(SataCommand& command, const Transfer& transfer, uint64_t bytes, int error);
    void verify(SataCommand& command, bool extended);
    void trim(SataCommand& command);
    void flush(SataCommand& command);
    void identify(SataCommand& command);
    void setFeatures(SataCommand& command);
    void setMultiple(SataCommand& command);
    void smart(SataCommand& command);
    void readLog(SataCommand& command, AtaReply::Transfer protocol);
    void readNativeMax(SataCommand& command, bool extended);

    void sendSector(SataCommand& command, const AtaSector& data, AtaReply::Transfer protocol);
    void succeed(SataCommand& command);
    void finish(SataCommand& command, AtaReply reply);
    void failWith(SataCommand& command, uint8_t error, bool overflow = false);

    std::string m_serialNumber;
    State m_state;
};

} // namespace vivarium
