#include "vmm/memory/guest_memory.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <array>

using namespace vivarium;

namespace {
constexpr uint64_t kMiB = 1 << 20;
constexpr GuestAddress kFourGiB = GuestAddress{1} << 32;
} // namespace

class GuestMemoryTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void smallMemoryIsOneRange() {
        auto memory = GuestMemory::create(16 * kMiB);
        QVERIFY(memory);
        QCOMPARE(memory->ranges().size(), size_t(1));
        QCOMPARE(memory->lowEnd(), 16 * kMiB);
        QCOMPARE(memory->sizeBytes(), 16 * kMiB);
    }

    void largeMemoryContinuesAboveFourGiB() {
        auto memory = GuestMemory::create(16 * kMiB, 4 * kMiB);
        QVERIFY(memory);
        QCOMPARE(memory->ranges().size(), size_t(2));
        QCOMPARE(memory->lowEnd(), 4 * kMiB);
        QVERIFY(memory->writeObject<uint32_t>(kFourGiB, 0x12345678));
        QCOMPARE(loadLe<uint32_t>(memory->mapping().data() + 4 * kMiB), 0x12345678u);
        QCOMPARE(*memory->readObject<uint32_t>(kFourGiB), 0x12345678u);
        QVERIFY(memory->view(kFourGiB + 12 * kMiB - 1, 1));
        QVERIFY(!memory->view(kFourGiB + 12 * kMiB, 1));
    }

    void accessesOutsideFailAndChangeNothing_data() {
        QTest::addColumn<quint64>("address");
        QTest::addColumn<quint64>("length");
        QTest::newRow("over the low end") << quint64(4 * kMiB - 2) << quint64(4);
        QTest::newRow("in the hole") << quint64(4 * kMiB) << quint64(1);
        QTest::newRow("up to 4 GiB") << quint64(kFourGiB - 1) << quint64(2);
        QTest::newRow("over the top") << quint64(kFourGiB + 4 * kMiB - 1) << quint64(2);
        QTest::newRow("wrapping") << quint64(UINT64_MAX - 1) << quint64(4);
        QTest::newRow("everything") << quint64(0) << quint64(UINT64_MAX);
        QTest::newRow("over both") << quint64(0) << quint64(kFourGiB + 1);
    }
    void accessesOutsideFailAndChangeNothing() {
        QFETCH(quint64, address);
        QFETCH(quint64, length);
        auto memory = GuestMemory::create(8 * kMiB, 4 * kMiB);
        QVERIFY(!memory->view(address, length));
        if (length > 16)
            return;
        std::array<uint8_t, 16> bytes;
        bytes.fill(0x55);
        QVERIFY(!memory->write(address, ConstByteSpan(bytes).first(length)));
        QVERIFY(!memory->read(address, ByteSpan(bytes).first(length)));
        QCOMPARE(int(bytes[0]), 0x55);
        QCOMPARE(int(memory->mapping().data()[4 * kMiB - 1]), 0);
        QCOMPARE(int(memory->mapping().data()[4 * kMiB - 2]), 0);
    }

    void emptyAccessesAreFine() {
        auto memory = GuestMemory::create(kMiB);
        QVERIFY(memory->view(0, 0));
        QVERIFY(memory->view(kMiB, 0)); // the end
        QVERIFY(!memory->view(kMiB + 1, 0));
        QVERIFY(memory->read(0, {}));
    }

    void unalignedObjects() {
        auto memory = GuestMemory::create(kMiB);
        QVERIFY(memory->writeObject<uint64_t>(3, 0x0807060504030201));
        QCOMPARE(*memory->readObject<uint16_t>(4), uint16_t(0x0302));
        QVERIFY(!memory->readObject<uint64_t>(kMiB - 7));
    }

    void sizesAreChecked() {
        for (uint64_t size : {uint64_t{0}, kMiB - 1, kMiB + 1, UINT64_MAX, uint64_t{17} << 40})
            QCOMPARE(GuestMemory::create(size).error().code, ErrorCode::InvalidArgument);
        for (GuestAddress end : {GuestAddress{0}, GuestAddress{4097}, kFourGiB + kMiB, UINT64_MAX})
            QCOMPARE(GuestMemory::create(kMiB, end).error().code, ErrorCode::InvalidArgument);
        QVERIFY(GuestMemory::create(kMiB, kFourGiB));
    }
};
VIVARIUM_TEST(GuestMemoryTest)

#include "guest_memory_test.moc"
