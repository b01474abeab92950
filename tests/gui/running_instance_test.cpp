#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTest>

namespace vivarium::test {

// The application itself, started more than once for one library.
class RunningInstanceTest : public QObject {
    Q_OBJECT

    static constexpr int kWaitMs = 30'000;

    static std::unique_ptr<QProcess> start(const VivSession& session,
                                           const QStringList& arguments = {}) {
        auto process = std::make_unique<QProcess>();
        QProcessEnvironment environment = session.environment(); // has no display
        environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
        process->setProcessEnvironment(environment);
        process->start(VivSession::program(QStringLiteral("vivarium")), arguments);
        return process->waitForStarted() ? std::move(process) : nullptr;
    }
    // When the socket that is there was made; invalid: there is none.
    static QDateTime listensSince(const VivSession& session) {
        const QDir folder(session.path(QStringLiteral("run")));
        const QFileInfoList sockets = folder.entryInfoList({QStringLiteral("application-*.sock")},
                                                           QDir::Files | QDir::System);
        return sockets.isEmpty() ? QDateTime() : sockets.first().lastModified();
    }
    static QString stateOf(const VivSession& session, const QString& machine) {
        return QJsonDocument::fromJson(
                   session.run({QStringLiteral("info"), machine, QStringLiteral("--json")})
                       .standardOutput)
            .object()
            .value(QStringLiteral("state"))
            .toString();
    }
    static bool endsWell(QProcess& process) {
        return process.waitForFinished(kWaitMs) && process.exitStatus() == QProcess::NormalExit &&
               process.exitCode() == 0;
    }

private Q_SLOTS:
    void theSecondHandsItsCommandsToTheFirst() {
        VivSession session;
        QVERIFY2(session.succeeds({QStringLiteral("create"), QStringLiteral("guest"),
                                   QStringLiteral("--accelerator"), QStringLiteral("software"),
                                   QStringLiteral("--memory"), QStringLiteral("64M")}),
                 session.lastError());
        const auto first = start(session);
        QVERIFY(first);
        QTRY_VERIFY_WITH_TIMEOUT(listensSince(session).isValid(), kWaitMs);
        const auto second = start(session, {QStringLiteral("--start"), QStringLiteral("guest")});
        QVERIFY(second);
        QVERIFY(endsWell(*second));
        QTRY_COMPARE_WITH_TIMEOUT(stateOf(session, QStringLiteral("guest")),
                                  QStringLiteral("running"), kWaitMs);
        QCOMPARE(first->state(), QProcess::Running);
    }

    void oneThatWasKilledIsReplaced() {
        VivSession session;
        const auto first = start(session);
        QVERIFY(first);
        QTRY_VERIFY_WITH_TIMEOUT(listensSince(session).isValid(), kWaitMs);
        first->kill();
        QVERIFY(first->waitForFinished(kWaitMs));
        const QDateTime leftOver = listensSince(session);
        QVERIFY(leftOver.isValid());
        const auto second = start(session);
        QVERIFY(second);
        QTRY_VERIFY_WITH_TIMEOUT(listensSince(session) > leftOver, kWaitMs);
        const auto third = start(session);
        QVERIFY(third);
        QVERIFY(endsWell(*third));
        QCOMPARE(second->state(), QProcess::Running);
    }
};

} // namespace vivarium::test

using vivarium::test::RunningInstanceTest;
VIVARIUM_TEST(RunningInstanceTest)
#include "running_instance_test.moc"
