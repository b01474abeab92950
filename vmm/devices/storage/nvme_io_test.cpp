// The I/O commands of NvmeController and the memory that they name.

#include "tests/support/test_main.h"
#include "vmm/devices/storage/nvme_prp.h"
#include "vmm/devices/storage/test_support/nvme_driver.h"

#include <QTest>

#include <cerrno>

using namespace vivarium;
using namespace vivarium::nvme;
using test::NvmeDriver;
using Bytes = std::vector<uint8_t>;
using Kind = BlockRequest::Kind;

namespace {
constexpr GuestAddress kData = NvmeDriver::kData;
constexpr GuestAddress kList = NvmeDriver::kLists;
constexpr GuestAddress kEnd = test::DeviceBench::kRamBytes;
} // namespace

class NvmeIoTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsAndWrites() {
        NvmeDriver d;
        d.start();
        QCOMPARE(d.readSectors(8, 16), kSuccess); // two pages
        QCOMPARE(d.get(kData, 8192), d.onDisk(8, 16));
        d.put(kData, Bytes(4096, 0x66));
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kWrite, 100, 8, kData)), kSuccess);
        QCOMPARE(d.onDisk(100, 8), Bytes(4096, 0x66));
        QCOMPARE(d.run(1, NvmeDriver::make(nvme::kFlush, 1, 0, 0)), kSuccess);
        QCOMPARE(d.run(1, NvmeDriver::make(nvme::kFlush, 0xFFFFFFFF, 0, 0)), kSuccess);
        QCOMPARE(d.disk->history(),
                 (std::vector{Kind::Read, Kind::Write, Kind::Flush, Kind::Flush}));
    }

    void listsAreFollowedFromPageToPage() {
        NvmeDriver d;
        d.start();
        // 256 KiB to every second page, the list beginning three entries before a page's end.
        constexpr unsigned kPages = 64;
        GuestAddress list = kList + kPageBytes - 3 * 8;
        auto page = [](unsigned index) { return kData + index * 2 * kPageBytes; };
        d.putLe<uint64_t>(list, page(1));
        d.putLe<uint64_t>(list + 8, page(2));
        d.putLe<uint64_t>(list + 16, kList + kPageBytes);
        for (unsigned i = 3; i < kPages; ++i)
            d.putLe<uint64_t>(kList + kPageBytes + (i - 3) * 8, page(i));
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kRead, 0, kPages * 8, page(0), list)), kSuccess);
        for (unsigned i = 0; i < kPages; ++i)
            QCOMPARE(d.get(page(i), kPageBytes), d.onDisk(i * 8, 8));
    }

    void dataMayBeginInsideAPage() {
        NvmeDriver d;
        d.start();
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kRead, 3, 8, kData + 0xE00, kData + 0x4000)),
                 kSuccess);
        QCOMPARE(d.get(kData + 0xE00, 512), d.onDisk(3, 1));
        QCOMPARE(d.get(kData + 0x4000, 3584), d.onDisk(4, 7));
    }

    void badMemoryIsRefused_data() {
        QTest::addColumn<uint>("sectors");
        QTest::addColumn<quint64>("prp1");
        QTest::addColumn<quint64>("prp2");
        QTest::addColumn<quint64>("entry");
        QTest::addColumn<uint>("expected");
        auto row = [](const char* name, uint sectors, quint64 prp1, quint64 prp2, quint64 entry,
                      uint expected) {
            QTest::newRow(name) << sectors << prp1 << prp2 << entry << expected;
        };
        row("first outside", 1, kEnd, 0, 0, kDataTransferError);
        row("first wraps", 1, ~quint64{0} - 3, 0, 0, kDataTransferError);
        row("first misaligned", 1, kData + 2, 0, 0, kPrpOffsetInvalid);
        row("second outside", 16, kData, kEnd, 0, kDataTransferError);
        row("second misaligned", 16, kData, kData + 512, 0, kPrpOffsetInvalid);
        row("list outside", 24, kData, kEnd, 0, kDataTransferError);
        row("list misaligned", 24, kData, kList + 4, 0, kPrpOffsetInvalid);
        row("entry outside", 24, kData, kList, kEnd, kDataTransferError);
        row("entry misaligned", 24, kData, kList, kData + 8, kPrpOffsetInvalid);
        row("list goes on outside", 24, kData, kList + 0xFF8, kEnd, kDataTransferError);
        row("too long", 1025, kData, kList, kData, kInvalidField);
    }
    void badMemoryIsRefused() {
        QFETCH(uint, sectors);
        QFETCH(quint64, prp1);
        QFETCH(quint64, prp2);
        QFETCH(quint64, entry);
        QFETCH(uint, expected);
        NvmeDriver d;
        d.start();
        d.putLe<uint64_t>(kList, entry);
        d.putLe<uint64_t>(kList + 0xFF8, entry);
        d.disk->bytes().resize(4 << 20);
        QCOMPARE(uint{d.run(1, NvmeDriver::makeTransfer(kRead, 0, sectors, prp1, prp2))}, expected);
        QVERIFY(d.disk->history().empty());
        QCOMPARE(d.readSectors(0, 1), kSuccess);
    }

    // A list whose last entry leads to itself is a list of data pages there.
    void aLoopOfListsEnds() {
        NvmeDriver d;
        d.putLe<uint64_t>(kList + 0xFF8, kList);
        for (unsigned i = 0; i < 511; ++i)
            d.putLe<uint64_t>(kList + i * 8, kList);
        auto command = NvmeDriver::make(kRead, 1, kData, kList + 0xFF8);
        NvmeData data = mapPrps(d.bench.memory, command, kMaxTransferBytes);
        QCOMPARE(data.status, kSuccess);
        QCOMPARE(data.buffers.sizeBytes, kMaxTransferBytes);
    }

    void badCommandsAreRefused() {
        NvmeDriver d;
        d.start();
        const uint64_t end = NvmeDriver::kDiskBytes / 512;
        QCOMPARE(d.readSectors(end, 1), kLbaOutOfRange);
        QCOMPARE(d.readSectors(end - 1, 2), kLbaOutOfRange);
        QCOMPARE(d.readSectors(~uint64_t{0}, 1), kLbaOutOfRange);
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kWriteZeroes, end - 1, 2, 0)), kLbaOutOfRange);
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData, 0, 1u << 29)),
                 kInvalidField);
        auto other = NvmeDriver::makeTransfer(kRead, 0, 1, kData);
        storeLe<uint32_t>(&other.bytes[4], 2);
        QCOMPARE(d.run(1, other), kInvalidNamespace);
        auto scattered = NvmeDriver::makeTransfer(kRead, 0, 1, kData);
        scattered.bytes[1] = 0x40; // a scatter-gather list
        QCOMPARE(d.run(1, scattered), kInvalidField);
        QCOMPARE(d.run(1, NvmeDriver::make(0x77, 1, 0, 0)), kInvalidOpcode);
        QVERIFY(d.disk->history().empty());
    }

    void clearsAndDiscards() {
        NvmeDriver d;
        d.start();
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kWriteZeroes, 10, 4, 0)), kSuccess);
        QCOMPARE(d.onDisk(10, 4), Bytes(2048));
        auto range = [&](unsigned index, uint64_t sector, uint32_t count) {
            d.putLe<uint32_t>(kData + 16 * index + 4, count);
            d.putLe<uint64_t>(kData + 16 * index + 8, sector);
        };
        range(0, 20, 2);
        range(1, 0, 0);
        range(2, 30, 1);
        auto manage = [&](uint32_t last, uint32_t attributes) {
            return d.run(1, NvmeDriver::make(kDatasetManagement, 1, kData, 0, last, attributes));
        };
        QCOMPARE(manage(2, 1), kSuccess); // a hint
        QCOMPARE(d.disk->history().size(), size_t{1});
        QCOMPARE(manage(2, 4), kSuccess);
        QCOMPARE(d.disk->history(), (std::vector{Kind::WriteZeroes, Kind::Discard, Kind::Discard}));
        QCOMPARE(d.onDisk(20, 2), Bytes(1024));
        range(1, NvmeDriver::kDiskBytes / 512, 1);
        QCOMPARE(manage(2, 4), kLbaOutOfRange);
        range(1, ~uint64_t{0}, 0xFFFFFFFF);
        QCOMPARE(manage(2, 4), kLbaOutOfRange);
        QCOMPARE(d.disk->history().size(), size_t{3});
    }

    void readOnlyDisksAreNotWritten() {
        NvmeDriver d({.access = MemoryBlockDevice::Access::ReadOnly});
        d.start();
        QCOMPARE(d.identify(0, 1), kSuccess);
        QCOMPARE(d.getLe<uint8_t>(kData + 99), uint8_t{1});
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kWrite, 0, 1, kData)), kReadOnlyRange);
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kWriteZeroes, 0, 1, 0)), kReadOnlyRange);
        QCOMPARE(d.run(1, NvmeDriver::make(kDatasetManagement, 1, kData, 0, 0, 4)), kReadOnlyRange);
        QCOMPARE(d.readSectors(0, 1), kSuccess);
    }

    void writesCanBeForcedToTheDisk() {
        NvmeDriver d;
        d.start();
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kWrite, 0, 1, kData, 0, 1u << 30)), kSuccess);
        QCOMPARE(d.disk->history(), (std::vector{Kind::Write, Kind::Flush}));
        QCOMPARE(d.admin(NvmeDriver::make(kSetFeatures, 0, 0, 0, kFeatureWriteCache, 0)), kSuccess);
        QCOMPARE(d.run(1, NvmeDriver::makeTransfer(kWrite, 0, 1, kData)), kSuccess);
        QCOMPARE(d.disk->history().size(), size_t{4});
        d.issue(1, NvmeDriver::makeTransfer(kWrite, 0, 1, kData));
        d.disk->complete(0);
        d.bench.tasks.runPosted();
        d.disk->fail(0, EIO); // the flush
        d.finish();
        QCOMPARE(d.takeCompletions(1).at(0).status, kWriteFault);
    }

    void hostErrorsAreReported() {
        NvmeDriver d;
        d.start();
        d.issue(1, NvmeDriver::makeTransfer(kRead, 0, 1, kData));
        d.disk->fail(0, EIO);
        d.finish();
        QCOMPARE(d.takeCompletions(1).at(0).status, kReadError);
        d.issue(1, NvmeDriver::makeTransfer(kWrite, 0, 1, kData));
        d.disk->fail(0, ENOSPC);
        d.bench.tasks.runPosted();
        QVERIFY(d.takeCompletions(1).empty());
        QCOMPARE(d.listener.full.size(), size_t{1});
        d.resume();
        d.finish();
        QCOMPARE(d.takeCompletions(1).at(0).status, kSuccess);
    }

    void queuesWorkAtOnceAndFinishInAnyOrder() {
        NvmeDriver d;
        d.start(2);
        uint16_t a = d.issue(1, NvmeDriver::makeTransfer(kRead, 1, 1, kData));
        uint16_t b = d.issue(1, NvmeDriver::makeTransfer(kRead, 2, 1, kData + 512));
        d.issue(2, NvmeDriver::makeTransfer(kRead, 3, 1, kData + 1024));
        QCOMPARE(d.disk->waiting(), size_t{3});
        d.disk->complete(2);
        d.disk->complete(1);
        d.bench.tasks.runPosted();
        QCOMPARE(d.takeCompletions(2).size(), size_t{1});
        auto first = d.takeCompletions(1);
        QCOMPARE(first.at(0).commandId, b);
        QCOMPARE(first.at(0).submissionHead, uint16_t{2});
        d.finish();
        QCOMPARE(d.takeCompletions(1).at(0).commandId, a);
        QCOMPARE(d.get(kData, 1536), d.onDisk(1, 3));
    }

    void queuesRunAround() {
        NvmeDriver d;
        d.start();
        for (unsigned i = 0; i < 100; ++i) {
            QCOMPARE(d.readSectors(i, 1), kSuccess);
            QCOMPARE(d.get(kData, 512), d.onDisk(i, 1));
        }
    }
};
VIVARIUM_TEST(NvmeIoTest)

#include "nvme_io_test.moc"
