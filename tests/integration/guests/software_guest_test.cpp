#include "tests/integration/guests/initramfs.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

namespace vivarium::test {

// Unmodified guests on the software processor: what nobody needs KVM for.
class SoftwareGuestTest : public QObject {
    Q_OBJECT

    const QString kernel = QStringLiteral("/usr/lib/multiboot/examples/kernel");
    const QString firmware = QStringLiteral("/usr/share/seabios/bios-256k.bin");

    const QString machine = QStringLiteral("soft");
    static constexpr int kScreenMs = 100'000;

    static bool create(VivSession& session, const QStringList& options) {
        return session.succeeds(QStringList{QStringLiteral("create"), QStringLiteral("soft"),
                                            QStringLiteral("--accelerator"),
                                            QStringLiteral("software")} +
                                options) &&
               session.succeeds(
                   {QStringLiteral("start"), QStringLiteral("--headless"), QStringLiteral("soft")});
    }

private Q_SLOTS:
    void multibootKernelPrintsItsReport() {
        if (const QString reason = missingFile({kernel}); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        QVERIFY2(create(session, {QStringLiteral("--kernel"), kernel, QStringLiteral("--append"),
                                  QStringLiteral("one two"), QStringLiteral("--memory"),
                                  QStringLiteral("64M")}),
                 session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Halted\\."), kScreenMs),
                 session.lastError());
        const QByteArray screen =
            session.run({QStringLiteral("screen"), QStringLiteral("soft")}).standardOutput;
        QVERIFY2(screen.contains("one two"), screen);
        // Which accelerator runs, and why, is no secret.
        const auto info =
            session.run({QStringLiteral("info"), QStringLiteral("soft"), QStringLiteral("--json")});
        const QJsonObject live = QJsonDocument::fromJson(info.standardOutput)
                                     .object()
                                     .value(QStringLiteral("live"))
                                     .toObject();
        QCOMPARE(live.value(QStringLiteral("accelerator")).toString(), QStringLiteral("software"));
        QVERIFY(live.value(QStringLiteral("acceleratorReason")).toString().contains(u"settings"));
    }

    // All tests up to the last one, which waits some minutes for bits to fade.
    void memoryTestFindsNoError() {
        const QString memtest =
            guestFile(QStringLiteral("memtest86+"), QStringLiteral("boot/memtest86+x64.bin"));
        if (const QString reason = missingFile({memtest}); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        QVERIFY2(create(session, {QStringLiteral("--kernel"), memtest, QStringLiteral("--memory"),
                                  QStringLiteral("64M")}),
                 session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Test #10"), 300'000),
                 session.lastError());
        const QByteArray screen =
            session.run({QStringLiteral("screen"), QStringLiteral("soft")}).standardOutput;
        QVERIFY2(screen.contains("Errors: 0"), screen);
    }

    // Firmware, its timers, the keyboard, a disk; then saved, restored and forked.
    void firmwareBootsADiskAndTheGuestMovesOn() {
        if (const QString reason = missingFile({firmware}); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        // Prints "Q!" (INT 10h, AH=0Eh), then what is typed (INT 16h).
        QByteArray sector = QByteArray::fromHex("fc31c08ed8b40eb051cd10b021cd10fb") +
                            QByteArray::fromHex("b400cd16b40ecd10ebf6");
        sector = sector.leftJustified(510, '\0') + QByteArray::fromHex("55aa");
        QFile disk(session.path(QStringLiteral("disk.img")));
        QVERIFY(disk.open(QIODevice::WriteOnly));
        disk.write(sector.leftJustified(1 << 20, '\0'));
        disk.close();
        QVERIFY2(create(session, {QStringLiteral("--memory"), QStringLiteral("64M"),
                                  QStringLiteral("--cpus"), QStringLiteral("2"),
                                  QStringLiteral("--boot-menu"), QStringLiteral("--disk"),
                                  session.path(QStringLiteral("disk.img"))}),
                 session.lastError());
        QVERIFY2(
            session.waitForScreen(machine, QStringLiteral("Press ESC for boot menu"), kScreenMs),
            session.lastError());
        QVERIFY2(session.press(machine, QStringLiteral("esc")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Select boot device:"), kScreenMs),
                 session.lastError());
        QVERIFY2(session.press(machine, QStringLiteral("1")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Q!"), kScreenMs),
                 session.lastError());
        QVERIFY2(session.press(machine, QStringLiteral("a")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Q!a"), kScreenMs),
                 session.lastError());

        QVERIFY2(session.succeeds({QStringLiteral("save"), QStringLiteral("soft")}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"),
                                   QStringLiteral("soft")}),
                 session.lastError());
        QVERIFY2(session.press(machine, QStringLiteral("b")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Q!ab"), kScreenMs),
                 session.lastError());

        QVERIFY2(session.succeeds({QStringLiteral("fork"), QStringLiteral("soft")}),
                 session.lastError());
        QVERIFY2(session.press(machine, QStringLiteral("c")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Q!abc"), kScreenMs),
                 session.lastError());
        const QString copy = QStringLiteral("soft (fork 1)");
        QVERIFY2(session.press(copy, QStringLiteral("d")), session.lastError());
        QVERIFY2(session.waitForScreen(copy, QStringLiteral("Q!abd"), kScreenMs),
                 session.lastError());
    }
};

} // namespace vivarium::test

using vivarium::test::SoftwareGuestTest;
VIVARIUM_TEST(SoftwareGuestTest)
#include "software_guest_test.moc"
