#pragma once

#include "vmm/machine/qtest/qtest_machine.h"
#include "vmm/machine/qtest/qtest_protocol.h"

#include <cstdint>
#include <memory>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace vivarium::test {

constexpr uint64_t kTestDiskBytes = 1 << 20;

// A machine without firmware: a disk at port 0 whose sector n begins with n, an empty optical drive
// at port 1, COM1, an exit device.
inline std::unique_ptr<QtestMachine> makeQtestMachine() {
    std::vector<UniqueFd> descriptors;
    descriptors.emplace_back(::memfd_create("disk", MFD_CLOEXEC));
    for (uint32_t sector = 0; sector < kTestDiskBytes / 512; ++sector)
        if (::pwrite(descriptors[0].get(), &sector, sizeof sector, sector * 512) != sizeof sector)
            return nullptr;
    if (::ftruncate(descriptors[0].get(), kTestDiskBytes) != 0)
        return nullptr;
    control::MachineConfig config;
    config.memoryBytes = 64 << 20;
    config.firmware.kind = control::FirmwareKind::None;
    config.exitDevice = true;
    control::DriveConfig disk;
    disk.id = "sata0";
    disk.images = {{0}};
    disk.serialNumber = "TESTDISK";
    control::DriveConfig optical;
    optical.id = "sata1";
    optical.kind = control::DriveKind::Optical;
    optical.port = 1;
    config.drives = {disk, optical};
    config.serialPorts.push_back({});
    auto machine = QtestMachine::create(config, ConfigDescriptors(std::move(descriptors)));
    return machine ? std::move(*machine) : nullptr;
}

} // namespace vivarium::test
