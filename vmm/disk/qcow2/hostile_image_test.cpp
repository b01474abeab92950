#include "tests/support/test_main.h"
#include "vmm/disk/qcow2/check.h"
#include "vmm/disk/qcow2/create.h"
#include "vmm/disk/test_support/crash_file.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::qcow2;
using vivarium::test::CrashFile;

namespace {

constexpr uint64_t kDiskBytes = 1 << 20;
constexpr uint64_t kCluster = 4096;

} // namespace

// Images that lie: the cases of the qemu-iotests that device-contract.md names, made here.
class Qcow2HostileImageTest : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<IoLoop> m_loop;
    std::vector<uint8_t> m_image; // version 3, 4 KiB clusters, the first 64 KiB allocated
    uint64_t m_l1 = 0;
    uint64_t m_l2 = 0;
    uint64_t m_data = 0;
    uint64_t m_table = 0;
    uint64_t m_block = 0;

    Image::OpenResult open(std::vector<uint8_t> bytes, Image::Access access,
                           CrashFile** file = nullptr) {
        auto crash = std::make_unique<CrashFile>(*m_loop, std::move(bytes));
        if (file)
            *file = crash.get();
        return m_loop->runUntilDone(Image::open(*m_loop, std::move(crash), access));
    }
    int write(Image& image, uint64_t offset) {
        std::vector<uint8_t> data(4096, 0x42);
        return m_loop->runUntilDone(
            image.write(offset, IoBuffers(data.data(), data.size()), nullptr));
    }
    static Task<int> readFile(AsyncFile& file, uint64_t offset, std::vector<uint8_t>& bytes) {
        int error = co_await file.read(offset, bytes.data(), bytes.size());
        co_return error;
    }
    int flush(Image& image) { return m_loop->runUntilDone(image.flush()); }
    template <class T>
    std::vector<uint8_t> patched(uint64_t offset, T value) {
        std::vector<uint8_t> bytes = m_image;
        storeBe<T>(&bytes[offset], value);
        return bytes;
    }

private Q_SLOTS:
    void initTestCase() {
        auto loop = IoLoop::create(IoEngine::Kind::ThreadPool);
        QVERIFY(loop);
        m_loop = std::move(*loop);
        CrashFile fresh(*m_loop);
        CreateOptions options;
        options.diskBytes = kDiskBytes;
        options.clusterBytes = kCluster;
        QVERIFY(m_loop->runUntilDone(createImage(*m_loop, fresh, options)));
        CrashFile* file = nullptr;
        auto image = open(fresh.bytes(), Image::Access::ReadWrite, &file);
        QVERIFY(image);
        for (uint64_t at = 0; at < 65536; at += kCluster)
            QCOMPARE(write(**image, at), 0);
        QCOMPARE(m_loop->runUntilDone((*image)->close()), 0);
        m_image = file->bytes();
        m_l1 = (*image)->header().l1Offset;
        m_table = (*image)->header().refcountTableOffset;
        m_l2 = loadBe<uint64_t>(&m_image[m_l1]) & kOffsetMask;
        m_data = loadBe<uint64_t>(&m_image[m_l2]) & kOffsetMask;
        m_block = loadBe<uint64_t>(&m_image[m_table]);
        QVERIFY(m_l2 != 0 && m_data != 0 && m_block != 0);
    }

    void badHeadersAreRefused_data() {
        QTest::addColumn<quint64>("offset");
        QTest::addColumn<int>("bytes");
        QTest::addColumn<quint64>("value");
        QTest::addColumn<int>("code");
        const int corrupt = static_cast<int>(ErrorCode::Corrupt);
        const int unsupported = static_cast<int>(ErrorCode::Unsupported);
        const int limit = static_cast<int>(ErrorCode::LimitExceeded);
        auto row = [](const char* name, quint64 offset, int bytes, quint64 value, int code) {
            QTest::newRow(name) << offset << bytes << value << code;
        };
        row("magic", 0, 4, 0x12345678, corrupt);
        row("version", 4, 4, 4, unsupported);
        row("backing name outside", 8, 8, 1 << 20, corrupt);
        row("cluster size 256", 20, 4, 8, corrupt);
        row("cluster size 4 MiB", 20, 4, 22, corrupt);
        row("cluster shift of 64", 20, 4, 64, corrupt);
        row("disk larger than L1", 24, 8, quint64{1} << 40, corrupt);
        row("disk of 2^63", 24, 8, quint64{1} << 63, limit);
        row("disk that is negative", 24, 8, ~quint64{0}, limit);
        row("encrypted", 32, 4, 1, unsupported);
        row("huge L1", 36, 4, 0x7fffffff, limit);
        row("L1 misaligned", 40, 8, 0x1200, corrupt);
        row("L1 outside", 40, 8, quint64{1} << 40, corrupt);
        row("L1 wraps", 40, 8, 0xfffffffffffff000, corrupt);
        row("L1 over header", 40, 8, 0, corrupt);
        row("refcount table misaligned", 48, 8, 0x1200, corrupt);
        row("refcount table outside", 48, 8, quint64{1} << 40, corrupt);
        row("refcount table huge", 56, 4, 0x7fffffff, limit);
        row("no refcount table", 56, 4, 0, corrupt);
        row("too many snapshots", 60, 4, 0x7fffffff, limit);
        row("snapshots outside", 60, 4, 3, corrupt);
        row("external data file", 72, 8, 4, unsupported);
        row("extended L2 entries", 72, 8, 16, unsupported);
        row("unknown feature", 72, 8, quint64{1} << 60, unsupported);
        row("compression bit alone", 72, 8, 8, corrupt);
        row("refcount width", 96, 4, 7, corrupt);
        row("header length", 100, 4, 0xfffffff8, corrupt);
        row("header short", 100, 4, 96, corrupt);
        row("extension too long", 116, 4, 0xfffffff0, corrupt);
    }
    void badHeadersAreRefused() {
        QFETCH(quint64, offset);
        QFETCH(int, bytes);
        QFETCH(quint64, value);
        QFETCH(int, code);
        std::vector<uint8_t> image = bytes == 4
                                         ? patched<uint32_t>(offset, static_cast<uint32_t>(value))
                                         : patched<uint64_t>(offset, value);
        for (Image::Access access : {Image::Access::ReadOnly, Image::Access::ReadWrite}) {
            auto opened = open(image, access);
            QVERIFY(!opened);
            QCOMPARE(static_cast<int>(opened.error().code), code);
        }
    }

    void featuresAreRefusedByName() {
        auto extended = open(patched<uint64_t>(72, 16), Image::Access::ReadOnly);
        QVERIFY(!extended);
        QVERIFY(extended.error().detail.find("extended L2 entries") != std::string::npos);
        auto external = open(patched<uint64_t>(72, 4), Image::Access::ReadOnly);
        QVERIFY(!external);
        QVERIFY(external.error().detail.find("external data file") != std::string::npos);
        // A name from the image's own table: the first entry becomes bit 17.
        std::vector<uint8_t> image = patched<uint64_t>(72, 1 << 17);
        size_t table = 112;
        while (loadBe<uint32_t>(&image.at(table)) != kExtensionFeatureNames)
            table += 8;
        image.at(table + 9) = 17;
        const std::string name("quantum\x01mapping\0", 16);
        for (size_t i = 0; i < name.size(); ++i)
            image.at(table + 10 + i) = static_cast<uint8_t>(name[i]);
        auto future = open(image, Image::Access::ReadOnly);
        QVERIFY(!future);
        QVERIFY(future.error().detail.find("quantum?mapping") != std::string::npos);
    }

    void aCorruptImageIsReadOnly() {
        std::vector<uint8_t> image = patched<uint64_t>(72, kCorrupt);
        QVERIFY(!open(image, Image::Access::ReadWrite));
        QVERIFY(open(image, Image::Access::ReadOnly));
    }

    void overlapsAreFoundBeforeWriting_data() {
        QTest::addColumn<quint64>("offset");
        QTest::addColumn<quint64>("value");
        QTest::newRow("L2 over L1") << quint64{m_l1} << (quint64{m_l1} | kCopied);
        QTest::newRow("L2 over refcount table") << quint64{m_l1} << (quint64{m_table} | kCopied);
        QTest::newRow("L2 outside") << quint64{m_l1} << ((quint64{1} << 40) | kCopied);
        QTest::newRow("L2 misaligned") << quint64{m_l1} << (quint64{m_l2 + 512} | kCopied);
        QTest::newRow("block over L1") << quint64{m_table} << quint64{m_l1};
        QTest::newRow("block outside") << quint64{m_table} << (quint64{1} << 40);
        QTest::newRow("block misaligned") << quint64{m_table} << quint64{m_block + 512};
        QTest::newRow("L1 is free") << quint64{m_block + m_l1 / kCluster * 2 - 6} << quint64{0};
        QTest::newRow("data over L1") << quint64{m_l2} << (quint64{m_l1} | kCopied);
        QTest::newRow("data over block") << quint64{m_l2} << (quint64{m_block} | kCopied);
        QTest::newRow("data misaligned") << quint64{m_l2} << (quint64{m_data + 512} | kCopied);
        QTest::newRow("data outside") << quint64{m_l2} << ((quint64{1} << 45) | kCopied);
    }
    // Whatever the image says, nothing that it uses as metadata is ever overwritten with guest
    // data.
    void overlapsAreFoundBeforeWriting() {
        QFETCH(quint64, offset);
        QFETCH(quint64, value);
        std::vector<uint8_t> image = patched<uint64_t>(offset, value);
        CrashFile* file = nullptr;
        auto opened = open(image, Image::Access::ReadWrite, &file);
        if (!opened) {
            QCOMPARE(opened.error().code, ErrorCode::Corrupt);
            return;
        }
        int error = 0;
        for (uint64_t at = 0; at < 2 * 65536 && error == 0; at += kCluster)
            error = write(**opened, at);
        if (error == 0)
            error = flush(**opened);
        if (value == 0 && error == 0)
            return; // harmless after all
        QCOMPARE(error, EIO);
        QVERIFY(!(*opened)->writable());
        QVERIFY(loadBe<uint64_t>(&file->bytes()[72]) & kCorrupt);
        // Nothing but the corrupt bit and guest data changed.
        QVERIFY(std::equal(file->bytes().begin() + 80,
                           file->bytes().begin() + static_cast<std::ptrdiff_t>(kCluster),
                           image.begin() + 80));
        QVERIFY(std::equal(image.begin() + static_cast<std::ptrdiff_t>(m_l1),
                           image.begin() + static_cast<std::ptrdiff_t>(m_l1 + kCluster),
                           file->bytes().begin() + static_cast<std::ptrdiff_t>(m_l1)));
    }

    void freeRefcountsOfUsedClustersAreFound() {
        // All refcounts of the block are 0: the first allocation would hand out the header.
        std::vector<uint8_t> image = m_image;
        std::fill_n(image.begin() + static_cast<std::ptrdiff_t>(m_block), kCluster, uint8_t{0});
        auto opened = open(image, Image::Access::ReadWrite);
        QVERIFY(!opened);
        auto crash = std::make_unique<CrashFile>(*m_loop, image);
        CrashFile* file = crash.get();
        auto repair = m_loop->runUntilDone(
            Image::open(*m_loop, std::move(crash), Image::Access::ReadWrite, Image::Use::Repair));
        QVERIFY(repair);
        auto report = m_loop->runUntilDone(checkImage(**repair, Repair::All, nullptr));
        QVERIFY2(report, report ? "" : report.error().detail.c_str());
        QVERIFY(report->corruptions > 0);
        QVERIFY(report->clean());
        auto again = open(file->bytes(), Image::Access::ReadWrite);
        QVERIFY(again);
        auto checked = m_loop->runUntilDone(checkImage(**again, Repair::None, nullptr));
        QVERIFY(checked);
        QCOMPARE(checked->corruptions, uint64_t{0});
    }

    void aLostRefcountTableEntryIsRebuilt() {
        std::vector<uint8_t> image = patched<uint64_t>(m_table, (uint64_t{1} << 40) + 512);
        auto crash = std::make_unique<CrashFile>(*m_loop, image);
        CrashFile* file = crash.get();
        auto repair = m_loop->runUntilDone(
            Image::open(*m_loop, std::move(crash), Image::Access::ReadWrite, Image::Use::Repair));
        QVERIFY(repair);
        auto report = m_loop->runUntilDone(checkImage(**repair, Repair::All, nullptr));
        QVERIFY2(report, report ? "" : report.error().detail.c_str());
        auto again = open(file->bytes(), Image::Access::ReadWrite);
        QVERIFY2(again, again ? "" : again.error().detail.c_str());
        auto checked = m_loop->runUntilDone(checkImage(**again, Repair::None, nullptr));
        QVERIFY(checked);
        QCOMPARE(checked->corruptions, uint64_t{0});
    }

    void cutOffFilesNeverCrash() {
        for (size_t bytes = 0; bytes < m_image.size(); bytes += bytes < 200 ? 1 : 509) {
            std::vector<uint8_t> image(m_image.begin(),
                                       m_image.begin() + static_cast<std::ptrdiff_t>(bytes));
            for (Image::Access access : {Image::Access::ReadOnly, Image::Access::ReadWrite}) {
                auto opened = open(image, access);
                if (!opened)
                    continue;
                m_loop->runUntilDone((*opened)->find(0, 4096));
                if (access == Image::Access::ReadWrite) {
                    static_cast<void>(write(**opened, 8192));
                    static_cast<void>(flush(**opened));
                }
            }
        }
    }

    void aFullFileSystemLosesNothing() {
        auto crash = std::make_unique<CrashFile>(*m_loop, m_image, m_image.size() + 40000);
        CrashFile* file = crash.get();
        auto opened =
            m_loop->runUntilDone(Image::open(*m_loop, std::move(crash), Image::Access::ReadWrite));
        QVERIFY(opened);
        Image& image = **opened;
        uint64_t at = 65536;
        while (write(image, at) == 0)
            at += kCluster;
        QVERIFY(at < kDiskBytes);
        QCOMPARE(write(image, at), ENOSPC);
        QVERIFY(image.writable());
        QCOMPARE(flush(image), 0);
        file->setMaxBytes(1 << 26);
        for (; at < kDiskBytes; at += kCluster)
            QCOMPARE(write(image, at), 0);
        QCOMPARE(m_loop->runUntilDone(image.close()), 0);
        auto report = m_loop->runUntilDone(checkImage(image, Repair::None, nullptr));
        QVERIFY(report);
        QCOMPARE(report->corruptions, uint64_t{0});
        QCOMPARE(report->leaks, uint64_t{0});
    }

    // A new cluster may end the file in its middle (what follows reads as zeroes).
    void aHalfWrittenLastClusterIsPartOfTheFile() {
        CrashFile fresh(*m_loop);
        CreateOptions options;
        options.diskBytes = kDiskBytes;
        options.clusterBytes = 65536;
        QVERIFY(m_loop->runUntilDone(createImage(*m_loop, fresh, options)));
        CrashFile* file = nullptr;
        auto first = open(fresh.bytes(), Image::Access::ReadWrite, &file);
        QVERIFY(first);
        QCOMPARE(write(**first, 0), 0);
        QCOMPARE(m_loop->runUntilDone((*first)->close()), 0);
        QVERIFY(file->bytes().size() % 65536 != 0);

        auto second = open(file->bytes(), Image::Access::ReadWrite);
        QVERIFY(second);
        QCOMPARE(write(**second, 32768), 0);
        QCOMPARE(flush(**second), 0);
        QVERIFY((*second)->writable());
    }

    // As with QEMU: a file that lost its end reads as zeroes there and can be written to, but a
    // check counts it as damage.
    void clustersAfterTheEndOfTheFileReadAsZeroes() {
        std::vector<uint8_t> image = m_image;
        const uint64_t last = loadBe<uint64_t>(&image[m_l2 + 15 * 8]) & kOffsetMask;
        QVERIFY(last + kCluster == image.size());
        image.resize(last);
        CrashFile* file = nullptr;
        auto opened = open(image, Image::Access::ReadWrite, &file);
        QVERIFY(opened);
        auto found = m_loop->runUntilDone((*opened)->find(15 * kCluster, kCluster));
        QCOMPARE(found.error, 0);
        std::vector<uint8_t> bytes(kCluster, 1);
        QCOMPARE(
            m_loop->runUntilDone(readFile((*opened)->file(), found.extent.entry.hostOffset, bytes)),
            0);
        QCOMPARE(bytes, std::vector<uint8_t>(kCluster));
        auto report = m_loop->runUntilDone(checkImage(**opened, Repair::None, nullptr));
        QVERIFY(report && report->corruptions > 0);

        QCOMPARE(write(**opened, 15 * kCluster), 0);
        QCOMPARE(write(**opened, 16 * kCluster), 0); // a new cluster, somewhere else
        QCOMPARE(m_loop->runUntilDone((*opened)->close()), 0);
        QVERIFY((*opened)->writable());
        report = m_loop->runUntilDone(checkImage(**opened, Repair::None, nullptr));
        QVERIFY(report);
        QCOMPARE(report->corruptions + report->leaks, uint64_t{0});
        QCOMPARE(file->bytes()[last], uint8_t{0x42});
    }

    void aPackedClusterAfterTheEndOfTheFileIsAnError() {
        const uint64_t entry = kCompressed | (m_image.size() + 8 * kCluster);
        auto opened = open(patched<uint64_t>(m_l2, entry), Image::Access::ReadWrite);
        QVERIFY(opened);
        auto row = m_loop->runUntilDone((*opened)->find(0, 4096));
        std::vector<uint8_t> bytes(4096);
        QCOMPARE(m_loop->runUntilDone((*opened)->readCompressed(
                     row.extent, 0, IoBuffers(bytes.data(), bytes.size()))),
                 EIO);
        QVERIFY((*opened)->writable());
    }

    void damagedPackedClustersAreAnError() {
        // A packed cluster of garbage: EIO for it, the image stays usable.
        const uint64_t entry = kCompressed | (uint64_t{3} << (62 - 4)) | m_data;
        CrashFile* file = nullptr;
        auto opened = open(patched<uint64_t>(m_l2, entry), Image::Access::ReadWrite, &file);
        QVERIFY(opened);
        auto row = m_loop->runUntilDone((*opened)->find(0, 4096));
        QCOMPARE(row.error, 0);
        QCOMPARE(row.extent.entry.kind, ClusterEntry::Kind::Compressed);
        std::vector<uint8_t> bytes(4096);
        QCOMPARE(m_loop->runUntilDone((*opened)->readCompressed(
                     row.extent, 0, IoBuffers(bytes.data(), bytes.size()))),
                 EIO);
        QVERIFY((*opened)->writable());
        QCOMPARE(write(**opened, 65536 * 3), 0);
    }
};

VIVARIUM_TEST(Qcow2HostileImageTest)
#include "hostile_image_test.moc"
