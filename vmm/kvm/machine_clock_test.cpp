#include "tests/support/test_main.h"
#include "vmm/kvm/machine_clock.h"

#include <QTest>

using namespace vivarium;

class MachineClockTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void standsStillUntilResumed() {
        MachineClock clock;
        QVERIFY(clock.paused());
        QCOMPARE(clock.nowNs(), uint64_t{0});
        QCOMPARE(clock.monotonicDeadlineNs(5), uint64_t{0});
        clock.resume();
        uint64_t first = clock.nowNs();
        QTRY_VERIFY(clock.nowNs() > first);
    }

    void pausedTimeDoesNotCount() {
        MachineClock clock;
        clock.setNowNs(1'000'000'000'000);
        clock.resume();
        clock.pause();
        uint64_t paused = clock.nowNs();
        QVERIFY(paused >= 1'000'000'000'000 && paused < 1'001'000'000'000);
        int64_t wall = clock.wallClockNs();
        QTRY_VERIFY(clock.wallClockNs() > wall); // the wall clock goes on
        QCOMPARE(clock.nowNs(), paused);
        clock.resume();
        QVERIFY(clock.nowNs() >= paused);
    }

    void settingIsForPausedClocks() {
        MachineClock clock;
        clock.resume();
        clock.setNowNs(1'000'000'000'000);
        QVERIFY(clock.nowNs() < 1'000'000'000'000);
    }

    void deadlinesAreOnTheHostsClock() {
        MachineClock clock;
        clock.setNowNs(5'000'000'000);
        clock.resume();
        uint64_t atFive = clock.monotonicDeadlineNs(5'000'000'000);
        QCOMPARE(clock.monotonicDeadlineNs(6'000'000'000), atFive + 1'000'000'000);
        QCOMPARE(clock.monotonicDeadlineNs(~uint64_t{0}), ~uint64_t{0});
    }

    void wallClockHasAnOffset() {
        MachineClock clock;
        int64_t utc = clock.wallClockNs();
        clock.setWallClockOffsetNs(3'600'000'000'000);
        int64_t shifted = clock.wallClockNs() - utc;
        QVERIFY(shifted >= 3'600'000'000'000 && shifted < 3'660'000'000'000);
    }
};

VIVARIUM_TEST(MachineClockTest)
#include "machine_clock_test.moc"
