#include "tests/integration/guests/initramfs.h"
#include "tests/integration/guests/isolinux_cd.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QDateTime>
#include <QFile>
#include <QRegularExpression>
#include <QTest>

namespace vivarium::test {

// Debian's own kernels on the software processor. They turn the machine off when they are through.
class LinuxGuestTest : public QObject {
    Q_OBJECT

    static QString write(const VivSession& session, const char* name, const QByteArray& contents) {
        QFile file(session.path(QString::fromLatin1(name)));
        return file.open(QIODevice::WriteOnly) && file.write(contents) == contents.size()
                   ? file.fileName()
                   : QString();
    }
    // What the guest says on its serial port, and what viv says about it.
    static VivSession::Output runGuest(const VivSession& session, int cpus,
                                       const QStringList& options) {
        return session.run(QStringList{QStringLiteral("run"), QStringLiteral("--accelerator"),
                                       QStringLiteral("software"), QStringLiteral("--memory"),
                                       QStringLiteral("256M"), QStringLiteral("--cpus"),
                                       QString::number(cpus), QStringLiteral("--serial"),
                                       QStringLiteral("stdio"), QStringLiteral("--timeout"),
                                       QStringLiteral("240")} +
                               options,
                           250'000);
    }

private Q_SLOTS:
    void programsWork_data() {
        QTest::addColumn<int>("cpus");
        QTest::newRow("one") << 1;
        QTest::newRow("two") << 2;
        QTest::newRow("four") << 4;
    }
    // /init is programs/exercise.c, which says what works.
    void programsWork() {
        QFETCH(int, cpus);
        const QString busybox = QStringLiteral("/bin/busybox");
        const QString kernel =
            guestFile(QStringLiteral("linux-image-cloud-amd64"), QStringLiteral("boot/vmlinuz-*"));
        if (const QString reason = missingFile({kernel, busybox, exerciseProgram()});
            !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        const QString initrd = write(session, "initrd",
                                     makeInitramfs({{QStringLiteral("init"), exerciseProgram()},
                                                    {QStringLiteral("bin/busybox"), busybox},
                                                    {QStringLiteral("bin/sh"), busybox}}));
        const auto output =
            runGuest(session, cpus,
                     {QStringLiteral("--kernel"), kernel, QStringLiteral("--initrd"), initrd,
                      QStringLiteral("--append"), QStringLiteral("console=ttyS0 quiet panic=-1")});
        const QByteArray all = output.standardOutput + output.standardError;
        QVERIFY2(all.contains("exercise over"), all);
        QVERIFY2(!all.contains("BAD"), all);
        QVERIFY2(all.contains("processors: " + QByteArray::number(cpus)), all);
        for (const char* name :
             {"fork", "pipes", "signals", "floating point", "avx", "threads", "shoot-down",
              "self-modifying code", "processors", "clocks", "shell"})
            QVERIFY2(all.contains(QByteArray("ok ") + name), all);
        QVERIFY2(output.status == 0, all);
        // The guest's wall clock is the host's; the guest said it some seconds ago.
        const QRegularExpressionMatch time =
            QRegularExpression(QStringLiteral("time: (\\d+)")).match(QString::fromLatin1(all));
        const qint64 behind = QDateTime::currentSecsSinceEpoch() - time.captured(1).toLongLong();
        QVERIFY2(behind >= -1 && behind < 120, qPrintable(QString::number(behind)));
    }

    // PAE paging and a 32-bit kernel, started by isolinux in real mode or through its 32-bit entry.
    void the32BitKernelComesToItsShell_data() {
        QTest::addColumn<bool>("directly");
        QTest::newRow("isolinux") << false;
        QTest::newRow("directly") << true;
    }
    void the32BitKernelComesToItsShell() {
        QFETCH(bool, directly);
        const QString kernel =
            guestFile(QStringLiteral("linux-image-686-pae-i386"), QStringLiteral("boot/vmlinuz-*"));
        const QString busybox =
            guestFile(QStringLiteral("busybox-static-i386"), QStringLiteral("bin/busybox"));
        if (const QString reason = missingFile(QStringList{kernel, busybox} + isolinuxFiles());
            !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        const QString init = write(session, "init",
                                   "#!/bin/busybox sh\n"
                                   "/bin/busybox mkdir /proc\n"
                                   "/bin/busybox mount -t proc proc /proc\n"
                                   "/bin/busybox uname -rm\n"
                                   "echo processors: $(/bin/busybox nproc)\n"
                                   "/bin/busybox seq 1 2000 | /bin/busybox sha256sum\n"
                                   "/bin/busybox sleep 1\n"
                                   "echo shell over\n"
                                   "/bin/busybox poweroff -f\n");
        const QByteArray initrd = makeInitramfs(
            {{QStringLiteral("init"), init}, {QStringLiteral("bin/busybox"), busybox}});
        const QByteArray commandLine = "console=ttyS0 quiet panic=-1";
        QStringList options;
        if (directly) {
            options = {QStringLiteral("--kernel"), kernel,
                       QStringLiteral("--initrd"), write(session, "initrd", initrd),
                       QStringLiteral("--append"), QString::fromLatin1(commandLine)};
        } else {
            const QString cd = makeIsolinuxCd(session.home(),
                                              "DEFAULT pae\nLABEL pae\nKERNEL /linux\n"
                                              "INITRD /initrd\nAPPEND " +
                                                  commandLine + '\n',
                                              {{QStringLiteral("linux"), contentsOf(kernel)},
                                               {QStringLiteral("initrd"), initrd}});
            QVERIFY(!cd.isEmpty());
            options = {QStringLiteral("--cdrom"), cd};
        }
        const auto output = runGuest(session, 2, options);
        const QByteArray all = output.standardOutput + output.standardError;
        QVERIFY2(all.contains("shell over"), all);
        QVERIFY2(all.contains("686-pae i686"), all);
        QVERIFY2(all.contains("processors: 2"), all);
        QVERIFY2(all.contains("6251e5743b6fd6a7d606130bdf7c15077ce85ebd3a0fdee284d15a46df199e38"),
                 all);
        QVERIFY2(output.status == 0, all);
    }

    // iPXE's image for boot loaders looks like a kernel, but begins with calls to a BIOS.
    void whatOnlyABiosStartsIsRefused() {
        const QString kernel = QStringLiteral("/usr/lib/ipxe/ipxe.lkrn");
        if (const QString reason = missingFile({kernel}); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        const auto output = runGuest(session, 1, {QStringLiteral("--kernel"), kernel});
        QVERIFY(output.status != 0);
        QVERIFY2(output.standardError.contains("can only be started by a BIOS"),
                 output.standardError);
    }
};

} // namespace vivarium::test

using vivarium::test::LinuxGuestTest;
VIVARIUM_TEST(LinuxGuestTest)
#include "linux_guest_test.moc"
