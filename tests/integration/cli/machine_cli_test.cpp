#include "tests/integration/cli/tiny_kernel.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

namespace vivarium::test {

// viv and a real guest: every verb that needs one.
class MachineCliTest : public QObject {
    Q_OBJECT

    using Output = VivSession::Output;

    static QStringList words(const QString& text) { return text.split(u' ', Qt::SkipEmptyParts); }
    Output viv(const QString& text) { return m_session->run(words(text)); }
    bool succeeds(const QString& text) { return m_session->succeeds(words(text)); }
    QString state() {
        return QJsonDocument::fromJson(viv(QStringLiteral("list --json")).standardOutput)
            .array()
            .at(0)
            .toObject()
            .value(u"state")
            .toString();
    }
    // Creates and starts a machine "m" with `kernel`.
    bool start(const TinyKernel& kernel, const QString& options = {}) {
        const QString path = m_session->path(QStringLiteral("kernel"));
        return kernel.write(path) &&
               succeeds(
                   QStringLiteral("create m --memory 16M --kernel %1 %2").arg(path, options)) &&
               succeeds(QStringLiteral("start --headless m"));
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = VivSession::missingKvm(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }
    void init() { m_session = std::make_unique<VivSession>(); }
    void cleanup() { m_session.reset(); }

    void theLifeOfAMachine() {
        QVERIFY2(start(TinyKernel().print("READY\r\n").halt()), m_session->lastError());
        QVERIFY2(succeeds(QStringLiteral("wait m --serial READY --timeout 20")),
                 m_session->lastError());
        QCOMPARE(state(), QStringLiteral("running"));
        QVERIFY2(succeeds(QStringLiteral("pause m")), m_session->lastError());
        QVERIFY2(succeeds(QStringLiteral("wait m --state paused --timeout 10")),
                 m_session->lastError());
        QCOMPARE(state(), QStringLiteral("paused"));
        QVERIFY2(succeeds(QStringLiteral("resume m")), m_session->lastError());
        QCOMPARE(state(), QStringLiteral("running"));
        QVERIFY2(succeeds(QStringLiteral("reset m")), m_session->lastError());
        QVERIFY2(succeeds(QStringLiteral("wait m --serial READY[^R]*READY --timeout 20")),
                 m_session->lastError());
        QCOMPARE(viv(QStringLiteral("stop m")).status, 4); // nobody hears it
        QCOMPARE(state(), QStringLiteral("running"));
        QVERIFY2(succeeds(QStringLiteral("stop --force m")), m_session->lastError());
        QCOMPARE(state(), QStringLiteral("powered-off"));
        const QByteArray history = viv(QStringLiteral("log m --events")).standardOutput;
        for (const char* event : {"started", "paused", "resumed", "reset", "stopped"})
            QVERIFY2(history.contains(event), history);
        QVERIFY2(succeeds(QStringLiteral("delete m")), m_session->lastError());
    }

    void aRunningMachineIsProtected() {
        QVERIFY2(start(TinyKernel().halt()), m_session->lastError());
        QCOMPARE(viv(QStringLiteral("start --headless m")).status, 5);
        QCOMPARE(viv(QStringLiteral("set m --memory 32M")).status, 4);
        QCOMPARE(viv(QStringLiteral("delete m")).status, 4);
        QVERIFY2(succeeds(QStringLiteral("rename m n")), m_session->lastError());
        QVERIFY2(succeeds(QStringLiteral("set n --notes busy")), m_session->lastError());
        QCOMPARE(state(), QStringLiteral("running"));
    }

    void theSerialPortCanBeTalkedTo() {
        QVERIFY2(start(TinyKernel().print("READY\r\n").echo()), m_session->lastError());
        QProcess serial;
        serial.setProcessEnvironment(m_session->environment());
        serial.start(VivSession::program(QStringLiteral("viv")),
                     {QStringLiteral("serial"), QStringLiteral("m")});
        serial.write("hello guest");
        QByteArray heard;
        QTRY_VERIFY_WITH_TIMEOUT((heard += serial.readAllStandardOutput()).contains("hello guest"),
                                 20'000);
        QVERIFY(heard.startsWith("READY")); // what was said before is there too
        QVERIFY2(succeeds(QStringLiteral("stop --force m")), m_session->lastError());
        QVERIFY(serial.waitForFinished(20'000)); // the end of the machine ends it
    }

    void theScreenIsPrintedAndPhotographed() {
        QVERIFY2(start(TinyKernel().halt()), m_session->lastError());
        const QJsonObject screen =
            QJsonDocument::fromJson(viv(QStringLiteral("screen m --json")).standardOutput).object();
        QVERIFY(!screen.isEmpty());
        const QString path = m_session->path(QStringLiteral("shot.png"));
        QVERIFY2(m_session->succeeds({QStringLiteral("screenshot"), QStringLiteral("m"), path}),
                 m_session->lastError());
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray png = file.readAll();
        QVERIFY(png.startsWith("\x89PNG\r\n\x1a\n"));
        const Output impossible = viv(QStringLiteral("screenshot m /no/such/folder/x.png"));
        QVERIFY(impossible.status != 0 && impossible.standardError.startsWith("viv: "));
    }

    void keysAndTextAreSent() {
        QVERIFY2(start(TinyKernel().halt()), m_session->lastError());
        QVERIFY2(succeeds(QStringLiteral("key m ctrl+alt+delete")), m_session->lastError());
        const Output unread = viv(QStringLiteral("type m abc")); // this guest reads no keyboard
        QCOMPARE(unread.status, 124);
        QVERIFY2(unread.standardError.contains("keyboard"), unread.standardError);
        const Output unknown = viv(QStringLiteral("key m hyperspace"));
        QCOMPARE(unknown.status, 2);
        QVERIFY(unknown.standardError.contains("hyperspace"));
    }

    void mediaAreChangedWhileItRuns() {
        QFile medium(m_session->path(QStringLiteral("a.iso")));
        QVERIFY(medium.open(QIODevice::WriteOnly));
        medium.write(QByteArray(1 << 16, 'x'));
        medium.close();
        QFile kernel(m_session->path(QStringLiteral("kernel")));
        QVERIFY(TinyKernel().halt().write(kernel.fileName()));
        QVERIFY2(m_session->succeeds({QStringLiteral("create"), QStringLiteral("m"),
                                      QStringLiteral("--kernel"), kernel.fileName(),
                                      QStringLiteral("--cdrom"), QString()}),
                 m_session->lastError());
        QVERIFY2(succeeds(QStringLiteral("start --headless m")), m_session->lastError());
        const auto mediumName = [this] {
            const QJsonObject info =
                QJsonDocument::fromJson(viv(QStringLiteral("info m --json")).standardOutput)
                    .object();
            return info.value(u"live").toObject().value(u"drives").toArray().at(0).toObject().value(
                u"medium");
        };
        QCOMPARE(mediumName(), QString());
        QVERIFY2(succeeds(QStringLiteral("media m insert ") + medium.fileName()),
                 m_session->lastError());
        QCOMPARE(mediumName(), QStringLiteral("a.iso"));
        QVERIFY2(succeeds(QStringLiteral("media m eject")), m_session->lastError());
        QCOMPARE(mediumName(), QString());
        QCOMPARE(viv(QStringLiteral("media m insert /no/such.iso")).status, 3);
    }

    void aDiskIsForOneMachine() {
        QFile disk(m_session->path(QStringLiteral("disk.img")));
        QVERIFY(disk.open(QIODevice::WriteOnly) && disk.resize(1 << 20));
        QVERIFY2(start(TinyKernel().halt(), QStringLiteral("--disk ") + disk.fileName()),
                 m_session->lastError());
        QVERIFY2(succeeds(QStringLiteral("create other --disk ") + disk.fileName()),
                 m_session->lastError());
        const Output refused = viv(QStringLiteral("start --headless other"));
        QCOMPARE(refused.status, 5);
        QVERIFY2(refused.standardError.contains("“m”"), refused.standardError);
    }

    void theVncAddressIsPrinted() {
        QVERIFY2(start(TinyKernel().halt(), QStringLiteral("--vnc on")), m_session->lastError());
        const QJsonObject vnc =
            QJsonDocument::fromJson(viv(QStringLiteral("vnc m --json")).standardOutput).object();
        QVERIFY(vnc.value(u"address").toString().startsWith(QStringLiteral("127.0.0.1:59")));
    }

    void waitingHasAnEnd() {
        QVERIFY2(start(TinyKernel().halt()), m_session->lastError());
        const Output late = viv(QStringLiteral("wait m --serial NEVER --timeout 0.3"));
        QCOMPARE(late.status, 124);
        QVERIFY(late.standardError.startsWith("viv: "));
        QCOMPARE(viv(QStringLiteral("wait m --serial [ --timeout 1")).status, 2);
    }

private:
    std::unique_ptr<VivSession> m_session;
};

} // namespace vivarium::test

using vivarium::test::MachineCliTest;
VIVARIUM_TEST(MachineCliTest)
#include "machine_cli_test.moc"
