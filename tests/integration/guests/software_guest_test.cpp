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

    static bool create(VivSession& session, const QStringList& options) {
        return session.succeeds(QStringList{QStringLiteral("create"), QStringLiteral("soft"),
                                            QStringLiteral("--accelerator"),
                                            QStringLiteral("software")} +
                                options) &&
               session.succeeds(
                   {QStringLiteral("start"), QStringLiteral("--headless"), QStringLiteral("soft")});
    }
    static bool press(VivSession& session, const QString& key,
                      const QString& machine = QStringLiteral("soft")) {
        return session.succeeds({QStringLiteral("key"), machine, key});
    }
    static bool waitForScreen(VivSession& session, const QString& pattern,
                              const QString& machine = QStringLiteral("soft")) {
        return session.succeeds({QStringLiteral("wait"), machine, QStringLiteral("--screen"),
                                 pattern, QStringLiteral("--timeout"), QStringLiteral("100")},
                                110'000);
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
        QVERIFY2(waitForScreen(session, QStringLiteral("Halted\\.")), session.lastError());
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
        QVERIFY2(session.succeeds({QStringLiteral("wait"), QStringLiteral("soft"),
                                   QStringLiteral("--screen"), QStringLiteral("Test #10"),
                                   QStringLiteral("--timeout"), QStringLiteral("300")},
                                  310'000),
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
        QVERIFY2(waitForScreen(session, QStringLiteral("Press ESC for boot menu")),
                 session.lastError());
        QVERIFY2(press(session, QStringLiteral("esc")), session.lastError());
        QVERIFY2(waitForScreen(session, QStringLiteral("Select boot device:")),
                 session.lastError());
        QVERIFY2(press(session, QStringLiteral("1")), session.lastError());
        QVERIFY2(waitForScreen(session, QStringLiteral("Q!")), session.lastError());
        QVERIFY2(press(session, QStringLiteral("a")), session.lastError());
        QVERIFY2(waitForScreen(session, QStringLiteral("Q!a")), session.lastError());

        QVERIFY2(session.succeeds({QStringLiteral("save"), QStringLiteral("soft")}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"),
                                   QStringLiteral("soft")}),
                 session.lastError());
        QVERIFY2(press(session, QStringLiteral("b")), session.lastError());
        QVERIFY2(waitForScreen(session, QStringLiteral("Q!ab")), session.lastError());

        QVERIFY2(session.succeeds({QStringLiteral("fork"), QStringLiteral("soft")}),
                 session.lastError());
        QVERIFY2(press(session, QStringLiteral("c")), session.lastError());
        QVERIFY2(waitForScreen(session, QStringLiteral("Q!abc")), session.lastError());
        const QString copy = QStringLiteral("soft (fork 1)");
        QVERIFY2(press(session, QStringLiteral("d"), copy), session.lastError());
        QVERIFY2(waitForScreen(session, QStringLiteral("Q!abd"), copy), session.lastError());
    }
};

} // namespace vivarium::test

using vivarium::test::SoftwareGuestTest;
VIVARIUM_TEST(SoftwareGuestTest)
#include "software_guest_test.moc"
