#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

namespace vivarium::test {

// Snapshots, saved states and forks of a real guest, through viv: its text screen is the same
// wherever it goes on from.
class SnapshotGuestTest : public QObject {
    Q_OBJECT

    const QString kernel = QStringLiteral("/usr/lib/multiboot/examples/kernel");
    const QString machine = QStringLiteral("multi");

    static QByteArray screen(const VivSession& session, const QString& name) {
        return session.run({QStringLiteral("screen"), name}).standardOutput;
    }
    static QString state(const VivSession& session, const QString& name) {
        const QByteArray list =
            session.run({QStringLiteral("list"), QStringLiteral("--json")}).standardOutput;
        for (const QJsonValue value : QJsonDocument::fromJson(list).array())
            if (value.toObject().value(QStringLiteral("name")) == name)
                return value.toObject().value(QStringLiteral("state")).toString();
        return {};
    }
    static QJsonDocument json(const VivSession& session, const QStringList& arguments) {
        return QJsonDocument::fromJson(
            session.run(arguments + QStringList{QStringLiteral("--json")}).standardOutput);
    }
    bool viv(VivSession& session, const QStringList& arguments) const {
        return session.succeeds(arguments);
    }
    // A machine with a disk whose kernel has printed everything and halted.
    bool startGuest(VivSession& session, const QStringList& hardware = {}) const {
        QFile disk(session.path(QStringLiteral("disk.img")));
        return disk.open(QIODevice::WriteOnly) && disk.resize(16 << 20) &&
               viv(session,
                   QStringList{QStringLiteral("create"), machine, QStringLiteral("--accelerator"),
                               QStringLiteral("kvm"), QStringLiteral("--kernel"), kernel,
                               QStringLiteral("--append"), QStringLiteral("one two"),
                               QStringLiteral("--memory"), QStringLiteral("64M"),
                               QStringLiteral("--disk"), disk.fileName()} +
                       hardware) &&
               viv(session, {QStringLiteral("start"), QStringLiteral("--headless"), machine}) &&
               viv(session, {QStringLiteral("wait"), machine, QStringLiteral("--screen"),
                             QStringLiteral("Halted\\."), QStringLiteral("--timeout"),
                             QStringLiteral("60")});
    }

private Q_SLOTS:
    void initTestCase() {
        const QString reason = VivSession::missingKvm() + missingFile({kernel});
        if (!reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void theScreenIsTheSameAfterARestore() {
        VivSession session;
        QVERIFY2(startGuest(session), session.lastError());
        const QByteArray before = screen(session, machine);
        QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("take"), machine,
                               QStringLiteral("First")}),
                 session.lastError());
        QCOMPARE(state(session, machine), QStringLiteral("running"));
        QVERIFY2(viv(session, {QStringLiteral("reset"), machine}), session.lastError());
        for (int round = 0; round < 2; ++round) {
            QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("restore"), machine,
                                   QStringLiteral("First")}),
                     session.lastError());
            QCOMPARE(state(session, machine), QStringLiteral("saved"));
            QVERIFY2(viv(session, {QStringLiteral("start"), QStringLiteral("--headless"), machine}),
                     session.lastError());
            QCOMPARE(screen(session, machine), before);
        }
        QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("delete"), machine,
                               QStringLiteral("First")}),
                 session.lastError());
        QCOMPARE(screen(session, machine), before);
        QVERIFY2(viv(session, {QStringLiteral("stop"), QStringLiteral("--force"), machine}),
                 session.lastError());
        QVERIFY2(viv(session, {QStringLiteral("delete"), machine}), session.lastError());
    }

    void aSavedGuestGoesOn() {
        VivSession session;
        QVERIFY2(startGuest(session), session.lastError());
        const QByteArray before = screen(session, machine);
        QVERIFY2(viv(session, {QStringLiteral("save"), machine}), session.lastError());
        QCOMPARE(state(session, machine), QStringLiteral("saved"));
        QVERIFY2(viv(session, {QStringLiteral("start"), QStringLiteral("--headless"), machine}),
                 session.lastError());
        QCOMPARE(screen(session, machine), before);
        QVERIFY2(viv(session, {QStringLiteral("save"), machine}), session.lastError());
        QVERIFY2(viv(session, {QStringLiteral("save"), QStringLiteral("--discard"), machine}),
                 session.lastError());
        QCOMPARE(state(session, machine), QStringLiteral("powered-off"));
    }

    void snapshotsAreInTheLogAndCanBeRenamed() {
        VivSession session;
        QVERIFY2(startGuest(session), session.lastError());
        QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("take"), machine,
                               QStringLiteral("First")}),
                 session.lastError());
        QVERIFY2(viv(session,
                     {QStringLiteral("snapshot"), QStringLiteral("set"), machine,
                      QStringLiteral("First"), QStringLiteral("--title"), QStringLiteral("Fresh")}),
                 session.lastError());
        QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("set"), machine,
                               QStringLiteral("Fresh"), QStringLiteral("--description"),
                               QStringLiteral("all is well")}),
                 session.lastError());
        const QJsonObject shown = json(session, {QStringLiteral("snapshot"), QStringLiteral("show"),
                                                 machine, QStringLiteral("Fresh")})
                                      .object();
        QCOMPARE(shown[QStringLiteral("name")].toString(), QStringLiteral("Fresh"));
        QCOMPARE(shown[QStringLiteral("description")].toString(), QStringLiteral("all is well"));
        QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("restore"), machine,
                               QStringLiteral("Fresh")}),
                 session.lastError());
        QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("delete"), machine,
                               QStringLiteral("Fresh")}),
                 session.lastError());
        QStringList events;
        for (const QJsonValue event :
             json(session, {QStringLiteral("log"), machine, QStringLiteral("--events")}).array())
            if (const QString kind = event[QStringLiteral("event")].toString();
                kind.startsWith(QStringLiteral("snapshot-")))
                events << kind + u' ' + event[QStringLiteral("detail")].toString();
        QCOMPARE(events, (QStringList{QStringLiteral("snapshot-taken First"),
                                      QStringLiteral("snapshot-restored Fresh"),
                                      QStringLiteral("snapshot-deleted Fresh")}));
    }

    // With no window open, and no viv that anybody waits for.
    void theTimelineIsFollowedByItself() {
        VivSession session;
        QVERIFY2(startGuest(session), session.lastError());
        QVERIFY2(viv(session, {QStringLiteral("snapshot"), QStringLiteral("timeline"), machine,
                               QStringLiteral("--every"), QStringLiteral("60")}),
                 session.lastError());
        const auto automatic = [&] {
            const QJsonArray all =
                json(session, {QStringLiteral("snapshot"), QStringLiteral("list"), machine})
                    .array();
            return all.size() == 1 && all[0][QStringLiteral("automatic")].toBool();
        };
        QTRY_VERIFY_WITH_TIMEOUT(automatic(), 60'000);
        const QStringList following{QStringLiteral("snapshot"), QStringLiteral("timeline"), machine,
                                    QStringLiteral("--follow")};
        QCOMPARE(session.run(following).status, 5); // somebody does already
        QVERIFY2(viv(session, {QStringLiteral("stop"), QStringLiteral("--force"), machine}),
                 session.lastError());
        // It ends with the guest, and then there is nothing to follow.
        QTRY_COMPARE_WITH_TIMEOUT(session.run(following).status, 4, 60'000);
    }

    void forksGoOnFromTheSameMoment() {
        VivSession session;
        const QString log = session.path(QStringLiteral("serial.log"));
        QVERIFY2(startGuest(session, {QStringLiteral("--serial"), QStringLiteral("console"),
                                      QStringLiteral("--serial"), QStringLiteral("file:") + log}),
                 session.lastError());
        const QByteArray before = screen(session, machine);
        const auto forked = session.run({QStringLiteral("fork"), machine, QStringLiteral("--count"),
                                         QStringLiteral("3"), QStringLiteral("--json")});
        QCOMPARE(forked.status, 0);
        const QJsonArray copies = QJsonDocument::fromJson(forked.standardOutput).array();
        QCOMPARE(copies.size(), 3);
        for (const QJsonValue copy : copies)
            QCOMPARE(copy[QStringLiteral("state")].toString(), QStringLiteral("running"));
        // The same serial ports, for the guest has them; none that writes to the original's file.
        const QJsonObject settings =
            json(session, {QStringLiteral("info"), QStringLiteral("multi (fork 1)")})
                .object()[QStringLiteral("settings")]
                .toObject();
        const QJsonArray ports = settings[QStringLiteral("serialPorts")].toArray();
        QCOMPARE(ports.size(), 2);
        QCOMPARE(ports[1][QStringLiteral("port")].toInt(), 1);
        QCOMPARE(ports[1][QStringLiteral("mode")].toString(), QStringLiteral("console"));
        for (int number = 1; number <= 3; ++number) {
            const QString name = QStringLiteral("multi (fork %1)").arg(number);
            QCOMPARE(state(session, name), QStringLiteral("running"));
            QCOMPARE(screen(session, name), before);
        }
        QCOMPARE(state(session, machine), QStringLiteral("running"));
        // What the copies stand on stays.
        QVERIFY2(viv(session, {QStringLiteral("stop"), QStringLiteral("--force"), machine}),
                 session.lastError());
        QVERIFY(!viv(session, {QStringLiteral("start"), QStringLiteral("--headless"),
                               QStringLiteral("no such machine")}));
    }
};

} // namespace vivarium::test

using vivarium::test::SnapshotGuestTest;
VIVARIUM_TEST(SnapshotGuestTest)
#include "snapshot_guest_test.moc"
