#include "vmm/devices/input/ps2_mouse.h"

#include "tests/support/test_main.h"
#include "tests/support/i8042_bench.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

class Ps2MouseTest : public QObject {
    Q_OBJECT

    static constexpr uint64_t kPeriodNs = 10'000'000; // at 100 samples a second

    static QString packet(I8042Bench& bench) { return bench.drain().remove(u'[').remove(u']'); }
    static void knock(I8042Bench& bench, std::initializer_list<uint8_t> rates) {
        for (uint8_t rate : rates)
            bench.mouse({0xF3, rate});
    }

private Q_SLOTS:
    void resetAndIdentification() {
        I8042Bench bench;
        QCOMPARE(bench.mouse({0xFF}), QStringLiteral("fa aa 00"));
        QCOMPARE(bench.mouse({0xF2}), QStringLiteral("fa 00"));
        knock(bench, {200, 100, 80});
        QCOMPARE(bench.mouse({0xF2}), QStringLiteral("fa 03"));
        knock(bench, {200, 200, 80});
        QCOMPARE(bench.mouse({0xF2}), QStringLiteral("fa 04"));
        QCOMPARE(bench.mouse({0xFF}), QStringLiteral("fa aa 00"));
        QCOMPARE(bench.mouse({0xF2}), QStringLiteral("fa 00"));
        knock(bench, {200, 100, 100, 80}); // not the knock
        QCOMPARE(bench.mouse({0xF2}), QStringLiteral("fa 00"));
    }

    void statusRequest() {
        I8042Bench bench;
        QCOMPARE(bench.mouse({0xE9}), QStringLiteral("fa 00 02 64"));
        QCOMPARE(bench.mouse({0xE8, 0x03, 0xF3, 40, 0xE7, 0xF4}),
                 QStringLiteral("fa fa fa fa fa fa"));
        bench.move(0, 0, 0, 1);
        bench.drain();
        QCOMPARE(bench.mouse({0xE9}), QStringLiteral("fa 34 03 28"));
        bench.mouse({0xF0});
        bench.move(0, 0, 0, 2 | 4);
        QCOMPARE(bench.mouse({0xE9}), QStringLiteral("fa 73 03 28"));
        QCOMPARE(bench.mouse({0xF6, 0xE9}), QStringLiteral("fa fa 03 02 64"));
    }

    void optionsAreChecked() {
        I8042Bench bench;
        QCOMPARE(bench.mouse({0xE8, 0x04}), QStringLiteral("fa fe"));
        QCOMPARE(bench.mouse({0xF3, 0x00}), QStringLiteral("fa fe"));
        QCOMPARE(bench.mouse({0xF3, 0xF2}), QStringLiteral("fa fa 00")); // a command instead
        QCOMPARE(bench.mouse({0x12}), QStringLiteral("fe"));
        QCOMPARE(bench.mouse({0xFE}), QStringLiteral("fe"));
    }

    void movementInStreamMode() {
        I8042Bench bench;
        bench.move(5, 5);
        QVERIFY(!(bench.status() & 1)); // not enabled yet
        QCOMPARE(bench.mouse({0xF4}), QStringLiteral("fa"));
        QVERIFY(!(bench.status() & 1)); // and what was before does not count
        bench.move(3, -2);
        QCOMPARE(packet(bench), QStringLiteral("08 03 02"));
        bench.advance(kPeriodNs);
        bench.move(-1, 1);
        QCOMPARE(packet(bench), QStringLiteral("38 ff ff"));
    }

    void interruptForEveryByte() {
        I8042Bench bench;
        bench.command(0x60, 0x47);
        bench.mouse({0xF4});
        bench.interrupts.takeEdges(12);
        bench.move(1, 1);
        QVERIFY(bench.irq12());
        packet(bench);
        QCOMPARE(bench.interrupts.takeEdges(12), 3u);
    }

    void movementAddsUpBetweenSamples() {
        I8042Bench bench;
        bench.mouse({0xF4});
        bench.move(1, 0);
        QCOMPARE(packet(bench), QStringLiteral("08 01 00"));
        for (int i = 0; i < 5; ++i)
            bench.move(2, 0);
        QVERIFY(!(bench.status() & 1));
        bench.advance(kPeriodNs);
        QCOMPARE(packet(bench), QStringLiteral("08 0a 00"));
    }

    void movementWaitsForTheReader() {
        I8042Bench bench;
        bench.mouse({0xF4});
        for (int i = 0; i < 10; ++i) {
            bench.move(10, 0);
            bench.advance(kPeriodNs);
        }
        QCOMPARE(packet(bench), QStringLiteral("08 0a 00 08 5a 00"));
    }

    void longWaysTakeSeveralPackets() {
        I8042Bench bench;
        bench.mouse({0xF4});
        bench.move(600, -300);
        QCOMPARE(packet(bench), QStringLiteral("08 ff ff"));
        bench.advance(kPeriodNs);
        QCOMPARE(packet(bench), QStringLiteral("08 ff 2d"));
        bench.advance(kPeriodNs);
        QCOMPARE(packet(bench), QStringLiteral("08 5a 00"));
        bench.advance(kPeriodNs);
        QCOMPARE(packet(bench), QString());
    }

    void quickClicksAreNotLost() {
        I8042Bench bench;
        bench.mouse({0xF4});
        for (uint8_t buttons : {1, 0, 1, 0})
            bench.move(0, 0, 0, buttons);
        QCOMPARE(packet(bench), QStringLiteral("09 00 00 08 00 00 09 00 00 08 00 00"));
        bench.move(0, 0, 0, 2 | 4);
        QCOMPARE(packet(bench), QStringLiteral("0e 00 00"));
    }

    void fullQueueEndsInTheRightState() {
        I8042Bench bench;
        bench.mouse({0xF4});
        for (int i = 0; i < 101; ++i)
            bench.move(0, 0, 0, i % 2 ? 0 : 1);
        QString text = packet(bench);
        QVERIFY(text.size() <= 7 * 9);
        QVERIFY(text.endsWith(QStringLiteral("09 00 00")));
    }

    void wheelPackets() {
        I8042Bench bench;
        knock(bench, {200, 100, 80, 100});
        bench.mouse({0xF4});
        bench.move(0, 0, 1);
        QCOMPARE(packet(bench), QStringLiteral("08 00 00 ff"));
        bench.advance(kPeriodNs);
        bench.move(1, 0, -2, 8);
        QCOMPARE(packet(bench), QStringLiteral("08 01 00 02"));
        bench.advance(kPeriodNs);
        bench.move(0, 0, 10, 8);
        QCOMPARE(packet(bench), QStringLiteral("08 00 00 f9"));
        bench.advance(kPeriodNs);
        QCOMPARE(packet(bench), QStringLiteral("08 00 00 fd"));
    }

    void explorerPackets() {
        I8042Bench bench;
        knock(bench, {200, 200, 80, 100});
        bench.mouse({0xF4});
        bench.move(0, 0, 1, 8 | 16);
        QCOMPARE(packet(bench), QStringLiteral("08 00 00 3f"));
        bench.move(0, 0, -1, 16);
        QCOMPARE(packet(bench), QStringLiteral("08 00 00 21"));
    }

    void standardMouseIgnoresTheWheel() {
        I8042Bench bench;
        bench.mouse({0xF4});
        bench.move(0, 0, 1, 8);
        QCOMPARE(packet(bench), QString());
    }

    void remoteMode() {
        I8042Bench bench;
        bench.mouse({0xF0, 0xF4});
        bench.move(7, 0, 0, 1);
        QCOMPARE(packet(bench), QString());
        QCOMPARE(bench.mouse({0xEB}), QStringLiteral("fa 09 07 00"));
        QCOMPARE(bench.mouse({0xEB}), QStringLiteral("fa 09 00 00"));
        QCOMPARE(bench.mouse({0xEA}), QStringLiteral("fa"));
        bench.move(1, 0, 0, 1);
        QCOMPARE(packet(bench), QStringLiteral("09 01 00"));
    }

    void wrapMode() {
        I8042Bench bench;
        QCOMPARE(bench.mouse({0xEE, 0x42, 0xF4}), QStringLiteral("fa 42 f4"));
        bench.move(1, 1);
        QCOMPARE(packet(bench), QString());
        QCOMPARE(bench.mouse({0xEC, 0xF2}), QStringLiteral("fa fa 00"));
        QCOMPARE(bench.mouse({0xEE, 0xFF}), QStringLiteral("fa fa aa 00"));
    }

    void doubleScaling() {
        I8042Bench bench;
        bench.mouse({0xE7, 0xF4});
        bench.move(2, -10);
        QCOMPARE(packet(bench), QStringLiteral("08 01 14"));
        QCOMPARE(bench.mouse({0xE6}), QStringLiteral("fa"));
        bench.advance(kPeriodNs);
        bench.move(2, -10);
        QCOMPARE(packet(bench), QStringLiteral("08 02 0a"));
    }

    void aCommandCutsAPacketOff() {
        I8042Bench bench;
        bench.mouse({0xF4});
        bench.move(1, 0, 0, 1);
        QCOMPARE(int(bench.readData()), 0x09);
        bench.command(0xD4, 0xF2);
        bench.readData();                                          // was in the controller already
        QCOMPARE(packet(bench), QStringLiteral("fa 00 09 00 00")); // buttons are told again
    }

    void sampleRateSetsThePace() {
        I8042Bench bench;
        bench.mouse({0xF3, 10, 0xF4});
        bench.move(1, 0);
        packet(bench);
        bench.move(1, 0);
        bench.advance(90'000'000);
        QCOMPARE(packet(bench), QString());
        bench.advance(10'000'000);
        QCOMPARE(packet(bench), QStringLiteral("08 01 00"));
    }
};
VIVARIUM_TEST(Ps2MouseTest)

#include "ps2_mouse_test.moc"
