#include "tests/support/test_main.h"
#include "vmm/disk/test_support/disk_test_tools.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

// The format against QEMU's implementation, in both directions.
class Qcow2DifferentialTest : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_dir;
    QString path(const char* name) { return m_dir.filePath(QString::fromLatin1(name)); }

    // QEMU's view of an image as bytes.
    std::vector<uint8_t> qemuBytes(const QString& image, const QString& format) {
        const QString raw = path("converted.raw");
        if (qemuImg({QStringLiteral("convert"), QStringLiteral("-f"), format, QStringLiteral("-O"),
                     QStringLiteral("raw"), image, raw}) != 0)
            return {};
        return fileBytes(raw);
    }
    void checkClean(const QString& image) {
        QCOMPARE(qemuImg({QStringLiteral("check"), QStringLiteral("-f"), QStringLiteral("qcow2"),
                          image}),
                 0);
        auto report = checkQcow2(openFile(image, O_RDONLY), Repair::None, {});
        QVERIFY2(report, report ? "" : report.error().detail.c_str());
        QVERIFY2(report->leaks == 0 && report->corruptions == 0,
                 report->findings.empty() ? "" : report->findings[0].c_str());
    }
    // Random writes by qemu-io; its own picture of the result is the truth.
    bool qemuWrites(const QString& image, uint64_t diskBytes, unsigned seed, int operations) {
        std::mt19937 random(seed);
        QStringList arguments{QStringLiteral("-f"), QStringLiteral("qcow2"), QStringLiteral("-d"),
                              QStringLiteral("unmap")};
        for (int i = 0; i < operations; ++i) {
            const uint64_t first = random() % (diskBytes / 512);
            const uint64_t count = std::min<uint64_t>(1 + random() % 300, diskBytes / 512 - first);
            const char* kinds[] = {"write -P 0x%1", "write -P 0x%1", "write -z", "write -z -u",
                                   "discard"};
            QString command = QString::fromLatin1(kinds[random() % 5]);
            if (command.contains(u'%'))
                command = command.arg(1 + random() % 250, 0, 16);
            arguments << QStringLiteral("-c")
                      << QStringLiteral("%1 %2 %3").arg(command).arg(first * 512).arg(count * 512);
        }
        arguments << image;
        QString output;
        return runTool(QStringLiteral("qemu-io"), arguments, &output) == 0;
    }

private Q_SLOTS:
    void variants_data() {
        QTest::addColumn<QString>("options");
        for (const char* options :
             {"cluster_size=512", "cluster_size=4096", "cluster_size=65536", "cluster_size=2097152",
              "compat=0.10", "compat=0.10,cluster_size=1024", "refcount_bits=1,cluster_size=512",
              "refcount_bits=2", "refcount_bits=4", "refcount_bits=8,cluster_size=1024",
              "refcount_bits=32,cluster_size=512", "refcount_bits=64,cluster_size=512",
              "lazy_refcounts=on", "preallocation=metadata",
              "preallocation=falloc,cluster_size=4096", "preallocation=full",
              "compression_type=zstd"})
            QTest::newRow(options) << QString::fromLatin1(options);
    }
    void variants() {
        QFETCH(QString, options);
        const QString image = path("them.qcow2");
        constexpr uint64_t kBytes = 6 << 20;
        QFile::remove(image);
        QCOMPARE(qemuImg({QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                          QStringLiteral("qcow2"), QStringLiteral("-o"), options, image,
                          QString::number(kBytes)}),
                 0);
        for (unsigned round = 0; round < 3; ++round) {
            QVERIFY(qemuWrites(image, kBytes, 7 + round, 25));
            std::vector<uint8_t> model = qemuBytes(image, QStringLiteral("qcow2"));
            QCOMPARE(model.size(), kBytes);
            {
                auto disk = openChain({{image}});
                QVERIFY(disk);
                QVERIFY(wholeDisk(*disk) == model);
                QCOMPARE(RandomGuest(model, 100 + round).run(*disk, 150), 0);
                QVERIFY(wholeDisk(*disk) == model);
            }
            checkClean(image);
            QVERIFY(qemuBytes(image, QStringLiteral("qcow2")) == model);
        }
    }

    void ourImages_data() {
        QTest::addColumn<int>("clusterBytes");
        QTest::addColumn<int>("version");
        QTest::addColumn<int>("refcountBits");
        QTest::addColumn<int>("preallocation");
        for (int cluster : {512, 4096, 65536, 2 << 20})
            for (int preallocation = 0; preallocation < 4; ++preallocation)
                QTest::addRow("%d/%d", cluster, preallocation)
                    << cluster << 3 << 16 << preallocation;
        for (int bits : {1, 2, 4, 8, 32, 64})
            QTest::addRow("refcounts %d", bits) << 512 << 3 << bits << 0;
        QTest::newRow("version 2") << 65536 << 2 << 16 << 0;
    }
    void ourImages() {
        QFETCH(int, clusterBytes);
        QFETCH(int, version);
        QFETCH(int, refcountBits);
        QFETCH(int, preallocation);
        const QString image = path("ours.qcow2");
        Qcow2Options options;
        options.diskBytes = 5 << 20;
        options.clusterBytes = static_cast<uint32_t>(clusterBytes);
        options.version = static_cast<unsigned>(version);
        options.refcountBits = static_cast<unsigned>(refcountBits);
        options.preallocation = static_cast<Preallocation>(preallocation);
        auto created = createQcow2(newFile(image), options);
        QVERIFY2(created, created ? "" : created.error().detail.c_str());
        checkClean(image);
        std::vector<uint8_t> model(options.diskBytes);
        QVERIFY(qemuBytes(image, QStringLiteral("qcow2")) == model);
        {
            auto disk = openChain({{image}});
            QVERIFY(disk);
            QCOMPARE(RandomGuest(model, 3).run(*disk, 200), 0);
            QVERIFY(wholeDisk(*disk) == model);
        }
        checkClean(image);
        QVERIFY(qemuBytes(image, QStringLiteral("qcow2")) == model);
        QVERIFY(qemuWrites(image, options.diskBytes, 11, 20));
        model = qemuBytes(image, QStringLiteral("qcow2"));
        auto disk = openChain({{image}});
        QVERIFY(disk);
        QVERIFY(wholeDisk(*disk) == model);
    }

    void overlays_data() {
        QTest::addColumn<QString>("baseFormat");
        QTest::addColumn<QString>("options");
        QTest::newRow("raw") << QStringLiteral("raw") << QStringLiteral("cluster_size=65536");
        QTest::newRow("qcow2") << QStringLiteral("qcow2") << QStringLiteral("cluster_size=4096");
        QTest::newRow("version 2") << QStringLiteral("qcow2") << QStringLiteral("compat=0.10");
    }
    void overlays() {
        QFETCH(QString, baseFormat);
        QFETCH(QString, options);
        const QString base = path("base");
        const QString top = path("top.qcow2");
        // The base ends inside the disk and inside a cluster.
        QCOMPARE(qemuImg({QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                          baseFormat, base, QStringLiteral("3000832")}),
                 0);
        QString output;
        QCOMPARE(runTool(QStringLiteral("qemu-io"),
                         {QStringLiteral("-f"), baseFormat, QStringLiteral("-c"),
                          QStringLiteral("write -P 0x77 100k 2800k"), base},
                         &output),
                 0);
        QCOMPARE(
            qemuImg({QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                     QStringLiteral("qcow2"), QStringLiteral("-o"), options, QStringLiteral("-b"),
                     base, QStringLiteral("-F"), baseFormat, top, QStringLiteral("4M")}),
            0);
        std::vector<uint8_t> model = qemuBytes(top, QStringLiteral("qcow2"));
        const std::vector<NamedFile> files{
            {base, baseFormat == QStringLiteral("raw") ? ImageFormat::Raw : ImageFormat::Qcow2},
            {top}};
        {
            auto disk = openChain(files);
            QVERIFY(disk);
            QVERIFY(wholeDisk(*disk) == model);
            QCOMPARE(RandomGuest(model, 5).run(*disk, 300), 0);
            QVERIFY(wholeDisk(*disk) == model);
        }
        checkClean(top);
        QVERIFY(qemuBytes(top, QStringLiteral("qcow2")) == model);
    }

    void packedClusters_data() {
        QTest::addColumn<QString>("options");
        QTest::newRow("zlib") << QStringLiteral("compression_type=zlib");
        QTest::newRow("zstd") << QStringLiteral("compression_type=zstd");
        QTest::newRow("zlib 4 KiB") << QStringLiteral("compression_type=zlib,cluster_size=4096");
        QTest::newRow("zlib 512") << QStringLiteral("compression_type=zlib,cluster_size=512");
    }
    void packedClusters() {
        QFETCH(QString, options);
        const QString raw = path("text.raw");
        QFile file(raw);
        QVERIFY(file.open(QIODevice::WriteOnly));
        std::mt19937 random(1);
        for (int i = 0; i < 3 << 14; ++i) { // compressible, but not constant
            const quint32 word = random() % 8 == 0 ? random() : 0x20202020;
            file.write(QByteArray(16, static_cast<char>(word))
                           .append(QByteArray::number(word, 16), 8)
                           .leftJustified(64, '.', true));
        }
        file.close();
        const QString image = path("packed.qcow2");
        QFile::remove(image);
        QCOMPARE(qemuImg({QStringLiteral("convert"), QStringLiteral("-c"), QStringLiteral("-f"),
                          QStringLiteral("raw"), QStringLiteral("-O"), QStringLiteral("qcow2"),
                          QStringLiteral("-o"), options, raw, image}),
                 0);
        std::vector<uint8_t> model = fileBytes(raw);
        {
            auto disk = openChain({{image}});
            QVERIFY(disk);
            QVERIFY(wholeDisk(*disk) == model);
            QCOMPARE(RandomGuest(model, 21).run(*disk, 100), 0);
            QVERIFY(wholeDisk(*disk) == model);
        }
        checkClean(image);
        QVERIFY(qemuBytes(image, QStringLiteral("qcow2")) == model);

        // The other direction: we pack, QEMU reads.
        const QString ours = path("packed-by-us.qcow2");
        ConvertOptions convert;
        convert.pack = ConvertOptions::Pack::Yes;
        convert.qcow2.clusterBytes = options.contains(QStringLiteral("4096"))  ? 4096
                                     : options.contains(QStringLiteral("512")) ? 512
                                                                               : 65536;
        if (options.contains(QStringLiteral("zstd")))
            convert.qcow2.compression = qcow2::Compression::Zstd;
        auto converted = convertImage(imageChain({{image}}), newFile(ours), convert, {});
        QVERIFY2(converted, converted ? "" : converted.error().detail.c_str());
        checkClean(ours);
        QVERIFY(qemuBytes(ours, QStringLiteral("qcow2")) == model);
        QVERIFY(fileBytes(ours).size() < model.size());
    }

    void internalSnapshotsSurvive() {
        const QString image = path("snapshots.qcow2");
        const QString s = QStringLiteral("snapshot");
        QCOMPARE(qemuImg({QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                          QStringLiteral("qcow2"), QStringLiteral("-o"),
                          QStringLiteral("cluster_size=4096"), image, QStringLiteral("4M")}),
                 0);
        QVERIFY(qemuWrites(image, 4 << 20, 31, 30));
        const std::vector<uint8_t> before = qemuBytes(image, QStringLiteral("qcow2"));
        QCOMPARE(qemuImg({s, QStringLiteral("-c"), QStringLiteral("first one"), image}), 0);
        std::vector<uint8_t> model = before;
        {
            auto disk = openChain({{image}});
            QVERIFY(disk);
            QCOMPARE(RandomGuest(model, 41).run(*disk, 200), 0);
            QVERIFY(wholeDisk(*disk) == model);
        }
        auto info = imageInfo({openFile(image, O_RDONLY), ImageFormat::Qcow2});
        QVERIFY(info);
        QCOMPARE(info->snapshots.size(), size_t{1});
        QCOMPARE(info->snapshots[0].name, std::string("first one"));
        checkClean(image);
        QVERIFY(qemuBytes(image, QStringLiteral("qcow2")) == model);
        QCOMPARE(qemuImg({s, QStringLiteral("-a"), QStringLiteral("first one"), image}), 0);
        QVERIFY(qemuBytes(image, QStringLiteral("qcow2")) == before);
    }

    void dirtyImagesAreRepairedWhenOpened() {
        const QString image = path("lazy.qcow2");
        QCOMPARE(qemuImg({QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                          QStringLiteral("qcow2"), QStringLiteral("-o"),
                          QStringLiteral("lazy_refcounts=on"), image, QStringLiteral("4M")}),
                 0);
        QString output; // the abort leaves refcounts behind and the dirty bit set
        runTool(QStringLiteral("qemu-io"),
                {QStringLiteral("-c"), QStringLiteral("write -P 0x5a 64k 1M"), QStringLiteral("-c"),
                 QStringLiteral("flush"), QStringLiteral("-c"), QStringLiteral("abort"), image},
                &output);
        auto info = imageInfo({openFile(image, O_RDONLY), ImageFormat::Qcow2});
        QVERIFY(info);
        QVERIFY(info->dirty);
        {
            auto disk = openChain({{image}});
            QVERIFY(disk);
            std::vector<uint8_t> bytes(1 << 20);
            QCOMPARE(readBytes(*disk, 65536, bytes), 0);
            QVERIFY(bytes == std::vector<uint8_t>(1 << 20, 0x5a));
            QCOMPARE(writeBytes(*disk, 2 << 20, std::vector<uint8_t>(4096, 1)), 0);
        }
        checkClean(image);
    }
};

VIVARIUM_TEST(Qcow2DifferentialTest)
#include "differential_test.moc"
