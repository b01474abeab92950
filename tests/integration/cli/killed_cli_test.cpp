#include "tests/integration/cli/tiny_kernel.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRandomGenerator>
#include <QTest>

#include <csignal>

namespace vivarium::test {

// kill -9 of the worker, and of viv in the middle of the verbs that deal with one: the library
// tells the truth afterwards.
class KilledCliTest : public QObject {
    Q_OBJECT

    static QStringList words(const QString& text) { return text.split(u' ', Qt::SkipEmptyParts); }
    bool succeeds(const QString& text) { return m_session->succeeds(words(text)); }
    QJsonObject machine() {
        return QJsonDocument::fromJson(
                   m_session->run(words(QStringLiteral("info m --json"))).standardOutput)
            .object();
    }
    QString state() { return machine().value(u"state").toString(); }
    qint64 workerPid() { return machine().value(u"live").toObject().value(u"pid").toInteger(); }
    void killSoon(const QString& arguments, int afterMs) {
        QProcess viv;
        viv.setProcessEnvironment(m_session->environment());
        viv.start(VivSession::program(QStringLiteral("viv")), words(arguments));
        if (!viv.waitForFinished(afterMs)) {
            viv.kill();
            viv.waitForFinished();
        }
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = VivSession::missingKvm(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }
    void init() {
        m_session = std::make_unique<VivSession>();
        const QString kernel = m_session->path(QStringLiteral("kernel"));
        QVERIFY(TinyKernel().print("READY").halt().write(kernel));
        QVERIFY2(succeeds(QStringLiteral("create m --memory 16M --kernel ") + kernel),
                 m_session->lastError());
    }
    void cleanup() { m_session.reset(); }

    void aKilledWorkerIsAborted() {
        QVERIFY2(succeeds(QStringLiteral("start --headless m")), m_session->lastError());
        const qint64 pid = workerPid();
        QVERIFY(pid > 0);
        QCOMPARE(::kill(static_cast<pid_t>(pid), SIGKILL), 0);
        QTRY_COMPARE(state(), QStringLiteral("aborted"));
        QVERIFY(m_session->run(words(QStringLiteral("log m --events")))
                    .standardOutput.contains("aborted"));
        QCOMPARE(m_session->run(words(QStringLiteral("screen m"))).status, 4);
        QVERIFY2(succeeds(QStringLiteral("start --headless m")), m_session->lastError());
        QCOMPARE(state(), QStringLiteral("running"));
        QVERIFY2(succeeds(QStringLiteral("stop --force m")), m_session->lastError());
        QCOMPARE(state(), QStringLiteral("powered-off"));
    }

    void vivKilledWhileItStartsAMachine() {
        QRandomGenerator random(3);
        for (int round = 0; round < 8; ++round) {
            killSoon(QStringLiteral("start --headless m"),
                     static_cast<int>(random.bounded(5, 120)));
            // A worker that nobody could tell to start ends by itself.
            QString seen;
            QTRY_VERIFY2_WITH_TIMEOUT((seen = state()) != QStringLiteral("starting") &&
                                          !seen.isEmpty(),
                                      qPrintable(seen), 20'000);
            if (seen == QStringLiteral("running")) {
                QVERIFY2(succeeds(QStringLiteral("wait m --serial READY --timeout 20")),
                         m_session->lastError());
                QVERIFY2(succeeds(QStringLiteral("stop --force m")), m_session->lastError());
            }
            QVERIFY2(seen == QStringLiteral("running") || seen == QStringLiteral("powered-off") ||
                         seen == QStringLiteral("aborted"),
                     qPrintable(seen));
        }
        QVERIFY2(succeeds(QStringLiteral("start --headless m")), m_session->lastError());
    }

    void vivKilledWhileItTalksToAMachine_data() {
        QTest::addColumn<QString>("arguments");
        for (const char* arguments :
             {"pause m", "resume m", "reset m", "screen m", "key m a", "type m hello",
              "wait m --screen NEVER", "serial m", "info m", "stop m"})
            QTest::newRow(arguments) << QString::fromLatin1(arguments);
    }
    void vivKilledWhileItTalksToAMachine() {
        QFETCH(QString, arguments);
        QVERIFY2(succeeds(QStringLiteral("start --headless m")), m_session->lastError());
        for (const int afterMs : {5, 15, 30, 60})
            killSoon(arguments, afterMs);
        const QString seen = state();
        QVERIFY2(seen == QStringLiteral("running") || seen == QStringLiteral("paused") ||
                     seen == QStringLiteral("stopping"),
                 qPrintable(seen));
        QVERIFY2(succeeds(QStringLiteral("stop --force m")), m_session->lastError());
        QCOMPARE(state(), QStringLiteral("powered-off"));
    }

    void vivKilledWhileItStopsAMachine() {
        for (const int afterMs : {5, 15, 30, 60}) {
            QVERIFY2(succeeds(QStringLiteral("start --headless m")), m_session->lastError());
            killSoon(QStringLiteral("stop --force m"), afterMs);
            QString seen;
            QTRY_VERIFY2_WITH_TIMEOUT((seen = state()) == QStringLiteral("running") ||
                                          seen == QStringLiteral("powered-off"),
                                      qPrintable(seen), 20'000);
            if (seen == QStringLiteral("running"))
                QVERIFY2(succeeds(QStringLiteral("stop --force m")), m_session->lastError());
        }
    }

private:
    std::unique_ptr<VivSession> m_session;
};

} // namespace vivarium::test

using vivarium::test::KilledCliTest;
VIVARIUM_TEST(KilledCliTest)
#include "killed_cli_test.moc"
