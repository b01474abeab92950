#include "core/snapshots/timeline.h"

#include "tests/support/test_main.h"

#include <QTest>
#include <QTimeZone>

namespace vivarium::test {

class TimelineTest : public QObject {
    Q_OBJECT

    const QDateTime m_now{QDate(2026, 3, 10), QTime(12, 30), QTimeZone::utc()};

    Snapshot aged(qint64 minutes, bool automatic = true) const {
        Snapshot snapshot;
        snapshot.id = SnapshotId::createRandom();
        snapshot.automatic = automatic;
        snapshot.createdAt = m_now.addSecs(-60 * minutes);
        return snapshot;
    }

private Q_SLOTS:
    void theNewestAreAllKept() {
        const TimelineSettings settings{true, 15, 1, 24, 7};
        const QList<Snapshot> snapshots{aged(45), aged(30), aged(15), aged(0)};
        QVERIFY(expiredSnapshots(snapshots, settings, m_now).isEmpty());
    }

    void thenTheLastOfEachHourAndDay() {
        const TimelineSettings settings{true, 15, 1, 24, 7};
        // 10:30, 10:45 (the last of its hour), two of the day before yesterday, one from long ago
        const QList<Snapshot> snapshots{aged(30 * 24 * 60), aged(48 * 60 + 60), aged(48 * 60),
                                        aged(120), aged(105)};
        const QList<SnapshotId> expired = expiredSnapshots(snapshots, settings, m_now);
        QCOMPARE(expired.size(), 3);
        QVERIFY(expired.contains(snapshots.at(0).id));
        QVERIFY(expired.contains(snapshots.at(1).id));
        QVERIFY(expired.contains(snapshots.at(3).id));
    }

    void theUsersOwnStay() {
        const TimelineSettings settings{true, 15, 0, 0, 0};
        QVERIFY(expiredSnapshots({aged(10'000, false)}, settings, m_now).isEmpty());
        QCOMPARE(expiredSnapshots({aged(10'000)}, settings, m_now).size(), 1);
    }

    void theNextIsDueAfterTheInterval() {
        TimelineSettings settings{true, 15, 1, 24, 7};
        QVERIFY(isSnapshotDue({}, settings, m_now));
        QVERIFY(!isSnapshotDue({aged(14)}, settings, m_now));
        QVERIFY(isSnapshotDue({aged(15), aged(1, false)}, settings, m_now));
        settings.enabled = false;
        QVERIFY(!isSnapshotDue({}, settings, m_now));
    }
};

} // namespace vivarium::test

using vivarium::test::TimelineTest;
VIVARIUM_TEST(TimelineTest)
#include "timeline_test.moc"
