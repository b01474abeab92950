#include "vmm/devices/chipset/hpet.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint64_t kConfig = 0x10, kStatus = 0x20, kCounter = 0xF0;
constexpr uint64_t kLevel = 2, kEnable = 4, kPeriodic = 8, kSetValue = 0x40, k32Bit = 0x100;

constexpr uint64_t timerConfig(unsigned index) {
    return 0x100 + 0x20 * index;
}
constexpr uint64_t comparator(unsigned index) {
    return 0x108 + 0x20 * index;
}
constexpr uint64_t route(uint64_t line) {
    return line << 9;
}

struct Fixture {
    Fixture()
        : hpet(std::move(*Hpet::create(bench.memoryMap, bench.interrupts, bench.timers,
                                       [this](Hpet::LegacyRouting routing) {
                                           legacy = routing == Hpet::LegacyRouting::On;
                                       }))) {}
    uint64_t read(uint64_t reg, unsigned sizeBytes = 8) {
        return bench.readMemory(Hpet::kBase + reg, sizeBytes);
    }
    void write(uint64_t reg, uint64_t value, unsigned sizeBytes = 8) {
        bench.writeMemory(Hpet::kBase + reg, sizeBytes, value);
    }
    unsigned edges(uint32_t gsi) { return bench.interrupts.takeEdges(gsi); }

    DeviceBench bench;
    bool legacy = false;
    std::unique_ptr<Hpet> hpet;
};

} // namespace

class HpetTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void capabilitiesNameThePeriod() {
        Fixture f;
        QCOMPARE(f.read(0), uint64_t{10'000'000} << 32 | 0x8086A201);
        QCOMPARE(f.read(4, 4), uint64_t{10'000'000});
        QCOMPARE(f.read(timerConfig(0)) & 0x30, uint64_t{0x30});
        QCOMPARE(f.read(timerConfig(0)) >> 32, uint64_t{0x00FF0000});
    }

    void counterRunsOnlyWhileEnabled() {
        Fixture f;
        f.bench.advance(1000);
        QCOMPARE(f.read(kCounter), uint64_t{0});
        f.write(kCounter, 5000);
        f.write(kConfig, 1);
        f.bench.advance(1000);
        QCOMPARE(f.read(kCounter), uint64_t{5100});
        QCOMPARE(f.read(kCounter, 4), uint64_t{5100});
        f.write(kConfig, 0);
        f.bench.advance(1000);
        QCOMPARE(f.read(kCounter), uint64_t{5100});
        f.write(kConfig, 1);
        f.bench.advance(10);
        QCOMPARE(f.read(kCounter), uint64_t{5101});
    }

    void oneShotFiresOnce() {
        Fixture f;
        f.write(timerConfig(1), kEnable | route(20));
        f.write(comparator(1), 1000);
        f.write(kConfig, 1);
        f.bench.advance(9'990);
        QCOMPARE(f.edges(20), 0u);
        f.bench.advance(10);
        QCOMPARE(f.edges(20), 1u);
        f.bench.advance(1'000'000'000);
        QCOMPARE(f.edges(20), 0u);
        QCOMPARE(f.read(comparator(1)), uint64_t{1000});
    }

    void periodicTimerKeepsItsRhythm() {
        Fixture f;
        f.write(kConfig, 1);
        f.write(timerConfig(0), kEnable | kPeriodic | kSetValue | route(21));
        f.write(comparator(0), 150'000); // first match
        f.write(comparator(0), 100'000); // then every millisecond
        f.bench.advance(1'400'000);
        QCOMPARE(f.edges(21), 0u);
        f.bench.advance(200'000);
        QCOMPARE(f.edges(21), 1u);
        f.bench.advance(10'000'000);
        QCOMPARE(f.edges(21), 10u);
        QCOMPARE(f.read(comparator(0)), uint64_t{1'250'000});
    }

    void lateTimerThreadDoesNotLoseThePeriod() {
        Fixture f;
        f.write(kConfig, 1);
        f.write(timerConfig(0), kEnable | kPeriodic | kSetValue | route(21));
        f.write(comparator(0), 100'000);
        f.bench.clock.advance(1'050'000); // the match is due but nobody ran the timers
        f.write(timerConfig(0), kEnable | kPeriodic | route(21));
        QCOMPARE(f.edges(21), 1u);
        f.bench.advance(1'000'000);
        QCOMPARE(f.edges(21), 1u);
    }

    // Others lose what merges; systems count the system timer's ticks.
    void lateTicksOfTheSystemTimerAreNotLost() {
        Fixture f;
        f.write(kConfig, 3); // legacy routing
        f.write(timerConfig(0), kEnable | kPeriodic | kSetValue);
        f.write(comparator(0), 100'000); // a millisecond
        f.bench.clock.advance(5'500'000);
        QVERIFY(f.read(kCounter) > 0);
        QCOMPARE(f.edges(0), 5u);
        f.bench.advance(1'000'000);
        QCOMPARE(f.edges(0), 1u);
    }

    void shortPeriodsDoNotStormTheHost() {
        Fixture f;
        f.write(kConfig, 1);
        f.write(timerConfig(0), kEnable | kPeriodic | kSetValue | route(21));
        f.write(comparator(0), 1);
        f.bench.advance(1'000'000);
        QVERIFY(f.edges(21) <= 60);
    }

    void levelInterruptsHoldUntilCleared() {
        Fixture f;
        f.write(timerConfig(2), kEnable | kLevel | route(22));
        f.write(comparator(2), 100);
        f.write(kConfig, 1);
        f.bench.advance(2000);
        QVERIFY(f.bench.interrupts.level(22));
        QCOMPARE(f.read(kStatus), uint64_t{4});
        f.write(kStatus, 1);
        QVERIFY(f.bench.interrupts.level(22));
        f.write(kStatus, 4);
        QVERIFY(!f.bench.interrupts.level(22));
    }

    void legacyRoutingReplacesPitAndRtc() {
        Fixture f;
        f.write(timerConfig(0), kEnable);
        f.write(timerConfig(1), kEnable);
        f.write(comparator(0), 100);
        f.write(comparator(1), 200);
        f.write(kConfig, 3);
        QVERIFY(f.legacy);
        f.bench.advance(5000);
        QCOMPARE(f.edges(0), 1u);
        QCOMPARE(f.edges(8), 1u);
        f.write(kConfig, 1);
        QVERIFY(!f.legacy);
        f.write(kConfig, 3);
        f.bench.locked([&] { f.hpet->reset(); });
        QVERIFY(!f.legacy);
    }

    void linesThatAreNotOfferedStaySilent() {
        Fixture f;
        f.write(timerConfig(0), kEnable | route(4));
        f.write(comparator(0), 100);
        f.write(kConfig, 1);
        f.bench.advance(5000);
        QCOMPARE(f.edges(4), 0u);
    }

    void thirtyTwoBitTimersWrap() {
        Fixture f;
        f.write(kCounter, 0x1'FFFFFF00);
        f.write(timerConfig(0), kEnable | k32Bit | route(20));
        f.write(comparator(0), 0x10, 4);
        f.write(kConfig, 1);
        f.bench.advance(0x110 * 10);
        QCOMPARE(f.edges(20), 1u);
        f.bench.advance((uint64_t{1} << 32) * 10);
        QCOMPARE(f.edges(20), 1u);
    }

    void comparatorHalvesAreWrittenApart() {
        Fixture f;
        f.write(comparator(0), 0x11223344, 4);
        f.write(comparator(0) + 4, 0x55667788, 4);
        QCOMPARE(f.read(comparator(0)), uint64_t{0x5566778811223344});
        QCOMPARE(f.read(comparator(0) + 4, 4), uint64_t{0x55667788});
    }

    void holdsTheDeviceContract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) {
            return std::move(*Hpet::create(bench.memoryMap, bench.interrupts, bench.timers, {}));
        };
        contract.memory = {{Hpet::kBase, 0x160}, {Hpet::kBase + 0x100, 0x60}};
        contract.poke = [](DeviceBench& bench, Device&, std::mt19937_64& random) {
            // Like a driver: enable, set up a timer near the counter.
            unsigned index = random() % 3;
            bench.writeMemory(Hpet::kBase + kConfig, 8, random() % 4 | 1);
            bench.writeMemory(Hpet::kBase + timerConfig(index), 8,
                              (random() & 0x14E) | kEnable | route(16 + random() % 8));
            bench.writeMemory(Hpet::kBase + comparator(index), 8,
                              bench.readMemory(Hpet::kBase + kCounter, 8) + random() % 100'000);
        };
        QCOMPARE(checkDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(HpetTest)

#include "hpet_test.moc"
