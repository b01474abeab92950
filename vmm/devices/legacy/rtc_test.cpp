#include "vmm/devices/legacy/rtc.h"
#include "vmm/devices/legacy/rtc_calendar.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

#include <ctime>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint32_t kGsi = 8;
constexpr uint64_t kSecond = 1'000'000'000;

RtcConfig config() {
    RtcConfig value;
    value.memoryBelow4GiB = 256 << 20;
    return value;
}

struct RtcBench : DeviceBench {
    std::unique_ptr<Rtc> rtc;
    explicit RtcBench(const RtcConfig& value = config()) {
        rtc = std::move(*Rtc::create(ports, interrupts, timers, value));
    }
    int in(unsigned index) {
        ports.write(0x70, 1, index);
        return static_cast<int>(ports.read(0x71, 1));
    }
    void out(unsigned index, uint32_t value) {
        ports.write(0x70, 1, index);
        ports.write(0x71, 1, value);
    }
    bool irq() const { return interrupts.level(kGsi); }
    // "2026-01-01 00:00:01", as the registers read in BCD and 24 hours.
    QString time() {
        return QString::asprintf("%02x%02x-%02x-%02x %02x:%02x:%02x", in(0x32), in(9), in(8), in(7),
                                 in(4), in(2), in(0));
    }
};

} // namespace

class RtcTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void contract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) -> std::unique_ptr<Device> {
            return std::move(*Rtc::create(bench.ports, bench.interrupts, bench.timers, config()));
        };
        contract.ports = {{0x70, 4}};
        // The registers that matter are hit rarely by chance.
        contract.poke = [](DeviceBench& bench, Device&, std::mt19937_64& random) {
            bench.ports.write(0x70, 1, random() % 14);
            bench.ports.write(0x71, 1, static_cast<uint32_t>(random() % 256));
        };
        contract.makeFresh = [](Device& device) { static_cast<Rtc&>(device).powerCycle(); };
        QCOMPARE(checkDeviceContract(contract), QString());
        contract.seed = 2;
        QCOMPARE(checkDeviceContract(contract), QString());
    }

    void calendarAgreesWithTheHost() {
        for (int64_t second = -70'000'000'000; second < 300'000'000'000; second += 86'400'123) {
            time_t host = second;
            tm parts;
            gmtime_r(&host, &parts);
            CalendarDate date = calendarDate(second);
            QCOMPARE(date.year, int64_t{parts.tm_year} + 1900);
            QCOMPARE(int(date.month), parts.tm_mon + 1);
            QCOMPARE(int(date.day), parts.tm_mday);
            QCOMPARE(int(date.hour), parts.tm_hour);
            QCOMPARE(int(date.minute), parts.tm_min);
            QCOMPARE(int(date.second), parts.tm_sec);
            QCOMPARE(int(date.weekday), parts.tm_wday + 1);
            QCOMPARE(calendarSecond(date), second);
        }
    }

    void calendarCarriesWhatIsOutOfRange() {
        QCOMPARE(calendarSecond({2023, 2, 30, 0, 0, 0, 0}),
                 calendarSecond({2023, 3, 2, 0, 0, 0, 0}));
        QCOMPARE(calendarSecond({2024, 13, 1, 0, 0, 0, 0}),
                 calendarSecond({2025, 1, 1, 0, 0, 0, 0}));
        QCOMPARE(calendarSecond({2024, 0, 0, 0, 0, 0, 0}),
                 calendarSecond({2024, 1, 1, 0, 0, 0, 0}));
    }

    void showsTheTimeInBcd() {
        RtcBench bench;
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 00:00:01"));
        QCOMPARE(bench.in(6), 5); // a Thursday
        bench.advance(59 * kSecond + 45'296ull * kSecond);
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 12:35:56"));
    }

    void showsTheTimeInBinaryAnd12Hours() {
        RtcBench bench;
        bench.out(0x0B, 0x04);
        QCOMPARE(bench.in(4), 12); // midnight is 12 AM
        QCOMPARE(bench.in(0x32), 20);
        bench.advance(12 * 3600 * kSecond);
        QCOMPARE(bench.in(4), 12 | 0x80); // noon is 12 PM
        bench.advance(11 * 3600 * kSecond);
        QCOMPARE(bench.in(4), 11 | 0x80);
        bench.out(0x0B, 0x00);
        QCOMPARE(bench.in(4), 0x11 | 0x80);
    }

    void offsetFromUtc() {
        RtcConfig local = config();
        local.offsetSeconds = -3600;
        RtcBench bench(local);
        QCOMPARE(bench.time(), QStringLiteral("2025-12-31 23:00:01"));
        QCOMPARE(bench.rtc->offsetSeconds(), int64_t(-3600));
    }

    void guestSetsTheTime() {
        RtcBench bench;
        bench.advance(300'000'000);
        bench.out(0x0B, 0x82);
        bench.advance(5 * kSecond);
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 00:00:01")); // stands still
        bench.out(0x32, 0x19);
        bench.out(9, 0x99);
        bench.out(8, 0x12);
        bench.out(7, 0x31);
        bench.out(4, 0x23);
        bench.out(2, 0x59);
        bench.out(0, 0x58);
        bench.out(0x0B, 0x02);
        QCOMPARE(bench.time(), QStringLiteral("1999-12-31 23:59:58"));
        bench.advance(699'000'000);
        QCOMPARE(bench.time(), QStringLiteral("1999-12-31 23:59:58"));
        bench.advance(1'000'000); // the second's edge is where it was
        QCOMPARE(bench.time(), QStringLiteral("1999-12-31 23:59:59"));
        bench.advance(kSecond);
        QCOMPARE(bench.time(), QStringLiteral("2000-01-01 00:00:00"));
        QCOMPARE(bench.in(6), 7);                  // a Saturday
        bench.locked([&] { bench.rtc->reset(); }); // has a battery
        QCOMPARE(bench.time(), QStringLiteral("2000-01-01 00:00:00"));
    }

    void writingARunningClock() {
        RtcBench bench;
        bench.out(4, 0x17);
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 17:00:01"));
        bench.advance(kSecond);
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 17:00:02"));
    }

    void dividerReleaseStartsHalfASecondBefore() {
        RtcBench bench;
        bench.out(0x0A, 0x76);
        bench.advance(10 * kSecond);
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 00:00:01"));
        bench.out(0x0A, 0x26);
        bench.advance(499'000'000);
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 00:00:01"));
        bench.advance(1'000'000);
        QCOMPARE(bench.time(), QStringLiteral("2026-01-01 00:00:02"));
    }

    void nonsenseTimesDoNotHurt() {
        RtcBench bench;
        bench.out(0x0B, 0x86);
        for (unsigned index : {0u, 2u, 4u, 6u, 7u, 8u, 9u, 0x32u})
            bench.out(index, 0xFF);
        bench.out(0x0B, 0x06);
        for (unsigned index : {0u, 2u, 4u, 6u, 7u, 8u, 9u, 0x32u})
            QVERIFY(bench.in(index) < 100);
    }

    void updateInProgressJustBeforeTheSecond() {
        RtcBench bench;
        QCOMPARE(bench.in(0x0A), 0x26);
        bench.advance(kSecond - 244'001);
        QCOMPARE(bench.in(0x0A), 0x26);
        bench.advance(1);
        QCOMPARE(bench.in(0x0A), 0xA6);
        bench.out(0x0B, 0x82);
        QCOMPARE(bench.in(0x0A), 0x26);
        bench.out(0x0B, 0x02);
        bench.advance(244'000);
        QCOMPARE(bench.in(0x0A), 0x26);
    }

    void idleClockHasNoTimer() {
        RtcBench bench;
        QVERIFY(!bench.timers.nextDeadlineNs());
        bench.out(0x0B, 0x12);
        QVERIFY(bench.timers.nextDeadlineNs().has_value());
        bench.advance(kSecond);
        QVERIFY(bench.irq());
        QVERIFY(!bench.timers.nextDeadlineNs()); // pending: nothing more to come until it is read
        bench.out(0x0B, 0x02);
        QVERIFY(!bench.irq());
        bench.in(0x0C);
        QVERIFY(!bench.timers.nextDeadlineNs());
    }

    void updateEndedInterruptEverySecond() {
        RtcBench bench;
        bench.in(0x0C);
        bench.out(0x0B, 0x12);
        for (int i = 0; i < 5; ++i) {
            bench.advance(kSecond - 1);
            QVERIFY(!bench.irq());
            bench.advance(1);
            QVERIFY(bench.irq());
            QCOMPARE(bench.in(0x0C) & 0xB0, 0x90);
            QVERIFY(!bench.irq());
        }
        bench.out(0x0B, 0x92); // SET takes the enable back
        QCOMPARE(bench.in(0x0B), 0x82);
    }

    void flagsForGuestsThatPoll() {
        RtcBench bench;
        QCOMPARE(bench.in(0x0C), 0x00);
        bench.advance(kSecond);
        QCOMPARE(bench.in(0x0C), 0x50); // no interrupt request: nothing is enabled
        QCOMPARE(bench.in(0x0C), 0x00);
    }

    void periodicRates_data() {
        QTest::addColumn<uint>("rate");
        QTest::addColumn<uint>("hertz");
        QTest::newRow("2 Hz") << 15u << 2u;
        QTest::newRow("1024 Hz") << 6u << 1024u;
        QTest::newRow("8192 Hz") << 3u << 8192u;
        QTest::newRow("rate 1") << 1u << 256u;
        QTest::newRow("rate 2") << 2u << 128u;
        QTest::newRow("off") << 0u << 0u;
    }
    void periodicRates() {
        QFETCH(uint, rate);
        QFETCH(uint, hertz);
        RtcBench bench;
        bench.out(0x0A, 0x20 | rate);
        bench.in(0x0C);
        bench.out(0x0B, 0x42);
        uint64_t end = bench.clock.nowNs() + 2 * kSecond;
        unsigned count = 0;
        while (bench.timers.nextDeadlineNs() && *bench.timers.nextDeadlineNs() <= end) {
            bench.advance(*bench.timers.nextDeadlineNs() - bench.clock.nowNs());
            QVERIFY(bench.irq());
            QCOMPARE(bench.in(0x0C) & 0xC0, 0xC0);
            ++count;
        }
        QCOMPARE(count, 2 * hertz);
    }

    void alarms_data() {
        QTest::addColumn<int>("hour");
        QTest::addColumn<int>("minute");
        QTest::addColumn<int>("second");
        QTest::addColumn<int>("seconds"); // from 00:00:01 to the first, -1: never
        QTest::newRow("exact") << 0x00 << 0x01 << 0x00 << 59;
        QTest::newRow("every second") << 0xFF << 0xFF << 0xFF << 1;
        QTest::newRow("every minute") << 0xC0 << 0xC0 << 0x30 << 29;
        QTest::newRow("every hour") << 0xFF << 0x10 << 0x00 << 599;
        QTest::newRow("just now: tomorrow") << 0x00 << 0x00 << 0x01 << 86400;
        QTest::newRow("in the evening") << 0x23 << 0x59 << 0x59 << 86398;
        QTest::newRow("minutes of one hour") << 0x05 << 0xFF << 0x00 << 17999;
        QTest::newRow("no such second") << 0xFF << 0xFF << 0x75 << -1;
        QTest::newRow("no such hour") << 0x24 << 0xFF << 0xFF << -1;
    }
    void alarms() {
        QFETCH(int, hour);
        QFETCH(int, minute);
        QFETCH(int, second);
        QFETCH(int, seconds);
        RtcBench bench;
        bench.out(5, static_cast<uint32_t>(hour));
        bench.out(3, static_cast<uint32_t>(minute));
        bench.out(1, static_cast<uint32_t>(second));
        bench.in(0x0C);
        bench.out(0x0B, 0x22);
        if (seconds < 0) {
            QVERIFY(!bench.timers.nextDeadlineNs());
            bench.advance(100'000 * kSecond);
            QVERIFY(!bench.irq());
            return;
        }
        bench.advance(static_cast<uint64_t>(seconds) * kSecond - 1, 10'000);
        QVERIFY(!bench.irq());
        bench.advance(1);
        QVERIFY(bench.irq());
        QCOMPARE(bench.in(0x0C) & 0xA0, 0xA0);
    }

    void alarmIn12Hours() {
        RtcBench bench;
        bench.out(0x0B, 0x20);
        bench.out(5, 0x81); // 1 PM
        bench.out(3, 0x00);
        bench.out(1, 0x00);
        bench.advance(13 * 3600 * kSecond - kSecond, 10'000);
        QVERIFY(bench.irq());
    }

    void resetDisablesInterrupts() {
        RtcBench bench;
        bench.out(0x0B, 0x72);
        bench.advance(kSecond);
        QVERIFY(bench.irq());
        bench.locked([&] { bench.rtc->reset(); });
        QVERIFY(!bench.irq());
        QCOMPARE(bench.in(0x0B), 0x02);
        QCOMPARE(bench.in(0x0C), 0x00);
    }

    void registersCAndDAreReadOnly() {
        RtcBench bench;
        bench.out(0x0C, 0xFF);
        bench.out(0x0D, 0x00);
        QCOMPARE(bench.in(0x0C), 0x00);
        QCOMPARE(bench.in(0x0D), 0x80);
    }

    void memorySizesForTheFirmware() {
        RtcConfig large = config();
        large.memoryBelow4GiB = 0xB0000000;
        large.memoryAbove4GiB = uint64_t{6} << 30;
        large.cpuCount = 4;
        large.bootOrder = {CmosBootDevice::Optical, CmosBootDevice::Disk, CmosBootDevice::Network};
        RtcBench bench(large);
        QCOMPARE(bench.in(0x15) | bench.in(0x16) << 8, 640);
        QCOMPARE(bench.in(0x17) | bench.in(0x18) << 8, 0xFFFF);
        QCOMPARE(bench.in(0x30) | bench.in(0x31) << 8, 0xFFFF);
        QCOMPARE(bench.in(0x34) | bench.in(0x35) << 8, 0xAF00);
        QCOMPARE(bench.in(0x5B) | bench.in(0x5C) << 8 | bench.in(0x5D) << 16, 6 << 14);
        QCOMPARE(bench.in(0x5F), 3);
        QCOMPARE(bench.in(0x3D), 0x23);
        QCOMPARE(bench.in(0x38), 0x40);
        int sum = 0;
        for (unsigned i = 0x10; i <= 0x2D; ++i)
            sum += bench.in(i);
        QCOMPARE(bench.in(0x2E) << 8 | bench.in(0x2F), sum);
    }

    void smallMemory() {
        RtcConfig small = config();
        small.memoryBelow4GiB = 8 << 20;
        RtcBench bench(small);
        QCOMPARE(bench.in(0x30) | bench.in(0x31) << 8, 7 * 1024);
        QCOMPARE(bench.in(0x34) | bench.in(0x35) << 8, 0);
    }

    void bothBanksKeepBytes() {
        RtcBench bench;
        bench.out(0x0F, 0x0A); // the shutdown code survives a reset
        bench.ports.write(0x72, 1, 0x85);
        bench.ports.write(0x73, 1, 0x33);
        bench.locked([&] { bench.rtc->reset(); });
        QCOMPARE(bench.in(0x8F), 0x0A); // bit 7 masks NMIs
        bench.ports.write(0x72, 1, 0x05);
        QCOMPARE(bench.ports.read(0x73, 1), 0x33u);
        QCOMPARE(bench.ports.read(0x70, 1), 0xFFu);
        bench.ports.write(0x70, 2, 0x5540); // index and data in one access
        QCOMPARE(bench.in(0x40), 0x55);
    }

    void configurationIsChecked_data() {
        QTest::addColumn<quint64>("memory");
        QTest::addColumn<uint>("cpus");
        QTest::addColumn<qint64>("offset");
        QTest::newRow("memory") << quint64(0) << 1u << qint64(0);
        QTest::newRow("no CPU") << quint64(1 << 20) << 0u << qint64(0);
        QTest::newRow("offset") << quint64(1 << 20) << 1u << std::numeric_limits<qint64>::min();
    }
    void configurationIsChecked() {
        QFETCH(quint64, memory);
        QFETCH(uint, cpus);
        QFETCH(qint64, offset);
        DeviceBench bench;
        RtcConfig bad;
        bad.memoryBelow4GiB = memory;
        bad.cpuCount = cpus;
        bad.offsetSeconds = offset;
        QCOMPARE(Rtc::create(bench.ports, bench.interrupts, bench.timers, bad).error().code,
                 ErrorCode::InvalidArgument);
    }
};
VIVARIUM_TEST(RtcTest)

#include "rtc_test.moc"
