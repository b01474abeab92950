#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QImage>
#include <QTest>

namespace vivarium::test {

// The GRUB rescue CD, as somebody with a broken computer would boot it: to its prompt, in graphics.
class RescueCdGuestTest : public QObject {
    Q_OBJECT

    const QString iso = QStringLiteral("/usr/lib/grub-rescue/grub-rescue-cdrom.iso");

private Q_SLOTS:
    void initTestCase() {
        const QString reason = VivSession::missingKvm() + missingFile({iso});
        if (!reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void itReachesItsMenu() {
        VivSession session;
        QVERIFY2(session.succeeds({QStringLiteral("create"), QStringLiteral("rescue"),
                                   QStringLiteral("--accelerator"), QStringLiteral("kvm"),
                                   QStringLiteral("--memory"), QStringLiteral("256M"),
                                   QStringLiteral("--cdrom"), iso}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"),
                                   QStringLiteral("rescue")}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("wait"), QStringLiteral("rescue"),
                                   QStringLiteral("--screen"), QStringLiteral("GNU GRUB|grub>"),
                                   QStringLiteral("--timeout"), QStringLiteral("120")},
                                  130'000),
                 session.lastError());
        const QString png = session.path(QStringLiteral("rescue.png"));
        QVERIFY2(session.succeeds({QStringLiteral("screenshot"), QStringLiteral("rescue"), png}),
                 session.lastError());
        const QImage picture(png);
        QVERIFY(picture.width() >= 640 && picture.height() >= 400);
    }
};

} // namespace vivarium::test

using vivarium::test::RescueCdGuestTest;
VIVARIUM_TEST(RescueCdGuestTest)
#include "rescue_cd_guest_test.moc"
