#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/base/result.h"
#include "vmm/base/scanout.h"
#include "vmm/base/shared_mapping.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <fcntl.h>
#include <sys/mman.h>

using namespace vivarium;

namespace {

Result<int> half(int number) {
    if (number % 2)
        return fail(ErrorCode::InvalidArgument, "odd");
    return number / 2;
}

Result<int> quarter(int number) {
    return TRY(half(TRY(half(number))));
}

Result<void> check(int number) {
    TRY(half(number));
    return {};
}

} // namespace

class ResultTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void tryPassesValuesAndErrors() {
        QCOMPARE(*quarter(12), 3);
        QCOMPARE(quarter(6).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(quarter(6).error().detail, std::string("odd"));
        QVERIFY(check(2));
        QVERIFY(!check(1));
    }

    void systemErrorsHaveCodeNumberAndText() {
        Error error = systemError(ENOENT, "open disk image");
        QCOMPARE(error.code, ErrorCode::NotFound);
        QCOMPARE(error.systemErrno, ENOENT);
        QCOMPARE(error.detail, std::string("open disk image: No such file or directory"));
        QCOMPARE(systemError(ENOSPC, "x").code, ErrorCode::NoSpace);
        QCOMPARE(systemError(EACCES, "x").code, ErrorCode::PermissionDenied);
        QCOMPARE(systemError(EISDIR, "x").code, ErrorCode::InvalidArgument);
        QCOMPARE(systemError(ENOMEM, "x").code, ErrorCode::LimitExceeded);
        QCOMPARE(systemError(EIO, "x").code, ErrorCode::Io);
        QCOMPARE(systemError(12345, "x").code, ErrorCode::Io);
    }

    void codeNamesAreFoundAgain() {
        for (int i = 0; i <= static_cast<int>(ErrorCode::Internal); ++i) {
            auto code = static_cast<ErrorCode>(i);
            QCOMPARE(errorCodeFromName(errorCodeName(code)), code);
        }
        QCOMPARE(errorCodeFromName("nonsense"), ErrorCode::Internal);
    }
};
VIVARIUM_TEST(ResultTest)

class BytesTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void checkedArithmetic() {
        QCOMPARE(*checkedAdd<uint64_t>(1, 2), uint64_t(3));
        QVERIFY(!checkedAdd<uint64_t>(UINT64_MAX, 1));
        QVERIFY(!checkedAdd<int32_t>(INT32_MIN, -1));
        QCOMPARE(*checkedMultiply<uint32_t>(65535, 65537), UINT32_MAX);
        QVERIFY(!checkedMultiply<uint32_t>(65536, 65536));
    }

    void checkedShiftLosesNoBits() {
        QCOMPARE(*checkedShift<uint64_t>(1, 63), uint64_t{1} << 63);
        QVERIFY(!checkedShift<uint64_t>(2, 63));
        QVERIFY(!checkedShift<uint64_t>(0, 64));
        QCOMPARE(int(*checkedShift<uint8_t>(0x40, 1)), 0x80);
        QVERIFY(!checkedShift<uint8_t>(0x80, 1)); // promoted to int, the bit is not lost by itself
        QVERIFY(!checkedShift<uint16_t>(0x8000, 4));
        QVERIFY(!checkedShift<uint8_t>(1, 8));
    }

    void rangeFitsWithoutOverflow() {
        QVERIFY(rangeFits(0, 0, 0));
        QVERIFY(rangeFits(8, 0, 8));
        QVERIFY(rangeFits(4, 4, 8));
        QVERIFY(!rangeFits(4, 5, 8));
        QVERIFY(!rangeFits(9, 0, 8));
        QVERIFY(!rangeFits(UINT64_MAX, 2, UINT64_MAX));
        QVERIFY(!rangeFits(2, UINT64_MAX, UINT64_MAX));
    }

    void alignment() {
        QCOMPARE(alignUp(4097, 4096), uint64_t(8192));
        QCOMPARE(alignUp(4096, 4096), uint64_t(4096));
        QCOMPARE(alignDown(8191, 4096), uint64_t(4096));
    }

    void endianness() {
        uint8_t bytes[9] = {0xFF};
        storeBe<uint32_t>(bytes + 1, 0x01020304); // unaligned
        QCOMPARE(int(bytes[1]), 1);
        QCOMPARE(int(bytes[4]), 4);
        QCOMPARE(loadBe<uint32_t>(bytes + 1), 0x01020304u);
        QCOMPARE(loadLe<uint32_t>(bytes + 1), 0x04030201u);
        storeLe<uint16_t>(bytes + 1, 0xAABB);
        QCOMPARE(loadBe<uint16_t>(bytes + 1), uint16_t(0xBBAA));
        QCOMPARE(byteSwap<uint8_t>(0x12), uint8_t(0x12));
        QCOMPARE(byteSwap<uint64_t>(0x0102030405060708), uint64_t(0x0807060504030201));
    }

    void accessMasks() {
        QCOMPARE(accessMask(1), uint64_t(0xFF));
        QCOMPARE(accessMask(4), uint64_t(0xFFFFFFFF));
        QCOMPARE(accessMask(8), UINT64_MAX);
    }

    void formattedText() {
        QCOMPARE(formatText("%s %d", "a", 7), std::string("a 7"));
        QCOMPARE(formatText("%s", std::string(5000, 'x').c_str()).size(), size_t(5000));
        LogLimiter limiter;
        int allowed = 0;
        for (int i = 0; i < 10'000; ++i)
            allowed += limiter.allow();
        QVERIFY(allowed > 16 && allowed < 32);
    }
};
VIVARIUM_TEST(BytesTest)

class SharedMappingTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void isZeroedPagesThatOthersCanMap() {
        auto mapping = SharedMapping::create("test", 5000);
        QVERIFY(mapping);
        QCOMPARE(mapping->sizeBytes(), uint64_t(8192));
        QCOMPARE(int(mapping->bytes()[8191]), 0);
        mapping->data()[0] = 42;
        void* other = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, mapping->fd(), 0);
        QVERIFY(other != MAP_FAILED);
        QCOMPARE(int(*static_cast<uint8_t*>(other)), 42);
        ::munmap(other, 8192);
    }

    void cannotBeResized() {
        auto mapping = SharedMapping::create("test", 8192);
        QVERIFY(::ftruncate(mapping->fd(), 4096) != 0);
        QVERIFY(::ftruncate(mapping->fd(), 65536) != 0);
        QVERIFY(::fcntl(mapping->fd(), F_ADD_SEALS, F_SEAL_WRITE) != 0);
    }

    void moves() {
        auto mapping = std::move(*SharedMapping::create("test", 4096));
        uint8_t* data = mapping.data();
        SharedMapping other = std::move(mapping);
        QCOMPARE(other.data(), data);
        QVERIFY(mapping.data() == nullptr);
        QCOMPARE(mapping.sizeBytes(), uint64_t(0));
        other = std::move(*SharedMapping::create("test2", 4096));
        other.data()[0] = 1;
    }

    void sizesAreChecked() {
        QCOMPARE(SharedMapping::create("test", 0).error().code, ErrorCode::LimitExceeded);
        QCOMPARE(SharedMapping::create("test", UINT64_MAX).error().code, ErrorCode::LimitExceeded);
    }

    void descriptorsAreOwned() {
        UniqueFd original(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        int number = original.get();
        auto copy = original.duplicate();
        QVERIFY(copy && copy->get() != number);
        QVERIFY(::fcntl(copy->get(), F_GETFD) & FD_CLOEXEC);
        UniqueFd moved = std::move(original);
        QVERIFY(!original.valid());
        moved.reset();
        QCOMPARE(::fcntl(number, F_GETFD), -1);
        QVERIFY(!UniqueFd().duplicate());
    }
};
VIVARIUM_TEST(SharedMappingTest)

class ScanoutTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void validity_data() {
        QTest::addColumn<quint32>("width");
        QTest::addColumn<quint32>("height");
        QTest::addColumn<quint32>("stride");
        QTest::addColumn<quint64>("offset");
        QTest::addColumn<quint64>("memory");
        QTest::addColumn<bool>("valid");
        auto row = [](const char* name, quint32 w, quint32 h, quint32 stride, quint64 offset,
                      quint64 memory, bool valid) {
            QTest::newRow(name) << w << h << stride << offset << memory << valid;
        };
        row("exact", 640, 400, 2560, 0, 2560 * 400, true);
        row("last line without padding", 640, 2, 4096, 0, 4096 + 2560, true);
        row("one byte short", 640, 400, 2560, 0, 2560 * 400 - 1, false);
        row("with offset", 640, 400, 2560, 8, 2560 * 400 + 8, true);
        row("offset too far", 640, 400, 2560, 12, 2560 * 400 + 8, false);
        row("empty", 0, 400, 2560, 0, 1 << 30, false);
        row("no lines", 640, 0, 2560, 0, 1 << 30, false);
        row("too wide", 8193, 1, 8193 * 4, 0, 1 << 30, false);
        row("too high", 1, 8193, 4, 0, 1 << 30, false);
        row("stride too small", 640, 400, 2556, 0, 1 << 30, false);
        row("odd stride", 640, 400, 2562, 0, 1 << 30, false);
        row("odd offset", 640, 400, 2560, 2, 1 << 30, false);
        row("huge stride", 640, 8192, 0xFFFFFFFC, 0, 1ull << 30, false);
        row("huge offset", 640, 400, 2560, 0xFFFFFFFFFFFFFFFC, 1ull << 30, false);
    }
    void validity() {
        QFETCH(quint32, width);
        QFETCH(quint32, height);
        QFETCH(quint32, stride);
        QFETCH(quint64, offset);
        QFETCH(quint64, memory);
        QFETCH(bool, valid);
        QCOMPARE(scanoutIsValid({width, height, stride, offset, memory, 1}), valid);
    }

    void unions() {
        QCOMPARE((Rect{1, 2, 3, 4}.united({10, 1, 1, 1})), (Rect{1, 1, 10, 5}));
        QCOMPARE((Rect{1, 2, 0, 4}.united({10, 1, 1, 1})), (Rect{10, 1, 1, 1}));
        QCOMPARE((Rect{1, 2, 3, 4}.united({10, 1, 1, 0})), (Rect{1, 2, 3, 4}));
        Rect huge = Rect{0, 0, 10, 10}.united({UINT32_MAX, 5, UINT32_MAX, 1});
        QCOMPARE(huge, (Rect{0, 0, UINT32_MAX, 10}));
    }
};
VIVARIUM_TEST(ScanoutTest)

#include "base_test.moc"
