#include "vmm/devices/interrupt/pit.h"

#include "tests/support/device_test_doubles.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

struct PitBench : DeviceBench {
    std::vector<bool> levels;
    unsigned rises = 0;
    Pit pit{timers, [this](bool high) {
                if (high && (levels.empty() || !levels.back()))
                    ++rises;
                levels.push_back(high);
            }};

    void program(unsigned channel, uint8_t mode, uint16_t count, bool bcd = false) {
        pit.write(3, static_cast<uint8_t>(channel << 6 | 0x30 | mode << 1 | (bcd ? 1 : 0)));
        pit.write(channel, static_cast<uint8_t>(count));
        pit.write(channel, static_cast<uint8_t>(count >> 8));
    }
    uint16_t latched(unsigned channel) {
        pit.write(3, static_cast<uint8_t>(channel << 6));
        const uint16_t low = pit.read(channel);
        return static_cast<uint16_t>(low | pit.read(channel) << 8);
    }
    void ticks(uint64_t count) { advance(count * 1'000'000'000 / Pit::kHz + 1, 10'000); }
};

} // namespace

// Sections are those of the Intel 8254 data sheet.
class PitTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void rateGenerator() { // "Mode 2"
        PitBench bench;
        bench.program(0, 2, 11932); // 10 ms
        bench.rises = 0;
        bench.advance(1'000'000'000);
        QVERIFY2(bench.rises >= 99 && bench.rises <= 101, QByteArray::number(bench.rises));
        bench.program(0, 2, 1000);
        bench.ticks(300);
        QCOMPARE(int(bench.latched(0)), 700);
    }

    void lateTicksAreNotLost() {
        PitBench bench;
        bench.program(0, 2, 11932); // 10 ms
        bench.rises = 0;
        bench.clock.advance(55'000'000);
        bench.locked([&] { bench.timers.runExpired(); });
        QCOMPARE(bench.rises, 5u);
        bench.advance(50'000'000);
        QCOMPARE(bench.rises, 10u);
        bench.clock.advance(3'600'000'000'000); // but not without end
        bench.locked([&] { bench.timers.runExpired(); });
        QCOMPARE(bench.rises, 1010u);
    }

    void squareWave() { // "Mode 3": down by two, twice a period
        PitBench bench;
        bench.program(2, 3, 1000);
        bench.pit.writeSpeaker(1);
        bench.ticks(100);
        QCOMPARE(int(bench.latched(2)), 800);
        QVERIFY(bench.pit.readSpeaker() & 0x20);
        bench.ticks(500);
        QVERIFY(!(bench.pit.readSpeaker() & 0x20));
    }

    void terminalCount() { // "Mode 0": how firmware measures the processor
        PitBench bench;
        bench.pit.writeSpeaker(1);
        bench.program(2, 0, 5000);
        bench.ticks(4000);
        QVERIFY(!(bench.pit.readSpeaker() & 0x20));
        QCOMPARE(int(bench.latched(2)), 1000);
        bench.ticks(1001);
        QVERIFY(bench.pit.readSpeaker() & 0x20);
        bench.program(0, 0, 100); // one interrupt, once
        bench.rises = 0;
        bench.ticks(100'000);
        QCOMPARE(bench.rises, 1u);
    }

    void gateHoldsTheCount() { // "Gate pin operations"
        PitBench bench;
        bench.pit.writeSpeaker(1);
        bench.program(2, 0, 5000);
        bench.ticks(1000);
        bench.pit.writeSpeaker(0);
        bench.ticks(1000);
        QCOMPARE(int(bench.latched(2)), 4000);
        bench.pit.writeSpeaker(1);
        bench.ticks(1000);
        QVERIFY(qAbs(int(bench.latched(2)) - 3000) <= 1);
        bench.program(2, 2, 5000); // begins anew with the gate
        bench.ticks(1000);
        bench.pit.writeSpeaker(0);
        bench.pit.writeSpeaker(1);
        QCOMPARE(int(bench.latched(2)), 5000);
    }

    void readBack() { // "Read-Back Command"
        PitBench bench;
        bench.program(0, 2, 1000);
        bench.ticks(10);
        bench.pit.write(3, 0xC2); // status and count of channel 0
        const int status = bench.pit.read(0);
        QCOMPARE(status & 0x3F, 0x34);
        QVERIFY(status & 0x80);
        bench.ticks(100);
        const int low = bench.pit.read(0);
        QCOMPARE(bench.pit.read(0) << 8 | low, 990); // as it was when latched
    }

    void decimalCount() {
        PitBench bench;
        bench.program(0, 2, 0x1000, true);
        bench.ticks(1);
        QCOMPARE(int(bench.latched(0)), 0x0999);
    }

    void strobe() { // "Mode 4"
        PitBench bench;
        bench.program(0, 4, 100);
        bench.rises = 0;
        bench.ticks(1000);
        QCOMPARE(bench.rises, 1u);
    }

    void storesOnlyBoundedState() {
        PitBench bench;
        Pit::State state = bench.pit.state();
        for (Pit::Channel& channel : state.channels) {
            channel.count = 0;
            channel.mode = 200;
            channel.loadTimeNs = ~uint64_t{0};
            channel.access = 0;
        }
        bench.pit.setState(state);
        bench.pit.arm();
        bench.ticks(1000);
        for (unsigned i = 0; i < 4; ++i)
            bench.pit.read(i);
    }
};

VIVARIUM_TEST(PitTest)
#include "pit_test.moc"
