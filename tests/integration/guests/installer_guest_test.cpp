#include "tests/integration/guests/initramfs.h"
#include "tests/integration/guests/isolinux_cd.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"
#include "tests/support/vnc_test_client.h"

#include <QElapsedTimer>
#include <QTest>

#include <climits>

namespace vivarium::test {

// Debian's installer from a CD, on the software processor, up to its first question and on.
class InstallerGuestTest : public QObject {
    Q_OBJECT

    static constexpr int kStartMs = 400'000; // builds with sanitizers are slow
    const QString machine = QStringLiteral("installer");

    static QString imageFile(const QString& image, const QString& name) {
        return guestFile(QStringLiteral("debian-installer-12-netboot-amd64"),
                         QStringLiteral("usr/lib/debian-installer/images/12/amd64/") + image +
                             QStringLiteral("/debian-installer/amd64/") + name);
    }

    // The CD of one image ("text", "gtk") with these options for its kernel, started.
    bool start(VivSession& session, const QString& image, const QByteArray& options) const {
        const QString cd = makeIsolinuxCd(
            session.home(),
            "DEFAULT install\nPROMPT 0\nTIMEOUT 1\nLABEL install\nKERNEL /linux\n"
            "APPEND initrd=/initrd.gz " +
                options + " --- quiet\n",
            {{QStringLiteral("linux"), contentsOf(imageFile(image, QStringLiteral("linux")))},
             {QStringLiteral("initrd.gz"),
              contentsOf(imageFile(image, QStringLiteral("initrd.gz")))}});
        return !cd.isEmpty() &&
               session.succeeds({QStringLiteral("create"), machine, QStringLiteral("--accelerator"),
                                 QStringLiteral("software"), QStringLiteral("--memory"),
                                 QStringLiteral("1G"), QStringLiteral("--vnc"),
                                 QStringLiteral("127.0.0.1"), QStringLiteral("--cdrom"), cd}) &&
               session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"), machine});
    }

    // The first line of the picture, below its banner, that shows the list's highlighted entry
    // (teal on white); -1: there is none.
    static int highlightedLine(VncTestClient& viewer) {
        constexpr int kBannerLines = 170, kX = 600;
        viewer.pump();
        for (int y = kBannerLines; y < viewer.client->height; ++y) {
            const uint32_t colour = viewer.pixel(kX, y);
            const unsigned red = colour >> 16, green = colour >> 8 & 0xFF, blue = colour & 0xFF;
            if (red < 0x40 && green > 0x70 && green < 0xA0 && blue > 0x60 && blue < 0x98)
                return y;
        }
        return -1;
    }
    // That line, once it is in [first, last] and stays there; -1: it did not come so far.
    static int settledLine(VncTestClient& viewer, int first, int last, int timeoutMs = 60'000) {
        constexpr int kSettledMs = 500;
        QElapsedTimer whole, settled;
        whole.start();
        for (int line = -1; whole.elapsed() < timeoutMs;) {
            const int now = highlightedLine(viewer);
            if (now != line || now < first || now > last)
                settled.start();
            else if (settled.elapsed() > kSettledMs)
                return now;
            line = now;
        }
        return -1;
    }
    static void click(VncTestClient& viewer, int x, int y) {
        SendPointerEvent(viewer.client, x, y, rfbButton1Mask);
        SendPointerEvent(viewer.client, x, y, 0);
    }

private Q_SLOTS:
    void initTestCase() {
        const QString reason =
            missingFile(isolinuxFiles() +
                        QStringList{imageFile(QStringLiteral("text"), QStringLiteral("initrd.gz")),
                                    imageFile(QStringLiteral("gtk"), QStringLiteral("initrd.gz"))});
        if (!reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void textInstallerAsksForTheLanguage() {
        VivSession session;
        // Without a driver for the graphics adapter the console stays in text mode.
        QVERIFY2(start(session, QStringLiteral("text"), "nomodeset vga=normal fb=false"),
                 session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Select a language"), kStartMs),
                 session.lastError());
        // From English to Finnish; the next question is asked in it.
        QVERIFY2(session.press(machine, QStringLiteral("down")), session.lastError());
        QVERIFY2(session.press(machine, QStringLiteral("ret")), session.lastError());
        QVERIFY2(session.waitForScreen(machine, QStringLiteral("Valitse olinpaikkasi"), kStartMs),
                 session.lastError());
    }

    void graphicalInstallerAnswersKeyboardAndMouse() {
        VivSession session;
        QVERIFY2(start(session, QStringLiteral("gtk"), "vga=788"), session.lastError());
        VncTestClient viewer(session.vncPort(machine));
        QVERIFY(viewer.connected);
        const int english = settledLine(viewer, 0, INT_MAX, kStartMs);
        QVERIFY(english > 0);
        QVERIFY2(session.press(machine, QStringLiteral("down")), session.lastError());
        QVERIFY(settledLine(viewer, english + 1, INT_MAX) > 0);

        // The mouse tells movements only: the guest's pointer is in the middle of its screen.
        const int x = viewer.client->width / 2, y = viewer.client->height / 2;
        click(viewer, x, y);
        const int middle = settledLine(viewer, 0, english - 1);
        QVERIFY(middle > 0);
        for (int step = 1; step <= 20; ++step)
            SendPointerEvent(viewer.client, x, y - 5 * step, 0);
        click(viewer, x, y - 100);
        QVERIFY(settledLine(viewer, 0, middle - 1) > 0);
    }
};

} // namespace vivarium::test

using vivarium::test::InstallerGuestTest;
VIVARIUM_TEST(InstallerGuestTest)
#include "installer_guest_test.moc"
