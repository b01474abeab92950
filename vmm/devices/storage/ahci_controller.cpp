#include "vmm/devices/storage/ahci_controller.h"

#include "vmm/devices/pci/pci_registers.h"
#include "vmm/devices/storage/ahci_port.h"
#include "vmm/devices/storage/ata_disk.h"
#include "vmm/devices/storage/atapi_drive.h"
#include "vmm/devices/storage/serial_number.h"

#include <algorithm>
#include <utility>

namespace vivarium {

using namespace ahci;

namespace {

// 64-bit addresses, NCQ, command list override, 3 Gbit/s, AHCI only, multiple DRQ blocks, 32
// slots, 6 ports (AHCI 1.3.1, 3.1.1).
constexpr uint32_t kCapabilitiesValue = 1u << 31 | 1u << 30 | 1u << 24 | kMaxGeneration << 20 |
                                        1u << 18 | 1u << 15 | (kSlotCount - 1) << 8 |
                                        (AhciController::kPortCount - 1);

constexpr PciIdentity kIdentity{.vendorId = 0x8086,
                                .deviceId = 0x2922,
                                .classCode = 0x010601,
                                .revision = 2,
                                .interruptPin = 1};
constexpr unsigned kIndexDataBar = 4;
constexpr unsigned kAbar = 5;
constexpr uint64_t kIndexDataBytes = 32;
constexpr uint64_t kIndexOffset = 0x10;
constexpr uint64_t kDataOffset = 0x14;

} // namespace

// --- Construction ---------------------------------------------------------------------------

Result<std::unique_ptr<AhciController>>
AhciController::create(PciAddress address, Services services, std::vector<AhciDrive> drives) {
    std::unique_ptr<AhciController> controller(new AhciController(address, services));
    for (AhciDrive& drive : drives)
        TRY(controller->addDrive(std::move(drive)));
    controller->reset();
    return controller;
}

AhciController::AhciController(PciAddress address, Services services)
    : PciDevice("ahci", address, kIdentity, services.pci), m_services(services) {
    declareConfiguration();
    AhciPortHost& host = *this;
    for (unsigned i = 0; i < kPortCount; ++i)
        m_ports[i] = std::make_unique<AhciPort>(host, i, services.memory, services.tasks);
}

AhciController::~AhciController() = default;

void AhciController::declareConfiguration() {
    addBar(kIndexDataBar, BarKind::Io, kIndexDataBytes,
           ioHandler<&AhciController::readIndexData, &AhciController::writeIndexData>(this));
    addBar(kAbar, BarKind::Memory32, kAbarBytes,
           ioHandler<&AhciController::readMmio, &AhciController::writeMmio>(this));
    addMsiCapability(1);
    // ICH9's messages cannot be masked one by one (ICH9 datasheet, 14.1.26).
    uint8_t msi = config()[pci::kCapabilityPointer];
    setConfig16(static_cast<uint16_t>(msi + pci::kMsiControl), pci::kMsi64Bit, pci::kMsiEnable);
    setConfig32(static_cast<uint16_t>(msi + pci::kMsiMaskBits), 0);
    // Serial ATA capability: where the index/data pair is (AHCI 1.3.1, 2.4).
    constexpr uint8_t kSataCapability = 0x12;
    constexpr uint32_t kInBar4 = 8;
    uint8_t capability = addCapability(kSataCapability, 8);
    setConfig16(static_cast<uint16_t>(capability + 2), 0x0010); // revision 1.0
    setConfig32(static_cast<uint16_t>(capability + 4), (kIndexOffset / 4) << 4 | kInBar4);
    // ICH9 datasheet, 14.1.29 and 14.1.30: AHCI mode; all ports enabled and, above, present.
    setConfig8(0x90, 0x40, 0xC0);
    setConfig16(0x92, 0x003F | 0x3F00, 0x003F);
}

Result<void> AhciController::addDrive(AhciDrive drive) {
    if (drive.port >= kPortCount || m_ports[drive.port]->drive())
        return fail(ErrorCode::InvalidArgument,
                    "drive " + drive.id + ": SATA port " + std::to_string(drive.port) +
                        (drive.port >= kPortCount ? " does not exist (0 to 5)" : " is taken"));
    if (drive.id.empty() || findPort(drive.id))
        return fail(ErrorCode::InvalidArgument,
                    "drive id \"" + drive.id + "\" is empty or used twice");
    if (!isSerialNumber(drive.serialNumber))
        return fail(ErrorCode::InvalidArgument,
                    "drive " + drive.id +
                        ": a serial number has at most 20 printable ASCII characters");
    if (drive.image && drive.image->sizeBytes() < 512)
        return fail(ErrorCode::InvalidArgument, "drive " + drive.id + ": the image is empty");
    if (drive.kind == AhciDrive::Kind::Disk && !drive.image)
        return fail(ErrorCode::InvalidArgument, "drive " + drive.id + ": a disk needs an image");

    AhciPort& port = *m_ports[drive.port];
    DriveIo::Services io{m_services.tasks, m_services.listener};
    if (drive.kind == AhciDrive::Kind::Disk) {
        std::string serial =
            drive.serialNumber.empty() ? serialNumberFromId(drive.id) : drive.serialNumber;
        port.attach(std::make_unique<AtaDisk>(port, drive.id, serial, drive.errorPolicy, io,
                                              std::move(drive.image)));
    } else {
        port.attach(std::make_unique<AtapiDrive>(port, drive.id, drive.errorPolicy, io,
                                                 std::move(drive.image)));
    }
    return {};
}

AhciPort* AhciController::findPort(const std::string& driveId) const {
    for (const auto& port : m_ports)
        if (port->drive() && port->drive()->io().driveId() == driveId)
            return port.get();
    return nullptr;
}

// --- The machine's calls --------------------------------------------------------------------

Result<void> AhciController::changeMedium(const std::string& driveId,
                                          std::unique_ptr<BlockDevice> image, ChangeMode mode) {
    AhciPort* port = findPort(driveId);
    auto* drive = port ? dynamic_cast<AtapiDrive*>(port->drive()) : nullptr;
    if (!drive)
        return fail(ErrorCode::NotFound, "there is no optical drive " + driveId);
    return drive->changeMedium(std::move(image), mode == ChangeMode::Force
                                                     ? AtapiDrive::TrayLock::Broken
                                                     : AtapiDrive::TrayLock::Honoured);
}

Result<void> AhciController::attachDrive(AhciDrive drive) {
    const unsigned port = drive.port;
    TRY(addDrive(std::move(drive)));
    m_ports[port]->plugged();
    return {};
}

Result<std::unique_ptr<BlockDevice>> AhciController::detachDrive(const std::string& driveId,
                                                                 ChangeMode mode) {
    AhciPort* port = findPort(driveId);
    if (!port)
        return fail(ErrorCode::NotFound, "there is no SATA drive " + driveId);
    const auto* optical = dynamic_cast<const AtapiDrive*>(port->drive());
    if (optical && optical->locked() && mode == ChangeMode::HonourLock)
        return fail(ErrorCode::Busy, "the guest has locked the tray of " + driveId);
    return port->unplug();
}

void AhciController::retryStalledRequests() {
    for (auto& port : m_ports)
        port->retryStalled();
}

void AhciController::drainIo() {
    for (auto& port : m_ports)
        if (port->drive())
            port->drive()->io().drain();
}

bool AhciController::busy() const {
    return std::any_of(m_ports.begin(), m_ports.end(), [](const auto& port) {
        return port->drive() && port->drive()->io().busy();
    });
}

std::vector<DriveReport> AhciController::drives() const {
    std::vector<DriveReport> reports;
    for (const auto& port : m_ports) {
        const SataDrive* drive = port->drive();
        if (!drive)
            continue;
        const auto* optical = dynamic_cast<const AtapiDrive*>(drive);
        const BlockDevice* image = drive->io().image();
        reports.push_back({drive->io().driveId(),
                           optical ? AhciDrive::Kind::Optical : AhciDrive::Kind::Disk,
                           image != nullptr, optical && optical->locked(),
                           image ? image->sizeBytes() : 0, drive->io().activity()});
    }
    return reports;
}

// --- Registers ------------------------------------------------------------------------------

uint32_t AhciController::readRegister(uint32_t offset) const {
    if (offset >= kPortBase) {
        uint32_t port = (offset - kPortBase) / kPortBytes;
        return port < kPortCount ? m_ports[port]->readRegister(offset % kPortBytes) : 0;
    }
    switch (offset) {
    case kCapabilities:
        return kCapabilitiesValue;
    case kGlobalControl:
        return m_state.globalControl | kGhcAhciEnable;
    case kInterruptStatus:
        return m_state.interruptStatus;
    case kPortsImplemented:
        return (1u << kPortCount) - 1;
    case kVersion:
        return kVersion13;
    default:
        return 0; // no coalescing, enclosure management or hand-off
    }
}

void AhciController::writeRegister(uint32_t offset, uint32_t value) {
    if (offset >= kPortBase) {
        uint32_t port = (offset - kPortBase) / kPortBytes;
        if (port < kPortCount)
            m_ports[port]->writeRegister(offset % kPortBytes, value);
        return;
    }
    if (offset == kGlobalControl) {
        if (value & kGhcReset)
            return resetAdapter();
        m_state.globalControl = value & kGhcInterruptEnable;
        updateInterrupt();
    } else if (offset == kInterruptStatus) {
        m_state.interruptStatus &= ~value;
        for (unsigned i = 0; i < kPortCount; ++i) // a port that is not served stays pending
            if (m_ports[i]->interruptPending())
                m_state.interruptStatus |= 1u << i;
        if (msiEnabled()) // what is left is a new message (AHCI 1.3.1, 10.6.2.1)
            setInterrupt(false);
        updateInterrupt();
    }
}

// Registers are doublewords (AHCI 1.3.1, 3): narrower reads get their part, narrower writes are
// not defined and do nothing.
uint64_t AhciController::readMmio(uint64_t offset, unsigned sizeBytes) {
    auto base = static_cast<uint32_t>(offset & ~uint64_t{3});
    uint64_t value = readRegister(base);
    if (sizeBytes == 8)
        return value | uint64_t{readRegister(base + 4)} << 32;
    return value >> (8 * (offset & 3)) & accessMask(sizeBytes);
}

void AhciController::writeMmio(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (sizeBytes < 4 || offset % 4 != 0)
        return;
    auto base = static_cast<uint32_t>(offset);
    writeRegister(base, static_cast<uint32_t>(value));
    if (sizeBytes == 8)
        writeRegister(base + 4, static_cast<uint32_t>(value >> 32));
}

uint64_t AhciController::readIndexData(uint64_t offset, unsigned sizeBytes) {
    if (sizeBytes != 4)
        return 0;
    if (offset == kIndexOffset)
        return m_state.dataIndex;
    return offset == kDataOffset ? readRegister(m_state.dataIndex) : 0;
}

void AhciController::writeIndexData(uint64_t offset, unsigned sizeBytes, uint64_t value) {
    if (sizeBytes != 4)
        return;
    if (offset == kIndexOffset)
        m_state.dataIndex = static_cast<uint32_t>(value) & (kAbarBytes - 1) & ~3u;
    else if (offset == kDataOffset)
        writeRegister(m_state.dataIndex, static_cast<uint32_t>(value));
}

void AhciController::writeConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
    bool allowed = busMasterEnabled();
    PciDevice::writeConfig(offset, sizeBytes, value);
    if (allowed || !busMasterEnabled())
        return;
    for (auto& port : m_ports)
        port->runCommands();
}

// --- Interrupts, reset ----------------------------------------------------------------------

void AhciController::portInterruptChanged(unsigned port) {
    if (m_ports[port] && m_ports[port]->interruptPending())
        m_state.interruptStatus |= 1u << port;
    updateInterrupt();
}

void AhciController::updateInterrupt() {
    setInterrupt(m_state.interruptStatus != 0 && (m_state.globalControl & kGhcInterruptEnable));
}

void AhciController::resetAdapter() {
    m_state = {};
    for (auto& port : m_ports)
        port->adapterReset();
    m_state = {};
    updateInterrupt();
}

void AhciController::reset() {
    m_state = {};
    PciDevice::reset();
    for (auto& port : m_ports)
        port->powerOnReset();
    m_state = {};
    updateInterrupt();
}

// --- Save and restore -----------------------------------------------------------------------

void AhciController::save(StateWriter& writer) const {
    PciDevice::save(writer);
    writer.fields(m_state.globalControl, m_state.interruptStatus, m_state.dataIndex);
    for (const auto& port : m_ports) {
        uint32_t signature =
            port->drive() ? static_cast<uint32_t>(port->drive()->signature().lba) : 0;
        writer.fields(signature);
        port->save(writer);
    }
}

Result<void> AhciController::restore(StateReader& reader) {
    auto result = restoreState(reader);
    if (!result)
        reset();
    return result;
}

Result<void> AhciController::restoreState(StateReader& reader) {
    TRY(PciDevice::restore(reader));
    State state;
    TRY(reader.fields(state.globalControl, state.interruptStatus, state.dataIndex));
    if ((state.globalControl & ~kGhcInterruptEnable) != 0 ||
        state.interruptStatus >> kPortCount != 0 || state.dataIndex % 4 != 0 ||
        state.dataIndex >= kAbarBytes)
        return fail(ErrorCode::Corrupt, "saved state: the AHCI adapter is malformed");
    for (auto& port : m_ports) {
        uint32_t present =
            port->drive() ? static_cast<uint32_t>(port->drive()->signature().lba) : 0;
        uint32_t saved = 0;
        TRY(reader.fields(saved));
        if (saved != present)
            return fail(ErrorCode::Corrupt, "saved state: other drives were attached");
        TRY(port->restore(reader));
    }
    m_state = state;
    return {};
}

} // namespace vivarium
