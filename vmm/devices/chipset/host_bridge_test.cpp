#include "vmm/devices/chipset/host_bridge.h"

#include "tests/support/pci_device_contract.h"
#include "tests/support/test_main.h"
#include "vmm/devices/chipset/firmware_rom.h"

#include <QTest>

#include <algorithm>
#include <numeric>

using namespace vivarium;
using namespace vivarium::test;

namespace {

// Firmware bytes tell their offset from 4 GiB down, RAM bytes are something else.
std::vector<uint8_t> firmwareImage(size_t sizeBytes = 256 << 10) {
    std::vector<uint8_t> image(sizeBytes);
    for (size_t i = 0; i < sizeBytes; ++i)
        image[i] = static_cast<uint8_t>((i / 0x1000) ^ 0x80);
    return image;
}

struct Fixture {
    explicit Fixture(ChipsetStart start = ChipsetStart::ColdReset)
        : bus(std::move(*PciBus::create(bench.ports))),
          rom(std::move(*FirmwareRom::create(bench.memoryMap, firmwareImage()))),
          bridge(
              {bench.ports, bench.memoryMap, bench.interrupts, router}, *bus,
              {bench.memory, start == ChipsetStart::ColdReset ? rom.tail() : ByteSpan(), start}) {
        QVERIFY(bus->add(bridge));
        auto ram = bench.memory.mapping().bytes();
        std::fill(ram.begin(), ram.end(), uint8_t{0x11});
    }
    void setConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
        bench.locked([&] { bridge.writeConfig(offset, sizeBytes, value); });
    }
    uint8_t at(GuestAddress address) { return static_cast<uint8_t>(bench.readMemory(address, 1)); }
    uint8_t firmwareAt(GuestAddress address) {
        return static_cast<uint8_t>(bench.readMemory(0xFFF00000 | address, 1));
    }

    DeviceBench bench;
    RecordingInterruptRouter router;
    std::unique_ptr<PciBus> bus;
    FirmwareRom rom;
    HostBridge bridge;
};

} // namespace

class HostBridgeTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void firmwareShowsAtBothPlacesAfterReset() {
        Fixture f;
        QCOMPARE(f.at(0xFFFFFFF0), uint8_t{0x80 ^ 63});
        for (GuestAddress address = 0xE0000; address < 0x100000; address += 0x1000)
            QCOMPARE(f.at(address), f.firmwareAt(address));
        QCOMPARE(f.at(0xC0000), uint8_t{0xFF}); // nothing there
        f.bench.writeMemory(0xFFFFFFF0, 1, 0);
        f.bench.writeMemory(0xF0000, 1, 0);
        QCOMPARE(f.at(0xFFFFFFF0), uint8_t{0x80 ^ 63});
        QCOMPARE(*f.bench.memory.readObject<uint8_t>(0xF0000), uint8_t{0x11});
    }

    void smallFirmwareFillsTheTail() {
        DeviceBench bench;
        auto image = firmwareImage(64 << 10);
        auto rom = FirmwareRom::create(bench.memoryMap, image);
        QVERIFY(rom);
        QCOMPARE(rom->tail().size(), size_t{128} << 10);
        QVERIFY(std::equal(image.begin(), image.end(), rom->tail().begin()));
        QVERIFY(std::equal(image.begin(), image.end(), rom->tail().begin() + 0x10000));
    }

    void oddFirmwareSizesAreRefused() {
        DeviceBench bench;
        for (size_t size : {size_t{0}, size_t{1000}, size_t{0x10001}, size_t{17} << 20})
            QCOMPARE(FirmwareRom::create(bench.memoryMap, std::vector<uint8_t>(size)).error().code,
                     ErrorCode::InvalidArgument);
    }

    void everySegmentHasItsOwnBits_data() {
        QTest::addColumn<int>("reg");
        QTest::addColumn<int>("shift");
        QTest::addColumn<quint64>("base");
        QTest::addColumn<quint64>("sizeBytes");
        QTest::newRow("F0000") << 0x90 << 4 << quint64{0xF0000} << quint64{0x10000};
        for (int i = 0; i < 12; ++i)
            QTest::addRow("%X", 0xC0000 + i * 0x4000)
                << 0x91 + i / 2 << i % 2 * 4 << quint64{0xC0000} + static_cast<quint64>(i) * 0x4000
                << quint64{0x4000};
    }
    void everySegmentHasItsOwnBits() {
        QFETCH(int, reg);
        QFETCH(int, shift);
        QFETCH(quint64, base);
        QFETCH(quint64, sizeBytes);
        Fixture f;
        const uint8_t before = f.at(base);
        const uint8_t below = f.at(base - 1), above = f.at(base + sizeBytes);
        auto pam = [&](unsigned access) {
            f.setConfig(static_cast<uint16_t>(reg), 1, access << shift);
        };
        pam(2); // write-only: reads as before, writes to RAM
        QCOMPARE(f.at(base), before);
        f.bench.writeMemory(base, 8, 0x2222222222222222);
        f.bench.writeMemory(base + sizeBytes - 3, 2, 0x3333);
        QCOMPARE(f.at(base), before);
        pam(3);
        QCOMPARE(f.at(base), uint8_t{0x22});
        QCOMPARE(f.at(base + sizeBytes - 2), uint8_t{0x33});
        QCOMPARE(f.at(base + 8), uint8_t{0x11});
        f.bench.writeMemory(base, 1, 0x44);
        QCOMPARE(f.at(base), uint8_t{0x44});
        pam(1); // read-only RAM
        f.bench.writeMemory(base, 1, 0x55);
        QCOMPARE(f.at(base), uint8_t{0x44});
        QCOMPARE(f.at(base - 1), below);
        QCOMPARE(f.at(base + sizeBytes), above);
        pam(0);
        QCOMPARE(f.at(base), before);
    }

    void equalNeighboursShareAMemorySlot() {
        Fixture f;
        f.setConfig(0x90, 1, 0x30);
        f.setConfig(0x91, 4, 0x33333333);
        f.setConfig(0x95, 2, 0x3333);
        auto sections = f.bench.memoryMap.directSections();
        auto inShadow = std::count_if(sections.begin(), sections.end(),
                                      [](const auto& section) { return section.base < 0x100000; });
        QCOMPARE(inShadow, 1);
        QCOMPARE(sections.front().base, GuestAddress{0xC0000});
        QCOMPARE(sections.front().sizeBytes, uint64_t{0x40000});
    }

    void resetShowsTheFirmwareAgain() {
        Fixture f;
        f.setConfig(0x90, 1, 0x30);
        f.bench.writeMemory(0xF0000, 1, 0x77);
        f.bench.locked([&] { f.bridge.reset(); });
        QCOMPARE(f.at(0xF0000), f.firmwareAt(0xF0000));
        QCOMPARE(*f.bench.memory.readObject<uint8_t>(0xF0000), uint8_t{0x77});
    }

    void configurationWindowFollowsItsRegister() {
        Fixture f;
        QCOMPARE(f.bench.readMemory(0xB0000000, 4), uint64_t{0xFFFFFFFF});
        f.setConfig(0x60, 4, 0xB0000001);
        QCOMPARE(f.bench.readMemory(0xB0000000, 4), uint64_t{0x29C08086});
        QCOMPARE(f.bench.readMemory(0xBFFFF000, 4), uint64_t{0xFFFFFFFF});
        f.setConfig(0x64, 4, 2);
        QCOMPARE(f.bench.readMemory(0x2'B0000000, 4), uint64_t{0x29C08086});
        QCOMPARE(f.bench.readMemory(0xB0000000, 4), uint64_t{0xFFFFFFFF});
        f.setConfig(0x60, 4, 0xB0000000);
        QCOMPARE(f.bench.readMemory(0x2'B0000000, 4), uint64_t{0xFFFFFFFF});
    }

    void systemManagementMemoryIsLocked() {
        Fixture f;
        f.setConfig(0x9D, 1, 0x4A); // open it
        QCOMPARE(f.bridge.readConfig(0x9D, 1), 0x12u);
        QCOMPARE(f.at(0xA0000), uint8_t{0xFF});
    }

    void directBootFindsTheChipsetProgrammed() {
        Fixture f(ChipsetStart::Programmed);
        f.bench.writeMemory(0xE0000, 4, 0x12345678);
        QCOMPARE(f.bench.readMemory(0xE0000, 4), uint64_t{0x12345678});
        QCOMPARE(f.bench.readMemory(0xB0000000, 4), uint64_t{0x29C08086});
        f.setConfig(0x90, 1, 0);
        QCOMPARE(f.at(0xF0000), uint8_t{0xFF}); // no firmware behind it
    }

    void holdsTheDeviceContract_data() {
        QTest::addColumn<bool>("firmware");
        QTest::newRow("firmware") << true;
        QTest::newRow("direct boot") << false;
    }
    void holdsTheDeviceContract() {
        QFETCH(bool, firmware);
        struct Bridge final : Device { // with what it borrows
            Bridge(DeviceBench& bench, bool withFirmware)
                : bus(std::move(*PciBus::create(bench.ports))),
                  rom(std::move(*FirmwareRom::create(bench.memoryMap, firmwareImage()))),
                  bridge({bench.ports, bench.memoryMap, bench.interrupts, router}, *bus,
                         {bench.memory, withFirmware ? rom.tail() : ByteSpan(),
                          withFirmware ? ChipsetStart::ColdReset : ChipsetStart::Programmed}) {
                (void)bus->add(bridge);
            }
            std::string_view name() const override { return bridge.name(); }
            void reset() override { bridge.reset(); }
            void save(StateWriter& writer) const override { bridge.save(writer); }
            Result<void> restore(StateReader& reader) override { return bridge.restore(reader); }
            RecordingInterruptRouter router;
            std::unique_ptr<PciBus> bus;
            FirmwareRom rom;
            HostBridge bridge;
        };
        DeviceContract contract;
        contract.make = [&](DeviceBench& bench) {
            return std::make_unique<Bridge>(bench, firmware);
        };
        contract.memory = {{0xC0000, 0x40000}, {0xB0000000, 0x2000}};
        contract.poke = [](DeviceBench& bench, Device& device, std::mt19937_64& random) {
            MutexLocker locker(bench.lock);
            auto offset =
                static_cast<uint16_t>(random() % 4 ? 0x90 + random() % 8 : random() % 256);
            static_cast<Bridge&>(device).bridge.writeConfig(
                offset, 1, static_cast<uint32_t>(interestingValue(random)));
        };
        QCOMPARE(checkDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(HostBridgeTest)

#include "host_bridge_test.moc"
