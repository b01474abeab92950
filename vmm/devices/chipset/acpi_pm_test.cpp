#include "vmm/devices/chipset/acpi_pm.h"

#include "tests/support/device_contract.h"
#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint16_t kBase = 0x600;
constexpr uint32_t kSci = 9;
constexpr uint16_t kTimerEvent = 1, kPowerButton = 1 << 8;

struct Fixture {
    Fixture()
        : pm(std::move(
              *AcpiPm::create(bench.ports, bench.interrupts, bench.timers, bench.system))) {
        bench.locked([&] { pm->setBase(kBase); });
    }
    void enableAcpi() { bench.ports.write(0xB2, 1, AcpiPm::kEnableCommand); }
    bool press() {
        return bench.locked([&] { return pm->powerButtonPressed(); });
    }
    uint32_t timer() { return bench.ports.read(kBase + 8, 4); }
    bool sci() const { return bench.interrupts.level(kSci); }

    DeviceBench bench;
    std::unique_ptr<AcpiPm> pm;
};

} // namespace

class AcpiPmTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void timerRunsAtItsFrequency() {
        Fixture f;
        QCOMPARE(f.timer(), 3579545u);
        f.bench.clock.advance(1'000'000'000);
        QCOMPARE(f.timer(), 2 * 3579545u);
        f.bench.clock.advance(1'000'000);
        QCOMPARE(f.timer(), 2 * 3579545u + 3579);
        QCOMPARE(f.bench.ports.read(kBase + 9, 1), f.timer() >> 8 & 0xFF);
    }

    void timerNeverRunsBackwards() {
        Fixture f;
        uint32_t last = f.timer();
        uint64_t total = 0;
        for (int i = 0; i < 20'000; ++i) {
            f.bench.clock.advance(1'234'567);
            uint32_t now = f.timer();
            QVERIFY(now <= 0xFFFFFF);
            total += (now - last) & 0xFFFFFF;
            last = now;
        }
        uint64_t expected = uint64_t{20'000} * 1'234'567 * 3579545 / 1'000'000'000;
        QVERIFY(total >= expected - 1 && total <= expected + 1);
    }

    void timerIsReadWithoutTheDeviceLock() {
        Fixture f;
        MutexLocker locker(f.bench.lock); // would hang if the bus took it
        QCOMPARE(f.timer(), 3579545u);
    }

    void timerTurnsRaiseTheirEvent() {
        Fixture f;
        f.enableAcpi();
        f.bench.ports.write(kBase + 2, 2, kTimerEvent);
        QVERIFY(!f.sci());
        const uint64_t turnNs = uint64_t{1 << 23} * 1'000'000'000 / 3579545;
        f.bench.advance(turnNs - 1'000'000'000 - 1000);
        QVERIFY(!f.sci());
        f.bench.advance(2000);
        QVERIFY(f.sci());
        QCOMPARE(f.bench.ports.read(kBase, 2), uint32_t{kTimerEvent});
        f.bench.ports.write(kBase, 2, kTimerEvent);
        QVERIFY(!f.sci());
        f.bench.advance(turnNs);
        QVERIFY(f.sci());
    }

    void timerTurnsAreSeenWithoutInterrupt() {
        Fixture f;
        f.bench.advance(5'000'000'000);
        QCOMPARE(f.bench.ports.read(kBase, 2), uint32_t{kTimerEvent});
        f.bench.ports.write(kBase, 2, kTimerEvent);
        QCOMPARE(f.bench.ports.read(kBase, 2), 0u);
    }

    void apmPortSwitchesAcpi() {
        Fixture f;
        QCOMPARE(f.bench.ports.read(kBase + 4, 2), 0u);
        f.enableAcpi();
        QCOMPARE(f.bench.ports.read(kBase + 4, 2), 1u);
        f.bench.ports.write(0xB2, 1, AcpiPm::kDisableCommand);
        QCOMPARE(f.bench.ports.read(kBase + 4, 2), 0u);
        QCOMPARE(f.bench.ports.read(0xB2, 1), uint32_t{AcpiPm::kDisableCommand});
        f.bench.ports.write(0xB3, 1, 0x42);
        QCOMPARE(f.bench.ports.read(0xB3, 1), 0x42u);
    }

    void powerButtonReachesAListeningGuest() {
        Fixture f;
        QVERIFY(!f.press());
        f.bench.ports.write(kBase, 2, kPowerButton);
        f.enableAcpi();
        f.bench.ports.write(kBase + 2, 2, kPowerButton);
        QVERIFY(!f.sci());
        QVERIFY(f.press());
        QVERIFY(f.sci());
        QCOMPARE(f.bench.ports.read(kBase, 2), uint32_t{kPowerButton});
        f.bench.ports.write(kBase + 1, 1, kPowerButton >> 8);
        QVERIFY(!f.sci());
    }

    void generalEventsRaiseTheSci() {
        Fixture f;
        f.enableAcpi();
        f.bench.ports.write(kBase + 0x28, 1, 4);
        f.bench.locked([&] { f.pm->setGeneralEvent(2, true); });
        QVERIFY(f.sci());
        QCOMPARE(f.bench.ports.read(kBase + 0x20, 4), 4u);
        f.bench.ports.write(kBase + 0x20, 1, 4);
        QVERIFY(!f.sci());
    }

    void softOffEndsTheMachine_data() {
        QTest::addColumn<int>("type");
        QTest::addColumn<unsigned>("powerOffs");
        QTest::newRow("0, as firmware writes it") << 0 << 1u;
        QTest::newRow("1: S1") << 1 << 0u;
        QTest::newRow("5: S3") << 5 << 0u;
        QTest::newRow("7, the data sheet's S5") << 7 << 1u;
    }
    void softOffEndsTheMachine() {
        QFETCH(int, type);
        QFETCH(unsigned, powerOffs);
        Fixture f;
        auto control = static_cast<uint32_t>(type << 10 | 1);
        f.bench.ports.write(kBase + 4, 2, control);
        QCOMPARE(f.bench.system.powerOffs, 0u);
        f.bench.ports.write(kBase + 4, 2, control | 1 << 13);
        QCOMPARE(f.bench.system.powerOffs, powerOffs);
        QCOMPARE(f.bench.ports.read(kBase + 4, 2), control); // the enable bit reads 0
        f.bench.ports.write(kBase + 4, 4, control | 1 << 13);
        QCOMPARE(f.bench.system.powerOffs, 2 * powerOffs);
    }

    void firmwareFindsNoSystemManagementMode() {
        Fixture f;
        QCOMPARE(f.bench.ports.read(kBase + 0x30, 4) & 0x20, 0x20u);
        f.bench.ports.write(kBase + 0x30, 4, 0);
        QCOMPARE(f.bench.ports.read(kBase + 0x30, 4), 0x20u);
    }

    void takenPortsDoNoHarm() {
        Fixture f;
        auto handler = byteIoHandler<&Port::read, &Port::write>(&m_port);
        auto taken = f.bench.ports.map("other", 0x704, 1, handler);
        f.bench.locked([&] { f.pm->setBase(0x700); });
        QCOMPARE(f.bench.ports.read(0x704, 1), 0x5Au);
        QCOMPARE(f.bench.ports.read(0x708, 4), 3579545u); // the timer is a region of its own
        f.bench.locked([&] { f.pm->setBase(std::nullopt); });
        QCOMPARE(f.bench.ports.read(0x708, 4), 0xFFFFFFFFu);
    }

    void holdsTheDeviceContract() {
        DeviceContract contract;
        contract.make = [](DeviceBench& bench) {
            auto pm = std::move(
                *AcpiPm::create(bench.ports, bench.interrupts, bench.timers, bench.system));
            pm->setBase(kBase);
            return pm;
        };
        contract.ports = {{kBase, 0x80}, {kBase, 0x10}, {0xB2, 2}};
        contract.poke = [](DeviceBench& bench, Device& device, std::mt19937_64& random) {
            MutexLocker locker(bench.lock);
            if (random() % 2)
                static_cast<AcpiPm&>(device).powerButtonPressed();
            else
                static_cast<AcpiPm&>(device).setGeneralEvent(random() % 70, random() % 2);
        };
        QCOMPARE(checkDeviceContract(contract), QString());
    }

private:
    struct Port {
        uint8_t read(uint64_t) { return 0x5A; }
        void write(uint64_t, uint8_t) {}
    } m_port;
};
VIVARIUM_TEST(AcpiPmTest)

#include "acpi_pm_test.moc"
