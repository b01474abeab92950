#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QTest>

namespace vivarium::test {

// grub-invaders from a GRUB Legacy CD: a moving picture that answers keys.
class GameGuestTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        const QString reason =
            VivSession::missingKvm() +
            missingFile({QStringLiteral("/boot/invaders.exec"),
                         QStringLiteral("/usr/lib/grub/x86_64-pc/stage2_eltorito"),
                         QStringLiteral("/usr/bin/xorriso")});
        if (!reason.isEmpty())
            QSKIP(qPrintable(reason));
    }

    void theGameRunsFromItsCdAndAnswersKeys() {
        VivSession session;
        const QString iso = makeInvadersCd(session.home());
        QVERIFY(!iso.isEmpty());
        QVERIFY2(session.succeeds({QStringLiteral("create"), QStringLiteral("game"),
                                   QStringLiteral("--memory"), QStringLiteral("64M"),
                                   QStringLiteral("--cdrom"), iso}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"),
                                   QStringLiteral("game")}),
                 session.lastError());
        QVERIFY2(session.succeeds({QStringLiteral("wait"), QStringLiteral("game"),
                                   QStringLiteral("--screen"), QStringLiteral("/ \\\\"),
                                   QStringLiteral("--timeout"), QStringLiteral("120")},
                                  130'000),
                 session.lastError());
        // The ship stands where the last row of the screen has its hull; "left" moves it left.
        const int before = shipColumn(session);
        QVERIFY(before > 0);
        QTRY_VERIFY_WITH_TIMEOUT(pressLeftMovedShip(session, before), 60'000);
    }

private:
    // The column of the ship, which is drawn in the lowest rows that hold anything.
    static int shipColumn(const VivSession& session) {
        const QList<QByteArray> lines =
            session.run({QStringLiteral("screen"), QStringLiteral("game")}).standardOutput.split('\n');
        for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
            const int column = static_cast<int>(line->indexOf('/'));
            if (column >= 0)
                return column;
        }
        return -1;
    }

    static bool pressLeftMovedShip(VivSession& session, int before) {
        session.succeeds({QStringLiteral("key"), QStringLiteral("game"), QStringLiteral("left")});
        const int now = shipColumn(session);
        return now >= 0 && now < before;
    }
};

} // namespace vivarium::test

using vivarium::test::GameGuestTest;
VIVARIUM_TEST(GameGuestTest)
#include "game_guest_test.moc"
