#include "vmm/devices/display/vga_memory.h"

#include "tests/support/test_main.h"
#include "vmm/devices/display/vbe_dispi.h"
#include "vmm/devices/display/vga_bits.h"

#include <QTest>

#include <random>

using namespace vivarium;

namespace {

// The VGA's memory path written down bit by bit, as the IBM VGA technical reference describes it.
struct NaiveVga {
    std::vector<std::array<uint8_t, 4>> bytes = std::vector<std::array<uint8_t, 4>>(65536);
    std::array<uint8_t, 4> latch{};

    static bool bit(unsigned value, unsigned index) { return value >> index & 1; }

    static std::optional<uint32_t> address(const VgaState& s, uint32_t offset) {
        struct Window {
            uint32_t base, size;
        };
        constexpr Window kWindows[4] = {
            {0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
        Window window = kWindows[s.graphics[6] / 4 % 4];
        if (!bit(s.miscOutput, 1) || offset < window.base || offset >= window.base + window.size)
            return std::nullopt;
        return offset - window.base;
    }

    uint8_t read(const VgaState& s, uint32_t offset) {
        auto a = address(s, offset);
        if (!a)
            return 0xFF;
        unsigned plane = s.graphics[4] % 4, index = *a;
        if (bit(s.sequencer[4], 3)) {
            plane = *a % 4;
            index = *a / 4;
        } else if (bit(s.graphics[5], 4)) {
            plane = (s.graphics[4] & 2) + *a % 2;
            index = *a - *a % 2;
        }
        latch = bytes[index % 65536];
        if (!bit(s.graphics[5], 3))
            return latch[plane];
        unsigned result = 0;
        for (unsigned pixel = 0; pixel < 8; ++pixel) {
            bool match = true;
            for (unsigned p = 0; p < 4; ++p)
                if (bit(s.graphics[7], p) && bit(latch[p], pixel) != bit(s.graphics[2], p))
                    match = false;
            result |= match ? 1u << pixel : 0;
        }
        return static_cast<uint8_t>(result);
    }

    void write(const VgaState& s, uint32_t offset, uint8_t value) {
        auto a = address(s, offset);
        if (!a)
            return;
        unsigned rotate = s.graphics[3] % 8;
        unsigned rotated = (value >> rotate | value << (8 - rotate)) & 0xFF;
        for (unsigned p = 0; p < 4; ++p) {
            unsigned index = *a;
            if (!bit(s.sequencer[2], p))
                continue;
            if (bit(s.sequencer[4], 3)) {
                if (*a % 4 != p)
                    continue;
                index = *a / 4;
            } else if (!bit(s.sequencer[4], 2)) {
                if (*a % 2 != p % 2)
                    continue;
                index = *a - *a % 2;
            }
            unsigned result = 0;
            for (unsigned pixel = 0; pixel < 8; ++pixel) {
                bool mask = bit(s.graphics[8], pixel), data = false;
                switch (s.graphics[5] % 4) {
                case 0:
                    data = bit(s.graphics[1], p) ? bit(s.graphics[0], p) : bit(rotated, pixel);
                    break;
                case 1:
                    mask = false;
                    break;
                case 2:
                    data = bit(value, p);
                    break;
                case 3:
                    data = bit(s.graphics[0], p);
                    mask = mask && bit(rotated, pixel);
                    break;
                }
                bool old = bit(latch[p], pixel);
                switch (s.graphics[3] / 8 % 4) {
                case 1:
                    data = data && old;
                    break;
                case 2:
                    data = data || old;
                    break;
                case 3:
                    data = data != old;
                    break;
                }
                result |= (mask ? data : old) ? 1u << pixel : 0;
            }
            bytes[index % 65536][p] = static_cast<uint8_t>(result);
        }
    }
};

VideoMemory makeMemory() {
    return *VideoMemory::create(VideoMemory::kMinBytes);
}

} // namespace

class VgaMemoryTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void agreesWithTheBitByBitModel() {
        std::mt19937 random(11);
        VideoMemory memory = makeMemory();
        VgaState state;
        VgaMemory vga(state, memory);
        NaiveVga naive;
        for (int round = 0; round < 400; ++round) {
            state.miscOutput = random() % 8 ? 2 : 0;
            state.sequencer[2] = static_cast<uint8_t>(random() % 16);
            state.sequencer[4] = static_cast<uint8_t>(random() % 4 * 4);
            for (size_t i : {0, 1, 2, 4, 7})
                state.graphics[i] = static_cast<uint8_t>(random() % 16);
            state.graphics[4] &= 3;
            state.graphics[3] = static_cast<uint8_t>(random() % 3 ? random() % 32 : 0);
            state.graphics[5] = static_cast<uint8_t>(random()) & 0x1B;
            state.graphics[6] = static_cast<uint8_t>(random() % 16);
            state.graphics[8] = static_cast<uint8_t>(random() % 2 ? 0xFF : random());
            uint32_t base = static_cast<uint32_t>(random() % 4) * 0x8000;
            for (int access = 0; access < 100; ++access) {
                uint32_t offset = base + static_cast<uint32_t>(random() % 64);
                auto value = static_cast<uint8_t>(random());
                if (random() % 3 == 0) {
                    QCOMPARE(vga.read(offset), naive.read(state, offset));
                    QCOMPARE(state.latches, naive.latch);
                } else {
                    vga.write(offset, value);
                    naive.write(state, offset, value);
                }
            }
        }
        for (uint32_t i = 0; i < 65536; ++i)
            QCOMPARE(memory.group(i), loadLe<uint32_t>(naive.bytes[i].data()));
    }

    // Where the window may be mapped as RAM, an access does exactly what RAM does.
    void directMeansLikeRam() {
        std::mt19937 random(5);
        VideoMemory memory = makeMemory();
        VgaState state;
        VgaMemory vga(state, memory);
        unsigned directRounds = 0;
        for (int round = 0; round < 20000; ++round) {
            state = {};
            state.miscOutput = 2;
            state.sequencer[2] = random() % 4 ? 0x0F : static_cast<uint8_t>(random() % 16);
            state.sequencer[4] = static_cast<uint8_t>(random() % 4 * 4);
            state.graphics[1] = random() % 4 ? 0 : static_cast<uint8_t>(random() % 16);
            state.graphics[3] = random() % 4 ? 0 : static_cast<uint8_t>(random() % 32);
            state.graphics[5] = static_cast<uint8_t>(random()) & 0x50;
            state.graphics[6] = static_cast<uint8_t>(random() % 16);
            state.graphics[8] = random() % 4 ? 0xFF : static_cast<uint8_t>(random());
            if (random() % 2) {
                state.dispi.enable = VbeDispi::kEnabled;
                state.dispi.bank = static_cast<uint16_t>(random() % 16);
            }
            auto direct = vga.direct();
            if (!direct)
                continue;
            ++directRounds;
            QVERIFY(rangeFits(direct->memoryOffset, direct->sizeBytes, memory.sizeBytes()));
            uint32_t at = static_cast<uint32_t>(random() % direct->sizeBytes);
            auto value = static_cast<uint8_t>(random());
            vga.write(direct->windowOffset + at, value);
            QCOMPARE(memory.data()[direct->memoryOffset + at], value);
            memory.data()[direct->memoryOffset + at] = static_cast<uint8_t>(~value);
            QCOMPARE(vga.read(direct->windowOffset + at), static_cast<uint8_t>(~value));
        }
        QVERIFY(directRounds > 100);
    }

    void writesMarkTheirPage() {
        VideoMemory memory = makeMemory();
        VgaState state;
        state.miscOutput = 2;
        state.sequencer[2] = 0x0F;
        state.sequencer[4] = vga::kSequential;
        state.graphics[6] = 4;
        state.graphics[8] = 0xFF;
        VgaMemory vga(state, memory);
        memory.clearDirty();
        vga.write(0x800, 0); // was 0
        QVERIFY(!memory.anyDirty());
        vga.write(0x800, 1);
        QVERIFY(memory.isDirty(0x2000, 1));
        QVERIFY(!memory.isDirty(0, 0x2000) && !memory.isDirty(0x3000, memory.sizeBytes()));
        QVERIFY(vga.takeFontWritten());
        QVERIFY(!vga.takeFontWritten());
    }

    void dirtyRangesAreClippedAndJoined() {
        VideoMemory memory = makeMemory();
        memory.clearDirty();
        memory.markDirty(0x1800, 0x1000); // pages 1 and 2
        memory.markDirty(memory.sizeBytes() - 1, 1000);
        auto ranges = memory.dirtyRanges(0x1234, memory.sizeBytes());
        QCOMPARE(ranges.size(), size_t{2});
        QCOMPARE(ranges[0].offset, uint64_t{0x1234});
        QCOMPARE(ranges[0].length, uint64_t{0x3000 - 0x1234});
        QCOMPARE(ranges[1].offset, memory.sizeBytes() - 0x1000);
        QCOMPARE(memory.dirtyRanges(memory.sizeBytes(), 1).size(), size_t{0});
        QCOMPARE(memory.dirtyRanges(UINT64_MAX, 1).size(), size_t{0});
    }

    void changesAreFoundWithoutALog() {
        VideoMemory memory = makeMemory();
        memory.collectChanged(0, memory.sizeBytes());
        memory.clearDirty();
        memory.collectChanged(0, memory.sizeBytes());
        QVERIFY(!memory.anyDirty());
        memory.data()[0x5003] = 1;
        memory.collectChanged(0, memory.sizeBytes());
        QVERIFY(memory.isDirty(0x5000, 1));
        QVERIFY(!memory.isDirty(0, 0x5000) && !memory.isDirty(0x6000, memory.sizeBytes()));
    }

    void zeroedMemoryIsZero() {
        VideoMemory memory = makeMemory();
        std::fill_n(memory.data(), memory.sizeBytes(), uint8_t{0xAA});
        memory.zero(100, 0x5000);
        QCOMPARE(memory.data()[99], uint8_t{0xAA});
        QVERIFY(std::all_of(memory.data() + 100, memory.data() + 100 + 0x5000,
                            [](uint8_t b) { return b == 0; }));
        QCOMPARE(memory.data()[100 + 0x5000], uint8_t{0xAA});
        memory.zero(memory.sizeBytes() - 1, 100);
        memory.zero(UINT64_MAX, 100);
        QCOMPARE(memory.data()[memory.sizeBytes() - 1], uint8_t{0});
    }

    void impossibleSizesAreRefused() {
        for (uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{3} << 20, uint64_t{512} << 20})
            QVERIFY(!VideoMemory::create(size));
    }
};
VIVARIUM_TEST(VgaMemoryTest)

#include "vga_memory_test.moc"
