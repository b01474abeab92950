#include "vmm/disk/io/host_file.h"

#include "tests/support/test_main.h"
#include "vmm/disk/test_support/disk_test_tools.h"

#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

using namespace vivarium;

namespace {

// A page cache that behaves as a test wants it to: the calls below stand before the C library's.
struct PageCache {
    bool canSayItWouldWait = false;
    std::chrono::steady_clock::duration writeTakes{};
    unsigned writes = 0; // made by this thread, not by the ring or the pool
};
thread_local PageCache pageCache;

ssize_t realWrite(int fd, const iovec* parts, int count, off_t offset) {
    return ::syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

} // namespace

extern "C" ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
    ++pageCache.writes;
    std::this_thread::sleep_for(pageCache.writeTakes);
    return realWrite(fd, parts, count, offset);
}

extern "C" ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int) {
    if (pageCache.canSayItWouldWait)
        return realWrite(fd, parts, count, offset);
    errno = EOPNOTSUPP;
    return -1;
}

class HostFileTest : public QObject {
    Q_OBJECT

private:
    static constexpr size_t kPageBytes = 4096;
    QTemporaryDir m_dir;
    std::unique_ptr<IoLoop> m_loop;
    std::unique_ptr<AsyncFile> m_file;

    static Task<int> writing(AsyncFile& file, uint64_t offset, uint8_t* bytes, size_t count) {
        int error = co_await file.write(offset, bytes, count);
        co_return error;
    }
    int write(uint64_t offset, uint8_t value, size_t count = kPageBytes) {
        std::vector<uint8_t> bytes(count, value);
        return m_loop->runUntilDone(writing(*m_file, offset, bytes.data(), bytes.size()));
    }
    QString path() const { return m_dir.filePath(QStringLiteral("disk.img")); }

private Q_SLOTS:
    void init() {
        pageCache = {};
        auto loop = IoLoop::create();
        QVERIFY(loop);
        m_loop = std::move(*loop);
        auto file = HostFile::create(*m_loop, test::newFile(path()), HostFile::Access::ReadWrite);
        QVERIFY(file);
        m_file = std::move(*file);
    }
    void cleanup() {
        m_file.reset();
        m_loop.reset();
    }

    void wholePagesAreWrittenAtOnce() {
        QCOMPARE(write(0, 1), 0);
        QCOMPARE(pageCache.writes, 1U);
        QCOMPARE(test::fileBytes(path()), std::vector<uint8_t>(kPageBytes, 1));
    }

    void partsOfPagesAndLongWritesAreNot() {
        QCOMPARE(write(512, 1), 0);
        QCOMPARE(write(0, 2, 512), 0);
        QCOMPARE(write(0, 3, 512 * 1024), 0);
        QCOMPARE(pageCache.writes, 0U);
        QCOMPARE(test::fileBytes(path()), std::vector<uint8_t>(512 * 1024, 3));
    }

    void nothingIsWhereTheFileSystemSaysWhatWouldWait() {
        pageCache.canSayItWouldWait = true;
        QCOMPARE(write(0, 1), 0);
        QCOMPARE(write(kPageBytes, 1), 0);
        QCOMPARE(pageCache.writes, 0U);
        QCOMPARE(test::fileBytes(path()), std::vector<uint8_t>(2 * kPageBytes, 1));
    }

    void aSlowWriteGivesTheNextOnesToTheLoop() {
        pageCache.writeTakes = 2 * PageCachePace::kLongWrite;
        QCOMPARE(write(0, 1), 0);
        const auto begin = PageCachePace::Clock::now();
        QCOMPARE(write(kPageBytes, 2), 0);
        QVERIFY(pageCache.writes == 1 ||
                PageCachePace::Clock::now() - begin > PageCachePace::kFirstPause);
        std::vector<uint8_t> expected(kPageBytes, 1);
        expected.resize(2 * kPageBytes, 2);
        QCOMPARE(test::fileBytes(path()), expected);
    }

    void errorsOfWritesAtOnceAreReported() {
        auto file =
            HostFile::create(*m_loop, test::openFile(path(), O_RDONLY), HostFile::Access::ReadOnly);
        QVERIFY(file);
        m_file = std::move(*file);
        QCOMPARE(write(0, 1), EBADF);
        QCOMPARE(pageCache.writes, 1U);
    }

    void thePauseGrowsWhileWritesStaySlow() {
        using namespace std::chrono_literals;
        constexpr auto kLong = PageCachePace::kLongWrite + 1ms;
        PageCachePace pace;
        PageCachePace::Clock::time_point now{1h};
        QVERIFY(pace.isQuick(now));
        pace.wrote(now, now + PageCachePace::kLongWrite);
        QVERIFY(pace.isQuick(now + PageCachePace::kLongWrite));

        for (const auto pause : {250ms, 500ms, 1000ms, 2000ms, 4000ms, 8000ms, 8000ms}) {
            pace.wrote(now, now + kLong);
            now += kLong;
            QVERIFY(!pace.isQuick(now));
            QVERIFY(!pace.isQuick(now + pause - 1ms));
            now += pause;
            QVERIFY(pace.isQuick(now));
        }
    }

    void aLongGoodTimeMakesThePauseShortAgain() {
        using namespace std::chrono_literals;
        constexpr auto kLong = PageCachePace::kLongWrite + 1ms;
        PageCachePace pace;
        PageCachePace::Clock::time_point now{1h};
        pace.wrote(now, now + kLong);
        now += kLong + 250ms;
        pace.wrote(now, now + 1ms); // too soon to be trusted: the next pause is the longer one
        pace.wrote(now, now + kLong);
        now += kLong;
        QVERIFY(!pace.isQuick(now + 499ms));
        now += 500ms + 1000ms;
        pace.wrote(now, now + 1ms);
        pace.wrote(now, now + kLong);
        QVERIFY(pace.isQuick(now + kLong + 250ms));
    }
};

VIVARIUM_TEST(HostFileTest)
#include "host_file_test.moc"
