#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QFile>
#include <QTest>

namespace vivarium::test {

// Stock SeaBIOS: its boot menu opens on ESC, and a digit picks the device.
class FirmwareGuestTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        const QString reason = VivSession::missingKvm() +
                               missingFile({QStringLiteral("/usr/share/seabios/bios-256k.bin")});
        if (!reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void theBootMenuOpensAndADigitSelects() {
        VivSession session;
        // Two disks whose boot sectors print which one they are (INT 10h, AH=0Eh), then halt.
        for (const char letter : {'A', 'B'}) {
            QByteArray sector = QByteArray::fromHex("fc31c08ed8b40eb0") + letter +
                                QByteArray::fromHex("cd10b021cd10fbf4ebfd");
            sector = sector.leftJustified(510, '\0') + QByteArray::fromHex("55aa");
            QFile disk(session.path(QStringLiteral("disk%1.img").arg(QLatin1Char(letter))));
            QVERIFY(disk.open(QIODevice::WriteOnly));
            disk.write(sector.leftJustified(1 << 20, '\0'));
        }
        QVERIFY2(
            session.succeeds({QStringLiteral("create"), QStringLiteral("menu"),
                              QStringLiteral("--accelerator"), QStringLiteral("kvm"),
                              QStringLiteral("--memory"), QStringLiteral("64M"),
                              QStringLiteral("--boot-menu"), QStringLiteral("--disk"),
                              session.path(QStringLiteral("diskA.img")), QStringLiteral("--disk"),
                              session.path(QStringLiteral("diskB.img"))}),
            session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"),
                                   QStringLiteral("menu")}),
                 session.lastError());
        QVERIFY2(session.waitForScreen(QStringLiteral("menu"),
                                       QStringLiteral("Press ESC for boot menu"), 60'000),
                 session.lastError());
        QVERIFY2(session.succeeds(
                     {QStringLiteral("key"), QStringLiteral("menu"), QStringLiteral("esc")}),
                 session.lastError());
        QVERIFY2(session.waitForScreen(QStringLiteral("menu"),
                                       QStringLiteral("Select boot device:"), 60'000),
                 session.lastError());
        QVERIFY2(
            session.succeeds({QStringLiteral("key"), QStringLiteral("menu"), QStringLiteral("2")}),
            session.lastError());
        QVERIFY2(session.waitForScreen(QStringLiteral("menu"), QStringLiteral("B!"), 60'000),
                 session.lastError());
    }
};

} // namespace vivarium::test

using vivarium::test::FirmwareGuestTest;
VIVARIUM_TEST(FirmwareGuestTest)
#include "firmware_guest_test.moc"
