#include "vmm/disk/chain/disk_chain.h"

#include "tests/support/test_main.h"
#include "vmm/disk/test_support/raw_disk.h"
#include "vmm/disk/test_support/request_runner.h"

#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <random>
#include <semaphore>

#include <fcntl.h>
#include <sys/stat.h>

using namespace vivarium;

namespace {

UniqueFd createFile(const QString& path, uint64_t sizeBytes) {
    UniqueFd fd(::open(path.toLocal8Bit().constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (::ftruncate(fd.get(), static_cast<off_t>(sizeBytes)) != 0)
        return {};
    return fd;
}

std::vector<uint8_t> pattern(size_t bytes, uint8_t seed) {
    std::vector<uint8_t> out(bytes);
    for (size_t i = 0; i < bytes; ++i)
        out[i] = static_cast<uint8_t>(seed + i * 7 + i / 512);
    return out;
}

} // namespace

class RawDiskTest : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_dir;

    std::unique_ptr<DiskChain> open(uint64_t sizeBytes, DiskChainOptions options,
                                    const QString& name = QStringLiteral("disk.img")) {
        QFETCH_GLOBAL(IoEngine::Kind, engine);
        options.engine = engine;
        auto image = openRawDisk(createFile(m_dir.filePath(name), sizeBytes), options);
        return image ? std::move(*image) : nullptr;
    }

private Q_SLOTS:
    void initTestCase_data() {
        QTest::addColumn<IoEngine::Kind>("engine");
        if (IoLoop::create(IoEngine::Kind::IoUring))
            QTest::newRow("io_uring") << IoEngine::Kind::IoUring;
        else
            qInfo("SKIP: this host does not allow io_uring");
        QTest::newRow("threads") << IoEngine::Kind::ThreadPool;
    }
    void init() { QFile::remove(m_dir.filePath(QStringLiteral("disk.img"))); }

    void writesAreReadBack() {
        auto image = open(1 << 20, {});
        QVERIFY(image);
        QCOMPARE(writeBytes(*image, 4096, pattern(8192, 3)), 0);
        std::vector<uint8_t> back(8192);
        QCOMPARE(readBytes(*image, 4096, back), 0);
        QCOMPARE(back, pattern(8192, 3));
        QCOMPARE(runSimple(*image, BlockRequest::Kind::Flush), 0);
    }

    void randomOperationsMatchAModel() {
        constexpr uint64_t kSize = 4 << 20;
        constexpr size_t kBlock = 64 * 1024; // concurrent requests stay in blocks of their own
        constexpr size_t kBlocks = kSize / kBlock;
        auto image = open(kSize, {});
        QVERIFY(image);
        std::vector<uint8_t> model(kSize);
        std::mt19937 random(20261121);
        std::vector<std::vector<uint8_t>> data(kBlocks);
        for (int round = 0; round < 60; ++round) {
            std::atomic<int> failures = 0;
            struct Expected {
                size_t block;
                size_t at;
            };
            std::vector<Expected> reads;
            for (size_t block = 0; block < kBlocks; ++block) {
                size_t at = block * kBlock + random() % 64 * 512;
                size_t length = (random() % 64 + 1) * 512;
                BlockRequest request;
                request.offsetBytes = at;
                request.lengthBytes = length;
                request.completed = [&](int error) { failures += error != 0; };
                unsigned what = random() % 8;
                if (what < 6) {
                    data[block] = what < 3 ? pattern(length, static_cast<uint8_t>(random()))
                                           : std::vector<uint8_t>(length);
                    for (size_t used = 0; used < length;) { // scattered, odd pieces too
                        size_t part = std::min<size_t>(length - used, random() % 3000 + 1);
                        request.buffers.push_back({data[block].data() + used, part});
                        used += part;
                    }
                    request.kind = what < 3 ? BlockRequest::Kind::Write : BlockRequest::Kind::Read;
                    if (what < 3)
                        std::copy(data[block].begin(), data[block].end(),
                                  model.begin() + static_cast<long>(at));
                    else
                        reads.push_back({block, at});
                } else {
                    request.kind =
                        what == 6 ? BlockRequest::Kind::Discard : BlockRequest::Kind::WriteZeroes;
                    std::fill_n(model.begin() + static_cast<long>(at), length, uint8_t{0});
                }
                image->submit(std::move(request));
            }
            image->drain();
            QCOMPARE(failures.load(), 0);
            for (const Expected& read : reads)
                QVERIFY(std::equal(data[read.block].begin(), data[read.block].end(),
                                   model.begin() + static_cast<long>(read.at)));
        }
        std::vector<uint8_t> whole(kSize);
        QCOMPARE(readBytes(*image, 0, whole), 0);
        QVERIFY(whole == model);
        image.reset();
        QFile file(m_dir.filePath(QStringLiteral("disk.img")));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), QByteArray(reinterpret_cast<char*>(model.data()), kSize));
    }

    void qemuIoSeesTheSameBytes() {
        QString tool = QStandardPaths::findExecutable(QStringLiteral("qemu-io"));
        if (tool.isEmpty())
            QSKIP("qemu-io is not installed");
        auto image = open(1 << 20, {});
        QVERIFY(image);
        QCOMPARE(writeBytes(*image, 65536, std::vector<uint8_t>(4096, 0xA5)), 0);
        QCOMPARE(runSimple(*image, BlockRequest::Kind::Discard, 65536, 512), 0);
        image.reset();
        auto run = [&](const QString& command) {
            QProcess process;
            process.start(tool, {QStringLiteral("-f"), QStringLiteral("raw"), QStringLiteral("-c"),
                                 command, m_dir.filePath(QStringLiteral("disk.img"))});
            process.waitForFinished();
            return process.exitCode() == 0 &&
                   !process.readAllStandardOutput().contains("verification failed");
        };
        QVERIFY(run(QStringLiteral("read -P 0xa5 66048 3584")));
        QVERIFY(run(QStringLiteral("read -P 0 65536 512")));
        QVERIFY(run(QStringLiteral("write -P 0x3c 131072 512")));
        auto again = open(1 << 20, {});
        QVERIFY(again);
        std::vector<uint8_t> back(512);
        QCOMPARE(readBytes(*again, 131072, back), 0);
        QCOMPARE(back, std::vector<uint8_t>(512, 0x3C));
    }

    void manyRequestsAtOnceAllComplete() {
        auto image = open(8 << 20, {});
        QVERIFY(image);
        constexpr int kCount = 2000; // far above the queue depth
        std::atomic<int> done = 0;
        std::vector<uint8_t> buffer(4096, 0x11);
        for (int i = 0; i < kCount; ++i)
            image->submit({i % 50 == 0 ? BlockRequest::Kind::Flush : BlockRequest::Kind::Write,
                           static_cast<uint64_t>(i) * 4096,
                           4096,
                           {{buffer.data(), buffer.size()}},
                           [&](int error) { done += error == 0; }});
        image->drain();
        QCOMPARE(done.load(), kCount);
    }

    void moreBuffersThanOneCallTakes() {
        auto image = open(8 << 20, {});
        QVERIFY(image);
        std::vector<uint8_t> bytes = pattern(4096 * 512, 9);
        BlockRequest request{BlockRequest::Kind::Write, 512, bytes.size(), {}, {}};
        for (size_t i = 0; i < 4096; ++i)
            request.buffers.push_back({bytes.data() + i * 512, 512});
        QCOMPARE(runRequest(*image, request), 0);
        std::vector<uint8_t> back(bytes.size());
        QCOMPARE(readBytes(*image, 512, back), 0);
        QVERIFY(back == bytes);
    }

    void oddSizesEndInZeroes() {
        auto image = open(1300, {});
        QVERIFY(image);
        QCOMPARE(image->sizeBytes(), uint64_t{1536});
        QCOMPARE(writeBytes(*image, 0, pattern(1024, 1)), 0);
        std::vector<uint8_t> back(1536, 0xEE);
        QCOMPARE(readBytes(*image, 0, back), 0);
        QCOMPARE(std::vector<uint8_t>(back.begin() + 1024, back.end()), std::vector<uint8_t>(512));
        QCOMPARE(writeBytes(*image, 1024, pattern(512, 5)), 0);
        QCOMPARE(readBytes(*image, 0, back), 0);
        QCOMPARE(std::vector<uint8_t>(back.begin() + 1024, back.end()), pattern(512, 5));
    }

    void aFileThatShrankReadsZeroes() {
        auto image = open(1 << 16, {});
        QVERIFY(image);
        QCOMPARE(writeBytes(*image, 0, pattern(1 << 16, 1)), 0);
        QCOMPARE(
            ::truncate(m_dir.filePath(QStringLiteral("disk.img")).toLocal8Bit().constData(), 1000),
            0);
        std::vector<uint8_t> back(4096, 0xEE);
        QCOMPARE(readBytes(*image, 0, back), 0);
        std::vector<uint8_t> expected = pattern(1000, 1);
        expected.resize(4096);
        QCOMPARE(back, expected);
    }

    void discardGivesSpaceBack() {
        auto image = open(4 << 20, {});
        QVERIFY(image);
        QCOMPARE(writeBytes(*image, 0, pattern(4 << 20, 1)), 0);
        QCOMPARE(runSimple(*image, BlockRequest::Kind::Flush), 0);
        struct stat before {
        }, after{};
        QByteArray path = m_dir.filePath(QStringLiteral("disk.img")).toLocal8Bit();
        QCOMPARE(::stat(path.constData(), &before), 0);
        QCOMPARE(runSimple(*image, BlockRequest::Kind::Discard, 1 << 20, 2 << 20), 0);
        QCOMPARE(::stat(path.constData(), &after), 0);
        QVERIFY(after.st_blocks < before.st_blocks);
        QCOMPARE(after.st_size, before.st_size);
    }

    void cacheModesAllWork_data() {
        QTest::addColumn<DiskCacheMode>("mode");
        QTest::newRow("write-back") << DiskCacheMode::WriteBack;
        QTest::newRow("write-through") << DiskCacheMode::WriteThrough;
        QTest::newRow("unsafe") << DiskCacheMode::Unsafe;
        QTest::newRow("direct") << DiskCacheMode::Direct;
    }
    void cacheModesAllWork() {
        QFETCH(DiskCacheMode, mode);
        auto image = open(1 << 20, {.cacheMode = mode});
        QVERIFY(image);
        QCOMPARE(writeBytes(*image, 512, pattern(1024, 8)), 0);
        QCOMPARE(runSimple(*image, BlockRequest::Kind::WriteZeroes, 512, 512), 0);
        QCOMPARE(runSimple(*image, BlockRequest::Kind::Flush), 0);
        std::vector<uint8_t> back(512, 1);
        QCOMPARE(readBytes(*image, 512, back), 0);
        QCOMPARE(back, std::vector<uint8_t>(512));
    }

    void threadHookRunsBeforeIo() {
        std::atomic<int> started = 0;
        auto image = open(1 << 20, {.threadStarted = [&] { ++started; }});
        QVERIFY(image);
        QCOMPARE(writeBytes(*image, 0, pattern(512, 8)), 0);
        QVERIFY(started.load() >= 1);
    }

    void completionsComeFromAnotherThread() {
        auto image = open(1 << 20, {});
        QVERIFY(image);
        std::binary_semaphore inSubmit(0);
        std::atomic<bool> sameThread = false;
        auto self = std::this_thread::get_id();
        image->submit({BlockRequest::Kind::Flush, 0, 0, {}, [&](int) {
                           inSubmit.acquire(); // would hang if called from inside submit
                           sameThread = std::this_thread::get_id() == self;
                       }});
        inSubmit.release();
        image->drain();
        QVERIFY(!sameThread);
    }
};

VIVARIUM_TEST(RawDiskTest)
#include "raw_disk_test.moc"
