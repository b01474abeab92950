#include "tests/integration/guests/isolinux_cd.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QImage>
#include <QTest>

namespace vivarium::test {

// CDs that real-mode and 32-bit boot programs start from, on the software processor: they switch
// modes all the time and call the firmware from each.
class BootCdGuestTest : public QObject {
    Q_OBJECT

    const QString ipxe = QStringLiteral("/usr/lib/ipxe/ipxe.iso");
    const QString machine = QStringLiteral("boot");
    static constexpr int kScreenMs = 100'000;

    bool start(VivSession& session, const QString& cd) const {
        return session.succeeds({QStringLiteral("create"), machine, QStringLiteral("--accelerator"),
                                 QStringLiteral("software"), QStringLiteral("--memory"),
                                 QStringLiteral("64M"), QStringLiteral("--cdrom"), cd}) &&
               session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"), machine});
    }

    // A CD whose menu has two entries: boot sectors that print "1!" and "2!" in text mode.
    static QString makeMenuCd(const VivSession& session) {
        std::map<QString, QByteArray> sectors;
        for (const char digit : {'1', '2'}) {
            // mov ax, 3; int 10h; mov ax, 0E00h + digit; int 10h; mov al, '!'; int 10h; hlt
            QByteArray sector = QByteArray::fromHex("b80300cd10b8000ecd10b021cd10f4ebfd");
            sector[6] = digit;
            sectors[QChar::fromLatin1(digit) + QStringLiteral(".bin")] =
                sector.leftJustified(2048, '\0');
        }
        return makeIsolinuxCd(session.home(),
                              "UI vesamenu.c32\nMENU TITLE Two entries\n"
                              "LABEL first\nBOOT /1.bin\nLABEL second\nBOOT /2.bin\n",
                              sectors);
    }

    // Which line of the graphical menu is highlighted (reddish on grey), from 0; -1: none.
    int highlightedLine(VivSession& session) const {
        constexpr int kX = 300, kFirstY = 60, kLineHeight = 16, kLines = 4, kReddish = 16;
        const QString png = session.path(QStringLiteral("menu.png"));
        if (!session.succeeds({QStringLiteral("screenshot"), machine, png}))
            return -1;
        const QImage picture(png);
        if (picture.size() != QSize(640, 480))
            return -1;
        for (int line = 0; line < kLines; ++line) {
            const QColor colour = picture.pixelColor(kX, kFirstY + line * kLineHeight);
            if (colour.red() > colour.blue() + kReddish)
                return line;
        }
        return -1;
    }

private Q_SLOTS:
    void isolinuxShowsItsGraphicalMenu() {
        if (const QString reason = missingFile(isolinuxFiles()); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        const QString cd = makeMenuCd(session);
        QVERIFY(!cd.isEmpty());
        QVERIFY2(start(session, cd), session.lastError());
        QTRY_COMPARE_WITH_TIMEOUT(highlightedLine(session), 0, 100'000);
        QVERIFY2(session.press(machine, QStringLiteral("down")), session.lastError());
        QTRY_COMPARE_WITH_TIMEOUT(highlightedLine(session), 1, 30'000);
        QVERIFY2(session.press(machine, QStringLiteral("ret")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("2!"), kScreenMs),
                 session.lastError());
    }

    void ipxeComesToItsPrompt() {
        if (const QString reason = missingFile({ipxe}); !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        QVERIFY2(start(session, ipxe), session.lastError());
        // It asks for two seconds.
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Press Ctrl-B"), kScreenMs),
                 session.lastError());
        QVERIFY2(session.press(machine, QStringLiteral("ctrl+b")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("iPXE>"), kScreenMs),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("type"), machine,
                                   QStringLiteral("echo ${buildarch}-${platform}\n")}),
                 session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("i386-pcbios"), kScreenMs),
                 session.lastError());
    }
};

} // namespace vivarium::test

using vivarium::test::BootCdGuestTest;
VIVARIUM_TEST(BootCdGuestTest)
#include "boot_cd_guest_test.moc"
