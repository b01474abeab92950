#include "vmm/devices/chipset/lpc_bridge.h"

#include "tests/support/pci_device_contract.h"
#include "tests/support/test_main.h"
#include "vmm/devices/chipset/reset_control.h"
#include "vmm/devices/chipset/dma_controller.h"
#include "vmm/devices/chipset/shared_lines.h"
#include "vmm/devices/chipset/smbus_controller.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

struct Fixture {
    explicit Fixture(ChipsetStart start = ChipsetStart::ColdReset)
        : lines(bench.interrupts), pm(std::move(*AcpiPm::create(bench.ports, lines.addSource(),
                                                                bench.timers, bench.system))),
          lpc(bench.ports, bench.memoryMap, lines.addSource(), *pm, start) {}
    void setConfig(uint16_t offset, unsigned sizeBytes, uint32_t value) {
        bench.locked([&] { lpc.writeConfig(offset, sizeBytes, value); });
    }
    void setIntx(PciAddress source, uint8_t pin, bool asserted) {
        bench.locked([&] { lpc.setIntx(source, pin, asserted); });
    }
    std::vector<uint32_t> high() const { return bench.interrupts.highLines(); }

    DeviceBench bench;
    SharedLines lines;
    std::unique_ptr<AcpiPm> pm;
    LpcBridge lpc;
};

using Lines = std::vector<uint32_t>;
constexpr PciAddress kAhci{31, 2}, kSmbus{31, 3}, kSlot3{3, 0};

} // namespace

class LpcBridgeTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void pinsRotateOverThePirqs() {
        QCOMPARE(LpcBridge::pirqOf({0, 0}, 1), 4u);
        QCOMPARE(LpcBridge::pirqOf({3, 0}, 1), 7u);
        QCOMPARE(LpcBridge::pirqOf({3, 0}, 2), 4u);
        QCOMPARE(LpcBridge::pirqOf({24, 0}, 4), 7u);
        QCOMPARE(LpcBridge::pirqOf({25, 0}, 1), 0u);
        QCOMPARE(LpcBridge::pirqOf({31, 2}, 4), 3u);
    }

    void pinsReachTheIoapicAndTheRoutedIsaLine() {
        Fixture f;
        f.setIntx(kAhci, 1, true);
        QCOMPARE(f.high(), Lines{16});
        f.setConfig(0x60, 1, 10);
        QCOMPARE(f.high(), (Lines{10, 16}));
        f.setConfig(0x60, 1, 11);
        QCOMPARE(f.high(), (Lines{11, 16}));
        f.setConfig(0x60, 1, 0x80);
        QCOMPARE(f.high(), Lines{16});
        f.setIntx(kAhci, 1, false);
        QCOMPARE(f.high(), Lines{});
    }

    void sharedPinsAreWiredOr() {
        Fixture f;
        f.setConfig(0x68, 4, 0x0A0A0A0A); // E..H
        f.setIntx(kSlot3, 1, true);
        f.setIntx({7, 0}, 1, true); // the same PIRQ H
        f.setIntx({4, 0}, 1, true); // PIRQ E, the same ISA line
        QCOMPARE(f.high(), (Lines{10, 20, 23}));
        f.setIntx(kSlot3, 1, false);
        QCOMPARE(f.high(), (Lines{10, 20, 23}));
        f.setIntx({7, 0}, 1, false);
        QCOMPARE(f.high(), (Lines{10, 20}));
        f.setIntx({4, 0}, 1, false);
        QCOMPARE(f.high(), Lines{});
    }

    void reservedIsaLinesAreNotDriven() {
        Fixture f;
        f.setIntx(kAhci, 1, true);
        for (uint32_t line : {0, 1, 2, 8, 13}) {
            f.setConfig(0x60, 1, line);
            QCOMPARE(f.high(), Lines{16});
        }
    }

    void badPinsAreIgnored() {
        Fixture f;
        f.setIntx(kAhci, 0, true);
        f.setIntx(kAhci, 5, true);
        QCOMPARE(f.high(), Lines{});
    }

    void resetKeepsTheWires() {
        Fixture f;
        f.setConfig(0x60, 1, 10);
        f.setIntx(kAhci, 1, true);
        f.bench.locked([&] { f.lpc.reset(); });
        QCOMPARE(f.high(), Lines{16}); // the device still holds its pin
        f.setIntx(kAhci, 1, false);
        QCOMPARE(f.high(), Lines{});
    }

    void linesOfSeveralSourcesAreJoined() {
        DeviceBench bench;
        SharedLines lines(bench.interrupts);
        InterruptSink& a = lines.addSource();
        InterruptSink& b = lines.addSource();
        a.setLine(20, InterruptSink::Level::High);
        b.setLine(20, InterruptSink::Level::High);
        a.setLine(20, InterruptSink::Level::Low);
        QVERIFY(bench.interrupts.level(20));
        b.setLine(20, InterruptSink::Level::Low);
        QVERIFY(!bench.interrupts.level(20));
        QCOMPARE(bench.interrupts.takeEdges(20), 1u);
        a.sendMessage(0xFEE00000, 5);
        QCOMPARE(bench.interrupts.takeMessages().size(), size_t{1});
    }

    void acpiBlockIsWhereFirmwarePutsIt() {
        Fixture f;
        QCOMPARE(f.bench.ports.read(0x604, 2), 0xFFFFu);
        f.setConfig(0x40, 4, 0x601);
        QCOMPARE(f.bench.ports.read(0x604, 2), 0xFFFFu);
        f.setConfig(0x44, 1, 0x80);
        QCOMPARE(f.bench.ports.read(0x604, 2), 0u);
        QCOMPARE(f.lpc.readConfig(0x40, 4), 0x601u);
        f.setConfig(0x40, 4, 0x4000);
        QCOMPARE(f.bench.ports.read(0x604, 2), 0xFFFFu);
        QCOMPARE(f.bench.ports.read(0x4004, 2), 0u);
        f.bench.locked([&] { f.lpc.reset(); });
        QCOMPARE(f.bench.ports.read(0x4004, 2), 0xFFFFu);
    }

    void rootComplexIsWhereFirmwarePutsIt() {
        Fixture f;
        f.setConfig(0xF0, 4, 0xFED1C001);
        QCOMPARE(f.bench.readMemory(0xFED1F404, 4), uint64_t{0x80}); // HPET on
        QCOMPARE(f.bench.readMemory(0xFED1F1FF, 1), uint64_t{1});    // IOAPIC on
        f.bench.writeMemory(0xFED1F410, 4, 0);
        QCOMPARE(f.bench.readMemory(0xFED1F410, 4), uint64_t{0x20}); // watchdog stays off
        f.setConfig(0xF0, 4, 0);
        QCOMPARE(f.bench.readMemory(0xFED1F404, 4), uint64_t{0xFFFFFFFF});
    }

    void directBootFindsTheChipsetProgrammed() {
        Fixture f(ChipsetStart::Programmed);
        QCOMPARE(f.bench.ports.read(0x604, 2), 0u);
        QCOMPARE(f.bench.readMemory(0xFED1F404, 4), uint64_t{0x80});
    }

    void decodingCannotBeSwitchedOff() {
        Fixture f;
        f.setConfig(0x04, 2, 0);
        QCOMPARE(f.lpc.readConfig(0x04, 2) & 7, 7u);
        QCOMPARE(f.lpc.readConfig(0x0E, 1), 0x80u);
    }

    void resetRegistersReset() {
        DeviceBench bench;
        auto bus = std::move(*PciBus::create(bench.ports));
        auto control = std::move(*ResetControl::create(bench.ports, *bus, bench.system));
        bench.ports.write(0xCF9, 1, 0x02);
        QVERIFY(bench.system.resets.empty());
        bench.ports.write(0xCF9, 1, 0x06);
        bench.ports.write(0xCF9, 1, 0x06); // no edge
        QCOMPARE(bench.system.resets, (std::vector<ResetCause>{ResetCause::Port0xCf9}));
        bench.ports.write(0xCF9, 1, 0);
        bench.ports.write(0xCF9, 1, ResetControl::kResetValue);
        QCOMPARE(bench.system.resets.size(), size_t{2});
        QCOMPARE(bench.ports.read(0x92, 1), 2u); // A20 open
        bench.ports.write(0x92, 1, 3);
        QCOMPARE(bench.system.resets.back(), ResetCause::Port92);
        QCOMPARE(bench.system.resets.size(), size_t{3});
        bench.ports.write(0xCF8, 4, 0x80000600); // a configuration address is no reset
        QCOMPARE(bench.system.resets.size(), size_t{3});
    }

    void dmaRegistersReadBack() {
        DeviceBench bench;
        auto dma = std::move(*DmaController::create(bench.ports));
        bench.ports.write(0x0C, 1, 0);
        bench.ports.write(0x02, 1, 0x34);
        bench.ports.write(0x02, 1, 0x12);
        QCOMPARE(bench.ports.read(0x02, 1), 0x34u);
        QCOMPARE(bench.ports.read(0x02, 1), 0x12u);
        bench.ports.write(0xC6, 1, 0x78);        // second chip, count of its channel 1
        QCOMPARE(bench.ports.read(0xC6, 1), 0u); // high byte
        QCOMPARE(bench.ports.read(0xC6, 1), 0x78u);
        bench.ports.write(0x80, 1, 0xA5);
        bench.ports.write(0x83, 1, 0x5A);
        QCOMPARE(bench.ports.read(0x80, 1), 0xA5u);
        QCOMPARE(bench.ports.read(0x83, 1), 0x5Au);
        bench.ports.write(0x0D, 1, 0); // master clear
        QCOMPARE(bench.ports.read(0x0F, 1), 0xFFu);
    }

    void smbusIsEmpty() {
        DeviceBench bench;
        RecordingInterruptRouter router;
        SmbusController smbus({bench.ports, bench.memoryMap, bench.interrupts, router});
        auto windows = placeBars(bench, smbus, 0x700);
        QCOMPARE(windows.barAddress[4], uint64_t{0x700});
        QCOMPARE(bench.ports.read(0x700, 1), 0u);
        QCOMPARE(bench.ports.read(0x700, 1), 0x40u); // the semaphore is ours
        bench.ports.write(0x704, 1, 0xA1);
        bench.ports.write(0x702, 1, 0x48 | 1);
        QCOMPARE(bench.ports.read(0x700, 1), 0x44u);
        QVERIFY(router.level(kSmbus, 2));
        bench.ports.write(0x700, 1, 0xFF);
        QVERIFY(!router.level(kSmbus, 2));
    }

    void lpcHoldsTheDeviceContract() {
        struct Bridge final : Device { // with what it borrows
            explicit Bridge(DeviceBench& bench)
                : lines(bench.interrupts),
                  pm(std::move(
                      *AcpiPm::create(bench.ports, lines.addSource(), bench.timers, bench.system))),
                  lpc(bench.ports, bench.memoryMap, lines.addSource(), *pm,
                      ChipsetStart::ColdReset) {}
            std::string_view name() const override { return lpc.name(); }
            void reset() override { lpc.reset(); }
            void save(StateWriter& writer) const override { lpc.save(writer); }
            Result<void> restore(StateReader& reader) override { return lpc.restore(reader); }
            SharedLines lines;
            std::unique_ptr<AcpiPm> pm;
            LpcBridge lpc;
        };
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) { return std::make_unique<Bridge>(bench); };
        contract.memory = {{0xFED1C000, 0x4000}};
        contract.poke = [](DeviceBench& bench, Device& device, std::mt19937_64& random) {
            MutexLocker locker(bench.lock);
            static_cast<Bridge&>(device).lpc.writeConfig(
                static_cast<uint16_t>(random() % 256), 1,
                static_cast<uint32_t>(interestingValue(random)));
        };
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void resetControlHoldsTheDeviceContract() {
        struct Control final : Device { // with what it borrows
            explicit Control(DeviceBench& bench)
                : bus(std::move(*PciBus::create(bench.ports))),
                  control(std::move(*ResetControl::create(bench.ports, *bus, bench.system))) {}
            std::string_view name() const override { return control->name(); }
            void reset() override { control->reset(); }
            void save(StateWriter& writer) const override { control->save(writer); }
            Result<void> restore(StateReader& reader) override { return control->restore(reader); }
            std::unique_ptr<PciBus> bus;
            std::unique_ptr<ResetControl> control;
        };
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) { return std::make_unique<Control>(bench); };
        contract.ports = {{0x92, 1}, {0xCF9, 1}};
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void dmaHoldsTheDeviceContract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) {
            return std::move(*DmaController::create(bench.ports));
        };
        contract.ports = {{0x00, 16}, {0x80, 16}, {0xC0, 32}};
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void smbusHoldsTheDeviceContract() {
        RecordingInterruptRouter router;
        DeviceContract contract;
        contract.make = [&](DeviceBench& bench) {
            return std::make_unique<SmbusController>(
                PciServices{bench.ports, bench.memoryMap, bench.interrupts, router});
        };
        QCOMPARE(checkPciDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(LpcBridgeTest)

#include "lpc_bridge_test.moc"
