#include "core/snapshots/timeline.h"
#include "tests/support/test_main.h"
#include "ui/snapshots/snapshot_text.h"

#include <QLocale>
#include <QTest>

namespace vivarium {

class SnapshotTextTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void relativeTimes_data();
    void relativeTimes();
    void farTimesAreDates();
    void automaticNamesAreTranslated();
    void summaryNamesTheHardware();
};

void SnapshotTextTest::relativeTimes_data() {
    QTest::addColumn<int>("seconds");
    QTest::addColumn<QString>("text");
    QTest::newRow("now") << 0 << QStringLiteral("just now");
    QTest::newRow("clock a little behind") << -30 << QStringLiteral("just now");
    QTest::newRow("below a minute") << 59 << QStringLiteral("just now");
    QTest::newRow("minutes") << 5 * 60 + 59 << QStringLiteral("5 minute(s) ago");
    QTest::newRow("hours") << 3 * 3600 << QStringLiteral("3 hour(s) ago");
    QTest::newRow("days") << 2 * 86400 << QStringLiteral("2 day(s) ago");
}

void SnapshotTextTest::relativeTimes() {
    QFETCH(int, seconds);
    QFETCH(QString, text);
    const QDateTime now = QDateTime::currentDateTimeUtc();
    QCOMPARE(relativeTimeText(now.addSecs(-seconds), now), text); // plurals need a catalogue
}

void SnapshotTextTest::automaticNamesAreTranslated() {
    const QDateTime moment = QDateTime::currentDateTimeUtc();
    Snapshot snapshot;
    snapshot.name = automaticName(moment);
    QCOMPARE(snapshotNameText(snapshot), snapshot.name); // the user may call one so
    snapshot.automatic = true;
    const QDateTime minute = moment.addMSecs(-moment.time().msecsSinceStartOfDay() % 60'000);
    QCOMPARE(timeInAutomaticName(snapshot.name), minute.toLocalTime());
    QCOMPARE(snapshotNameText(snapshot),
             QStringLiteral("Automatic ") +
                 QLocale().toString(minute.toLocalTime(), QLocale::ShortFormat));
    snapshot.name = QStringLiteral("Automatic, but mine");
    QCOMPARE(snapshotNameText(snapshot), snapshot.name);
}

void SnapshotTextTest::farTimesAreDates() {
    const QDateTime now = QDateTime::currentDateTimeUtc();
    for (const int days : {-2, 8, 4000}) {
        const QDateTime moment = now.addDays(-days);
        QCOMPARE(relativeTimeText(moment, now),
                 QLocale().toString(moment.toLocalTime().date(), QLocale::ShortFormat));
    }
}

void SnapshotTextTest::summaryNamesTheHardware() {
    MachineSettings settings;
    settings.memoryMiB = 777;
    settings.drives = {{DriveType::HardDisk, 2, QStringLiteral("/disks/system.qcow2")},
                       {DriveType::Optical, 3, {}}};
    settings.networkCards = {{1, *MacAddress::parse("52:54:00:12:34:56")}};
    const QString text =
        settingsSummary(settings, [](const QString& path) { return path.section(u'/', -1); });
    QVERIFY2(text.contains(QStringLiteral("777 MB")), qPrintable(text));
    QVERIFY2(text.contains(QStringLiteral("SATA Port 2: system.qcow2")), qPrintable(text));
    QVERIFY2(text.contains(QStringLiteral("SATA Port 3: empty")), qPrintable(text));
    QVERIFY2(text.contains(QStringLiteral("adapter 2: 52:54:00:12:34:56")), qPrintable(text));
}

} // namespace vivarium

using vivarium::SnapshotTextTest;
VIVARIUM_TEST(SnapshotTextTest)
#include "snapshot_text_test.moc"
