#include "vmm/devices/display/vga_graphics_renderer.h"

#include "tests/support/test_main.h"
#include "vmm/devices/display/edid.h"
#include "vmm/devices/display/vga_test_bench.h"

#include <QTest>

#include <random>

using namespace vivarium;
using namespace vivarium::test;

namespace {

// Palette entry n shows as n, n, n in eight bits.
void setGreyPalette(VgaBench& bench) {
    bench.outDispi(4, bench.inDispi(4) | 0x20);
    bench.out(0x3C8, 0);
    for (unsigned i = 0; i < 256; ++i)
        for (int component = 0; component < 3; ++component)
            bench.out(0x3C9, i);
}
uint32_t grey(unsigned index) {
    return index * 0x010101u;
}

} // namespace

class VgaGraphicsTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void planarModeShowsFourPlanes() {
        VgaBench bench;
        bench.setMode(kPlanarMode);
        setGreyPalette(bench);
        bench.look();
        bench.outIndexed(0x3CE, 5, 2); // write mode 2: a colour
        bench.outIndexed(0x3CE, 8, 0xC0);
        bench.peek(0xA0000 + 80 * 3 + 5);
        bench.poke(0xA0000 + 80 * 3 + 5, 0x0B);
        bench.refresh();
        QCOMPARE(bench.picture().width, 640u);
        QCOMPARE(bench.picture().height, 480u);
        QCOMPARE(bench.pixel(39, 3), 0u);
        QCOMPARE(bench.pixel(40, 3), grey(0x0B));
        QCOMPARE(bench.pixel(41, 3), grey(0x0B));
        QCOMPARE(bench.pixel(42, 3), 0u);
        bench.viewer.damage.clear();
        bench.outIndexed(0x3CE, 8, 0x01);
        bench.peek(0xA0000 + 80 * 479 + 79);
        bench.poke(0xA0000 + 80 * 479 + 79, 0x04);
        bench.refresh();
        QCOMPARE(bench.viewer.damage, (std::vector<Rect>{{639, 479, 1, 1}}));
        QCOMPARE(bench.pixel(639, 479), grey(4));
    }

    void planarPanningAndSplit() {
        VgaBench bench;
        bench.setMode(kPlanarMode);
        setGreyPalette(bench);
        bench.poke(0xA0000, 0x80); // all planes
        bench.poke(0xA0000 + 80, 0x80);
        bench.outIndexed(0x3D4, 0x0D, 79); // starts one byte before line 1
        bench.outAttribute(0x13, 3);
        bench.outIndexed(0x3D4, 0x11, 0);
        bench.outIndexed(0x3D4, 0x07, 0x2E);
        bench.outIndexed(0x3D4, 0x09, 0x00);
        bench.outIndexed(0x3D4, 0x18, 99);
        bench.refresh();
        QCOMPARE(bench.pixel(5, 0), grey(15)); // eighth dot, less three
        QCOMPARE(bench.pixel(4, 0), 0u);
        QCOMPARE(bench.pixel(0, 100), 0u); // the lower screen pans as well
        bench.outAttribute(0x10, 0x21);    // unless told not
        bench.refresh();
        QCOMPARE(bench.pixel(0, 100), grey(15));
        QCOMPARE(bench.pixel(5, 0), grey(15));
        bench.outAttribute(0x13, 0);
        bench.outIndexed(0x3D4, 0x08, 0x20); // byte panning
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), grey(15));
    }

    void mode13PixelsAreTwoDotsWideAndTwoLinesHigh() {
        VgaBench bench;
        bench.setMode(kMode13);
        setGreyPalette(bench);
        bench.poke(0xA0000 + 320 * 10 + 21, 0x7B);
        bench.refresh();
        QCOMPARE(bench.picture().width, 640u);
        QCOMPARE(bench.picture().height, 400u);
        for (uint32_t y : {20, 21})
            for (uint32_t x : {42, 43})
                QCOMPARE(bench.pixel(x, y), grey(0x7B));
        QCOMPARE(bench.pixel(41, 20), 0u);
        QCOMPARE(bench.pixel(44, 20), 0u);
        QCOMPARE(bench.pixel(42, 19), 0u);
        QCOMPARE(bench.pixel(42, 22), 0u);
    }

    void mode13IsSeenThroughTheDirectMapping() {
        TestDirtyLog log;
        VgaBench bench({}, &log);
        bench.setMode(kMode13);
        setGreyPalette(bench);
        bench.look();
        for (unsigned i = 0; i < 200; ++i)
            bench.poke(0xA0000 + i, 1);
        bench.refresh();
        bench.viewer.damage.clear();
        bench.poke(0xA0000 + 320 * 199 + 319, 0x55); // nobody sees it happen
        bench.refresh();
        QVERIFY(bench.viewer.damage.empty());
        log.written = {0xA0000 + 320 * 199 + 319};
        bench.refresh();
        QCOMPARE(bench.viewer.damage, (std::vector<Rect>{{638, 398, 2, 2}}));
        QCOMPARE(bench.pixel(639, 399), grey(0x55));
    }

    void unchained256ColorMode() { // "mode X"
        VgaBench bench;
        bench.setMode(kMode13);
        setGreyPalette(bench);
        bench.outIndexed(0x3C4, 4, 0x06);
        bench.outIndexed(0x3D4, 0x14, 0x00);
        bench.outIndexed(0x3D4, 0x17, 0xE3);
        bench.outIndexed(0x3C4, 2, 0x04); // plane 2
        bench.poke(0xA0000 + 80 + 1, 0x42);
        bench.refresh();
        QCOMPARE(bench.pixel(2 * 6, 2), grey(0x42)); // pixel 4 + 2 of line 1
        QCOMPARE(bench.pixel(2 * 5, 2), 0u);
        QCOMPARE(bench.pixel(2 * 7, 2), 0u);
        bench.outIndexed(0x3D4, 0x0D, 80); // page flip
        bench.refresh();
        QCOMPARE(bench.pixel(2 * 6, 0), grey(0x42));
    }

    void cgaFourColorMode() {
        VgaBench bench;
        bench.setMode(kCgaMode4);
        setGreyPalette(bench);
        bench.poke(0xB8000 + 1, 0x1B);           // line 0, pixels 4-7: 0 1 2 3
        bench.poke(0xB8000 + 0x2000, 0xC0);      // line 1, pixel 0: 3
        bench.poke(0xB8000 + 80 + 0x2000, 0x40); // line 3, pixel 0: 1
        bench.refresh();
        QCOMPARE(bench.picture().width, 640u);
        QCOMPARE(bench.picture().height, 400u);
        for (unsigned i = 0; i < 4; ++i)
            QCOMPARE(bench.pixel(2 * (4 + i), 0), grey(i));
        QCOMPARE(bench.pixel(0, 0), 0u);
        QCOMPARE(bench.pixel(0, 2), grey(3));
        QCOMPARE(bench.pixel(1, 3), grey(3));
        QCOMPARE(bench.pixel(0, 6), grey(1));
    }

    void cgaTwoColorMode() {
        VgaBench bench;
        bench.setMode(kCgaMode6);
        setGreyPalette(bench);
        bench.poke(0xB8000 + 3, 0x81);
        bench.poke(0xB8000 + 0x2000 + 79, 0x01);
        bench.refresh();
        QCOMPARE(bench.pixel(24, 0), grey(1));
        QCOMPARE(bench.pixel(25, 1), 0u);
        QCOMPARE(bench.pixel(31, 1), grey(1));
        QCOMPARE(bench.pixel(639, 2), grey(1));
        QCOMPARE(bench.pixel(639, 4), 0u);
    }

    void in32BitModesVideoMemoryIsThePicture() {
        TestDirtyLog log;
        VgaBench bench({}, &log);
        bench.placeBars();
        bench.look();
        bench.setVbeMode(1024, 768, 32);
        bench.refresh();
        const Scanout& scanout = bench.display.scanout();
        QCOMPARE(scanout.fd, bench.vga->videoMemory().fd());
        QCOMPARE(scanout.info.width, 1024u);
        QCOMPARE(scanout.info.strideBytes, 4096u);
        QCOMPARE(scanout.pixels, static_cast<const uint8_t*>(bench.vga->videoMemory().data()));
        QVERIFY(scanoutIsValid(scanout.info));
        bench.viewer.damage.clear();
        bench.writeMemory(VgaBench::kFrameBuffer + 4096 * 7 + 400, 4, 0x123456);
        QCOMPARE(bench.pixel(100, 7), 0x123456u); // at once
        bench.refresh();
        QVERIFY(bench.viewer.damage.empty());
        log.written = {VgaBench::kFrameBuffer + 4096 * 7, VgaBench::kFrameBuffer + 4096 * 8,
                       VgaBench::kFrameBuffer + 4096 * 100};
        bench.refresh();
        QCOMPARE(bench.viewer.damage, (std::vector<Rect>{{0, 7, 1024, 2}, {0, 100, 1024, 1}}));
        // Only the visible part is asked for.
        QCOMPARE(log.fetched.back().base, VgaBench::kFrameBuffer);
        QCOMPARE(log.fetched.back().sizeBytes, uint64_t{1024 * 768 * 4});
        // Panning moves the picture within the memory.
        uint64_t generation = scanout.info.generation;
        bench.outDispi(9, 10);
        bench.outDispi(8, 3);
        bench.refresh();
        QCOMPARE(bench.display.scanout().info.offsetBytes, uint64_t{10 * 4096 + 12});
        QVERIFY(bench.display.scanout().info.generation > generation);
    }

    void linearModesAreConverted_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<uint>("stored");
        QTest::addColumn<uint>("shown");
        QTest::newRow("8") << 8 << 0x9Au << grey(0x9A);
        QTest::newRow("15") << 15 << (31u << 10 | 16 << 5 | 1) << 0xFF8408u;
        QTest::newRow("16") << 16 << (31u << 11 | 32 << 5 | 1) << 0xFF8208u;
        QTest::newRow("24") << 24 << 0x123456u << 0x123456u;
        QTest::newRow("32") << 32 << 0xFF123456u << 0x123456u;
    }
    void linearModesAreConverted() {
        QFETCH(int, bits);
        QFETCH(uint, stored);
        QFETCH(uint, shown);
        unsigned pixelBytes = (static_cast<unsigned>(bits) + 7) / 8;
        VgaBench bench;
        bench.placeBars();
        bench.setVbeMode(801, 600, static_cast<unsigned>(bits));
        setGreyPalette(bench);
        bench.outDispi(6, 1000); // lines longer than the picture
        bench.outDispi(9, 5);
        bench.look();
        uint64_t at = VgaBench::kFrameBuffer + ((5 + 599) * 1000 + 800) * pixelBytes;
        for (unsigned i = 0; i < pixelBytes; ++i)
            bench.poke(at + i, stored >> (8 * i) & 0xFF);
        bench.refresh();
        QCOMPARE(bench.picture().width, 801u);
        QCOMPARE(bench.pixel(800, 599), shown);
        QCOMPARE(bench.pixel(799, 599), 0u);
        bench.viewer.damage.clear();
        bench.poke(at + pixelBytes - 1, stored >> (8 * (pixelBytes - 1)) ^ 0x55);
        bench.refresh();
        QCOMPARE(bench.viewer.damage.size(), size_t{1});
        const Rect& damage = bench.viewer.damage[0];
        QVERIFY(damage.x + damage.width == 801 || bits == 32);
        QVERIFY(damage.y + damage.height == 600);
    }

    void bigEndianPixelsAreSwapped() {
        VgaBench bench;
        bench.placeBars();
        bench.setVbeMode(640, 480, 32);
        bench.writeMemory(VgaBench::kRegisters + 0x604, 4, 0xBEBEBEBE);
        bench.writeMemory(VgaBench::kFrameBuffer, 4, 0x332211FF);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), 0x112233u);
    }

    void planarVbeMode() {
        VgaBench bench;
        bench.placeBars();
        bench.outIndexed(0x3CE, 8, 0xFF);
        bench.setVbeMode(800, 600, 4);
        setGreyPalette(bench);
        bench.in(0x3DA);
        for (unsigned i = 0; i < 16; ++i) {
            bench.out(0x3C0, i);
            bench.out(0x3C0, i);
        }
        bench.out(0x3C0, 0x12);
        bench.out(0x3C0, 0x0F);
        bench.out(0x3C0, 0x20);
        bench.outIndexed(0x3C4, 2, 0x09);
        bench.poke(0xA0000 + 100 * 599 + 99, 0x01);
        bench.refresh();
        QCOMPARE(bench.picture().width, 800u);
        QCOMPARE(bench.pixel(799, 599), grey(9));
        bench.outDispi(8, 0);
        bench.outDispi(6, 1600);
        bench.outDispi(5, 1); // plane addresses from 64 KiB
        bench.poke(0xA0000 + 328 * 200 - 0x10000, 0x80);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 328), grey(9));
    }

    // CVE-2016-3710, CVE-2016-3712: whatever the registers hold, the picture is in video memory.
    void noPictureLeavesVideoMemory() {
        std::mt19937 random(3);
        VgaBench bench(VgaOptions{.videoMemoryBytes = 1 << 20});
        bench.placeBars();
        constexpr unsigned kDepths[] = {4, 8, 15, 16, 24, 32};
        for (int round = 0; round < 300; ++round) {
            bench.setVbeMode(1 + random() % 4096, 1 + random() % 4096, kDepths[random() % 6], 0xC1);
            bench.outDispi(6, random() % 2 ? random() : random() % 8192);
            bench.outDispi(8, random() % 2 ? random() : 0);
            bench.outDispi(9, random() % 2 ? random() : random() % 1024);
            auto mode = vbeMode(bench.vga->state(), 1 << 20);
            if (mode && mode->bitsPerPixel != 4)
                QVERIFY(rangeFits(mode->offsetBytes,
                                  uint64_t{mode->height - 1} * mode->strideBytes +
                                      uint64_t{mode->width} * ((mode->bitsPerPixel + 7) / 8),
                                  1 << 20));
            if (round % 4 == 0) {
                bench.refresh();
                QVERIFY(scanoutIsValid(bench.picture()));
            }
        }
    }

    // Any register values, standard or not, give a picture and no more.
    void anyRegistersGiveAPicture() {
        std::mt19937 random(4);
        VgaBench bench(VgaOptions{.videoMemoryBytes = 1 << 20});
        for (int round = 0; round < 40; ++round) {
            bench.setMode(kPlanarMode);
            for (int i = 0; i < 10; ++i) {
                bench.outIndexed(0x3D4, 0x11, 0);
                bench.outIndexed(0x3D4, random() % 25, random() & 0xFF);
                bench.outIndexed(0x3CE, 5 + random() % 2, random() & 0xFF);
                bench.outIndexed(0x3C4, 1 + random() % 4, random() & 0xDF);
                bench.outAttribute(0x10 + random() % 5, random() & 0xFF);
                bench.poke(0xA0000 + random() % 0x20000, random() & 0xFF);
            }
            bench.refresh();
            QVERIFY(scanoutIsValid(bench.picture()));
        }
    }

    void fourKFitsIntoItsMemory() {
        VgaBench bench(VgaOptions{.videoMemoryBytes = 64 << 20});
        bench.setVbeMode(3840, 2160, 32);
        bench.refresh();
        QCOMPARE(bench.picture().width, 3840u);
        QCOMPARE(bench.picture().height, 2160u);
        VgaBench small(VgaOptions{.videoMemoryBytes = 16 << 20});
        small.setVbeMode(3840, 2160, 32);
        small.refresh();
        QCOMPARE(small.picture().height, 1092u); // what there is
    }

    void theEdidIsWellFormed_data() {
        QTest::addColumn<uint>("width");
        QTest::addColumn<uint>("height");
        QTest::newRow("default") << 1280u << 800u;
        QTest::newRow("4K") << 3840u << 2160u;
        QTest::newRow("nonsense") << 0u << 100000u;
    }
    void theEdidIsWellFormed() {
        QFETCH(uint, width);
        QFETCH(uint, height);
        auto edid = makeEdid(width, height);
        unsigned sum = 0;
        for (uint8_t byte : edid)
            sum += byte;
        QCOMPARE(sum % 256, 0u);
        const uint8_t* timing = edid.data() + 54;
        unsigned shownWidth = timing[2] | (timing[4] & 0xF0) << 4;
        unsigned shownHeight = timing[5] | (timing[7] & 0xF0) << 4;
        unsigned clock10KHz = loadLe<uint16_t>(timing);
        unsigned total = (shownWidth + (timing[3] | (timing[4] & 0x0F) << 8)) *
                         (shownHeight + (timing[6] | (timing[7] & 0x0F) << 8));
        if (width == 1280 || width == 3840) {
            QCOMPARE(shownWidth, width);
            QCOMPARE(shownHeight, height);
            unsigned refreshHz = static_cast<unsigned>(clock10KHz * uint64_t{10000} / total);
            QVERIFY(refreshHz >= 58 && refreshHz <= 60);
        } else {
            QVERIFY(shownWidth >= 640 && shownHeight <= 4095);
        }
    }
};
VIVARIUM_TEST(VgaGraphicsTest)

#include "vga_graphics_test.moc"
