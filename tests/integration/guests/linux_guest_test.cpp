#include "tests/integration/guests/initramfs.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDir>
#include <QTest>

namespace vivarium::test {

// Debian's own kernel on the software processor with one, two and four vCPUs. Its /init is
// programs/exercise.c, which says on the serial port what worked.
class LinuxGuestTest : public QObject {
    Q_OBJECT

    const QString busybox = QStringLiteral("/bin/busybox");

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = missingFile({guestKernel(), busybox, exerciseProgram()});
            !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void programsWork_data() {
        QTest::addColumn<int>("cpus");
        QTest::newRow("one") << 1;
        QTest::newRow("two") << 2;
        QTest::newRow("four") << 4;
    }
    void programsWork() {
        QFETCH(int, cpus);
        VivSession session;
        const QString initrd = session.path(QStringLiteral("initrd"));
        QVERIFY(writeInitramfs(initrd, {{QStringLiteral("init"), exerciseProgram()},
                                        {QStringLiteral("bin/busybox"), busybox},
                                        {QStringLiteral("bin/sh"), busybox}}));
        // The guest turns itself off when it is through.
        const auto output = session.run(
            {QStringLiteral("run"), QStringLiteral("--accelerator"), QStringLiteral("software"),
             QStringLiteral("--kernel"), guestKernel(), QStringLiteral("--initrd"), initrd,
             QStringLiteral("--append"), QStringLiteral("console=ttyS0 quiet panic=-1"),
             QStringLiteral("--memory"), QStringLiteral("256M"), QStringLiteral("--cpus"),
             QString::number(cpus), QStringLiteral("--serial"), QStringLiteral("stdio"),
             QStringLiteral("--timeout"), QStringLiteral("180")},
            200'000);
        const QByteArray all = output.standardOutput + output.standardError;
        QVERIFY2(all.contains("exercise over"), all);
        QVERIFY2(!all.contains("BAD"), all);
        QVERIFY2(all.contains("processors: " + QByteArray::number(cpus)), all);
        for (const char* name : {"fork", "pipes", "signals", "floating point", "avx", "threads",
                                 "shoot-down", "self-modifying code", "processors", "shell"})
            QVERIFY2(all.contains(QByteArray("ok ") + name), all);
        QVERIFY2(output.status == 0, all);
    }
};

} // namespace vivarium::test

using vivarium::test::LinuxGuestTest;
VIVARIUM_TEST(LinuxGuestTest)
#include "linux_guest_test.moc"
