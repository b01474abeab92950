#pragma once

#include "tests/support/pci_device_contract.h"
#include "vmm/devices/storage/ahci_controller.h"
#include "vmm/devices/storage/ahci_registers.h"
#include "vmm/devices/storage/test_support/recording_storage_listener.h"
#include "vmm/disk/test_support/memory_block_device.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium::test {

struct PrdEntry {
    GuestAddress address = 0;
    uint32_t sizeBytes = 0;
    bool interrupt = false;
};

// One command as a driver writes it into a slot.
struct DriverCommand {
    uint8_t command = 0;
    uint16_t features = 0;
    uint16_t count = 0;
    uint64_t lba = 0;
    uint8_t device = 0x40;
    uint8_t control = 0;
    std::vector<PrdEntry> regions;
    std::optional<std::array<uint8_t, 16>> packet;
    bool isControl = false; // carries the device control register
    uint16_t headerFlags = 0;
};

// A machine with nothing but an AHCI controller, and a small driver for it: a disk "hd" at port 0,
// an optical drive "cd" at port 2. Requests of the images wait until the test completes them.
class AhciDriver {
public:
    static constexpr unsigned kDisk = 0;
    static constexpr unsigned kOptical = 2;
    static constexpr uint64_t kDiskBytes = 1 << 20;
    static constexpr uint64_t kDiscBytes = 64 * 2048;
    static constexpr GuestAddress kBuffer = 0x200000; // free for data up to the end of RAM
    static constexpr GuestAddress kTables = 0x100000;
    static constexpr uint64_t kTableBytes = 0x1000;

    struct Options {
        DriveErrorPolicies policy{};
        MemoryBlockDevice::Access diskAccess = MemoryBlockDevice::Access::ReadWrite;
        uint64_t diskBytes = kDiskBytes;
        uint64_t discBytes = kDiscBytes;
        bool withDisc = true;
    };
    AhciDriver() : AhciDriver(Options{}) {}
    explicit AhciDriver(const Options& options) {
        auto diskImage = std::make_unique<MemoryBlockDevice>(options.diskBytes, options.diskAccess);
        auto discImage = makeDisc(options.discBytes, 0x5A);
        disk = diskImage.get();
        disc = options.withDisc ? discImage.get() : nullptr;
        for (size_t i = 0; i < disk->bytes().size(); ++i)
            disk->bytes()[i] = static_cast<uint8_t>(i / 512 + i);
        std::vector<AhciDrive> drives;
        drives.push_back(
            {"hd", kDisk, AhciDrive::Kind::Disk, std::move(diskImage), "SERIAL-1", options.policy});
        drives.push_back({"cd", kOptical, AhciDrive::Kind::Optical,
                          options.withDisc ? std::move(discImage) : nullptr, "", options.policy});
        auto created = AhciController::create(PciAddress{0x1F, 2}, services(), std::move(drives));
        controller = std::move(*created);
        connect();
    }

    AhciController::Services services() {
        return {{bench.ports, bench.memoryMap, bench.interrupts, router},
                bench.memory,
                bench.tasks,
                listener};
    }
    // Places BARs and starts both ports, interrupts on.
    void connect() {
        abar = placeBars(bench, *controller).barAddress[5];
        writeGlobal(ahci::kGlobalControl, ahci::kGhcInterruptEnable);
        startPort(kDisk);
        startPort(kOptical);
    }
    static std::unique_ptr<MemoryBlockDevice> makeDisc(uint64_t sizeBytes, uint8_t seed) {
        auto image =
            std::make_unique<MemoryBlockDevice>(sizeBytes, MemoryBlockDevice::Access::ReadOnly);
        for (size_t i = 0; i < sizeBytes; ++i)
            image->bytes()[i] = static_cast<uint8_t>(seed + i / 2048 * 3 + i);
        return image;
    }

    // --- Registers ---
    uint32_t readGlobal(uint32_t offset) {
        return static_cast<uint32_t>(bench.readMemory(abar + offset, 4));
    }
    void writeGlobal(uint32_t offset, uint32_t value) {
        bench.writeMemory(abar + offset, 4, value);
    }
    uint32_t read(unsigned port, uint32_t offset) {
        return readGlobal(ahci::kPortBase + port * ahci::kPortBytes + offset);
    }
    void write(unsigned port, uint32_t offset, uint32_t value) {
        writeGlobal(ahci::kPortBase + port * ahci::kPortBytes + offset, value);
    }
    GuestAddress commandList(unsigned port) const { return 0x10000 + port * 0x1000; }
    GuestAddress received(unsigned port) const { return 0x10000 + port * 0x1000 + 0x400; }
    GuestAddress table(unsigned port, unsigned slot) const {
        return kTables + (port * 32 + slot) * kTableBytes;
    }
    void startPort(unsigned port) {
        write(port, ahci::kPxCommandList, static_cast<uint32_t>(commandList(port)));
        write(port, ahci::kPxFisBase, static_cast<uint32_t>(received(port)));
        write(port, ahci::kPxCommand, ahci::kCmdFisEnable);
        write(port, ahci::kPxSataError, 0xFFFFFFFF);
        write(port, ahci::kPxInterruptStatus, 0xFFFFFFFF);
        write(port, ahci::kPxInterruptEnable, 0xFFFFFFFF);
        write(port, ahci::kPxCommand, ahci::kCmdFisEnable | ahci::kCmdStart);
        writeGlobal(ahci::kInterruptStatus, 0xFFFFFFFF);
    }
    // What a driver does after an error (AHCI 1.3.1, 6.2.2.1).
    void recover(unsigned port) {
        write(port, ahci::kPxCommand, ahci::kCmdFisEnable);
        startPort(port);
    }
    void comreset(unsigned port) {
        write(port, ahci::kPxCommand, ahci::kCmdFisEnable);
        write(port, ahci::kPxSataControl, 1);
        write(port, ahci::kPxSataControl, 0);
        startPort(port);
    }

    // --- Commands ---
    void prepare(unsigned port, unsigned slot, const DriverCommand& command) {
        std::array<uint8_t, 20> fis{0x27, static_cast<uint8_t>(command.isControl ? 0 : 0x80),
                                    command.command, static_cast<uint8_t>(command.features)};
        for (unsigned i = 0; i < 3; ++i) {
            fis[4 + i] = static_cast<uint8_t>(command.lba >> (8 * i));
            fis[8 + i] = static_cast<uint8_t>(command.lba >> (24 + 8 * i));
        }
        fis[7] = command.device;
        fis[11] = static_cast<uint8_t>(command.features >> 8);
        storeLe<uint16_t>(&fis[12], command.count);
        fis[15] = command.control;
        GuestAddress at = table(port, slot);
        put(at, fis);
        if (command.packet)
            put(at + 0x40, *command.packet);
        for (size_t i = 0; i < command.regions.size(); ++i) {
            const PrdEntry& region = command.regions[i];
            std::array<uint8_t, 16> entry{};
            storeLe<uint64_t>(&entry[0], region.address);
            storeLe<uint32_t>(&entry[12],
                              (region.sizeBytes - 1) | (region.interrupt ? 1u << 31 : 0));
            put(at + 0x80 + i * 16, entry);
        }
        std::array<uint8_t, 32> header{};
        storeLe<uint16_t>(&header[0],
                          static_cast<uint16_t>(5 | command.headerFlags |
                                                (command.packet ? ahci::kHeaderAtapi : 0)));
        storeLe<uint16_t>(&header[2], static_cast<uint16_t>(command.regions.size()));
        storeLe<uint64_t>(&header[8], at);
        put(commandList(port) + slot * 32, header);
    }
    void issue(unsigned port, uint32_t slots, bool queued = false) {
        if (queued)
            write(port, ahci::kPxSataActive, slots);
        write(port, ahci::kPxCommandIssue, slots);
    }
    // Issues in slot 0 and lets everything finish; the task file register.
    uint32_t run(unsigned port, const DriverCommand& command) {
        prepare(port, 0, command);
        issue(port, 1);
        finish();
        return read(port, ahci::kPxTaskFile);
    }
    void queue(unsigned slot, uint8_t command, uint64_t lba, uint16_t sectors,
               GuestAddress buffer) {
        DriverCommand queued;
        queued.command = command;
        queued.features = sectors;
        queued.count = static_cast<uint16_t>(slot << 3);
        queued.lba = lba;
        queued.regions = {{buffer, sectors * 512u}};
        prepare(kDisk, slot, queued);
        issue(kDisk, 1u << slot, true);
    }
    // Completes all waiting requests of both images.
    void finish() {
        for (int i = 0; i < 1000; ++i) {
            unsigned work = bench.tasks.runPosted();
            forgetEjected();
            for (MemoryBlockDevice* image : {disk, disc})
                if (image && image->waiting() > 0) {
                    image->complete(0);
                    ++work;
                }
            if (work == 0)
                return;
        }
    }
    // The guest's own eject destroys the image.
    void forgetEjected() {
        for (const DriveReport& drive : controller->drives())
            if (drive.id == "cd" && !drive.hasMedium)
                disc = nullptr;
    }
    // An optical command; `bytes` is the size of the buffer at kBuffer.
    uint32_t packet(std::vector<uint8_t> bytes, uint32_t bufferBytes = 0) {
        DriverCommand command;
        command.command = 0xA0;
        command.features = 1; // DMA
        command.packet.emplace();
        std::copy(bytes.begin(), bytes.end(), command.packet->begin());
        if (bufferBytes > 0)
            command.regions = {{kBuffer, bufferBytes}};
        uint32_t taskFile = run(kOptical, command);
        if (taskFile & 1)
            recover(kOptical);
        return taskFile;
    }
    // Key, code and qualifier of REQUEST SENSE, as 0xKKCCQQ.
    uint32_t sense() {
        packet({0x03, 0, 0, 0, 18}, 18);
        auto data = get(kBuffer, 18);
        return uint32_t{data[2]} << 16 | uint32_t{data[12]} << 8 | data[13];
    }

    // --- Memory ---
    void put(GuestAddress address, ConstByteSpan bytes) {
        [[maybe_unused]] bool written = bench.memory.write(address, bytes);
    }
    std::vector<uint8_t> get(GuestAddress address, size_t sizeBytes) {
        std::vector<uint8_t> bytes(sizeBytes);
        [[maybe_unused]] bool copied = bench.memory.read(address, bytes);
        return bytes;
    }
    void fill(GuestAddress address, size_t sizeBytes, uint8_t value) {
        put(address, std::vector<uint8_t>(sizeBytes, value));
    }
    uint32_t transferCount(unsigned port, unsigned slot = 0) {
        return loadLe<uint32_t>(get(commandList(port) + slot * 32 + 4, 4).data());
    }
    bool interruptLine() const { return router.level(PciAddress{0x1F, 2}, 1); }

    DeviceBench bench;
    RecordingInterruptRouter router;
    RecordingStorageListener listener;
    std::unique_ptr<AhciController> controller;
    MemoryBlockDevice* disk = nullptr; // null once the controller has let go of it
    MemoryBlockDevice* disc = nullptr;
    GuestAddress abar = 0;
};

} // namespace vivarium::test
