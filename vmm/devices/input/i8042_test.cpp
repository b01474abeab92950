#include "vmm/devices/input/i8042.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"
#include "tests/support/i8042_bench.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

class I8042Test : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void contract_data() {
        QTest::addColumn<int>("seed");
        for (int seed = 1; seed <= 2; ++seed)
            QTest::addRow("seed %d", seed) << seed;
    }
    void contract() {
        QFETCH(int, seed);
        InputRouter router;
        DeviceContract contract;
        contract.make = [&](DeviceBench& bench) -> std::unique_ptr<Device> {
            return std::move(
                *I8042::create(bench.ports, bench.interrupts, bench.timers, bench.system, router));
        };
        contract.ports = {{0x60, 1}, {0x64, 1}};
        contract.poke = [](DeviceBench& bench, Device& device, std::mt19937_64& random) {
            auto& controller = static_cast<I8042&>(device);
            switch (random() % 4) {
            case 0: // what chance seldom finds
                bench.ports.write(0x64, 1, 0xD4);
                bench.ports.write(0x60, 1, static_cast<uint32_t>(0xE0 + random() % 32));
                break;
            case 1:
                bench.ports.write(0x60, 1, static_cast<uint32_t>(0xE0 + random() % 32));
                break;
            case 2:
                bench.locked(
                    [&] { controller.keyboard().key(KeyCode(random() % 260), random() % 2); });
                break;
            default:
                bench.locked([&] {
                    controller.mouse().relativePointer(
                        {static_cast<int32_t>(random()), static_cast<int32_t>(random() % 1000),
                         static_cast<int32_t>(random() % 5) - 2, static_cast<uint8_t>(random())});
                });
            }
        };
        contract.seed = static_cast<uint64_t>(seed);
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void selfTests() {
        I8042Bench bench;
        bench.command(0xAA);
        QCOMPARE(bench.drain(), QStringLiteral("55"));
        bench.command(0xAB);
        QCOMPARE(bench.drain(), QStringLiteral("00"));
        bench.command(0xA9);
        QCOMPARE(bench.drain(), QStringLiteral("00"));
        bench.command(0xA4);
        QCOMPARE(bench.drain(), QStringLiteral("f1"));
        bench.command(0xC0);
        QCOMPARE(bench.drain(), QStringLiteral("a0"));
        bench.command(0xE0);
        QCOMPARE(bench.drain(), QStringLiteral("00"));
    }

    void statusBits() {
        I8042Bench bench;
        QCOMPARE(int(bench.status()), 0x1C);
        bench.data(0xEE);
        QCOMPARE(int(bench.status()), 0x15); // last write was data, a byte waits
        QCOMPARE(int(bench.readData()), 0xEE);
        QCOMPARE(int(bench.readData()), 0xEE); // the buffer keeps it
        QCOMPARE(int(bench.status()), 0x14);
        bench.command(0xD3, 0x5A);
        QCOMPARE(int(bench.status()), 0x35);
        bench.readData();
        bench.command(0x60, 0x61);
        QCOMPARE(int(bench.status()) & 0x04, 0);
    }

    void commandByteAndMemory() {
        I8042Bench bench;
        bench.command(0x20);
        QCOMPARE(bench.drain(), QStringLiteral("65"));
        bench.command(0x60, 0x47);
        bench.command(0x20);
        QCOMPARE(bench.drain(), QStringLiteral("47"));
        bench.command(0x75, 0x99);
        bench.command(0x35);
        QCOMPARE(bench.drain(), QStringLiteral("99"));
        bench.command(0xAD);
        bench.command(0xA7);
        bench.command(0x20);
        QCOMPARE(bench.drain(), QStringLiteral("77"));
        bench.command(0xAE);
        bench.command(0xA8);
        bench.command(0x20);
        QCOMPARE(bench.drain(), QStringLiteral("47"));
    }

    void aNewCommandDropsOneThatWaits() {
        I8042Bench bench;
        bench.command(0x60);
        bench.command(0xAA);
        QCOMPARE(bench.drain(), QStringLiteral("55"));
        QCOMPARE(bench.keyboard({0xEE}), QStringLiteral("ee"));
    }

    void loopBackCommands() {
        I8042Bench bench;
        bench.command(0x60, 0x47);
        bench.command(0xD2, 0x12);
        QVERIFY(bench.irq1());
        QCOMPARE(bench.drain(), QStringLiteral("12")); // not translated
        bench.command(0xD3, 0xA5);
        QVERIFY(bench.irq12());
        QVERIFY(!bench.irq1());
        QCOMPARE(bench.drain(), QStringLiteral("[a5]"));
        QVERIFY(!bench.irq12());
    }

    void outputPortAndA20() {
        I8042Bench bench;
        bench.command(0xD0);
        QCOMPARE(bench.drain(), QStringLiteral("c3"));
        bench.command(0xD1, 0xDD);
        bench.command(0xD0);
        QCOMPARE(bench.drain(), QStringLiteral("c1"));
        bench.command(0xDF);
        bench.command(0xD0);
        QCOMPARE(bench.drain(), QStringLiteral("c3"));
        QVERIFY(bench.system.resets.empty());
    }

    void resets() {
        I8042Bench bench;
        bench.command(0xFF); // no bit is pulsed
        bench.command(0xF1);
        QVERIFY(bench.system.resets.empty());
        bench.command(0xFE);
        bench.command(0xF0);
        bench.command(0xD1, 0x02);
        QCOMPARE(bench.system.resets, (std::vector<ResetCause>(3, ResetCause::KeyboardController)));
    }

    void disabledPortsKeepTheirBytes() {
        I8042Bench bench;
        bench.command(0x60, 0x47);
        bench.command(0xAD);
        bench.stroke(KEY_A);
        QVERIFY(!(bench.status() & 1));
        QVERIFY(!bench.irq1());
        bench.command(0xAE);
        QVERIFY(bench.irq1());
        QCOMPARE(bench.drain(), QStringLiteral("1e 9e"));
        bench.mouse({0xF4});
        bench.command(0xA7);
        bench.move(1, 0);
        QVERIFY(!(bench.status() & 1));
        bench.command(0xA8);
        QCOMPARE(bench.drain(), QStringLiteral("[08] [01] [00]"));
    }

    void sendingADeviceAByteEnablesItsPort() {
        I8042Bench bench;
        bench.command(0x60, 0x74);
        QCOMPARE(bench.keyboard({0xEE}), QStringLiteral("ee"));
        QCOMPARE(bench.mouse({0xF2}), QStringLiteral("fa 00"));
        bench.command(0x20);
        QCOMPARE(bench.drain(), QStringLiteral("44"));
    }

    void controllerRepliesGoFirst() {
        I8042Bench bench;
        bench.key(KEY_A, true); // fills the buffer
        bench.key(KEY_B, true);
        bench.command(0x20);
        QCOMPARE(bench.drain(), QStringLiteral("1e 65 30"));
    }

    void everyByteHasItsEdge() {
        I8042Bench bench;
        bench.interrupts.takeEdges(1);
        bench.stroke(KEY_HOME); // e0 47 e0 c7
        int bytes = 0;
        while (bench.irq1()) {
            bench.readData();
            ++bytes;
            bench.advance(I8042::kScanCodeGapNs);
        }
        QCOMPARE(bytes, 4);
        QCOMPARE(bench.interrupts.takeEdges(1), 4u);
    }

    void noInterruptsWhereNoneAreEnabled() {
        I8042Bench bench;
        bench.command(0x60, 0x44);
        bench.stroke(KEY_A);
        bench.mouse({0xF4});
        bench.move(1, 1);
        QVERIFY(bench.status() & 1);
        QVERIFY(!bench.irq1());
        QVERIFY(!bench.irq12());
        bench.command(0x60, 0x47); // the byte that waits raises it now
        QVERIFY(bench.irq1() || bench.irq12());
    }

    void firmwareThatDisablesThePortToPoll() {
        I8042Bench bench;
        bench.key(KEY_A, true);
        QVERIFY(bench.irq1());
        bench.command(0xAD);
        QVERIFY(!bench.irq1());
        QCOMPARE(int(bench.readData()), 0x1E);
        bench.command(0xAE);
        QVERIFY(!bench.irq1());
    }

    // A DOS program's handler reads the code, then passes on to the BIOS, which reads it again.
    void scanCodesCanBeReadTwice() {
        I8042Bench bench;
        bench.stroke(KEY_UP);
        QCOMPARE(int(bench.readData()), 0xE0);
        QCOMPARE(int(bench.readData()), 0xE0);
        QVERIFY(!bench.irq1());
        bench.advance(I8042::kScanCodeGapNs);
        QVERIFY(bench.irq1());
        QCOMPARE(int(bench.readData()), 0x48);
        QCOMPARE(int(bench.readData()), 0x48);
    }

    void repliesDoNotWaitForTheGap() {
        I8042Bench bench;
        bench.key(KEY_A, true);
        QCOMPARE(int(bench.readData()), 0x1E);
        bench.data(0xF2);
        QCOMPARE(int(bench.readData()), 0xFA);
        QCOMPARE(int(bench.readData()), 0xAB);
        QCOMPARE(int(bench.readData()), 0x41);
    }

    void idleControllerHasNoTimer() {
        I8042Bench bench;
        bench.stroke(KEY_A);
        bench.drain();
        bench.mouse({0xF4});
        bench.move(1, 1);
        bench.drain();
        bench.advance(1'000'000'000);
        QVERIFY(!bench.timers.nextDeadlineNs());
    }

    void prioritiesFollowTheGuest() {
        I8042Bench bench;
        QCOMPARE(bench.device->keyboard().priority(), 0);
        QCOMPARE(bench.device->mouse().priority(), -1);
        bench.keyboard({0xF5});
        QCOMPARE(bench.device->keyboard().priority(), -1);
        bench.mouse({0xF4});
        QCOMPARE(bench.device->mouse().priority(), 0);
        bench.command(0xA7);
        QCOMPARE(bench.device->mouse().priority(), -1);
        bench.locked([&] { bench.device->reset(); });
        QCOMPARE(bench.device->keyboard().priority(), 0);
    }

    void multiByteAccessTouchesTheFirstPortOnly() {
        I8042Bench bench;
        bench.ports.write(0x64, 4, 0xFFFFFFAA);
        QCOMPARE(bench.ports.read(0x60, 2), 0xFF55u);
    }
};
VIVARIUM_TEST(I8042Test)

#include "i8042_test.moc"
