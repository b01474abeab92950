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
    bool viv(VivSession& session, const QStringList& arguments) const {
        return session.succeeds(arguments);
    }
    // A machine with a disk whose kernel has printed everything and halted.
    bool startGuest(VivSession& session) const {
        QFile disk(session.path(QStringLiteral("disk.img")));
        return disk.open(QIODevice::WriteOnly) && disk.resize(16 << 20) &&
               viv(session, {QStringLiteral("create"), machine, QStringLiteral("--kernel"), kernel,
                             QStringLiteral("--append"), QStringLiteral("one two"),
                             QStringLiteral("--memory"), QStringLiteral("64M"),
                             QStringLiteral("--disk"), disk.fileName()}) &&
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

    void forksGoOnFromTheSameMoment() {
        VivSession session;
        QVERIFY2(startGuest(session), session.lastError());
        const QByteArray before = screen(session, machine);
        QVERIFY2(viv(session, {QStringLiteral("fork"), machine, QStringLiteral("--count"),
                               QStringLiteral("3")}),
                 session.lastError());
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
