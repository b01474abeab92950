#include "vmm/devices/display/vga_device.h"

#include "tests/support/test_main.h"
#include "vmm/devices/display/vga_test_bench.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

class VgaDeviceTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void registersReadBack() {
        VgaBench bench;
        bench.setMode(kPlanarMode);
        QCOMPARE(bench.in(0x3CC), uint8_t{0xE3});
        bench.out(0x3C4, 2);
        QCOMPARE(bench.in(0x3C5), uint8_t{0x0F});
        QCOMPARE(bench.ports.read(0x3C4, 2), 0x0F02u);
        bench.out(0x3D4, 0x13);
        QCOMPARE(bench.in(0x3D5), uint8_t{0x28});
        bench.out(0x3CE, 8);
        QCOMPARE(bench.in(0x3CF), uint8_t{0xFF});
        bench.out(0x3CE, 5); // bits that do not exist stay clear
        bench.out(0x3CF, 0xFF);
        QCOMPARE(bench.in(0x3CF), uint8_t{0x7B});
    }

    void crtcRegisters0To7CanBeProtected() {
        VgaBench bench;
        bench.setMode(kPlanarMode); // ends with bit 7 of register 0x11 set
        bench.outIndexed(0x3D4, 1, 0x11);
        QCOMPARE(bench.in(0x3D5), uint8_t{0x4F});
        bench.outIndexed(0x3D4, 7, 0x10); // only the line compare bit
        QCOMPARE(bench.in(0x3D5), uint8_t{0x3E});
        bench.outIndexed(0x3D4, 7, 0x00);
        QCOMPARE(bench.in(0x3D5), uint8_t{0x2E});
        bench.outIndexed(0x3D4, 0x13, 0x11);
        QCOMPARE(bench.in(0x3D5), uint8_t{0x11});
    }

    void theCrtcAnswersAtTheMonitorsPorts() {
        VgaBench bench;
        bench.out(0x3C2, 0x02); // monochrome
        bench.out(0x3B4, 0x0E);
        bench.out(0x3B5, 0x12);
        QCOMPARE(bench.in(0x3B5), uint8_t{0x12});
        QCOMPARE(bench.in(0x3D5), uint8_t{0xFF});
        bench.out(0x3C2, 0x03);
        QCOMPARE(bench.in(0x3B5), uint8_t{0xFF});
        QCOMPARE(bench.in(0x3D5), uint8_t{0x12});
        QCOMPARE(bench.in(0x3BC), uint8_t{0xFF}); // a printer port's
    }

    void theAttributeFlipFlopIsResetByStatus1() {
        VgaBench bench;
        bench.out(0x3C2, 0x01);
        bench.in(0x3DA);
        bench.out(0x3C0, 0x05);
        bench.in(0x3DA);
        bench.out(0x3C0, 0x06); // an index again
        bench.out(0x3C0, 0x2A);
        bench.out(0x3C0, 0x06);
        QCOMPARE(bench.in(0x3C1), uint8_t{0x2A});
    }

    void thePaletteCountsOn() {
        VgaBench bench;
        bench.out(0x3C8, 254);
        for (unsigned value = 1; value <= 9; ++value)
            bench.out(0x3C9, 0x40 | value); // six bits count
        QCOMPARE(bench.in(0x3C7), uint8_t{0});
        bench.out(0x3C7, 254);
        QCOMPARE(bench.in(0x3C7), uint8_t{3});
        for (unsigned value = 1; value <= 9; ++value) // wraps to entry 0
            QCOMPARE(bench.in(0x3C9), static_cast<uint8_t>(value));
        // Entries change when all three components have come.
        bench.out(0x3C8, 7);
        bench.out(0x3C9, 1);
        bench.out(0x3C9, 2);
        bench.out(0x3C7, 7);
        QCOMPARE(bench.in(0x3C9), uint8_t{0});
    }

    void retraceFollowsGuestTime() {
        VgaBench bench;
        bench.out(0x3C2, 0x63);
        unsigned retraces = 0;
        bool before = false;
        for (int i = 0; i < 10000; ++i) { // one second
            bench.advance(100'000);
            bool retrace = bench.in(0x3DA) & 8;
            retraces += retrace && !before ? 1 : 0;
            before = retrace;
        }
        QVERIFY(retraces >= 69 && retraces <= 71);
        // Whoever waits for horizontal blanking gets it at once.
        uint8_t seen = 0;
        for (int i = 0; i < 2; ++i)
            seen |= static_cast<uint8_t>(1 << (bench.in(0x3DA) & 1));
        QCOMPARE(seen, uint8_t{3});
    }

    void dispiSpeaksItsProtocol() {
        VgaBench bench;
        QCOMPARE(bench.inDispi(0), 0xB0C5u);
        for (unsigned id = 0xB0C0; id <= 0xB0C5; ++id) {
            bench.outDispi(0, id);
            QCOMPARE(bench.inDispi(0), id);
        }
        bench.outDispi(0, 0xB0C6);
        QCOMPARE(bench.inDispi(0), 0xB0C5u);
        QCOMPARE(bench.inDispi(10), 256u); // 16 MiB
        bench.outDispi(4, 2);
        QCOMPARE(bench.inDispi(1), 4096u);
        QCOMPARE(bench.inDispi(3), 32u);
        bench.setVbeMode(1024, 768, 16);
        QCOMPARE(bench.inDispi(1), 1024u);
        QCOMPARE(bench.inDispi(6), 1024u);
        QCOMPARE(bench.inDispi(7), 8192u); // as many lines as fit
        bench.outDispi(3, 7);
        QCOMPARE(bench.inDispi(3), 16u);
        bench.outDispi(1, 0);
        bench.outDispi(1, 0xFFFF);
        QCOMPARE(bench.inDispi(1), 1024u);
        bench.outDispi(6, 100);
        QCOMPARE(bench.inDispi(6), 1024u);
        bench.outDispi(5, 0xFFFF);
        QCOMPARE(bench.inDispi(5), 255u);
        QCOMPARE(bench.inDispi(0x1234), 0u);
        // The data port at its odd address.
        bench.ports.write(0x1CE, 2, 1);
        QCOMPARE(bench.ports.read(0x1CF, 2), 1024u);
    }

    void enteringAModeClearsMemoryUnlessToldNot() {
        VgaBench bench;
        bench.placeBars();
        bench.poke(VgaBench::kFrameBuffer + 1000, 0x55);
        bench.setVbeMode(640, 480, 32, 0xC1);
        QCOMPARE(bench.peek(VgaBench::kFrameBuffer + 1000), uint8_t{0x55});
        bench.setVbeMode(640, 480, 32, 0x41);
        QCOMPARE(bench.peek(VgaBench::kFrameBuffer + 1000), uint8_t{0});
    }

    void theRegisterBarMirrorsEverything() {
        VgaBench bench;
        bench.placeBars();
        auto registers = VgaBench::kRegisters;
        uint8_t sum = 0;
        for (unsigned i = 0; i < 128; ++i)
            sum = static_cast<uint8_t>(sum + bench.peek(registers + i));
        QCOMPARE(sum, uint8_t{0});
        QCOMPARE(bench.readMemory(registers, 8), uint64_t{0x00FFFFFFFFFFFF00});
        QCOMPARE(bench.peek(registers + 54 + 2), uint8_t{1280 & 0xFF});
        QCOMPARE(bench.peek(registers + 54 + 4) >> 4, 1280 >> 8);
        QCOMPARE(bench.peek(registers + 54 + 5), uint8_t{800 & 0xFF});

        bench.writeMemory(registers + 0x402, 1, 0x63);
        QCOMPARE(bench.in(0x3CC), uint8_t{0x63});
        bench.writeMemory(registers + 0x404, 2, 0x0A02);
        QCOMPARE(bench.readMemory(registers + 0x404, 2), uint64_t{0x0A02});
        bench.writeMemory(registers + 0x502, 2, 800);
        bench.writeMemory(registers + 0x504, 4, 600 | 24 << 16);
        QCOMPARE(bench.inDispi(1), 800u);
        QCOMPARE(bench.inDispi(2), 600u);
        QCOMPARE(bench.inDispi(3), 24u);
        QCOMPARE(bench.readMemory(registers + 0x502, 4), uint64_t{800 | 600 << 16});
        QCOMPARE(bench.readMemory(registers + 0x600, 4), uint64_t{8});
        QCOMPARE(bench.readMemory(registers + 0x604, 4), uint64_t{0x1E1E1E1E});
        bench.writeMemory(registers + 0x604, 4, 0xBEBEBEBE);
        QCOMPARE(bench.readMemory(registers + 0x604, 4), uint64_t{0xBEBEBEBE});
        QCOMPARE(bench.readMemory(registers + 0xFF8, 8), ~uint64_t{0});
    }

    void theOptionRomIsThere() {
        VgaOptions options;
        options.optionRom.assign(3000, 0);
        options.optionRom[0] = 0x55;
        options.optionRom[1] = 0xAA;
        VgaBench bench(options);
        {
            MutexLocker locker(bench.lock);
            bench.vga->writeConfig(0x30, 4, 0xC9000001);
            bench.vga->writeConfig(0x04, 2, 3);
        }
        QCOMPARE(bench.readMemory(0xC9000000, 2), uint64_t{0xAA55});
    }

    void mode13IsMappedAsRamWhenItIsUsed() {
        VgaBench bench;
        bench.setMode(kMode13);
        auto isMapped = [&] {
            for (const DirectSection& section : bench.memoryMap.directSections())
                if (section.base == 0xA0000)
                    return section.sizeBytes == 0x10000 &&
                           section.dirtyLog == MemoryRegion::DirtyLog::On;
            return false;
        };
        QVERIFY(!isMapped());
        for (unsigned i = 0; i < 100; ++i)
            bench.poke(0xA0000 + i, i);
        QVERIFY(isMapped());
        for (unsigned i = 0; i < 100; ++i)
            QCOMPARE(bench.peek(0xA0000 + i), static_cast<uint8_t>(i));
        bench.outIndexed(0x3C4, 2, 0x01); // one plane only
        QVERIFY(!isMapped());
        bench.poke(0xA0001, 0xEE);
        QCOMPARE(bench.peek(0xA0001), uint8_t{1});
    }

    void theBankMovesTheWindow() {
        VgaBench bench;
        bench.placeBars();
        bench.setVbeMode(640, 480, 32, 0x01);
        for (unsigned bank = 0; bank < 18; ++bank) {
            bench.outDispi(5, bank);
            for (unsigned i = 0; i < 80; ++i) // enough to be mapped on the way
                bench.poke(0xA0000 + i, bank + i);
        }
        for (unsigned bank = 0; bank < 18; ++bank)
            QCOMPARE(bench.peek(VgaBench::kFrameBuffer + bank * 0x10000 + 79),
                     static_cast<uint8_t>(bank + 79));
    }

    void restoredMemoryIsTheSame() {
        VgaBench bench;
        bench.placeBars();
        bench.setVbeMode(800, 600, 32);
        bench.poke(VgaBench::kFrameBuffer + 4096 * 100 + 7, 0x77);
        bench.poke(VgaBench::kFrameBuffer + (16 << 20) - 1, 0x99);
        auto saved = contract_detail::saveDevice(bench, *bench.vga);
        QVERIFY(saved.size() < 100'000); // zero pages take no room
        VgaBench other;
        other.placeBars();
        other.poke(VgaBench::kFrameBuffer + 5, 0x11);
        QVERIFY(contract_detail::restoreDevice(other, *other.vga, saved));
        QCOMPARE(other.peek(VgaBench::kFrameBuffer + 4096 * 100 + 7), uint8_t{0x77});
        QCOMPARE(other.peek(VgaBench::kFrameBuffer + (16 << 20) - 1), uint8_t{0x99});
        QCOMPARE(other.peek(VgaBench::kFrameBuffer + 5), uint8_t{0});
        other.refresh();
        QCOMPARE(other.picture().width, 800u);
    }

    void portsInUseAreAnError() {
        VgaBench bench;
        auto second =
            VgaDevice::create({}, {3, 0}, bench.services(), bench.timers, bench.display, nullptr);
        QVERIFY(!second);
        QCOMPARE(second.error().code, ErrorCode::Busy);
    }

    void holdsTheDeviceContract_data() {
        QTest::addColumn<int>("powerOn");
        QTest::newRow("nothing") << static_cast<int>(VgaOptions::PowerOn::Nothing);
        QTest::newRow("text mode") << static_cast<int>(VgaOptions::PowerOn::TextMode);
    }
    void holdsTheDeviceContract() {
        QFETCH(int, powerOn);
        // What devices borrow; benches come and go while the contract is checked.
        RecordingInterruptRouter router;
        ManualClock clock;
        TimerQueue timers(clock);
        std::vector<std::unique_ptr<Display>> displays;
        DeviceContract contract;
        contract.make = [&](DeviceBench& bench) -> std::unique_ptr<Device> {
            displays.push_back(std::make_unique<Display>(timers));
            VgaOptions options;
            options.videoMemoryBytes = 1 << 20;
            options.powerOn = static_cast<VgaOptions::PowerOn>(powerOn);
            auto made = VgaDevice::create(options, {2, 0},
                                          {bench.ports, bench.memoryMap, bench.interrupts, router},
                                          bench.timers, *displays.back(), nullptr);
            return made ? std::move(*made) : nullptr;
        };
        contract.ports = {{0x3B0, 12}, {0x3C0, 32}, {0x3C0, 32}, {0x1CE, 4}};
        contract.memory = {{0xA0000, 0x20000}};
        contract.poke = [](DeviceBench& bench, Device& device, std::mt19937_64& random) {
            MutexLocker locker(bench.lock);
            if (random() % 4 == 0)
                static_cast<VgaDevice&>(device).refresh();
            static_cast<VgaDevice&>(device).textScreen();
        };
        contract.accesses = 2000;
        contract.damagedStates = 20;
        QCOMPARE(checkPciDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(VgaDeviceTest)

#include "vga_device_test.moc"
