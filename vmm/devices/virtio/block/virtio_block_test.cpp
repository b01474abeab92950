#include "vmm/devices/virtio/block/virtio_block.h"

#include "tests/support/test_main.h"
#include "vmm/devices/virtio/block/test_support/block_driver.h"

#include <QTest>

#include <cerrno>

using namespace vivarium;
using namespace vivarium::virtio_block;
using test::BlockDriver;
using Bytes = std::vector<uint8_t>;
using Kind = BlockRequest::Kind;

namespace {

constexpr GuestAddress kData = BlockDriver::kData;

Bytes ranges(std::initializer_list<std::array<uint64_t, 3>> list) {
    Bytes bytes;
    for (const auto& [sector, count, flags] : list) {
        bytes.resize(bytes.size() + 16);
        storeLe<uint64_t>(&bytes[bytes.size() - 16], sector);
        storeLe<uint32_t>(&bytes[bytes.size() - 8], static_cast<uint32_t>(count));
        storeLe<uint32_t>(&bytes[bytes.size() - 4], static_cast<uint32_t>(flags));
    }
    return bytes;
}

} // namespace

class VirtioBlockTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void configurationIsRefusedWithAReason() {
        BlockDriver d;
        auto refused = [&](VirtioBlockDisk disk) {
            auto made = VirtioBlock::create(
                {9, 0},
                {{d.bench.ports, d.bench.memoryMap, d.bench.interrupts, d.router},
                 d.bench.memory,
                 d.bench.tasks,
                 d.listener,
                 nullptr},
                std::move(disk));
            return !made && made.error().code == ErrorCode::InvalidArgument;
        };
        auto image = [] { return std::make_unique<MemoryBlockDevice>(512); };
        QVERIFY(refused({"", image(), "", {}, 1}));
        QVERIFY(refused({"a", nullptr, "", {}, 1}));
        QVERIFY(refused({"a", std::make_unique<MemoryBlockDevice>(511), "", {}, 1}));
        QVERIFY(refused({"a", image(), "123456789012345678901", {}, 1}));
        QVERIFY(refused({"a", image(), "", {}, 0}));
        QVERIFY(refused({"a", image(), "", {}, 17}));
    }

    void describesItself() {
        BlockDriver d;
        d.bench.locked([&] {
            QCOMPARE(d.function.transport->readConfig(0, 4), 0x10421AF4u);
            QCOMPARE(d.function.transport->readConfig(0x0A, 2), 0x0100u);
        });
        QCOMPARE(d.driver.readDevice(kCapacity, 8), BlockDriver::kDiskBytes / 512);
        QCOMPARE(d.driver.readDevice(kBlockSize, 4), uint64_t{512});
        QCOMPARE(d.driver.readDevice(virtio_block::kQueueCount, 2), uint64_t{2});
        QVERIFY(!(d.driver.offeredFeatures() & kFeatureReadOnly));
    }

    void readsAndWrites() {
        BlockDriver d;
        d.start();
        QCOMPARE(d.run(kRead, 8, {}, {{kData, 512}, {kData + 0x3000, 1024}}), kStatusOk);
        QCOMPARE(d.used.at(0).length, 512u + 1024u + 1u);
        QCOMPARE(d.driver.get(kData, 512), d.onDisk(8, 1));
        QCOMPARE(d.driver.get(kData + 0x3000, 1024), d.onDisk(9, 2));
        d.driver.fill(kData, 4096, 0xA7);
        QCOMPARE(d.run(kWrite, 100, {{kData, 4096}}, {}), kStatusOk);
        QCOMPARE(d.used.at(0).length, 1u);
        QCOMPARE(d.onDisk(100, 8), Bytes(4096, 0xA7));
        QCOMPARE(d.run(kFlush, 0, {}, {}), kStatusOk);
        QCOMPARE(d.disk->history(), (std::vector{Kind::Read, Kind::Write, Kind::Flush}));
        auto report = d.bench.locked([&] { return d.function.disk->drives(); });
        QCOMPARE(report.at(0).activity.readBytes, uint64_t{1536});
        QCOMPARE(report.at(0).activity.writtenBytes, uint64_t{4096});
    }

    void headersMayBeCutAnywhere() {
        BlockDriver d;
        d.start();
        Bytes header(16);
        storeLe<uint64_t>(&header[8], 5);
        d.driver.put(BlockDriver::kHeaders, header);
        // Header in three pieces, data and status in one.
        d.driver.addChain(0,
                          {{BlockDriver::kHeaders, 3},
                           {BlockDriver::kHeaders + 3, 6},
                           {BlockDriver::kHeaders + 9, 7}},
                          {{kData, 513}});
        d.driver.notify(0);
        d.finish();
        QCOMPARE(d.driver.get(kData, 512), d.onDisk(5, 1));
        QCOMPARE(d.driver.getLe<uint8_t>(kData + 512), kStatusOk);
    }

    void badRequestsFail_data() {
        QTest::addColumn<uint>("type");
        QTest::addColumn<quint64>("sector");
        QTest::addColumn<uint>("bytes");
        QTest::addColumn<uint>("expected");
        const quint64 end = BlockDriver::kDiskBytes / 512;
        auto row = [](const char* name, uint type, quint64 sector, uint bytes, uint expected) {
            QTest::newRow(name) << type << sector << bytes << expected;
        };
        row("past the end", kRead, end, 512, kStatusIoError);
        row("over the end", kWrite, end - 1, 1024, kStatusIoError);
        row("a sector that wraps", kRead, ~quint64{0}, 512, kStatusIoError);
        row("part of a sector", kRead, 0, 100, kStatusIoError);
        row("no data", kWrite, 0, 0, kStatusIoError);
        row("unknown", 77, 0, 512, kStatusUnsupported);
        row("id without room", kGetId, 0, 10, kStatusIoError);
    }
    void badRequestsFail() {
        QFETCH(uint, type);
        QFETCH(quint64, sector);
        QFETCH(uint, bytes);
        QFETCH(uint, expected);
        BlockDriver d;
        d.start();
        std::vector<test::RingPiece> data{{kData, bytes}};
        QCOMPARE(
            uint{type == kWrite ? d.run(type, sector, data, {}) : d.run(type, sector, {}, data)},
            expected);
        QVERIFY(d.disk->history().empty());
        QCOMPARE(d.run(kRead, 0, {}, {{kData, 512}}), kStatusOk);
    }

    void requestsWithoutHeaderOrStatusNeedAReset_data() {
        QTest::addColumn<bool>("header");
        QTest::newRow("no header") << false;
        QTest::newRow("no status") << true;
    }
    void requestsWithoutHeaderOrStatusNeedAReset() {
        QFETCH(bool, header);
        BlockDriver d;
        d.start();
        if (header)
            d.driver.addChain(0, {{BlockDriver::kHeaders, 16}}, {});
        else
            d.driver.addChain(0, {{BlockDriver::kHeaders, 15}}, {{kData, 513}});
        d.driver.notify(0);
        QVERIFY(d.driver.status() & virtio::kStatusNeedsReset);
    }

    void tellsItsSerialNumber() {
        BlockDriver d;
        d.start();
        QCOMPARE(d.run(kGetId, 0, {}, {{kData, 20}}), kStatusOk);
        Bytes expected{'S', 'E', 'R', 'I', 'A', 'L', '-', '2'};
        expected.resize(20);
        QCOMPARE(d.driver.get(kData, 20), expected);
    }

    void discardsAndClears() {
        BlockDriver d;
        d.start(kFeatureFlush | kFeatureDiscard | kFeatureWriteZeroes);
        auto clear = [&](uint32_t type, const Bytes& list) {
            d.driver.put(kData, list);
            return d.run(type, 0, {{kData, static_cast<uint32_t>(list.size())}}, {});
        };
        QCOMPARE(clear(kWriteZeroes, ranges({{2, 1, 1}, {10, 3, 0}, {0, 0, 0}})), kStatusOk);
        QCOMPARE(d.onDisk(2, 1), Bytes(512));
        QCOMPARE(d.onDisk(10, 3), Bytes(3 * 512));
        QVERIFY(d.onDisk(3, 1) != Bytes(512));
        QCOMPARE(clear(kDiscard, ranges({{20, 4, 0}})), kStatusOk);
        QCOMPARE(d.disk->history(),
                 (std::vector{Kind::WriteZeroes, Kind::WriteZeroes, Kind::Discard}));
        QCOMPARE(clear(kDiscard, ranges({{20, 4, 1}})), kStatusUnsupported);
        QCOMPARE(clear(kWriteZeroes, ranges({{20, 4, 2}})), kStatusUnsupported);
        QCOMPARE(clear(kDiscard, ranges({{2047, 2, 0}})), kStatusIoError);
        QCOMPARE(clear(kDiscard, ranges({{~uint64_t{0}, 1, 0}})), kStatusIoError);
        QCOMPARE(clear(kDiscard, Bytes(20)), kStatusIoError);
        QCOMPARE(clear(kDiscard, Bytes()), kStatusIoError);
        QCOMPARE(clear(kDiscard, Bytes(65 * 16)), kStatusIoError);
        QCOMPARE(clear(kDiscard, Bytes(16)), kStatusOk); // nothing to do
        QCOMPARE(d.disk->history().size(), size_t{3});
    }

    void oneFailedRangeFailsTheRequest() {
        BlockDriver d;
        d.start();
        d.driver.put(kData, ranges({{2, 1, 0}, {10, 3, 0}}));
        d.add(0, 0, kDiscard, 0, {{kData, 32}}, {});
        d.driver.notify(0);
        d.disk->fail(0, EIO);
        d.bench.tasks.runPosted();
        QVERIFY(d.driver.takeUsed(0).empty());
        d.finish();
        QCOMPARE(d.driver.takeUsed(0).size(), size_t{1});
        QCOMPARE(d.status(), kStatusIoError);
    }

    void readOnlyDisksAreNotWritten() {
        BlockDriver d({.access = MemoryBlockDevice::Access::ReadOnly});
        uint64_t features = d.driver.offeredFeatures();
        QVERIFY(features & kFeatureReadOnly);
        QVERIFY(!(features & (kFeatureDiscard | kFeatureWriteZeroes)));
        d.start();
        QCOMPARE(d.run(kWrite, 0, {{kData, 512}}, {}), kStatusIoError);
        QCOMPARE(d.run(kDiscard, 0, {{kData, 16}}, {}), kStatusIoError);
        QCOMPARE(d.run(kRead, 0, {}, {{kData, 512}}), kStatusOk);
    }

    void writesAreFlushedForWhoCannotFlush() {
        BlockDriver d;
        d.start(0);
        QCOMPARE(d.run(kWrite, 0, {{kData, 512}}, {}), kStatusOk);
        QCOMPARE(d.disk->history(), (std::vector{Kind::Write, Kind::Flush}));
    }

    void theWriteCacheCanBeSwitchedOff() {
        BlockDriver d;
        d.start(kFeatureFlush); // not negotiated: the field stays
        d.driver.writeDevice(kWriteBack, 1, 0);
        QCOMPARE(d.driver.readDevice(kWriteBack, 1), uint64_t{1});
        d.start(kFeatureFlush | kFeatureConfigWriteCache);
        d.driver.writeDevice(kWriteBack, 1, 0);
        QCOMPARE(d.driver.readDevice(kWriteBack, 1), uint64_t{0});
        QCOMPARE(d.run(kWrite, 0, {{kData, 512}}, {}), kStatusOk);
        QCOMPARE(d.disk->history(), (std::vector{Kind::Write, Kind::Flush}));
        d.add(0, 0, kWrite, 0, {{kData, 512}}, {});
        d.driver.notify(0);
        d.disk->complete(0);
        d.bench.tasks.runPosted();
        d.disk->fail(0, EIO); // the flush
        d.finish();
        QCOMPARE(d.status(), kStatusIoError);
    }

    void queuesWorkAtOnceAndFinishInAnyOrder() {
        BlockDriver d;
        d.start();
        uint16_t a = d.add(0, 0, kRead, 1, {}, {{kData, 512}});
        uint16_t b = d.add(0, 1, kRead, 2, {}, {{kData + 512, 512}});
        d.add(1, 2, kRead, 3, {}, {{kData + 1024, 512}});
        d.driver.notify(0);
        d.driver.notify(1);
        QCOMPARE(d.disk->waiting(), size_t{3});
        d.disk->complete(2);
        d.disk->complete(1);
        d.bench.tasks.runPosted();
        QCOMPARE(d.driver.takeUsed(1).size(), size_t{1});
        QCOMPARE(d.driver.takeUsed(0).at(0).head, uint32_t{b});
        d.finish();
        QCOMPARE(d.driver.takeUsed(0).at(0).head, uint32_t{a});
        QCOMPARE(d.driver.get(kData, 1536), d.onDisk(1, 3));
    }

    // A driver that offers one chain for ever cannot have more in flight than its queue holds, nor
    // keep the device busy in one notification.
    void oneNotificationIsBoundedWork() {
        BlockDriver d;
        d.start(kFeatureFlush, 8);
        uint16_t head = d.add(0, 0, kRead, 1, {}, {{kData, 512}});
        for (int i = 0; i < 7; ++i)
            d.driver.makeAvailable(0, head);
        d.driver.notify(0);
        QCOMPARE(d.disk->waiting(), size_t{8});
        for (int i = 0; i < 8; ++i)
            d.driver.makeAvailable(0, head);
        d.driver.notify(0);
        QCOMPARE(d.disk->waiting(), size_t{8});
        d.disk->complete(0);
        d.bench.tasks.runPosted();
        QCOMPARE(d.disk->waiting(), size_t{8}); // one more was taken
        d.finish();
        QCOMPARE(d.disk->history().size(), size_t{16});
        // Requests that end at once are served in portions.
        head = d.add(0, 0, 77, 0, {}, {});
        for (int i = 0; i < 7; ++i)
            d.driver.makeAvailable(0, head);
        d.driver.notify(0);
        QVERIFY(d.bench.tasks.runPosted() > 0);
        QCOMPARE(d.driver.takeUsed(0).size(), size_t{24});
    }

    void aFullHostStopsTheMachineAndTriesAgain() {
        BlockDriver d;
        d.start();
        d.driver.fill(kData, 512, 0x3C);
        d.add(0, 0, kWrite, 9, {{kData, 512}}, {});
        d.driver.notify(0);
        d.disk->fail(0, ENOSPC);
        d.bench.tasks.runPosted();
        QCOMPARE(d.listener.full.size(), size_t{1});
        QVERIFY(d.driver.takeUsed(0).empty());
        d.resume();
        d.finish();
        QCOMPARE(d.driver.takeUsed(0).size(), size_t{1});
        QCOMPARE(d.status(), kStatusOk);
        QCOMPARE(d.onDisk(9, 1), Bytes(512, 0x3C));
    }

    void errorsFollowThePolicy_data() {
        QTest::addColumn<int>("policy");
        QTest::addColumn<uint>("expected");
        QTest::newRow("report") << int(DriveErrorPolicy::Report) << uint{kStatusIoError};
        QTest::newRow("ignore") << int(DriveErrorPolicy::Ignore) << uint{kStatusOk};
        QTest::newRow("stop") << int(DriveErrorPolicy::Stop) << 0xFFu;
    }
    void errorsFollowThePolicy() {
        QFETCH(int, policy);
        QFETCH(uint, expected);
        BlockDriver d({.policy = static_cast<DriveErrorPolicy>(policy)});
        d.start();
        d.add(0, 0, kRead, 9, {}, {{kData, 512}});
        d.driver.notify(0);
        d.disk->fail(0, EIO);
        d.bench.tasks.runPosted();
        QCOMPARE(uint{d.status()}, expected);
        QCOMPARE(d.listener.failed.size(), size_t(expected == 0xFF ? 1 : 0));
    }

    void resetsForgetWhatIsInFlightWithoutWaiting() {
        BlockDriver d;
        d.start();
        d.add(0, 0, kRead, 1, {}, {{kData, 512}});
        d.driver.notify(0);
        d.driver.setStatus(0);
        QCOMPARE(d.disk->waiting(), size_t{1}); // nobody waited
        QVERIFY(d.driver.status() != 0);
        d.finish();
        QCOMPARE(d.driver.status(), uint8_t{0});
        QCOMPARE(d.status(), uint8_t{0xFF}); // guest memory is untouched but for the data
        QVERIFY(d.driver.takeUsed(0).empty());
        d.start();
        QCOMPARE(d.run(kRead, 1, {}, {{kData, 512}}), kStatusOk);
        // A driver that goes on at once makes the device wait for the host.
        d.add(0, 0, kRead, 1, {}, {{kData, 512}});
        d.driver.notify(0);
        d.driver.setStatus(0);
        d.driver.setStatus(virtio::kStatusAcknowledge);
        QCOMPARE(d.disk->waiting(), size_t{0});
        QCOMPARE(d.driver.status(), virtio::kStatusAcknowledge);
        d.start();
        QCOMPARE(d.run(kRead, 1, {}, {{kData, 512}}), kStatusOk);
    }

    void machineResetWaits() {
        BlockDriver d;
        d.start();
        d.add(0, 0, kRead, 1, {}, {{kData, 512}});
        d.driver.notify(0);
        d.bench.locked([&] { d.function.transport->reset(); });
        QCOMPARE(d.disk->waiting(), size_t{0});
        d.bench.tasks.runPosted();
        d.driver.findStructures();
        QCOMPARE(d.driver.status(), uint8_t{0});
        d.start();
        QCOMPARE(d.run(kRead, 1, {}, {{kData, 512}}), kStatusOk);
    }

    void requestsInFlightAreSavedAndRunAgain() {
        BlockDriver d;
        d.start();
        d.driver.fill(kData, 512, 0x77);
        d.add(0, 0, kWrite, 4, {{kData, 512}}, {});
        d.add(1, 1, kWrite, 5, {{kData, 512}}, {});
        d.driver.notify(0);
        d.driver.notify(1);
        d.disk->fail(0, ENOSPC);
        d.disk->fail(0, ENOSPC);
        d.bench.tasks.runPosted();
        auto state = test::contract_detail::saveDevice(d.bench, *d.function.transport);
        d.bench.locked([&] { d.function.transport->reset(); });
        QVERIFY(test::contract_detail::restoreDevice(d.bench, *d.function.transport, state));
        QCOMPARE(test::contract_detail::saveDevice(d.bench, *d.function.transport), state);
        QCOMPARE(d.disk->waiting(), size_t{0});
        d.add(0, 2, kRead, 6, {}, {{kData + 512, 512}}); // rung before the state was saved
        d.resume();
        d.finish();
        QCOMPARE(d.driver.takeUsed(0).size(), size_t{2});
        QCOMPARE(d.driver.takeUsed(1).size(), size_t{1});
        QCOMPARE(d.onDisk(4, 2), Bytes(1024, 0x77));
        QCOMPARE(d.driver.get(kData + 512, 512), d.onDisk(6, 1));
    }

    void resizingTellsTheDriver() {
        BlockDriver d;
        d.start();
        d.disk->bytes().resize(2 * BlockDriver::kDiskBytes);
        d.bench.locked([&] { d.function.disk->imageResized(); });
        QCOMPARE(d.driver.readIsr(), virtio::kIsrConfig);
        QCOMPARE(d.driver.readDevice(kCapacity, 8), 2 * BlockDriver::kDiskBytes / 512);
        QCOMPARE(d.run(kRead, BlockDriver::kDiskBytes / 512, {}, {{kData, 512}}), kStatusOk);
    }

    void holdsTheDeviceContract() {
        test::RecordingInterruptRouter router;
        test::RecordingStorageListener listener;
        // Devices made last are the ones whose disk is asked to settle.
        std::map<Device*, VirtioBlock*> disks;
        test::DeviceContract contract;
        contract.make = [&](test::DeviceBench& bench) -> std::unique_ptr<Device> {
            auto made = BlockDriver::make(bench, router, listener, {});
            disks[made.transport.get()] = made.disk;
            return std::move(made.transport);
        };
        contract.settle = [&](test::DeviceBench& bench, Device& device) {
            do
                bench.locked([&] { disks.at(&device)->drainIo(); });
            while (bench.tasks.runPosted() > 0);
        };
        // Sometimes a whole driver starts and leaves a few requests.
        contract.poke = [&](test::DeviceBench& bench, Device& device, std::mt19937_64& random) {
            if (random() % 3 == 0) {
                bench.locked([&] { disks.at(&device)->retryStalledRequests(); });
                return;
            }
            test::VirtioDriver driver(bench, static_cast<VirtioPciTransport&>(device));
            driver.start(kFeatureFlush | virtio::kFeatureIndirect, 2, 8);
            for (unsigned i = random() % 6; i > 0; --i) {
                auto type = static_cast<uint32_t>(random() % 15);
                driver.putLe<uint32_t>(BlockDriver::kHeaders, type);
                driver.putLe<uint64_t>(BlockDriver::kHeaders + 8, random() % 2500);
                driver.addChain(static_cast<uint16_t>(random() % 2), {{BlockDriver::kHeaders, 16}},
                                {{kData, 512}, {BlockDriver::kStatuses, 1}});
            }
            driver.notify(0);
            driver.notify(1);
        };
        contract.accesses = 1500;
        QCOMPARE(checkPciDeviceContract(contract), QString());
    }
};
VIVARIUM_TEST(VirtioBlockTest)

#include "virtio_block_test.moc"
