#include "vmm/snapshot/ram_image.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <array>
#include <random>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace vivarium;

namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kRamBytes = 8 * kMiB;
constexpr uint64_t kChunk = 64 << 10;

UniqueFd emptyFile() {
    return UniqueFd(::memfd_create("ram-image-test", MFD_CLOEXEC));
}

// Anonymous memory of the test's own.
class Memory {
public:
    Memory()
        : m_data(::mmap(nullptr, kRamBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                        0)) {}
    ~Memory() { ::munmap(m_data, kRamBytes); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    uint8_t* data() { return static_cast<uint8_t*>(m_data); }
    ByteSpan bytes() { return {data(), kRamBytes}; }

private:
    void* m_data;
};

struct Stored {
    UniqueFd index, file;
};

Stored store(ConstByteSpan ram, const RamImage* parent, RamImageProgress* last = nullptr) {
    Stored stored{emptyFile(), emptyFile()};
    const auto index =
        writeRamImage(ram, stored.file, parent, [&](const RamImageProgress& progress) {
            if (last)
                *last = progress;
            return true;
        });
    if (!index || !writeWholeFile(stored.index, encodeRamIndex(*index)))
        return {};
    return stored;
}

Result<RamImage> open(const UniqueFd& index, std::vector<const UniqueFd*> files) {
    std::vector<UniqueFd> copies;
    for (const UniqueFd* file : files)
        copies.push_back(std::move(*file->duplicate()));
    return RamImage::open(index, std::move(copies), kRamBytes);
}

} // namespace

class RamImageTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void onlyPagesWithContentsAreStored() {
        Memory ram;
        ram.data()[3 * kMiB + 5000] = 7;
        RamImageProgress progress;
        const Stored stored = store(ram.bytes(), nullptr, &progress);
        QVERIFY(stored.file);
        QCOMPARE(progress.writtenBytes, uint64_t(4096));
        QCOMPARE(progress.doneBytes, kRamBytes);
        struct stat status {};
        QCOMPARE(::fstat(stored.file.get(), &status), 0);
        QCOMPARE(uint64_t(status.st_size), kRamBytes);
        QVERIFY(status.st_blocks * 512 <= 8192);
    }

    void restoredMemoryIsTheSameAndStaysPrivate() {
        Memory ram;
        std::mt19937 random(1);
        for (int i = 0; i < 500; ++i)
            ram.data()[random() % kRamBytes] = uint8_t(random());
        const Stored stored = store(ram.bytes(), nullptr);
        for (int round = 0; round < 2; ++round) { // the first one's writes must not arrive
            auto image = open(stored.index, {&stored.file});
            QVERIFY(image);
            Memory restored;
            QVERIFY(image->mapInto(restored.bytes()));
            QVERIFY(std::equal(ram.bytes().begin(), ram.bytes().end(), restored.data()));
            std::fill_n(restored.data(), kRamBytes, uint8_t{0xAA});
        }
    }

    void equalChunksAreSharedAlongALine() {
        Memory ram;
        std::fill_n(ram.data(), 4 * kMiB, uint8_t{1});
        const Stored first = store(ram.bytes(), nullptr);
        auto firstImage = open(first.index, {&first.file});
        QVERIFY(firstImage);
        QVERIFY(firstImage->mapForReading());

        ram.data()[kMiB] = 2;                          // one chunk differs
        std::fill_n(ram.data() + 2 * kMiB, kChunk, 0); // one became zero
        ram.data()[6 * kMiB] = 3;                      // one was zero
        RamImageProgress progress;
        const Stored second = store(ram.bytes(), &*firstImage, &progress);
        QCOMPARE(progress.writtenBytes, kChunk + 4096);

        auto secondImage = open(second.index, {&second.file, &first.file});
        QVERIFY(secondImage);
        QVERIFY(secondImage->mapForReading());
        Memory restored;
        QVERIFY(secondImage->mapInto(restored.bytes()));
        QVERIFY(std::equal(ram.bytes().begin(), ram.bytes().end(), restored.data()));

        const Stored third = store(ram.bytes(), &*secondImage, &progress);
        QCOMPARE(progress.writtenBytes, uint64_t(0));
        auto thirdImage = open(third.index, {&third.file, &second.file, &first.file});
        QVERIFY(thirdImage);
        Memory again;
        QVERIFY(thirdImage->mapInto(again.bytes()));
        QVERIFY(std::equal(ram.bytes().begin(), ram.bytes().end(), again.data()));
    }

    void cancelEndsTheWork() {
        Memory ram;
        int calls = 0;
        const auto index = writeRamImage(ram.bytes(), emptyFile(), nullptr,
                                         [&](const RamImageProgress&) { return ++calls < 3; });
        QVERIFY(!index);
        QCOMPARE(index.error().code, ErrorCode::Cancelled);
        QCOMPARE(calls, 3);
    }

    void aFullDiskIsSaid() {
        Memory ram;
        std::fill_n(ram.data(), kRamBytes, uint8_t{1});
        UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
        QVERIFY(!writeWholeFile(full, ram.bytes()));
    }

    void wrongImagesAreRefused() {
        Memory ram;
        ram.data()[0] = 1;
        const Stored stored = store(ram.bytes(), nullptr);
        QVERIFY(!open(stored.index, {}));
        QVERIFY(!open(stored.index, {&stored.file, &stored.file}));
        std::vector<UniqueFd> files;
        files.push_back(std::move(*stored.file.duplicate()));
        QCOMPARE(RamImage::open(stored.index, std::move(files), 2 * kRamBytes).error().code,
                 ErrorCode::InvalidArgument);
        QCOMPARE(::ftruncate(stored.file.get(), 4096), 0);
        QCOMPARE(open(stored.index, {&stored.file}).error().code, ErrorCode::Corrupt);
    }

    void damagedIndicesAreRefused() {
        RamIndex index;
        index.ramBytes = kRamBytes;
        index.chunkBytes = RamIndex::chunkBytesFor(kRamBytes);
        index.fileCount = 2;
        for (uint32_t i = 0; i < index.chunkCount(); ++i)
            index.append(i < 3 ? 1 : RamRun::kZeroes);
        const auto good = decodeRamIndex(encodeRamIndex(index));
        QVERIFY(good);
        QCOMPARE(good->runs, index.runs);

        const auto refused = [&](auto change) {
            RamIndex bad = index;
            change(bad);
            const auto decoded = decodeRamIndex(encodeRamIndex(bad));
            return !decoded && decoded.error().code == ErrorCode::Corrupt;
        };
        QVERIFY(refused([](RamIndex& bad) { bad.runs[0].file = 2; }));
        QVERIFY(refused([](RamIndex& bad) { bad.runs[0].chunkCount = 0; }));
        QVERIFY(refused([](RamIndex& bad) { bad.runs[1].chunkCount += 1; }));
        QVERIFY(refused([](RamIndex& bad) { bad.runs.pop_back(); }));
        QVERIFY(refused([](RamIndex& bad) { bad.chunkBytes *= 2; }));
        QVERIFY(refused([](RamIndex& bad) { bad.fileCount = 0; }));
        QVERIFY(refused([](RamIndex& bad) { bad.ramBytes = 0; }));
        std::vector<uint8_t> bytes = encodeRamIndex(index);
        for (size_t i = 0; i < bytes.size(); ++i) {
            std::vector<uint8_t> bad = bytes;
            bad[i] ^= 0x10;
            QVERIFY(!decodeRamIndex(bad));
        }
    }
};

VIVARIUM_TEST(RamImageTest)
#include "ram_image_test.moc"
