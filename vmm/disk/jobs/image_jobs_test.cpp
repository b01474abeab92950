#include "tests/support/test_main.h"
#include "vmm/disk/io/io_loop.h"
#include "vmm/disk/test_support/disk_test_tools.h"

#include <QDir>
#include <QTest>

#include <thread>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint64_t kDiskBytes = 6 << 20;

} // namespace

class ImageJobsTest : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_dir;
    int m_files = 0;

    QString newPath() { return m_dir.filePath(QStringLiteral("image%1").arg(++m_files)); }
    NamedFile randomImage(std::vector<uint8_t>& model, unsigned seed,
                          const NamedFile* below = nullptr, uint32_t clusterBytes = 65536) {
        const QString file = newPath();
        Qcow2Options options;
        options.diskBytes = kDiskBytes;
        options.clusterBytes = clusterBytes;
        std::vector<NamedFile> chain;
        if (below) {
            options.backingName = below->path.toStdString();
            options.backingFormat = imageFormatName(below->format);
            chain.push_back(*below);
        } else {
            model.assign(kDiskBytes, 0);
        }
        if (!createQcow2(newFile(file), options))
            return {};
        chain.push_back({file});
        auto disk = openChain(chain);
        if (!disk || RandomGuest(model, seed).run(*disk, 60) != 0)
            return {};
        return {file};
    }
    std::vector<uint8_t> bytesOf(const std::vector<NamedFile>& files) {
        auto disk = openChain(files, {.access = DiskAccess::ReadOnly});
        return disk ? wholeDisk(*disk) : std::vector<uint8_t>{};
    }
    bool clean(const QString& image) {
        return qemuImg({QStringLiteral("check"), QStringLiteral("-f"), QStringLiteral("qcow2"),
                        image}) == 0;
    }

private Q_SLOTS:
    void infoTellsWhatWasCreated() {
        const QString image = newPath();
        Qcow2Options options;
        options.diskBytes = 1 << 30;
        options.clusterBytes = 32768;
        options.refcountBits = 8;
        options.compression = qcow2::Compression::Zstd;
        options.lazyRefcounts = Qcow2Options::LazyRefcounts::On;
        options.backingName = "some/base.raw";
        options.backingFormat = "raw";
        QVERIFY(createQcow2(newFile(image), options));
        auto info = imageInfo({openFile(image, O_RDONLY), ImageFormat::Qcow2});
        QVERIFY(info);
        QCOMPARE(info->diskBytes, uint64_t{1} << 30);
        QCOMPARE(info->clusterBytes, uint32_t{32768});
        QCOMPARE(info->refcountBits, 8U);
        QVERIFY(info->compression == qcow2::Compression::Zstd);
        QVERIFY(info->lazyRefcounts);
        QCOMPARE(info->backingName, std::string("some/base.raw"));
        QCOMPARE(info->backingFormat, std::string("raw"));
        QString text;
        QCOMPARE(qemuImg({QStringLiteral("info"), QStringLiteral("-U"), image}, &text), 0);
        for (const char* line :
             {"compression type: zstd", "refcount bits: 8", "cluster_size: 32768",
              "lazy refcounts: true", "backing file format: raw"})
            QVERIFY2(text.contains(QString::fromLatin1(line)), line);
        QVERIFY(apparentFormat(openFile(image, O_RDONLY)).value() == ImageFormat::Qcow2);
        Qcow2Options bad = options;
        bad.clusterBytes = 1000;
        QCOMPARE(createQcow2(newFile(newPath()), bad).error().code, ErrorCode::InvalidArgument);
        bad = options;
        bad.backingName = std::string(2000, 'x');
        QCOMPARE(createQcow2(newFile(newPath()), bad).error().code, ErrorCode::LimitExceeded);
    }

    void conversionsKeepTheDisk_data() {
        QTest::addColumn<ImageFormat>("to");
        QTest::addColumn<bool>("packed");
        QTest::newRow("qcow2") << ImageFormat::Qcow2 << false;
        QTest::newRow("packed") << ImageFormat::Qcow2 << true;
        QTest::newRow("raw") << ImageFormat::Raw << false;
    }
    void conversionsKeepTheDisk() {
        QFETCH(ImageFormat, to);
        QFETCH(bool, packed);
        std::vector<uint8_t> model;
        const NamedFile base = randomImage(model, 1);
        const NamedFile top = randomImage(model, 2, &base, 4096);
        const QString target = newPath();
        ConvertOptions options;
        options.format = to;
        options.pack = packed ? ConvertOptions::Pack::Yes : ConvertOptions::Pack::No;
        uint64_t lastDone = 0;
        JobControl control;
        control.progress = [&](uint64_t done, uint64_t) { lastDone = done; };
        auto converted = convertImage(imageChain({base, top}), newFile(target), options, control);
        QVERIFY2(converted, converted ? "" : converted.error().detail.c_str());
        QCOMPARE(lastDone, kDiskBytes);
        QVERIFY(bytesOf({{target, to}}) == model);
        if (to == ImageFormat::Qcow2)
            QVERIFY(clean(target));
        auto same = compareChains(imageChain({base, top}), imageChain({{target, to}}),
                                  SizeDifference::Counts, {});
        QVERIFY(same && !*same);
        {
            auto disk = openChain({{target, to}});
            std::vector<uint8_t> sector(512, 0xee);
            QCOMPARE(writeBytes(*disk, 3 << 20, sector), 0);
        }
        auto different = compareChains(imageChain({base, top}), imageChain({{target, to}}),
                                       SizeDifference::Counts, {});
        QVERIFY(different && *different);
        QVERIFY(**different >= 3 << 20 && **different < (3 << 20) + 512);
    }

    void aCancelledJobSaysSo() {
        std::vector<uint8_t> model;
        const NamedFile image = randomImage(model, 4);
        std::atomic<bool> cancelled = true;
        JobControl control;
        control.cancelled = &cancelled;
        auto converted = convertImage(imageChain({image}), newFile(newPath()), {}, control);
        QVERIFY(!converted);
        QCOMPARE(converted.error().code, ErrorCode::Cancelled);
        QVERIFY(bytesOf({image}) == model);
    }

    // Without it a job may wait for ever: UringBackend::keepKernelWorkers().
    void aThreadKeepsOneRingBetweenItsJobs() {
        const auto openRings = [] {
            int rings = 0;
            const QDir descriptors(QStringLiteral("/proc/self/fd"));
            for (const QString& name : descriptors.entryList(QDir::System | QDir::Files))
                if (QFile::symLinkTarget(descriptors.filePath(name)).contains(u"[io_uring]"))
                    ++rings;
            return rings;
        };
        if (!IoLoop::create(IoEngine::Kind::IoUring))
            QSKIP("this host has no io_uring");
        const int before = openRings();
        int during = 0;
        std::thread([&] {
            for (int i = 0; i < 3; ++i) {
                Qcow2Options options;
                options.diskBytes = kDiskBytes;
                if (createQcow2(newFile(newPath()), options))
                    during += openRings() - before;
            }
        }).join();
        QCOMPARE(during, 3);
        QCOMPARE(openRings(), before);
    }

    void mapCoversTheDisk() {
        std::vector<uint8_t> model;
        const NamedFile base = randomImage(model, 5);
        const NamedFile top = randomImage(model, 6, &base);
        auto map = mapChain(imageChain({base, top}), {});
        QVERIFY(map);
        uint64_t at = 0;
        std::vector<uint8_t> rebuilt(kDiskBytes);
        const std::vector<uint8_t> files[] = {fileBytes(base.path), fileBytes(top.path)};
        for (const MapExtent& extent : *map) {
            QCOMPARE(extent.offsetBytes, at);
            if (extent.kind == MapExtent::Kind::Data)
                for (uint64_t i = 0; i < extent.lengthBytes; ++i) {
                    const std::vector<uint8_t>& file = files[extent.layer];
                    const uint64_t from = *extent.hostOffset + i;
                    rebuilt[at + i] = from < file.size() ? file[from] : 0;
                }
            at += extent.lengthBytes;
        }
        QCOMPARE(at, kDiskBytes);
        QVERIFY(rebuilt == model);
    }

    void resizedImagesKeepTheirBytes() {
        std::vector<uint8_t> model;
        const NamedFile base = randomImage(model, 7, nullptr, 512);
        const NamedFile top = randomImage(model, 8, &base, 512);
        const std::vector<NamedFile> chain{base, top};
        // 300 KiB less, so that an L1 entry and a cluster are cut.
        const uint64_t smaller = kDiskBytes - 300 * 1024 - 512;
        QVERIFY(
            !resizeImage(imageChain(chain, O_RDWR), smaller, Shrink::Refuse, Preallocation::Off));
        QVERIFY(resizeImage(imageChain(chain, O_RDWR), smaller, Shrink::Allow, Preallocation::Off));
        QVERIFY(clean(top.path));
        auto grown = resizeImage(imageChain(chain, O_RDWR), 2 * kDiskBytes, Shrink::Refuse,
                                 Preallocation::Off);
        QVERIFY2(grown, grown ? "" : grown.error().detail.c_str());
        model.resize(smaller);
        model.resize(2 * kDiskBytes); // what came back is zeroes, though the base is longer
        QVERIFY(bytesOf(chain) == model);
        QVERIFY(clean(top.path));
    }

    void compactedImagesAreSmaller() {
        std::vector<uint8_t> model;
        const NamedFile base = randomImage(model, 9);
        const NamedFile top = randomImage(model, 10, &base);
        {
            auto disk = openChain({base, top});
            QCOMPARE(writeBytes(*disk, 0, std::vector<uint8_t>(4 << 20, 0)), 0); // zeroes as data
            std::fill_n(model.begin(), 4 << 20, uint8_t{0});
        }
        const QString target = newPath();
        auto report = compactImage(imageChain({base, top}), newFile(target), {});
        QVERIFY2(report, report ? "" : report.error().detail.c_str());
        QVERIFY(report->bytesAfter + (2 << 20) < report->bytesBefore);
        QVERIFY(bytesOf({base, {target}}) == model);
        QVERIFY(clean(target));
        auto info = imageInfo({openFile(target, O_RDONLY), ImageFormat::Qcow2});
        QCOMPARE(info->backingName, base.path.toStdString());
    }

    void rebaseKeepsTheDisk() {
        std::vector<uint8_t> model, other;
        const NamedFile base = randomImage(model, 11);
        const NamedFile top = randomImage(model, 12, &base);
        const NamedFile newBase = randomImage(other, 13);
        auto rebased = rebaseImage(
            [&] {
                ImageChain chain = imageChain({base});
                chain.push_back({openFile(top.path), ImageFormat::Qcow2});
                return chain;
            }(),
            imageChain({newBase}), newBase.path.toStdString(), "qcow2", {});
        QVERIFY2(rebased, rebased ? "" : rebased.error().detail.c_str());
        QVERIFY(bytesOf({newBase, top}) == model);
        QVERIFY(clean(top.path));
        QString text;
        QCOMPARE(qemuImg({QStringLiteral("info"), top.path}, &text), 0);
        QVERIFY(text.contains(newBase.path));
        // To no backing file at all.
        auto flat = rebaseImage(
            [&] {
                ImageChain chain = imageChain({newBase});
                chain.push_back({openFile(top.path), ImageFormat::Qcow2});
                return chain;
            }(),
            {}, "", "", {});
        QVERIFY(flat);
        QVERIFY(bytesOf({top}) == model);
        // A name that fills several sectors, then a short one again.
        const std::string longName(1000, 'n');
        QVERIFY(setBackingFile(openFile(top.path), longName, "raw"));
        QCOMPARE(imageInfo({openFile(top.path, O_RDONLY), ImageFormat::Qcow2})->backingName,
                 longName);
        QVERIFY(setBackingFile(openFile(top.path), std::string(900, 'm'), "raw"));
        QVERIFY(setBackingFile(openFile(top.path), "", ""));
        QVERIFY(bytesOf({top}) == model);
        QVERIFY(clean(top.path));
    }

    void commitMovesTheBytesDown() {
        std::vector<uint8_t> model;
        const NamedFile base = randomImage(model, 14, nullptr, 4096);
        const NamedFile top = randomImage(model, 15, &base);
        QVERIFY(commitImage(imageChain({base, top}, O_RDWR), {}));
        QVERIFY(bytesOf({base}) == model);
        QVERIFY(clean(base.path));
    }

    void leaksAndErrorsAreRepaired() {
        std::vector<uint8_t> model;
        const NamedFile image = randomImage(model, 16);
        auto patch = [&](uint64_t offset, const QByteArray& bytes) {
            QFile file(image.path);
            QVERIFY(file.open(QIODevice::ReadWrite));
            QVERIFY(file.seek(static_cast<qint64>(offset)));
            file.write(bytes);
        };
        // Refcount block: the third cluster of an image that we made.
        const uint64_t block = 2 * 65536;
        patch(block + 2 * 9000, QByteArray::fromHex("0001")); // a leak far behind
        patch(block + 2 * 6, QByteArray::fromHex("0003"));    // and one inside
        auto report = checkQcow2(openFile(image.path, O_RDONLY), Repair::None, {});
        QVERIFY(report);
        QCOMPARE(report->leaks, uint64_t{2});
        report = checkQcow2(openFile(image.path), Repair::Leaks, {});
        QVERIFY(report);
        QCOMPARE(report->leaksFixed, uint64_t{2});
        QVERIFY(clean(image.path));
        patch(block + 2 * 7, QByteArray::fromHex("0000")); // in use, but marked free
        report = checkQcow2(openFile(image.path), Repair::Leaks, {});
        QVERIFY(report && report->corruptions > 0 && !report->clean());
        report = checkQcow2(openFile(image.path), Repair::All, {});
        QVERIFY2(report, report ? "" : report.error().detail.c_str());
        QVERIFY(report->clean());
        QVERIFY(clean(image.path));
        QVERIFY(bytesOf({image}) == model);
    }
};

VIVARIUM_TEST(ImageJobsTest)
#include "image_jobs_test.moc"
