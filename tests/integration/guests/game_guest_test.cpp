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
        QVERIFY2(startGame(session), session.lastError());
        const int before = shipColumn(session, game);
        QVERIFY(before > 0);
        QTRY_VERIFY_WITH_TIMEOUT(shipMoves(session, game, before, Direction::Left), 60'000);
    }

    void theGameIsRestoredTenTimes() {
        VivSession session;
        QVERIFY2(startGame(session), session.lastError());
        const int before = shipColumn(session, game);
        QVERIFY(before > 0);
        QVERIFY2(session.succeeds({QStringLiteral("snapshot"), QStringLiteral("take"), game,
                                   QStringLiteral("Moment")}),
                 session.lastError());
        for (int round = 0; round < 10; ++round) {
            const auto direction = round % 2 == 0 ? Direction::Left : Direction::Right;
            QTRY_VERIFY_WITH_TIMEOUT(shipMoves(session, game, before, direction), 60'000);
            QVERIFY2(session.succeeds({QStringLiteral("snapshot"), QStringLiteral("restore"), game,
                                       QStringLiteral("Moment")}),
                     session.lastError());
            QVERIFY2(
                session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"), game}),
                session.lastError());
            QCOMPARE(shipColumn(session, game), before);
        }
    }

    void eightForksAreEightGames() {
        constexpr int kForks = 8;
        VivSession session;
        QVERIFY2(startGame(session), session.lastError());
        const int before = shipColumn(session, game);
        QVERIFY(before > 0);
        QVERIFY2(session.succeeds({QStringLiteral("fork"), game, QStringLiteral("--count"),
                                   QString::number(kForks)}),
                 session.lastError());
        for (int number = 1; number <= kForks; ++number) {
            const QString fork = QStringLiteral("game (fork %1)").arg(number);
            QCOMPARE(shipColumn(session, fork), before); // whatever the others were told
            const auto direction = number % 2 == 0 ? Direction::Left : Direction::Right;
            QTRY_VERIFY_WITH_TIMEOUT(shipMoves(session, fork, before, direction), 60'000);
            // One game less for the processor.
            QVERIFY2(session.succeeds({QStringLiteral("stop"), QStringLiteral("--force"), fork}),
                     session.lastError());
        }
        QCOMPARE(shipColumn(session, game), before);
    }

private:
    const QString game = QStringLiteral("game");
    enum class Direction { Left, Right };

    // Until the ship is on the screen.
    bool startGame(VivSession& session) const {
        const QString iso = makeInvadersCd(session.home());
        return !iso.isEmpty() &&
               session.succeeds({QStringLiteral("create"), game, QStringLiteral("--accelerator"),
                                 QStringLiteral("kvm"), QStringLiteral("--memory"),
                                 QStringLiteral("64M"), QStringLiteral("--cdrom"), iso}) &&
               session.succeeds({QStringLiteral("start"), QStringLiteral("--headless"), game}) &&
               session.succeeds({QStringLiteral("wait"), game, QStringLiteral("--screen"),
                                 QStringLiteral("/ \\\\"), QStringLiteral("--timeout"),
                                 QStringLiteral("120")},
                                130'000);
    }

    // The column of the ship, which is drawn in the lowest rows that hold anything.
    static int shipColumn(const VivSession& session, const QString& name) {
        const QList<QByteArray> lines =
            session.run({QStringLiteral("screen"), name}).standardOutput.split('\n');
        for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
            const int column = static_cast<int>(line->indexOf('/'));
            if (column >= 0)
                return column;
        }
        return -1;
    }

    static bool shipMoves(VivSession& session, const QString& name, int before,
                          Direction direction) {
        const bool left = direction == Direction::Left;
        session.succeeds(
            {QStringLiteral("key"), name, left ? QStringLiteral("left") : QStringLiteral("right")});
        const int now = shipColumn(session, name);
        return now >= 0 && (left ? now < before : now > before);
    }
};

} // namespace vivarium::test

using vivarium::test::GameGuestTest;
VIVARIUM_TEST(GameGuestTest)
#include "game_guest_test.moc"
