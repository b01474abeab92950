#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QTest>

namespace vivarium::test {

// The GNU multiboot example kernel prints what the boot loader told it: exact text, known in
// advance.
class MultibootGuestTest : public QObject {
    Q_OBJECT

    const QString kernel = QStringLiteral("/usr/lib/multiboot/examples/kernel");

private Q_SLOTS:
    void initTestCase() {
        const QString reason = VivSession::missingKvm() + missingFile({kernel});
        if (!reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void memorySizeAndCommandLineArrive_data() {
        QTest::addColumn<int>("memoryMiB");
        QTest::addColumn<QByteArray>("commandLine");
        QTest::newRow("64 MiB") << 64 << QByteArray("one two");
        QTest::newRow("300 MiB") << 300 << QByteArray("console=none quiet");
    }

    void memorySizeAndCommandLineArrive() {
        QFETCH(int, memoryMiB);
        QFETCH(QByteArray, commandLine);
        VivSession session;
        QVERIFY2(session.succeeds({QStringLiteral("create"), QStringLiteral("multi"),
                                   QStringLiteral("--accelerator"), QStringLiteral("kvm"),
                                   QStringLiteral("--kernel"), kernel, QStringLiteral("--append"),
                                   QString::fromUtf8(commandLine), QStringLiteral("--memory"),
                                   QStringLiteral("%1M").arg(memoryMiB)}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"),
                                   QStringLiteral("multi")}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("wait"), QStringLiteral("multi"),
                                   QStringLiteral("--screen"), QStringLiteral("Halted\\."),
                                   QStringLiteral("--timeout"), QStringLiteral("60")},
                                  70'000),
                 session.lastError());
        const QByteArray screen =
            session.run({QStringLiteral("screen"), QStringLiteral("multi")}).standardOutput;
        // mem_upper counts KiB from 1 MiB to the end of the RAM below 4 GiB (multiboot
        // 0.6.96, 3.3).
        const QByteArray upper = QByteArray::number((memoryMiB - 1) * 1024);
        QVERIFY2(screen.contains("mem_lower = 639KB, mem_upper = " + upper + "KB") ||
                     screen.contains("mem_lower = 640KB, mem_upper = " + upper + "KB"),
                 screen);
        QVERIFY2(screen.contains("cmdline = ") && screen.contains(commandLine), screen);
        QVERIFY2(
            screen.contains("base_addr = 0x000100000, length = 0x" +
                            QByteArray::number((memoryMiB - 1) << 20, 16).rightJustified(9, '0')),
            screen);
    }
};

} // namespace vivarium::test

using vivarium::test::MultibootGuestTest;
VIVARIUM_TEST(MultibootGuestTest)
#include "multiboot_guest_test.moc"
