#include "vmm/base/event_loop.h"
#include "vmm/base/timer_queue.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <ctime>
#include <thread>

#include <fcntl.h>
#include <sys/epoll.h>

using namespace vivarium;

namespace {

class ManualClock : public Clock {
public:
    uint64_t nowNs() const override { return time; }
    int64_t wallClockNs() const override { return 0; }
    uint64_t time = 0;
};

uint64_t monotonicNs() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

struct Pipe {
    UniqueFd readEnd, writeEnd;
    Pipe() {
        int ends[2];
        [[maybe_unused]] int made = ::pipe2(ends, O_CLOEXEC | O_NONBLOCK);
        readEnd.reset(ends[0]);
        writeEnd.reset(ends[1]);
    }
    void fill() const { [[maybe_unused]] ssize_t written = ::write(writeEnd.get(), "x", 1); }
    void drain() const {
        char byte;
        while (::read(readEnd.get(), &byte, 1) == 1) {
        }
    }
};

} // namespace

class TimerQueueTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void firesOnceInOrderOfDeadline() {
        ManualClock clock;
        TimerQueue queue(clock);
        std::string log;
        Timer b(queue, [&] { log += 'b'; });
        Timer a(queue, [&] { log += 'a'; });
        Timer c(queue, [&] { log += 'c'; });
        b.arm(200);
        a.arm(100);
        c.arm(300);
        QCOMPARE(*queue.nextDeadlineNs(), uint64_t(100));
        queue.runExpired();
        QCOMPARE(log, std::string());
        clock.time = 250;
        queue.runExpired();
        queue.runExpired();
        QCOMPARE(log, std::string("ab"));
        QVERIFY(!a.armed());
        QVERIFY(c.armed());
        c.cancel();
        clock.time = 1000;
        queue.runExpired();
        QCOMPARE(log, std::string("ab"));
        QVERIFY(!queue.nextDeadlineNs());
    }

    void equalDeadlinesFireInOrderOfCreation() {
        ManualClock clock;
        TimerQueue queue(clock);
        std::string log;
        std::vector<std::unique_ptr<Timer>> timers;
        for (char name = 'a'; name <= 'z'; ++name)
            timers.push_back(std::make_unique<Timer>(queue, [&log, name] { log += name; }));
        for (auto& timer : timers)
            timer->arm(5);
        clock.time = 5;
        queue.runExpired();
        QCOMPARE(log, std::string("abcdefghijklmnopqrstuvwxyz"));
    }

    void reArmedInThePastWaitsForTheNextRound() {
        ManualClock clock;
        TimerQueue queue(clock);
        int count = 0;
        Timer* self = nullptr;
        Timer timer(queue, [&] {
            ++count;
            self->arm(0);
        });
        self = &timer;
        timer.arm(0);
        queue.runExpired();
        QCOMPARE(count, 1);
        queue.runExpired();
        QCOMPARE(count, 2);
    }

    void callbacksMayCancelAndDestroyTimers() {
        ManualClock clock;
        TimerQueue queue(clock);
        std::string log;
        std::unique_ptr<Timer> second, third;
        std::unique_ptr<Timer> first = std::make_unique<Timer>(queue, [&] {
            std::string* out = &log; // the captures go with the timer
            third->cancel();
            second.reset();
            first.reset();
            *out += "first";
        });
        second = std::make_unique<Timer>(queue, [&] { log += "second"; });
        third = std::make_unique<Timer>(queue, [&] { log += "third"; });
        for (Timer* timer : {first.get(), second.get(), third.get()})
            timer->arm(1);
        clock.time = 1;
        queue.runExpired();
        QCOMPARE(log, std::string("first"));
    }

    void tellsWhenTheEarliestDeadlineChanges() {
        ManualClock clock;
        TimerQueue queue(clock);
        int changes = 0;
        queue.setDeadlineChanged([&] { ++changes; });
        Timer a(queue, [] {}), b(queue, [] {});
        a.arm(100);
        QCOMPARE(changes, 1);
        b.arm(200);
        QCOMPARE(changes, 1);
        b.arm(50);
        QCOMPARE(changes, 2);
        b.arm(300);
        QCOMPARE(changes, 3);
        a.arm(100);
        QCOMPARE(changes, 3);
    }
};
VIVARIUM_TEST(TimerQueueTest)

class EventLoopTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void callsBackForReadyDescriptors() {
        auto loop = std::move(*EventLoop::create());
        Pipe pipe;
        int called = 0;
        QVERIFY(loop->watch(pipe.readEnd.get(), EPOLLIN, [&](uint32_t events) {
            QVERIFY(events & EPOLLIN);
            pipe.drain();
            ++called;
        }));
        loop->runOnce(0);
        QCOMPARE(called, 0);
        pipe.fill();
        loop->runOnce(0);
        loop->runOnce(0);
        QCOMPARE(called, 1);
        loop->changeEvents(pipe.readEnd.get(), 0);
        pipe.fill();
        loop->runOnce(0);
        QCOMPARE(called, 1);
        loop->changeEvents(pipe.readEnd.get(), EPOLLIN);
        loop->runOnce(0);
        QCOMPARE(called, 2);
        loop->unwatch(pipe.readEnd.get());
        pipe.fill();
        loop->runOnce(0);
        QCOMPARE(called, 2);
    }

    void refusesWhatCannotBeWatched() {
        auto loop = std::move(*EventLoop::create());
        QVERIFY(!loop->watch(-1, EPOLLIN, [](uint32_t) {}));
        UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        QVERIFY(!loop->watch(null.get(), EPOLLIN, [](uint32_t) {}));
        loop->unwatch(null.get());
        loop->changeEvents(null.get(), EPOLLIN);
    }

    void watchesMayGoInsideCallbacks() {
        auto loop = std::move(*EventLoop::create());
        Pipe first, second;
        int called = 0;
        auto unwatchBoth = [&](uint32_t) {
            ++called;
            loop->unwatch(first.readEnd.get());
            loop->unwatch(second.readEnd.get());
        };
        QVERIFY(loop->watch(first.readEnd.get(), EPOLLIN, unwatchBoth));
        QVERIFY(loop->watch(second.readEnd.get(), EPOLLIN, unwatchBoth));
        first.fill();
        second.fill();
        loop->runOnce(0);
        QCOMPARE(called, 1);
    }

    void lateEventsDoNotReachTheNextOwnerOfADescriptor() {
        auto loop = std::move(*EventLoop::create());
        Pipe first, second, other;
        int wrong = 0;
        // Whichever runs first closes the other's descriptor and opens one with the same number.
        auto replace = [&](UniqueFd& mine, UniqueFd& its) {
            int number = its.get();
            loop->unwatch(mine.get());
            loop->unwatch(number);
            its.reset();
            QCOMPARE(::dup2(other.readEnd.get(), number), number);
            its.reset(number);
            QVERIFY(loop->watch(number, EPOLLIN, [&](uint32_t) { ++wrong; }));
        };
        QVERIFY(loop->watch(first.readEnd.get(), EPOLLIN,
                            [&](uint32_t) { replace(first.readEnd, second.readEnd); }));
        QVERIFY(loop->watch(second.readEnd.get(), EPOLLIN,
                            [&](uint32_t) { replace(second.readEnd, first.readEnd); }));
        first.fill();
        second.fill();
        loop->runOnce(0);
        QCOMPARE(wrong, 0);
    }

    void postedTasksRunInOrder() {
        auto loop = std::move(*EventLoop::create());
        std::string log;
        loop->post([&] {
            log += 'a';
            loop->post([&] { log += 'c'; });
        });
        loop->post([&] { log += 'b'; });
        loop->runOnce(-1);
        QCOMPARE(log, std::string("ab"));
        loop->runOnce(-1);
        QCOMPARE(log, std::string("abc"));
    }

    void stopsFromAnotherThread() {
        auto loop = std::move(*EventLoop::create());
        int tasks = 0;
        std::jthread other([&] {
            for (int i = 0; i < 1000; ++i)
                loop->post([&] { ++tasks; });
            loop->post([&] { loop->stop(); });
        });
        loop->run();
        QCOMPARE(tasks, 1000);
        loop->stop();
        loop->run(); // a stop from before counts
    }

    void wakesAtItsTime() {
        auto loop = std::move(*EventLoop::create());
        int woken = 0;
        loop->setWakeCallback([&] { ++woken; });
        uint64_t start = monotonicNs();
        loop->wakeAt(start + 20'000'000);
        while (woken == 0)
            loop->runOnce(1000);
        QVERIFY(monotonicNs() - start >= 20'000'000);
        loop->wakeAt(1); // long ago
        loop->runOnce(1000);
        QCOMPARE(woken, 2);
        loop->wakeAt(monotonicNs() + 1'000'000);
        loop->wakeAt(0);
        loop->runOnce(20);
        QCOMPARE(woken, 2);
    }
};
VIVARIUM_TEST(EventLoopTest)

#include "event_loop_test.moc"
