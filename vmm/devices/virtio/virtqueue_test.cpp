#include "vmm/devices/virtio/virtqueue.h"

#include "tests/support/test_main.h"
#include "vmm/devices/virtio/test_support/echo_device.h"

#include <QTest>

using namespace vivarium;
using test::RingPiece;
using test::VirtioDriver;

namespace {

constexpr uint16_t kNext = 1, kWrite = 2, kIndirect = 4;
constexpr GuestAddress kTable = 0x10000, kDriver = 0x11000, kDevice = 0x12000, kList = 0x13000;
constexpr GuestAddress kData = 0x20000;

// A queue of 8 without a transport.
struct Rig {
    test::DeviceBench bench;
    Virtqueue queue{bench.memory, 8};
    uint16_t available = 0;

    Rig() {
        queue.setDescriptorArea(kTable);
        queue.setDriverArea(kDriver);
        queue.setDeviceArea(kDevice);
        queue.enable();
        queue.setFeatures({true, false});
    }
    void put16(GuestAddress at, uint16_t value) { QVERIFY(bench.memory.writeObject(at, value)); }
    void describe(GuestAddress table, unsigned index, uint64_t address, uint32_t length,
                  uint16_t flags, uint16_t next) {
        QVERIFY(bench.memory.writeObject(table + 16 * index, address));
        QVERIFY(bench.memory.writeObject(table + 16 * index + 8, length));
        put16(table + 16 * index + 12, flags);
        put16(table + 16 * index + 14, next);
    }
    void offer(uint16_t head) {
        put16(kDriver + 4 + 2 * (available % 8), head);
        put16(kDriver + 2, ++available);
    }
    ErrorCode takeError() {
        auto chain = queue.take();
        return chain ? ErrorCode::Internal : chain.error().code;
    }
};

} // namespace

class VirtqueueTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void chainsAreTakenInOrderAndGivenBack() {
        Rig rig;
        QVERIFY(rig.queue.enabled());
        QVERIFY(!*rig.queue.take());
        rig.describe(kTable, 3, kData, 100, kNext, 5);
        rig.describe(kTable, 5, kData + 0x1000, 50, kNext | kWrite, 1);
        rig.describe(kTable, 1, kData + 0x2000, 1, kWrite, 0);
        rig.describe(kTable, 7, kData, 4, 0, 0);
        rig.offer(3);
        rig.offer(7);
        auto chain = *rig.queue.take();
        QVERIFY(chain);
        QCOMPARE(chain->head, uint16_t{3});
        QCOMPARE(chain->readableBytes, uint64_t{100});
        QCOMPARE(chain->writableBytes, uint64_t{51});
        QCOMPARE(chain->writable.size(), size_t{2});
        QCOMPARE((*rig.queue.take())->head, uint16_t{7});
        QVERIFY(!*rig.queue.take());
        rig.queue.giveBack(7, 0);
        rig.queue.giveBack(3, 51);
        QCOMPARE(rig.bench.memory.readObject<uint16_t>(kDevice + 2).value(), uint16_t{2});
        QCOMPARE(rig.bench.memory.readObject<uint32_t>(kDevice + 4).value(), 7u);
        QCOMPARE(rig.bench.memory.readObject<uint32_t>(kDevice + 12).value(), 3u);
        QCOMPARE(rig.bench.memory.readObject<uint32_t>(kDevice + 16).value(), 51u);
    }

    void chainsThatWereUntakenComeAgain() {
        Rig rig;
        for (unsigned i = 0; i < 3; ++i) {
            rig.describe(kTable, i, kData + 0x100 * i, 16, kWrite, 0);
            rig.offer(static_cast<uint16_t>(i));
        }
        for (unsigned i = 0; i < 3; ++i)
            QVERIFY(*rig.queue.take());
        rig.queue.untake(2);
        QCOMPARE((*rig.queue.take())->head, uint16_t{1});
        QCOMPARE((*rig.queue.take())->head, uint16_t{2});
        QVERIFY(!*rig.queue.take());
        rig.queue.untake(0);
        QVERIFY(!*rig.queue.take());
    }

    void chainsAreGivenBackTogether() {
        Rig rig;
        rig.queue.giveBack(0, 1);
        const std::array<VirtioUsed, 2> chains{{{5, 100}, {6, 7}}};
        rig.queue.giveBack(chains);
        QCOMPARE(rig.bench.memory.readObject<uint16_t>(kDevice + 2).value(), uint16_t{3});
        QCOMPARE(rig.bench.memory.readObject<uint32_t>(kDevice + 12).value(), 5u);
        QCOMPARE(rig.bench.memory.readObject<uint32_t>(kDevice + 16).value(), 100u);
        QCOMPARE(rig.bench.memory.readObject<uint32_t>(kDevice + 20).value(), 6u);
        QVERIFY(rig.queue.takeInterruptWish());
    }

    void indirectTablesAreFollowed() {
        Rig rig;
        rig.describe(kTable, 0, kData, 16, kNext, 1);
        rig.describe(kTable, 1, kList, 3 * 16, kIndirect, 0);
        rig.describe(kList, 0, kData + 0x100, 32, kNext, 2);
        rig.describe(kList, 2, kData + 0x200, 64, kWrite, 0);
        rig.offer(0);
        auto chain = *rig.queue.take();
        QVERIFY(chain);
        QCOMPARE(chain->readableBytes, uint64_t{48});
        QCOMPARE(chain->writableBytes, uint64_t{64});
    }

    void brokenRulesAreFound_data() {
        QTest::addColumn<int>("which");
        QTest::newRow("a loop") << 0;
        QTest::newRow("a head outside the queue") << 1;
        QTest::newRow("a next outside the queue") << 2;
        QTest::newRow("a buffer outside memory") << 3;
        QTest::newRow("a buffer that wraps around") << 4;
        QTest::newRow("readable after writable") << 5;
        QTest::newRow("nested indirect tables") << 6;
        QTest::newRow("an indirect table of half a descriptor") << 7;
        QTest::newRow("an empty indirect table") << 8;
        QTest::newRow("an indirect table longer than the queue") << 9;
        QTest::newRow("an indirect table outside memory") << 10;
        QTest::newRow("an indirect descriptor that goes on") << 11;
        QTest::newRow("a loop in an indirect table") << 12;
        QTest::newRow("more available than the queue has") << 13;
        QTest::newRow("indirect without the feature") << 14;
    }
    void brokenRulesAreFound() {
        QFETCH(int, which);
        Rig rig;
        uint16_t head = 0;
        auto indirect = [&](uint32_t bytes) {
            rig.describe(kTable, 0, kList, bytes, kIndirect, 0);
        };
        rig.describe(kTable, 0, kData, 16, 0, 0);
        rig.describe(kList, 0, kData, 16, 0, 0);
        switch (which) {
        case 0:
            rig.describe(kTable, 0, kData, 16, kNext, 1);
            rig.describe(kTable, 1, kData, 16, kNext, 0);
            break;
        case 1:
            head = 8;
            break;
        case 2:
            rig.describe(kTable, 0, kData, 16, kNext, 0x7FFF);
            break;
        case 3:
            rig.describe(kTable, 0, test::DeviceBench::kRamBytes - 8, 16, 0, 0);
            break;
        case 4:
            rig.describe(kTable, 0, ~uint64_t{0} - 4, 16, 0, 0);
            break;
        case 5:
            rig.describe(kTable, 0, kData, 16, kNext | kWrite, 1);
            rig.describe(kTable, 1, kData, 16, 0, 0);
            break;
        case 6:
            indirect(16);
            rig.describe(kList, 0, kList, 16, kIndirect, 0);
            break;
        case 7:
            indirect(24);
            break;
        case 8:
            indirect(0);
            break;
        case 9:
            indirect(9 * 16);
            break;
        case 10:
            rig.describe(kTable, 0, uint64_t{1} << 40, 16, kIndirect, 0);
            break;
        case 11:
            rig.describe(kTable, 0, kList, 16, kIndirect | kNext, 1);
            break;
        case 12:
            indirect(32);
            rig.describe(kList, 0, kData, 16, kNext, 1);
            rig.describe(kList, 1, kData, 16, kNext, 0);
            break;
        case 13:
            rig.available = 8;
            break;
        default:
            indirect(16);
            rig.queue.setFeatures({false, false});
        }
        rig.offer(head);
        QCOMPARE(rig.takeError(), ErrorCode::Corrupt);
    }

    void emptyDescriptorsAreSkipped() {
        Rig rig;
        rig.describe(kTable, 0, ~uint64_t{0}, 0, kNext, 1);
        rig.describe(kTable, 1, kData, 8, kWrite, 0);
        rig.offer(0);
        auto chain = *rig.queue.take();
        QVERIFY(chain);
        QVERIFY(chain->readable.empty());
        QCOMPARE(chain->writable.size(), size_t{1});
    }

    void areasMustBeAlignedAndInMemory_data() {
        QTest::addColumn<quint64>("descriptors");
        QTest::addColumn<quint64>("driver");
        QTest::addColumn<quint64>("device");
        const quint64 end = test::DeviceBench::kRamBytes;
        const quint64 table = kTable, driver = kDriver, device = kDevice;
        QTest::newRow("descriptors misaligned") << table + 8 << driver << device;
        QTest::newRow("driver misaligned") << table << driver + 1 << device;
        QTest::newRow("device misaligned") << table << driver << device + 2;
        QTest::newRow("descriptors outside") << end - 112 << driver << device;
        QTest::newRow("driver outside") << table << end - 20 << device;
        QTest::newRow("device outside") << table << driver << end - 68;
    }
    void areasMustBeAlignedAndInMemory() {
        QFETCH(quint64, descriptors);
        QFETCH(quint64, driver);
        QFETCH(quint64, device);
        test::DeviceBench bench;
        Virtqueue queue(bench.memory, 8);
        queue.setDescriptorArea(descriptors);
        queue.setDriverArea(driver);
        queue.setDeviceArea(device);
        queue.enable();
        QVERIFY(!queue.enabled());
        QVERIFY(!*queue.take());
        queue.giveBack(0, 0);
    }

    void interruptsFollowTheFlag() {
        Rig rig;
        rig.queue.giveBack(0, 0);
        QVERIFY(rig.queue.takeInterruptWish());
        rig.put16(kDriver, 1); // no interrupts wanted
        rig.queue.giveBack(0, 0);
        QVERIFY(!rig.queue.takeInterruptWish());
    }

    void interruptsFollowTheEventIndex() {
        Rig rig;
        rig.queue.setFeatures({true, true});
        constexpr GuestAddress kUsedEvent = kDriver + 4 + 2 * 8;
        rig.put16(kUsedEvent, 2);
        rig.queue.giveBack(0, 0);
        QVERIFY(rig.queue.takeInterruptWish()); // the first is always told
        rig.queue.giveBack(0, 0);
        QVERIFY(!rig.queue.takeInterruptWish());
        rig.queue.giveBack(0, 0);
        QVERIFY(rig.queue.takeInterruptWish()); // the index has passed 2
        rig.queue.giveBack(0, 0);
        QVERIFY(!rig.queue.takeInterruptWish());
        // Across the end of the numbers.
        rig.put16(kUsedEvent, 1);
        unsigned wishes = 0;
        for (unsigned i = 4; i < 0x10000 + 2; ++i) {
            rig.queue.giveBack(0, 0);
            wishes += rig.queue.takeInterruptWish() ? 1 : 0;
        }
        QCOMPARE(wishes, 1u);
    }

    void anEmptyQueueAsksForANotification() {
        Rig rig;
        rig.queue.setFeatures({true, true});
        constexpr GuestAddress kAvailableEvent = kDevice + 4 + 8 * 8;
        rig.describe(kTable, 0, kData, 8, 0, 0);
        rig.offer(0);
        rig.offer(0);
        QVERIFY(*rig.queue.take());
        QCOMPARE(rig.bench.memory.readObject<uint16_t>(kAvailableEvent).value(), uint16_t{0});
        QVERIFY(*rig.queue.take());
        QVERIFY(!*rig.queue.take());
        QCOMPARE(rig.bench.memory.readObject<uint16_t>(kAvailableEvent).value(), uint16_t{2});
    }

    void indexesRunAround() {
        Rig rig;
        rig.describe(kTable, 0, kData, 8, 0, 0);
        for (unsigned i = 0; i < 0x10010; ++i) {
            rig.offer(0);
            QVERIFY(*rig.queue.take());
            rig.queue.giveBack(0, 0);
        }
        QVERIFY(!*rig.queue.take());
        QCOMPARE(rig.bench.memory.readObject<uint16_t>(kDevice + 2).value(), uint16_t{0x10});
    }
};
VIVARIUM_TEST(VirtqueueTest)

#include "virtqueue_test.moc"
