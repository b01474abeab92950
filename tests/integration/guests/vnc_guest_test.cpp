#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"
#include "tests/support/vnc_test_client.h"

#include <QImage>
#include <QProcess>
#include <QStandardPaths>
#include <QTest>

namespace vivarium::test {

// A packaged VNC client sees the same picture that the worker's own screenshot has.
class VncGuestTest : public QObject {
    Q_OBJECT

    const QString kernel = QStringLiteral("/usr/lib/multiboot/examples/kernel");

private Q_SLOTS:
    void initTestCase() {
        const QString reason = VivSession::missingKvm() +
                               missingFile({kernel, QStringLiteral("/usr/bin/vncsnapshot")});
        if (!reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void vncsnapshotGetsTheSamePicture() {
        VivSession session;
        QVERIFY2(session.succeeds({QStringLiteral("create"), QStringLiteral("shown"),
                                   QStringLiteral("--accelerator"), QStringLiteral("kvm"),
                                   QStringLiteral("--kernel"), kernel, QStringLiteral("--memory"),
                                   QStringLiteral("64M"), QStringLiteral("--vnc"),
                                   QStringLiteral("127.0.0.1")}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"),
                                   QStringLiteral("shown")}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("wait"), QStringLiteral("shown"),
                                   QStringLiteral("--screen"), QStringLiteral("Halted\\."),
                                   QStringLiteral("--timeout"), QStringLiteral("60")},
                                  70'000),
                 session.lastError());
        const int port = session.vncPort(QStringLiteral("shown"));
        QVERIFY(port >= 5900);

        const VncTestClient viewer(static_cast<uint16_t>(port));
        QVERIFY(viewer.connected);
        QCOMPARE(viewer.client->desktopName, "shown"); // a viewer's window is called so

        const QString jpeg = session.path(QStringLiteral("vnc.jpg"));
        QProcess client;
        client.setProcessChannelMode(QProcess::MergedChannels);
        client.start(QStringLiteral("vncsnapshot"),
                     {QStringLiteral("-quiet"), QStringLiteral("-quality"), QStringLiteral("100"),
                      QStringLiteral("127.0.0.1:%1").arg(port - 5900), jpeg});
        QVERIFY(client.waitForFinished(30'000));
        QVERIFY2(client.exitCode() == 0, client.readAll());
        const QString png = session.path(QStringLiteral("own.png"));
        QVERIFY2(session.succeeds({QStringLiteral("screenshot"), QStringLiteral("shown"), png}),
                 session.lastError());

        const QImage seen = QImage(jpeg).convertToFormat(QImage::Format_RGB32);
        const QImage own = QImage(png).convertToFormat(QImage::Format_RGB32);
        QVERIFY(!own.isNull());
        QCOMPARE(seen.size(), own.size());
        // JPEG is lossy: at its best quality a pixel is at most a few steps off.
        qint64 different = 0;
        for (int y = 0; y < own.height(); ++y)
            for (int x = 0; x < own.width(); ++x)
                if (qAbs(qGray(seen.pixel(x, y)) - qGray(own.pixel(x, y))) > 48)
                    ++different;
        QVERIFY2(different * 200 < qint64{own.width()} * own.height(),
                 qPrintable(QStringLiteral("%1 pixels differ").arg(different)));
    }
};

} // namespace vivarium::test

using vivarium::test::VncGuestTest;
VIVARIUM_TEST(VncGuestTest)
#include "vnc_guest_test.moc"
