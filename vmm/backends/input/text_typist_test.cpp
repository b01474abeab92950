#include "vmm/backends/input/text_typist.h"

#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;

namespace {

class ManualClock : public Clock {
public:
    uint64_t nowNs() const override { return time; }
    int64_t wallClockNs() const override { return 0; }
    uint64_t time = 1'000;
};

class FakeKeyboard : public InputDevice {
public:
    bool acceptsKeys() const override { return true; }
    bool keysPending() const override { return pending; }
    void key(KeyCode code, bool down) override {
        log += (down ? "+" : "-") + std::string(keyCodeName(code)) + " ";
    }
    bool pending = false;
    std::string log;
};

struct Bench {
    ManualClock clock;
    TimerQueue timers{clock};
    InputRouter router;
    FakeKeyboard keyboard;
    TextTypist typist{router, timers};
    int finished = 0;
    TextTypist::Outcome outcome{};
    std::string skipped;

    Bench() { router.addDevice(keyboard); }
    TextTypist::Completion completion() {
        return [this](TextTypist::Outcome how, const std::string& what) {
            ++finished;
            outcome = how;
            skipped = what;
        };
    }
    // Runs timers as they come due, at most `limit` of them.
    void run(int limit = 10'000) {
        while (limit-- > 0 && timers.nextDeadlineNs()) {
            clock.time = std::max(clock.time, *timers.nextDeadlineNs());
            timers.runExpired();
        }
    }
};

} // namespace

class TextTypistTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void typesStrokesInOrder() {
        Bench bench;
        QVERIFY(bench.typist.start("aB!\r\n\t", 15, bench.completion()));
        QVERIFY(bench.typist.typing());
        QCOMPARE(bench.keyboard.log, std::string()); // not from inside start()
        bench.run();
        QCOMPARE(bench.keyboard.log,
                 std::string("+a -a +leftshift +b -b -leftshift +leftshift +1 -1 -leftshift "
                             "+enter -enter +tab -tab "));
        QCOMPARE(bench.finished, 1);
        QVERIFY(bench.outcome == TextTypist::Outcome::Typed);
        QVERIFY(!bench.typist.typing());
    }

    void keepsThePace() {
        Bench bench;
        uint64_t start = bench.clock.time;
        QVERIFY(bench.typist.start("abcd", 20, bench.completion()));
        bench.run();
        QCOMPARE(bench.clock.time - start, uint64_t(80'000'000));
    }

    void reportsWhatCannotBeTyped() {
        Bench bench;
        QVERIFY(
            bench.typist.start("a\xC3\xA9\xF0\x9F\x98\x80z\xFF\xC0\x80", 0, bench.completion()));
        bench.run();
        QCOMPARE(bench.keyboard.log, std::string("+a -a +z -z "));
        QCOMPARE(bench.skipped, std::string("\xC3\xA9\xF0\x9F\x98\x80"
                                            "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"));
    }

    void capsLockIsMadeUpFor() {
        Bench bench;
        bench.router.setLeds({.capsLock = true});
        QVERIFY(bench.typist.start("aB1", 0, bench.completion()));
        bench.run();
        QCOMPARE(bench.keyboard.log, std::string("+leftshift +a -a -leftshift +b -b +1 -1 "));
    }

    void waitsForASlowGuest() {
        Bench bench;
        bench.keyboard.pending = true;
        QVERIFY(bench.typist.start("a", 15, bench.completion()));
        bench.run(50);
        QCOMPARE(bench.keyboard.log, std::string());
        bench.keyboard.pending = false;
        bench.run();
        QCOMPARE(bench.keyboard.log, std::string("+a -a "));
    }

    void givesUpOnADeadGuest() {
        Bench bench;
        bench.keyboard.pending = true;
        QVERIFY(bench.typist.start("a", 15, bench.completion()));
        bench.run(100'000);
        QVERIFY(bench.outcome == TextTypist::Outcome::Stalled);
        QCOMPARE(bench.keyboard.log, std::string());
    }

    void cancelReleasesWhatIsDown() {
        Bench bench;
        QVERIFY(bench.typist.start("ABC", 15, bench.completion()));
        bench.timers.runExpired();
        bench.typist.cancel();
        QVERIFY(bench.outcome == TextTypist::Outcome::Cancelled);
        bench.run();
        QCOMPARE(bench.keyboard.log, std::string("+leftshift +a -a -leftshift "));
        QCOMPARE(bench.finished, 1);
        QVERIFY(bench.typist.start("x", 15, bench.completion()));
    }

    void refusesWhatIsOutOfBounds() {
        Bench bench;
        QCOMPARE(bench.typist.start(std::string(65537, 'a'), 15, {}).error().code,
                 ErrorCode::LimitExceeded);
        QCOMPARE(bench.typist.start("a", 1001, {}).error().code, ErrorCode::InvalidArgument);
        QVERIFY(bench.typist.start("", 15, bench.completion()));
        QCOMPARE(bench.typist.start("a", 15, {}).error().code, ErrorCode::Busy);
        bench.run();
        QCOMPARE(bench.finished, 1);
    }
};
VIVARIUM_TEST(TextTypistTest)

#include "text_typist_test.moc"
