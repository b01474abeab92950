#include "vmm/base/bytes.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/key_codes.h"
#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/base/scanout.h"
#include "vmm/base/shared_mapping.h"
#include "vmm/base/timer_queue.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <array>
#include <ctime>
#include <thread>

#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <sys/epoll.h>
#include <sys/mman.h>

using namespace vivarium;

namespace {

class ManualClock : public Clock {
public:
    uint64_t nowNs() const override { return time; }
    int64_t wallClockNs() const override { return 0; }
    uint64_t time = 0;
};

Result<int> half(int number) {
    if (number % 2)
        return fail(ErrorCode::InvalidArgument, "odd");
    return number / 2;
}

Result<int> quarter(int number) {
    return TRY(half(TRY(half(number))));
}

Result<void> check(int number) {
    TRY(half(number));
    return {};
}

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

class ResultTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void tryPassesValuesAndErrors() {
        QCOMPARE(*quarter(12), 3);
        QCOMPARE(quarter(6).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(quarter(6).error().detail, std::string("odd"));
        QVERIFY(check(2));
        QVERIFY(!check(1));
    }

    void systemErrorsHaveCodeNumberAndText() {
        Error error = systemError(ENOENT, "open disk image");
        QCOMPARE(error.code, ErrorCode::NotFound);
        QCOMPARE(error.systemErrno, ENOENT);
        QCOMPARE(error.detail, std::string("open disk image: No such file or directory"));
        QCOMPARE(systemError(ENOSPC, "x").code, ErrorCode::NoSpace);
        QCOMPARE(systemError(EACCES, "x").code, ErrorCode::PermissionDenied);
        QCOMPARE(systemError(EISDIR, "x").code, ErrorCode::InvalidArgument);
        QCOMPARE(systemError(ENOMEM, "x").code, ErrorCode::LimitExceeded);
        QCOMPARE(systemError(EIO, "x").code, ErrorCode::Io);
        QCOMPARE(systemError(12345, "x").code, ErrorCode::Io);
    }

    void codeNamesAreFoundAgain() {
        for (int i = 0; i <= static_cast<int>(ErrorCode::Internal); ++i) {
            auto code = static_cast<ErrorCode>(i);
            QCOMPARE(errorCodeFromName(errorCodeName(code)), code);
        }
        QCOMPARE(errorCodeFromName("nonsense"), ErrorCode::Internal);
    }
};
VIVARIUM_TEST(ResultTest)

class BytesTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void checkedArithmetic() {
        QCOMPARE(*checkedAdd<uint64_t>(1, 2), uint64_t(3));
        QVERIFY(!checkedAdd<uint64_t>(UINT64_MAX, 1));
        QVERIFY(!checkedAdd<int32_t>(INT32_MIN, -1));
        QCOMPARE(*checkedMultiply<uint32_t>(65535, 65537), UINT32_MAX);
        QVERIFY(!checkedMultiply<uint32_t>(65536, 65536));
    }

    void checkedShiftLosesNoBits() {
        QCOMPARE(*checkedShift<uint64_t>(1, 63), uint64_t{1} << 63);
        QVERIFY(!checkedShift<uint64_t>(2, 63));
        QVERIFY(!checkedShift<uint64_t>(0, 64));
        QCOMPARE(int(*checkedShift<uint8_t>(0x40, 1)), 0x80);
        QVERIFY(!checkedShift<uint8_t>(0x80, 1)); // promoted to int, the bit is not lost by itself
        QVERIFY(!checkedShift<uint16_t>(0x8000, 4));
        QVERIFY(!checkedShift<uint8_t>(1, 8));
    }

    void rangeFitsWithoutOverflow() {
        QVERIFY(rangeFits(0, 0, 0));
        QVERIFY(rangeFits(8, 0, 8));
        QVERIFY(rangeFits(4, 4, 8));
        QVERIFY(!rangeFits(4, 5, 8));
        QVERIFY(!rangeFits(9, 0, 8));
        QVERIFY(!rangeFits(UINT64_MAX, 2, UINT64_MAX));
        QVERIFY(!rangeFits(2, UINT64_MAX, UINT64_MAX));
    }

    void alignment() {
        QCOMPARE(alignUp(4097, 4096), uint64_t(8192));
        QCOMPARE(alignUp(4096, 4096), uint64_t(4096));
        QCOMPARE(alignDown(8191, 4096), uint64_t(4096));
    }

    void endianness() {
        uint8_t bytes[9] = {0xFF};
        storeBe<uint32_t>(bytes + 1, 0x01020304); // unaligned
        QCOMPARE(int(bytes[1]), 1);
        QCOMPARE(int(bytes[4]), 4);
        QCOMPARE(loadBe<uint32_t>(bytes + 1), 0x01020304u);
        QCOMPARE(loadLe<uint32_t>(bytes + 1), 0x04030201u);
        storeLe<uint16_t>(bytes + 1, 0xAABB);
        QCOMPARE(loadBe<uint16_t>(bytes + 1), uint16_t(0xBBAA));
        QCOMPARE(byteSwap<uint8_t>(0x12), uint8_t(0x12));
        QCOMPARE(byteSwap<uint64_t>(0x0102030405060708), uint64_t(0x0807060504030201));
    }

    void accessMasks() {
        QCOMPARE(accessMask(1), uint64_t(0xFF));
        QCOMPARE(accessMask(4), uint64_t(0xFFFFFFFF));
        QCOMPARE(accessMask(8), UINT64_MAX);
    }

    void formattedText() {
        QCOMPARE(formatText("%s %d", "a", 7), std::string("a 7"));
        QCOMPARE(formatText("%s", std::string(5000, 'x').c_str()).size(), size_t(5000));
        LogLimiter limiter;
        int allowed = 0;
        for (int i = 0; i < 10'000; ++i)
            allowed += limiter.allow();
        QVERIFY(allowed > 16 && allowed < 32);
    }
};
VIVARIUM_TEST(BytesTest)

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

class SharedMappingTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void isZeroedPagesThatOthersCanMap() {
        auto mapping = SharedMapping::create("test", 5000);
        QVERIFY(mapping);
        QCOMPARE(mapping->sizeBytes(), uint64_t(8192));
        QCOMPARE(int(mapping->bytes()[8191]), 0);
        mapping->data()[0] = 42;
        void* other = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, mapping->fd(), 0);
        QVERIFY(other != MAP_FAILED);
        QCOMPARE(int(*static_cast<uint8_t*>(other)), 42);
        ::munmap(other, 8192);
    }

    void cannotBeResized() {
        auto mapping = SharedMapping::create("test", 8192);
        QVERIFY(::ftruncate(mapping->fd(), 4096) != 0);
        QVERIFY(::ftruncate(mapping->fd(), 65536) != 0);
        QVERIFY(::fcntl(mapping->fd(), F_ADD_SEALS, F_SEAL_WRITE) != 0);
    }

    void moves() {
        auto mapping = std::move(*SharedMapping::create("test", 4096));
        uint8_t* data = mapping.data();
        SharedMapping other = std::move(mapping);
        QCOMPARE(other.data(), data);
        QVERIFY(mapping.data() == nullptr);
        QCOMPARE(mapping.sizeBytes(), uint64_t(0));
        other = std::move(*SharedMapping::create("test2", 4096));
        other.data()[0] = 1;
    }

    void sizesAreChecked() {
        QCOMPARE(SharedMapping::create("test", 0).error().code, ErrorCode::LimitExceeded);
        QCOMPARE(SharedMapping::create("test", UINT64_MAX).error().code, ErrorCode::LimitExceeded);
    }

    void descriptorsAreOwned() {
        Pipe pipe;
        int number = pipe.readEnd.get();
        auto copy = pipe.readEnd.duplicate();
        QVERIFY(copy && copy->get() != number);
        QVERIFY(::fcntl(copy->get(), F_GETFD) & FD_CLOEXEC);
        UniqueFd moved = std::move(pipe.readEnd);
        QVERIFY(!pipe.readEnd.valid());
        moved.reset();
        QCOMPARE(::fcntl(number, F_GETFD), -1);
        QVERIFY(!UniqueFd().duplicate());
    }
};
VIVARIUM_TEST(SharedMappingTest)

class ScanoutTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void validity_data() {
        QTest::addColumn<quint32>("width");
        QTest::addColumn<quint32>("height");
        QTest::addColumn<quint32>("stride");
        QTest::addColumn<quint64>("offset");
        QTest::addColumn<quint64>("memory");
        QTest::addColumn<bool>("valid");
        auto row = [](const char* name, quint32 w, quint32 h, quint32 stride, quint64 offset,
                      quint64 memory, bool valid) {
            QTest::newRow(name) << w << h << stride << offset << memory << valid;
        };
        row("exact", 640, 400, 2560, 0, 2560 * 400, true);
        row("last line without padding", 640, 2, 4096, 0, 4096 + 2560, true);
        row("one byte short", 640, 400, 2560, 0, 2560 * 400 - 1, false);
        row("with offset", 640, 400, 2560, 8, 2560 * 400 + 8, true);
        row("offset too far", 640, 400, 2560, 12, 2560 * 400 + 8, false);
        row("empty", 0, 400, 2560, 0, 1 << 30, false);
        row("no lines", 640, 0, 2560, 0, 1 << 30, false);
        row("too wide", 8193, 1, 8193 * 4, 0, 1 << 30, false);
        row("too high", 1, 8193, 4, 0, 1 << 30, false);
        row("stride too small", 640, 400, 2556, 0, 1 << 30, false);
        row("odd stride", 640, 400, 2562, 0, 1 << 30, false);
        row("odd offset", 640, 400, 2560, 2, 1 << 30, false);
        row("huge stride", 640, 8192, 0xFFFFFFFC, 0, 1ull << 30, false);
        row("huge offset", 640, 400, 2560, 0xFFFFFFFFFFFFFFFC, 1ull << 30, false);
    }
    void validity() {
        QFETCH(quint32, width);
        QFETCH(quint32, height);
        QFETCH(quint32, stride);
        QFETCH(quint64, offset);
        QFETCH(quint64, memory);
        QFETCH(bool, valid);
        QCOMPARE(scanoutIsValid({width, height, stride, offset, memory, 1}), valid);
    }

    void unions() {
        QCOMPARE((Rect{1, 2, 3, 4}.united({10, 1, 1, 1})), (Rect{1, 1, 10, 5}));
        QCOMPARE((Rect{1, 2, 0, 4}.united({10, 1, 1, 1})), (Rect{10, 1, 1, 1}));
        QCOMPARE((Rect{1, 2, 3, 4}.united({10, 1, 1, 0})), (Rect{1, 2, 3, 4}));
        Rect huge = Rect{0, 0, 10, 10}.united({UINT32_MAX, 5, UINT32_MAX, 1});
        QCOMPARE(huge, (Rect{0, 0, UINT32_MAX, 10}));
    }
};
VIVARIUM_TEST(ScanoutTest)

class KeyCodesTest : public QObject {
    Q_OBJECT

    static int codeOf(std::string_view name) {
        return static_cast<int>(keyCodeFromName(name).value_or(KeyCode{}));
    }

private Q_SLOTS:
    void everyNameIsFoundAgain() {
        int named = 0;
        for (int code = 1; code <= 247; ++code) {
            std::string_view name = keyCodeName(static_cast<KeyCode>(code));
            if (name == "unknown")
                continue;
            ++named;
            QCOMPARE(codeOf(name), code);
        }
        QVERIFY(named > 230);
        QCOMPARE(keyCodeName(KeyCode{0}), std::string_view("unknown"));
        QCOMPARE(keyCodeName(KeyCode{248}), std::string_view("unknown"));
        QCOMPARE(keyCodeName(KeyCode{65535}), std::string_view("unknown"));
    }

    void aliases() {
        QCOMPARE(codeOf("ctrl"), KEY_LEFTCTRL);
        QCOMPARE(codeOf("altgr"), KEY_RIGHTALT);
        QCOMPARE(codeOf("Super"), KEY_LEFTMETA);
        QCOMPARE(codeOf("return"), KEY_ENTER);
        QCOMPARE(codeOf("DEL"), KEY_DELETE);
        QCOMPARE(codeOf("escape"), KEY_ESC);
        QCOMPARE(codeOf("Page_Up"), KEY_PAGEUP);
        QCOMPARE(codeOf("pgdn"), KEY_PAGEDOWN);
        QCOMPARE(codeOf("spc"), KEY_SPACE);
        QCOMPARE(codeOf("print"), KEY_SYSRQ);
        QCOMPARE(codeOf("F12"), KEY_F12);
        QCOMPARE(codeOf("kp_enter"), KEY_KPENTER);
    }

    void unknownNames() {
        for (const char* name : {"", "_", "nonsense", "unknown", "reserved", "a ", "f25"})
            QCOMPARE(codeOf(name), 0);
    }

    void chords() {
        auto chord = parseKeyChord("ctrl+alt-Delete");
        QVERIFY(chord.has_value());
        QCOMPARE(*chord, (std::vector<KeyCode>{KeyCode(KEY_LEFTCTRL), KeyCode(KEY_LEFTALT),
                                               KeyCode(KEY_DELETE)}));
        QCOMPARE(parseKeyChord("f1")->size(), size_t(1));
        for (const char* text : {"", "+", "-", "ctrl+", "+a", "ctrl++a", "ctrl+nothing"})
            QVERIFY2(!parseKeyChord(text), text);
        std::string many = "a";
        for (int i = 0; i < 20; ++i)
            many += "+a";
        QVERIFY(!parseKeyChord(many));
    }

    void usKeyStrokes_data() {
        QTest::addColumn<int>("character");
        QTest::addColumn<int>("key");
        QTest::addColumn<bool>("shift");
        QTest::newRow("a") << int('a') << KEY_A << false;
        QTest::newRow("Z") << int('Z') << KEY_Z << true;
        QTest::newRow("0") << int('0') << KEY_0 << false;
        QTest::newRow(")") << int(')') << KEY_0 << true;
        QTest::newRow("@") << int('@') << KEY_2 << true;
        QTest::newRow("`") << int('`') << KEY_GRAVE << false;
        QTest::newRow("~") << int('~') << KEY_GRAVE << true;
        QTest::newRow("'") << int('\'') << KEY_APOSTROPHE << false;
        QTest::newRow("\"") << int('"') << KEY_APOSTROPHE << true;
        QTest::newRow("\\") << int('\\') << KEY_BACKSLASH << false;
        QTest::newRow("|") << int('|') << KEY_BACKSLASH << true;
        QTest::newRow("?") << int('?') << KEY_SLASH << true;
        QTest::newRow("space") << int(' ') << KEY_SPACE << false;
        QTest::newRow("newline") << int('\n') << KEY_ENTER << false;
        QTest::newRow("tab") << int('\t') << KEY_TAB << false;
    }
    void usKeyStrokes() {
        QFETCH(int, character);
        QFETCH(int, key);
        QFETCH(bool, shift);
        auto stroke = keyStrokeForCharacter(static_cast<char32_t>(character));
        QVERIFY(stroke.has_value());
        QCOMPARE(static_cast<int>(stroke->key), key);
        QCOMPARE(stroke->shift, shift);
    }

    void allOfAsciiCanBeTyped() {
        for (char32_t c = U' '; c <= U'~'; ++c)
            QVERIFY(keyStrokeForCharacter(c).has_value());
        for (char32_t c : {U'\0', U'\x01', U'\u00E9', U'\u20AC', U'\U0001F600', char32_t(0x161)})
            QVERIFY(!keyStrokeForCharacter(c).has_value());
    }
};
VIVARIUM_TEST(KeyCodesTest)

#include "base_test.moc"
