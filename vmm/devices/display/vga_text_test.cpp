#include "vmm/devices/display/vga_text_renderer.h"

#include "tests/support/test_main.h"
#include "vmm/devices/display/vga_test_bench.h"

#include <QTest>

#include <string_view>

using namespace vivarium;
using namespace vivarium::test;

namespace {

constexpr uint32_t kBlue = 0x0000AA, kGrey = 0xAAAAAA, kWhite = 0xFFFFFF, kRed = 0xAA0000;
constexpr uint64_t kBlinkNs = 16'000'000'000 / 70;

// 80x25 text: two fonts (glyph n of font 0 has rows of n, font 1 its complement) and the colours
// black, blue, red, grey, white at 0, 1, 4, 7, 15.
struct TextBench : VgaBench {
    TextBench() {
        clock.setNowNs(0); // blinking things are shown
        setMode(kTextMode);
        loadFont(0, 0x00);
        loadFont(0x4000, 0xFF);
        setColor(0, 0x000000);
        setColor(1, 0x00002A);
        setColor(4, 0x2A0000);
        setColor(7, 0x2A2A2A);
        setColor(15, 0x3F3F3F);
        outIndexed(0x3D4, 0x0A, 0x20); // no cursor
        for (uint32_t cell = 0; cell < 80 * 25; ++cell)
            put(cell, ' ', 0x07);
        look();
    }
    void loadFont(uint32_t offset, uint8_t invert) {
        outIndexed(0x3C4, 2, 4);
        outIndexed(0x3C4, 4, 6);
        outIndexed(0x3CE, 5, 0);
        outIndexed(0x3CE, 6, 0);
        for (unsigned glyph = 0; glyph < 256; ++glyph)
            for (unsigned row = 0; row < 16; ++row)
                poke(0xA0000 + offset + glyph * 32 + row, glyph == ' ' ? 0 : glyph ^ invert);
        outIndexed(0x3C4, 2, 3);
        outIndexed(0x3C4, 4, 2);
        outIndexed(0x3CE, 5, 0x10);
        outIndexed(0x3CE, 6, 0x0E);
    }
    void put(uint32_t cell, unsigned character, unsigned attribute) {
        writeMemory(0xB8000 + cell * 2, 2, character | attribute << 8);
    }
    void write(uint32_t cell, std::string_view text) {
        for (char c : text)
            put(cell++, static_cast<uint8_t>(c), 0x07);
    }
    // The nine dots of a cell's line as bits, the leftmost highest: not black.
    unsigned dots(uint32_t x, uint32_t y) {
        unsigned bits = 0;
        for (uint32_t i = 0; i < 9; ++i)
            bits = bits << 1 | (pixel(x + i, y) != 0 ? 1 : 0);
        return bits;
    }
};

} // namespace

class VgaTextTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void charactersAreDrawn() {
        TextBench bench;
        bench.put(81, 0x95, 0x17);
        bench.refresh();
        QCOMPARE(bench.picture().width, 720u);
        QCOMPARE(bench.picture().height, 400u);
        for (uint32_t y = 16; y < 32; ++y) { // 0x95 = 10010101, ninth dot background
            QCOMPARE(bench.pixel(9, y), kGrey);
            QCOMPARE(bench.pixel(10, y), kBlue);
            QCOMPARE(bench.pixel(16, y), kGrey);
            QCOMPARE(bench.pixel(17, y), kBlue);
        }
        QCOMPARE(bench.pixel(18, 16), 0u);
        QCOMPARE(bench.pixel(9, 15), 0u);
    }

    void onlyChangedCellsAreDamaged() {
        TextBench bench;
        bench.refresh();
        bench.viewer.damage.clear();
        bench.put(2 * 80 + 10, 'x', 0x07);
        bench.put(2 * 80 + 12, 'y', 0x07);
        bench.put(3 * 80, ' ', 0x07); // was so
        bench.refresh();
        QCOMPARE(bench.viewer.damage, (std::vector<Rect>{{90, 32, 27, 16}}));
        bench.viewer.damage.clear();
        bench.refresh();
        QVERIFY(bench.viewer.damage.empty());
    }

    void lineGraphicsReachTheNinthDot() {
        TextBench bench;
        bench.put(0, 0xC1, 0x07);
        bench.put(1, 0xE1, 0x07);
        bench.refresh();
        QCOMPARE(bench.dots(0, 0), 0xC1u << 1 | 1);
        QCOMPARE(bench.dots(9, 0), 0xE1u << 1);
        bench.outAttribute(0x10, 0x08);
        bench.refresh();
        QCOMPARE(bench.dots(0, 0), 0xC1u << 1);
    }

    void eightDotCharacters() {
        TextBench bench;
        bench.outIndexed(0x3C4, 1, 0x01);
        bench.outAttribute(0x13, 0);
        bench.put(1, 0x81, 0x07);
        bench.refresh();
        QCOMPARE(bench.picture().width, 640u);
        QCOMPARE(bench.pixel(8, 0), kGrey);
        QCOMPARE(bench.pixel(9, 0), 0u);
        QCOMPARE(bench.pixel(15, 0), kGrey);
        QCOMPARE(bench.pixel(16, 0), 0u);
    }

    void fortyColumnsAreTwiceAsWide() {
        TextBench bench;
        bench.outIndexed(0x3C4, 1, 0x08);
        bench.outIndexed(0x3D4, 0x11, 0);
        bench.outIndexed(0x3D4, 0x01, 39);
        bench.put(1, 0x80, 0x07);
        bench.refresh();
        QCOMPARE(bench.picture().width, 720u);
        QCOMPARE(bench.pixel(17, 0), 0u);
        QCOMPARE(bench.pixel(18, 0), kGrey);
        QCOMPARE(bench.pixel(19, 0), kGrey);
        QCOMPARE(bench.pixel(20, 0), 0u);
    }

    void attributeBit3ChoosesTheFont() {
        TextBench bench;
        bench.outIndexed(0x3C4, 3, 0x04); // map 1 for bright characters
        bench.put(0, 0x0F, 0x07);
        bench.put(1, 0x0F, 0x0F);
        bench.refresh();
        QCOMPARE(bench.dots(0, 0), 0x0Fu << 1);
        QCOMPARE(bench.dots(9, 0), 0xF0u << 1);
        QCOMPARE(bench.pixel(9, 0), kWhite);
    }

    void aNewFontIsSeen() {
        TextBench bench;
        bench.put(0, 'A', 0x07);
        bench.refresh();
        QCOMPARE(bench.dots(0, 3), unsigned{'A'} << 1);
        bench.loadFont(0, 0x0F);
        bench.refresh();
        QCOMPARE(bench.dots(0, 3), (unsigned{'A'} ^ 0x0F) << 1);
    }

    void attributeBit7BlinksOrBrightens() {
        TextBench bench;
        bench.put(0, 0xFE, 0x84); // red on black, blinking
        bench.outAttribute(0x10, 0x0C);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), kRed);
        bench.viewer.damage.clear();
        bench.advance(kBlinkNs); // nobody wrote anything: the timer does it
        QCOMPARE(bench.pixel(0, 0), 0u);
        QCOMPARE(bench.viewer.damage, (std::vector<Rect>{{0, 0, 9, 16}}));
        bench.advance(kBlinkNs);
        QCOMPARE(bench.pixel(0, 0), kRed);

        bench.outAttribute(0x10, 0x04); // background intensity instead
        bench.refresh();
        bench.setColor(8, 0x00002A);
        bench.refresh();
        QCOMPARE(bench.pixel(8, 0), kBlue);
    }

    void withNothingBlinkingNoTimerRuns() {
        TextBench bench;
        bench.refresh();
        QVERIFY(!bench.timers.nextDeadlineNs());
        bench.put(5, 'x', 0x87);
        bench.outAttribute(0x10, 0x0C);
        bench.refresh();
        QVERIFY(bench.timers.nextDeadlineNs());
        {
            MutexLocker locker(bench.lock);
            bench.display.removeViewer(bench.viewer);
        }
        QVERIFY(!bench.timers.nextDeadlineNs());
    }

    void theCursorIsDrawnWhereTheRegistersSay() {
        TextBench bench;
        bench.outIndexed(0x3D4, 0x0A, 13);
        bench.outIndexed(0x3D4, 0x0B, 14);
        bench.outIndexed(0x3D4, 0x0E, 0);
        bench.outIndexed(0x3D4, 0x0F, 81);
        bench.refresh();
        QCOMPARE(bench.dots(9, 16 + 12), 0u);
        QCOMPARE(bench.dots(9, 16 + 13), 0x1FFu);
        QCOMPARE(bench.dots(9, 16 + 14), 0x1FFu);
        QCOMPARE(bench.dots(9, 16 + 15), 0u);
        bench.advance(kBlinkNs);
        QCOMPARE(bench.dots(9, 16 + 13), 0u);
        bench.advance(kBlinkNs);
        bench.viewer.damage.clear();
        bench.outIndexed(0x3D4, 0x0F, 82); // moves: both cells, no more
        bench.refresh();
        QCOMPARE(bench.viewer.damage, (std::vector<Rect>{{9, 16, 18, 16}}));
        bench.outIndexed(0x3D4, 0x0B, 14 | 1 << 5); // skewed by one
        bench.refresh();
        QCOMPARE(bench.dots(18, 16 + 13), 0u);
        QCOMPARE(bench.dots(27, 16 + 13), 0x1FFu);
        bench.outIndexed(0x3D4, 0x0A, 15); // begins after its end
        bench.refresh();
        QCOMPARE(bench.dots(27, 16 + 15), 0u);
    }

    void underlineIsDrawnForItsAttribute() {
        TextBench bench;
        bench.outIndexed(0x3D4, 0x14, 12);
        bench.put(0, ' ', 0x01);
        bench.put(1, ' ', 0x09);
        bench.put(2, ' ', 0x02);
        bench.setColor(9, 0x3F3F3F);
        bench.setColor(2, 0x3F3F3F);
        bench.refresh();
        QCOMPARE(bench.dots(0, 12), 0x1FFu);
        QCOMPARE(bench.dots(0, 11), 0u);
        QCOMPARE(bench.dots(9, 12), 0x1FFu);
        QCOMPARE(bench.dots(18, 12), 0u);
    }

    void theStartAddressScrolls() {
        TextBench bench;
        bench.put(80, 0x80, 0x07);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 16), kGrey);
        bench.outIndexed(0x3D4, 0x0D, 80);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), kGrey);
        QCOMPARE(bench.pixel(0, 16), 0u);
    }

    void thePresetRowScrollsByLines() {
        TextBench bench;
        bench.put(80, 0x80, 0x07);
        bench.outIndexed(0x3D4, 0x08, 5);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 10), 0u);
        QCOMPARE(bench.pixel(0, 11), kGrey);
        QCOMPARE(bench.pixel(0, 26), kGrey);
        QCOMPARE(bench.pixel(0, 27), 0u);
    }

    void pixelPanningShiftsLeft() {
        TextBench bench;
        bench.put(1, 0x80, 0x07);
        bench.put(80, 0x80, 0x07);
        bench.outAttribute(0x13, 2); // by three dots of nine
        bench.refresh();
        QCOMPARE(bench.pixel(6, 0), kGrey);
        QCOMPARE(bench.pixel(7, 0), 0u);
        QCOMPARE(bench.pixel(717, 0), kGrey); // the next row's first character comes into sight
        QCOMPARE(bench.pixel(9, 0), 0u);
    }

    void theSplitScreenStartsAtAddress0() {
        TextBench bench;
        bench.outIndexed(0x3D4, 0x0C, 0x08); // upper screen from address 0x800
        bench.put(0, 0x80, 0x07);
        bench.put(0x800, 0x01, 0x07);
        bench.outIndexed(0x3D4, 0x11, 0);
        bench.outIndexed(0x3D4, 0x09, 0x0F);
        bench.outIndexed(0x3D4, 0x07, 0x0F);
        bench.outIndexed(0x3D4, 0x18, 99); // lower screen from line 100
        bench.refresh();
        QCOMPARE(bench.dots(0, 0), 0x01u << 1);
        QCOMPARE(bench.dots(0, 99), 0u);
        QCOMPARE(bench.dots(0, 100), 0x80u << 1);
        QCOMPARE(bench.dots(0, 115), 0x80u << 1);
        QCOMPARE(bench.dots(0, 116), 0u);
    }

    void doubleScanShowsLinesTwice() {
        TextBench bench;
        bench.outIndexed(0x3D4, 0x09, 0x80 | 7); // eight lines, twice
        bench.put(80, 0x80, 0x07);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 15), 0u);
        QCOMPARE(bench.pixel(0, 16), kGrey);
        QCOMPARE(bench.pixel(0, 31), kGrey);
        QCOMPARE(bench.pixel(0, 32), 0u);
    }

    void aScreenThatIsOffIsBlack() {
        TextBench bench;
        bench.put(0, 0xFF, 0x07);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), kGrey);
        bench.outIndexed(0x3C4, 1, 0x20);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), 0u);
        QCOMPARE(bench.picture().width, 720u);
        bench.outIndexed(0x3C4, 1, 0x00);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), kGrey);
        bench.in(0x3DA);
        bench.out(0x3C0, 0x00); // the palette belongs to the CPU
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), 0u);
    }

    void thePaletteColors() {
        TextBench bench;
        bench.put(0, 0xFE, 0x04);
        bench.refresh();
        bench.viewer.damage.clear();
        bench.setColor(4, 0x003F00);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), 0x00FF00u);
        bench.out(0x3C6, 0x00); // the pixel mask
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), 0u);
        bench.out(0x3C6, 0xFF);
        bench.outAttribute(0x12, 0x03); // colour planes 0 and 1 only
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), 0u);
        bench.outAttribute(0x12, 0x0F);
        bench.outAttribute(0x14, 0x04); // upper palette page
        bench.setColor(0x44, 0x2A0000);
        bench.refresh();
        QCOMPARE(bench.pixel(0, 0), kRed);
    }

    void theTextCanBeRead() {
        TextBench bench;
        bench.write(0, "Hello \x01 \xB0\xDB");
        bench.write(24 * 80 + 79, "!");
        bench.put(80, 0xFF, 0x07);
        bench.outIndexed(0x3D4, 0x0A, 13);
        bench.outIndexed(0x3D4, 0x0E, 24 * 80 >> 8);
        bench.outIndexed(0x3D4, 0x0F, 24 * 80 & 0xFF);
        MutexLocker locker(bench.lock);
        auto text = bench.display.textScreen();
        QVERIFY(text);
        QCOMPARE(text->columns, 80u);
        QCOMPARE(text->rows, 25u);
        QCOMPARE(text->lines.size(), size_t{25});
        QCOMPARE(QString::fromStdString(text->lines[0]), u"Hello \u263A \u2591\u2588"_qs);
        QCOMPARE(text->lines[1], std::string());
        QCOMPARE(text->lines[24], std::string(79, ' ') + "!");
        QVERIFY(text->cursor && text->cursor->column == 0 && text->cursor->row == 24);
    }

    void beforeAnyModeThereIsNoText() {
        VgaBench bench;
        MutexLocker locker(bench.lock);
        auto text = bench.display.textScreen();
        QVERIFY(text && text->columns == 0 && text->lines.empty());
        bench.display.refreshNow();
        QCOMPARE(bench.picture().width, 720u); // black
        QCOMPARE(bench.picture().height, 400u);
    }

    void aGuestWithoutFirmwareFindsTextMode() {
        VgaOptions options;
        options.powerOn = VgaOptions::PowerOn::TextMode;
        options.optionRom.assign(8192, 0xEE);
        auto font = options.optionRom.begin() + 1000; // characters 0, 1 and 'A' of one
        std::fill_n(font, 4096, uint8_t{0});
        const uint8_t face[] = {0, 0, 0x7E, 0x81, 0xA5, 0x81, 0x81, 0xBD, 0x99, 0x81, 0x81, 0x7E};
        std::copy(std::begin(face), std::end(face), font + 16);
        font['A' * 16 + 3] = 0x18;
        VgaBench bench(options);
        bench.writeMemory(0xB8000, 2, 0x0441);
        bench.refresh();
        QCOMPARE(bench.picture().width, 720u);
        QCOMPARE(bench.pixel(3, 3), kRed);
        QCOMPARE(bench.pixel(2, 3), 0u);
        MutexLocker locker(bench.lock);
        QCOMPARE(bench.display.textScreen()->lines[0], std::string("A"));
    }
};
VIVARIUM_TEST(VgaTextTest)

#include "vga_text_test.moc"
