#include "tests/integration/cli/tiny_kernel.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDir>
#include <QTest>

#include <csignal>

#include <unistd.h>

namespace vivarium::test {

// `viv run`: machines that leave nothing behind.
class RunCliTest : public QObject {
    Q_OBJECT

    QStringList runKernel(const TinyKernel& kernel, const QStringList& options) const {
        const QString path = m_session->path(QStringLiteral("kernel"));
        kernel.write(path);
        return QStringList{QStringLiteral("run"), QStringLiteral("--memory"), QStringLiteral("16M"),
                           QStringLiteral("--kernel"), path} +
               options;
    }
    // But what was learned about the host, which stays.
    QStringList filesInHome() const {
        QStringList names = QDir(m_session->home())
                                .entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot);
        names.removeOne(QStringLiteral("cache"));
        return names;
    }
    // Processes whose parent or grandparent is this test and that are called vivarium-vmm with
    // `marker` in their open files would be hard to find; a worker is known by the serial file it
    // writes.
    static bool isAlive(qint64 pid) {
        QFile status(QStringLiteral("/proc/%1/status").arg(pid));
        return status.open(QIODevice::ReadOnly) && !status.readAll().contains("State:\tZ");
    }
    static QList<qint64> childrenOf(qint64 pid) {
        QFile file(QStringLiteral("/proc/%1/task/%1/children").arg(pid));
        QList<qint64> children;
        if (file.open(QIODevice::ReadOnly))
            for (const QByteArray& child : file.readAll().split(' '))
                if (!child.trimmed().isEmpty())
                    children << child.toLongLong();
        return children;
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = VivSession::missingKvm(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }
    void init() { m_session = std::make_unique<VivSession>(); }
    void cleanup() { m_session.reset(); }

    void theGuestsExitValueBecomesTheStatus_data() {
        QTest::addColumn<int>("value");
        QTest::newRow("0") << 0;
        QTest::newRow("16") << 16;
        QTest::newRow("42") << 42;
    }
    void theGuestsExitValueBecomesTheStatus() {
        QFETCH(int, value);
        const auto output = m_session->run(runKernel(
            TinyKernel().print("Grüße from the guest\n").exit(static_cast<char>(value)).halt(),
            {QStringLiteral("--exit-device"), QStringLiteral("--serial"),
             QStringLiteral("stdio")}));
        QCOMPARE(output.status, value << 1 | 1);
        QCOMPARE(output.standardOutput, QByteArray("Grüße from the guest\n"));
        QCOMPARE(output.standardError, QByteArray());
        QCOMPARE(filesInHome(), QStringList{QStringLiteral("kernel")});
    }

    void aTimeoutIs124() {
        const auto output = m_session->run(
            runKernel(TinyKernel().halt(), {QStringLiteral("--timeout"), QStringLiteral("0.5")}));
        QCOMPARE(output.status, 124);
        QVERIFY(output.standardError.startsWith("viv: "));
    }

    void aFailedStartIsOneSentence() {
        const auto output = m_session->run(
            {QStringLiteral("run"), QStringLiteral("--kernel"), QStringLiteral("/no/such/kernel")});
        QCOMPARE(output.status, 3);
        QVERIFY(output.standardError.startsWith("viv: The kernel /no/such/kernel does not exist"));
    }

    void nothingIsLeftHoweverVivEnds_data() {
        QTest::addColumn<int>("signal");
        QTest::newRow("SIGINT") << SIGINT;
        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGKILL") << SIGKILL;
    }
    void nothingIsLeftHoweverVivEnds() {
        QFETCH(int, signal);
        QProcess viv;
        viv.setProcessEnvironment(m_session->environment());
        viv.start(VivSession::program(QStringLiteral("viv")),
                  runKernel(TinyKernel().print("READY").spin(),
                            {QStringLiteral("--serial"), QStringLiteral("stdio")}));
        QByteArray heard;
        QTRY_VERIFY_WITH_TIMEOUT((heard += viv.readAllStandardOutput()).contains("READY"), 20'000);
        const QList<qint64> workers = childrenOf(viv.processId());
        QVERIFY(!workers.isEmpty());
        QCOMPARE(::kill(static_cast<pid_t>(viv.processId()), signal), 0);
        QVERIFY(viv.waitForFinished(20'000));
        if (signal != SIGKILL)
            QCOMPARE(viv.exitCode(), 130);
        for (const qint64 worker : workers)
            QTRY_VERIFY_WITH_TIMEOUT(!isAlive(worker), 20'000);
        QCOMPARE(filesInHome(), QStringList{QStringLiteral("kernel")});
    }

private:
    std::unique_ptr<VivSession> m_session;
};

} // namespace vivarium::test

using vivarium::test::RunCliTest;
VIVARIUM_TEST(RunCliTest)
#include "run_cli_test.moc"
