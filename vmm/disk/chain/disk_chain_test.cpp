#include "tests/support/test_main.h"
#include "vmm/disk/test_support/disk_test_tools.h"

#include <QTest>

#include <atomic>
#include <thread>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint64_t kDiskBytes = 8 << 20;

// A guest that writes all the time from a thread of its own.
class BusyGuest {
public:
    BusyGuest(BlockDevice& disk, std::vector<uint8_t>& model)
        : m_thread([this, &disk, &model] {
              unsigned seed = 1000;
              while (!m_stop && m_error == 0)
                  m_error = RandomGuest(model, ++seed).run(disk, 20);
          }) {}
    int stop() {
        m_stop = true;
        m_thread.join();
        return m_error;
    }

private:
    std::atomic<bool> m_stop = false;
    std::atomic<int> m_error = 0;
    std::jthread m_thread;
};

} // namespace

class DiskChainTest : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_dir;
    int m_files = 0;

    QString newPath() { return m_dir.filePath(QStringLiteral("image%1").arg(++m_files)); }
    QString overlay(const QString& backing, const char* format, uint32_t clusterBytes = 65536) {
        const QString file = newPath();
        Qcow2Options options;
        options.diskBytes = kDiskBytes;
        options.clusterBytes = clusterBytes;
        if (!backing.isEmpty()) {
            options.backingName = backing.toStdString();
            options.backingFormat = format;
        }
        auto created = createQcow2(newFile(file), options);
        return created ? file : QString();
    }
    // A chain with random contents in every layer; `model` is what it shows.
    std::vector<NamedFile> makeChain(size_t depth, std::vector<uint8_t>& model, ImageFormat base) {
        model.assign(kDiskBytes, 0);
        std::vector<NamedFile> files;
        for (size_t i = 0; i < depth; ++i) {
            if (i == 0 && base == ImageFormat::Raw) {
                files.push_back({newPath(), ImageFormat::Raw});
                if (!createRaw(newFile(files[0].path), kDiskBytes, Preallocation::Off))
                    return {};
            } else {
                const QString below = i == 0 ? QString() : files[i - 1].path;
                files.push_back(
                    {overlay(below, i == 1 && base == ImageFormat::Raw ? "raw" : "qcow2",
                             i % 2 == 0 ? 4096 : 65536)});
            }
            auto disk = openChain(files);
            if (!disk || RandomGuest(model, 50 + static_cast<unsigned>(i)).run(*disk, 60) != 0)
                return {};
        }
        return files;
    }
    void verifyClean(const QString& image) {
        QCOMPARE(qemuImg({QStringLiteral("check"), QStringLiteral("-f"), QStringLiteral("qcow2"),
                          image}),
                 0);
    }
    std::vector<uint8_t> qemuBytes(const QString& image) {
        const QString raw = newPath();
        if (qemuImg({QStringLiteral("convert"), QStringLiteral("-f"), QStringLiteral("qcow2"),
                     QStringLiteral("-O"), QStringLiteral("raw"), image, raw}) != 0)
            return {};
        return fileBytes(raw);
    }

private Q_SLOTS:
    void refusesNonsense() {
        QVERIFY(!DiskChain::open({}));
        std::vector<uint8_t> model;
        std::vector<NamedFile> files = makeChain(1, model, ImageFormat::Raw);
        QVERIFY(!openChain({files[0], files[0]})); // raw above the base
        QVERIFY(!openChain({{files[0].path, ImageFormat::Qcow2}}));
        auto disk = openChain(files);
        QVERIFY(disk);
        std::vector<uint8_t> bytes(512);
        QCOMPARE(readBytes(*disk, kDiskBytes, bytes), EINVAL);
        QCOMPARE(readBytes(*disk, 100, bytes), EINVAL);
        auto readOnly = openChain(files, {.access = DiskAccess::ReadOnly});
        QVERIFY(readOnly);
        QCOMPARE(writeBytes(*readOnly, 0, bytes), EROFS);
        QCOMPARE(readBytes(*readOnly, 0, bytes), 0);
    }

    // Requests of any alignment, through every engine; the file system may not allow it at all.
    void directDisksShowTheSame_data() { everyEngineServesRequests_data(); }
    void directDisksShowTheSame() {
        QFETCH(IoEngine::Kind, engine);
        std::vector<uint8_t> model;
        const std::vector<NamedFile> files = makeChain(3, model, ImageFormat::Raw);
        QVERIFY(!files.empty());
        for (const NamedFile& file : files) // where they end is no reason to go through the cache
            QVERIFY(QFile::resize(file.path, (QFileInfo(file.path).size() + 4095) / 4096 * 4096));
        DiskChainOptions options;
        options.engine = engine;
        options.cacheMode = DiskCacheMode::Direct;
        auto disk = openChain(files, options);
        QVERIFY(disk);
        QVERIFY(wholeDisk(*disk) == model);
        QCOMPARE(RandomGuest(model, 11).run(*disk, 300), 0);
        QVERIFY(wholeDisk(*disk) == model);
        disk.reset();
        verifyClean(files[2].path);
        QVERIFY(wholeDisk(*openChain(files)) == model);
    }

    void everyEngineServesRequests_data() {
        QTest::addColumn<IoEngine::Kind>("engine");
        QTest::newRow("threads") << IoEngine::Kind::ThreadPool;
        if (IoLoop::create(IoEngine::Kind::IoUring))
            QTest::newRow("io_uring") << IoEngine::Kind::IoUring;
    }
    void everyEngineServesRequests() {
        QFETCH(IoEngine::Kind, engine);
        std::vector<uint8_t> model;
        const std::vector<NamedFile> files = makeChain(3, model, ImageFormat::Raw);
        QVERIFY(!files.empty());
        DiskChainOptions options;
        options.engine = engine;
        auto disk = openChain(files, options);
        QVERIFY(disk);
        QCOMPARE(disk->engineKind(), engine);
        QVERIFY(wholeDisk(*disk) == model);
        QCOMPARE(RandomGuest(model, 9).run(*disk, 300), 0);
        QVERIFY(wholeDisk(*disk) == model);
        disk.reset();
        QVERIFY(qemuBytes(files.back().path) == model);
    }

    void concurrentRequestsToOneClusterStayWhole() {
        const QString image = overlay({}, "");
        auto disk = openChain({{image}});
        QVERIFY(disk);
        // 128 sectors of each of 16 clusters at once, all of them unallocated.
        std::vector<std::vector<uint8_t>> data;
        std::atomic<int> failures = 0;
        for (size_t i = 0; i < 2048; ++i)
            data.emplace_back(512, static_cast<uint8_t>(i * 7 + i / 128));
        for (size_t i = 0; i < 2048; ++i)
            disk->submit(
                {BlockRequest::Kind::Write, i * 512, 512, {{data[i].data(), 512}}, [&](int error) {
                     failures += error != 0;
                 }});
        disk->drain();
        QCOMPARE(failures.load(), 0);
        std::vector<uint8_t> back(2048 * 512);
        QCOMPARE(readBytes(*disk, 0, back), 0);
        for (size_t i = 0; i < 2048; ++i)
            QCOMPARE(back[i * 512 + 17], data[i][17]);
        disk.reset();
        verifyClean(image);
        QVERIFY(QFile(image).size() < (2 << 20)); // no cluster was allocated twice
    }

    void anOverlayFreezesTheDisk() {
        std::vector<uint8_t> model;
        std::vector<NamedFile> files = makeChain(2, model, ImageFormat::Qcow2);
        auto disk = openChain(files);
        QVERIFY(disk);
        Waiter noOverlay;
        disk->insertOverlay(noOverlay.callback(), {});
        QVERIFY(!noOverlay.wait());
        const QString top = overlay(files.back().path, "qcow2");
        Waiter prepared, switched, durable;
        disk->prepareOverlay(openFile(top), prepared.callback());
        QVERIFY(prepared.wait());
        const std::vector<uint8_t> frozen = model;
        disk->insertOverlay(switched.callback(), durable.callback());
        QVERIFY(switched.wait());
        QCOMPARE(RandomGuest(model, 77).run(*disk, 200), 0);
        QVERIFY(durable.wait());
        QVERIFY(wholeDisk(*disk) == model);
        disk.reset();
        QVERIFY(qemuBytes(files.back().path) == frozen);
        QVERIFY(qemuBytes(top) == model);
        verifyClean(top);
        verifyClean(files.back().path);
    }

    void merges_data() {
        QTest::addColumn<MergeRequest::Kind>("kind");
        QTest::addColumn<int>("upper");
        QTest::addColumn<ImageFormat>("base");
        using Kind = MergeRequest::Kind;
        for (ImageFormat base : {ImageFormat::Raw, ImageFormat::Qcow2})
            for (int upper = 1; upper < 4; ++upper) {
                const char* name = imageFormatName(base);
                QTest::addRow("commit %d on %s", upper, name) << Kind::Commit << upper << base;
                QTest::addRow("stream %d on %s", upper, name) << Kind::Stream << upper << base;
            }
    }
    // A chain of four loses one layer while the guest writes; what it shows does not change.
    void merges() {
        QFETCH(MergeRequest::Kind, kind);
        QFETCH(int, upper);
        QFETCH(ImageFormat, base);
        const auto at = static_cast<size_t>(upper);
        std::vector<uint8_t> model;
        std::vector<NamedFile> files = makeChain(4, model, base);
        QCOMPARE(files.size(), size_t{4});
        auto disk = openChain(files);
        QVERIFY(disk);
        BusyGuest guest(*disk, model);
        DiskChain::Merge merge;
        merge.kind = kind;
        merge.upper = at;
        const bool commits = kind == MergeRequest::Kind::Commit;
        const size_t target = commits ? at - 1 : at;
        const size_t gone = commits ? at : at - 1;
        if (target != 3)
            merge.target = openFile(files[target].path);
        if (commits && at + 1 < 3)
            merge.above = openFile(files[at + 1].path);
        const size_t newBelow = commits ? at - 1 : at - 2;
        if (commits || at >= 2) {
            merge.backingName = files[newBelow].path.toStdString();
            merge.backingFormat = imageFormatName(files[newBelow].format);
        }
        uint64_t last = 0;
        merge.progress = [&](uint64_t done, uint64_t) { last = done; };
        Waiter merged;
        disk->startMerge(std::move(merge), merged.callback());
        auto result = merged.wait();
        QCOMPARE(guest.stop(), 0);
        QVERIFY2(result, result ? "" : result.error().detail.c_str());
        QCOMPARE(last, kDiskBytes);
        QVERIFY(wholeDisk(*disk) == model);
        std::promise<size_t> count;
        disk->countLayers([&](size_t layers) { count.set_value(layers); });
        QCOMPARE(count.get_future().get(), size_t{3});
        disk.reset();
        QFile::remove(files[gone].path);
        files.erase(files.begin() + static_cast<std::ptrdiff_t>(gone));
        auto again = openChain(files);
        QVERIFY(again);
        QVERIFY(wholeDisk(*again) == model);
        again.reset();
        for (const NamedFile& file : files)
            if (file.format == ImageFormat::Qcow2)
                verifyClean(file.path);
        if (files.back().format == ImageFormat::Qcow2)
            QVERIFY(qemuBytes(files.back().path) == model); // the recorded names are right too
    }

    void lowerLayersAreLockedUnlessSomebodyWritesToThem() {
        std::vector<uint8_t> model;
        const std::vector<NamedFile> files = makeChain(2, model, ImageFormat::Qcow2);
        auto disk = openChain(files);
        QVERIFY(disk);
        UniqueFd writer = openFile(files[0].path);
        const auto lock = [](const UniqueFd& file) {
            struct flock wanted {};
            wanted.l_type = F_WRLCK;
            wanted.l_whence = SEEK_SET;
            return ::fcntl(file.get(), F_OFD_SETLK, &wanted) == 0;
        };
        QVERIFY(lock(writer));
        Waiter refused, locked;
        disk->lockLower(refused.callback());
        const Result<void> busy = refused.wait();
        QVERIFY(!busy);
        QCOMPARE(busy.error().code, ErrorCode::Busy);
        writer.reset();
        disk->lockLower(locked.callback());
        QVERIFY(locked.wait());
        QVERIFY(!lock(openFile(files[0].path)));
        QVERIFY(lock(openFile(files[1].path)));
        disk.reset();
        QVERIFY(lock(openFile(files[0].path)));
    }

    void noOverlayComesAboveATopThatIsCommitted() {
        std::vector<uint8_t> model;
        std::vector<NamedFile> files = makeChain(2, model, ImageFormat::Qcow2);
        const QString top = overlay(files.back().path, "qcow2");
        auto disk = openChain(files);
        QVERIFY(disk);
        Waiter prepared, switched, merged;
        disk->prepareOverlay(openFile(top), prepared.callback());
        QVERIFY(prepared.wait());
        DiskChain::Merge merge;
        merge.upper = 1;
        merge.target = openFile(files[0].path);
        disk->startMerge(std::move(merge), merged.callback());
        disk->insertOverlay(switched.callback(), {});
        auto inserted = switched.wait();
        QVERIFY(!inserted);
        QCOMPARE(inserted.error().code, ErrorCode::Busy);
        QVERIFY(merged.wait());
        QVERIFY(wholeDisk(*disk) == model);
        disk.reset();
        QVERIFY(qemuBytes(files[0].path) == model);
    }

    void aCancelledMergeChangesNothing() {
        std::vector<uint8_t> model;
        std::vector<NamedFile> files = makeChain(3, model, ImageFormat::Qcow2);
        {
            auto disk = openChain(files);
            QVERIFY(disk);
            DiskChain::Merge merge;
            merge.kind = MergeRequest::Kind::Stream;
            merge.upper = 2;
            Waiter merged;
            disk->startMerge(std::move(merge), merged.callback());
            disk->cancelMerge();
            auto result = merged.wait();
            QVERIFY(!result);
            QCOMPARE(result.error().code, ErrorCode::Cancelled);
            QVERIFY(wholeDisk(*disk) == model);
        }
        QVERIFY(qemuBytes(files.back().path) == model);
        verifyClean(files.back().path);
    }

    void aDiskGrows() {
        std::vector<uint8_t> model;
        std::vector<NamedFile> files = makeChain(2, model, ImageFormat::Raw);
        {
            auto disk = openChain(files);
            QVERIFY(disk);
            Waiter grown;
            disk->resize(3 * kDiskBytes, grown.callback());
            QVERIFY(grown.wait());
            QCOMPARE(disk->sizeBytes(), 3 * kDiskBytes);
            model.resize(3 * kDiskBytes);
            QCOMPARE(RandomGuest(model, 8).run(*disk, 100), 0);
            QVERIFY(wholeDisk(*disk) == model);
            Waiter shrunk;
            disk->resize(kDiskBytes, shrunk.callback());
            QVERIFY(!shrunk.wait());
        }
        QVERIFY(qemuBytes(files.back().path) == model);
        verifyClean(files.back().path);
    }

    void freedSpaceGoesBackToTheHost() {
        const QString image = overlay({}, "");
        auto disk = openChain({{image}});
        QVERIFY(disk);
        QCOMPARE(writeBytes(*disk, 0, std::vector<uint8_t>(4 << 20, 0x11)), 0);
        QCOMPARE(runSimple(*disk, BlockRequest::Kind::Flush), 0);
        auto before = imageInfo({openFile(image, O_RDONLY), ImageFormat::Qcow2});
        QCOMPARE(runSimple(*disk, BlockRequest::Kind::Discard, 0, 4 << 20), 0);
        QCOMPARE(runSimple(*disk, BlockRequest::Kind::Flush), 0);
        auto after = imageInfo({openFile(image, O_RDONLY), ImageFormat::Qcow2});
        QVERIFY(before && after);
        QVERIFY(after->allocatedBytes + (3 << 20) < before->allocatedBytes);
        // And is used again.
        QCOMPARE(writeBytes(*disk, 4 << 20, std::vector<uint8_t>(2 << 20, 0x12)), 0);
        QCOMPARE(runSimple(*disk, BlockRequest::Kind::Flush), 0);
        auto again = imageInfo({openFile(image, O_RDONLY), ImageFormat::Qcow2});
        QCOMPARE(again->fileBytes, before->fileBytes);
        disk.reset();
        verifyClean(image);
    }
};

VIVARIUM_TEST(DiskChainTest)
#include "disk_chain_test.moc"
