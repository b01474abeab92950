// libFuzzer target: a guest that drives the whole chipset (configuration space, BARs, PAM, ACPI,
// HPET, DMA, SMBus, fw_cfg) through ports and memory as the input says, with time passing, resets,
// and states that are saved, damaged and restored in between.

#include "tests/support/device_test_doubles.h"
#include "tests/support/fuzz_input.h"
#include "vmm/devices/chipset/dma_controller.h"
#include "vmm/devices/chipset/firmware_rom.h"
#include "vmm/devices/chipset/host_bridge.h"
#include "vmm/devices/chipset/hpet.h"
#include "vmm/devices/chipset/lpc_bridge.h"
#include "vmm/devices/chipset/reset_control.h"
#include "vmm/devices/chipset/shared_lines.h"
#include "vmm/devices/chipset/smbus_controller.h"
#include "vmm/devices/firmware_config/firmware_config.h"

#include <array>
#include <cstdlib>

using namespace vivarium;
using test::FuzzInput;

namespace {

struct Chipset {
    Chipset()
        : lines(bench.interrupts), bus(std::move(*PciBus::create(bench.ports))),
          reset(std::move(*ResetControl::create(bench.ports, *bus, bench.system))),
          dma(std::move(*DmaController::create(bench.ports))),
          pm(std::move(
              *AcpiPm::create(bench.ports, lines.addSource(), bench.timers, bench.system))),
          lpc(bench.ports, bench.memoryMap, lines.addSource(), *pm, ChipsetStart::Programmed),
          rom(std::move(
              *FirmwareRom::create(bench.memoryMap, std::vector<uint8_t>(128 << 10, 0x5A)))),
          services{bench.ports, bench.memoryMap, bench.interrupts, lpc},
          mch(services, *bus, {bench.memory, rom.tail(), ChipsetStart::Programmed}),
          smbus(services),
          hpet(std::move(*Hpet::create(bench.memoryMap, lines.addSource(), bench.timers, {}))),
          fwCfg(std::move(*FirmwareConfig::create(bench.ports, bench.memory))),
          devices{bus.get(), reset.get(), dma.get(),  pm.get(),   &lpc,
                  &mch,      &smbus,      hpet.get(), fwCfg.get()} {
        (void)bus->add(mch);
        (void)bus->add(lpc);
        (void)bus->add(smbus);
        (void)fwCfg->addFile("etc/file", std::vector<uint8_t>(1000, 1));
    }

    test::DeviceBench bench;
    SharedLines lines;
    std::unique_ptr<PciBus> bus;
    std::unique_ptr<ResetControl> reset;
    std::unique_ptr<DmaController> dma;
    std::unique_ptr<AcpiPm> pm;
    LpcBridge lpc;
    FirmwareRom rom;
    PciServices services;
    HostBridge mch;
    SmbusController smbus;
    std::unique_ptr<Hpet> hpet;
    std::unique_ptr<FirmwareConfig> fwCfg;
    std::array<Device*, 9> devices;
};

// Saves one device, changes a few bytes, seals the section again and restores it.
void restoreDamaged(Chipset& chipset, FuzzInput& input) {
    Device& device = *chipset.devices[input.take<uint8_t>() % chipset.devices.size()];
    MutexLocker locker(chipset.bench.lock);
    StateWriter writer;
    device.save(writer);
    std::vector<uint8_t> saved = writer.finish();
    auto reader = StateReader::open(saved);
    if (!reader || !reader->enterSection(device.name(), device.stateVersion()))
        std::abort(); // what was just saved must be readable
    std::vector<uint8_t> payload(reader->remainingBytes());
    for (uint8_t& byte : payload)
        if (!reader->fields(byte))
            std::abort();
    for (int flips = input.take<uint8_t>() % 4; flips > 0 && !payload.empty(); --flips) {
        auto where = input.take<uint16_t>();
        payload[where % payload.size()] = input.take<uint8_t>();
    }
    StateWriter sealer;
    sealer.beginSection(device.name(), device.stateVersion());
    for (uint8_t byte : payload)
        sealer.fields(byte);
    std::vector<uint8_t> sealed = sealer.finish();
    auto damaged = StateReader::open(sealed);
    if (damaged)
        (void)device.restore(*damaged);
}

void step(Chipset& chipset, FuzzInput& input) {
    static constexpr std::array<GuestAddress, 6> kWindows{0xB0000000, 0xC0000, Hpet::kBase,
                                                          0xFED1C000, 0,       0xFFFE0000};
    auto action = input.take<uint8_t>();
    unsigned sizeBytes = 1u << (action >> 4 & 3);
    switch (action & 15) {
    case 0:
        chipset.bench.advance(uint64_t{1} << input.take<uint8_t>() % 32, 50);
        break;
    case 1:
        if (input.take<uint8_t>() % 8 == 0)
            for (Device* device : chipset.devices)
                chipset.bench.locked([&] { device->reset(); });
        break;
    case 2:
        restoreDamaged(chipset, input);
        break;
    case 3:
        chipset.bench.locked([&] { chipset.pm->powerButtonPressed(); });
        break;
    case 4: // something in RAM: a DMA descriptor, or what is behind a window
        chipset.bench.writeMemory(input.take<uint16_t>(), 8, input.take<uint64_t>());
        (void)chipset.bench.memory.writeObject(input.take<uint16_t>(), input.take<uint64_t>());
        break;
    case 5:
    case 6:
    case 7: {
        GuestAddress base = kWindows[input.take<uint8_t>() % kWindows.size()];
        GuestAddress address = base + (input.take<uint32_t>() & 0xFFFFF);
        if (action & 0x80)
            chipset.bench.writeMemory(address, sizeBytes, input.take<uint64_t>());
        else
            (void)chipset.bench.readMemory(address, sizeBytes);
        break;
    }
    case 8:
    case 9:
    case 10: // a configuration access
        chipset.bench.ports.write(0xCF8, 4, 0x80000000 | (input.take<uint16_t>() & 0xFFFC));
        if (action & 0x80)
            chipset.bench.ports.write(0xCFC, 4, input.take<uint32_t>());
        else
            (void)chipset.bench.ports.read(0xCFC, 4);
        break;
    default: {
        auto port = input.take<uint16_t>();
        sizeBytes = std::min(sizeBytes, 4u);
        if (action & 0x80)
            chipset.bench.ports.write(port, sizeBytes, input.take<uint32_t>());
        else
            (void)chipset.bench.ports.read(port, sizeBytes);
    }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Chipset chipset;
    FuzzInput input(data, size);
    for (int steps = 0; !input.empty() && steps < 2000; ++steps)
        step(chipset, input);
    return 0;
}
