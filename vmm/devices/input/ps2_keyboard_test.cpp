#include "vmm/devices/input/ps2_keyboard.h"

#include "tests/support/test_main.h"
#include "tests/support/i8042_bench.h"
#include "vmm/devices/input/scan_codes.h"

#include <QTest>

using namespace vivarium;
using namespace vivarium::test;

namespace {

QString hex(const std::vector<uint8_t>& bytes) {
    QString text;
    for (uint8_t byte : bytes)
        text += (text.isEmpty() ? QStringLiteral("") : QStringLiteral(" ")) +
                QString::asprintf("%02x", byte);
    return text;
}

QString codes(unsigned key, bool down, int set, ScanCodeModifiers modifiers = {}) {
    return hex(scanCodeBytes(KeyCode(key), down, set, modifiers));
}

class LedListener : public InputRouter::Listener {
public:
    void ledsChanged(const KeyboardLeds& value) override { leds.push_back(value); }
    std::vector<KeyboardLeds> leds;
};

} // namespace

class Ps2KeyboardTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void scanCodes_data() {
        QTest::addColumn<unsigned>("key");
        QTest::addColumn<QString>("one");
        QTest::addColumn<QString>("two");
        QTest::addColumn<QString>("three");
        auto row = [](const char* name, unsigned key, const char* one, const char* two,
                      const char* three) {
            QTest::newRow(name) << key << QString::fromLatin1(one) << QString::fromLatin1(two)
                                << QString::fromLatin1(three);
        };
        // make, then break
        row("a", KEY_A, "1e|9e", "1c|f0 1c", "1c|f0 1c");
        row("esc", KEY_ESC, "01|81", "76|f0 76", "08|f0 08");
        row("f7", KEY_F7, "41|c1", "83|f0 83", "37|f0 37");
        row("f11", KEY_F11, "57|d7", "78|f0 78", "56|f0 56");
        row("f12", KEY_F12, "58|d8", "07|f0 07", "5e|f0 5e");
        row("102nd", KEY_102ND, "56|d6", "61|f0 61", "13|f0 13");
        row("right ctrl", KEY_RIGHTCTRL, "e0 1d|e0 9d", "e0 14|e0 f0 14", "58|f0 58");
        row("keypad enter", KEY_KPENTER, "e0 1c|e0 9c", "e0 5a|e0 f0 5a", "79|f0 79");
        row("delete", KEY_DELETE, "e0 53|e0 d3", "e0 71|e0 f0 71", "64|f0 64");
        row("left meta", KEY_LEFTMETA, "e0 5b|e0 db", "e0 1f|e0 f0 1f", "8b|f0 8b");
        row("menu", KEY_COMPOSE, "e0 5d|e0 dd", "e0 2f|e0 f0 2f", "8d|f0 8d");
        row("volume up", KEY_VOLUMEUP, "e0 30|e0 b0", "e0 32|e0 f0 32", "|");
        row("www home", KEY_HOMEPAGE, "e0 32|e0 b2", "e0 3a|e0 f0 3a", "|");
        row("f13", KEY_F13, "64|e4", "08|f0 08", "|");
        row("yen", KEY_YEN, "7d|fd", "6a|f0 6a", "|");
        row("hangeul", KEY_HANGEUL, "f2|", "f2|", "|");
        row("print screen", KEY_SYSRQ, "e0 2a e0 37|e0 b7 e0 aa", "e0 12 e0 7c|e0 f0 7c e0 f0 12",
            "57|f0 57");
        row("pause", KEY_PAUSE, "e1 1d 45 e1 9d c5|", "e1 14 77 e1 f0 14 f0 77|", "62|f0 62");
        row("no such key", KEY_MSDOS, "|", "|", "|");
    }
    void scanCodes() {
        QFETCH(unsigned, key);
        QFETCH(QString, one);
        QFETCH(QString, two);
        QFETCH(QString, three);
        int set = 0;
        for (const QString& expected : {one, two, three}) {
            ++set;
            QCOMPARE(codes(key, true, set) + u'|' + codes(key, false, set), expected);
        }
    }

    void modifiersChangePrintScreenAndPause() {
        QCOMPARE(codes(KEY_SYSRQ, true, 1, {.alt = true}), QStringLiteral("54"));
        QCOMPARE(codes(KEY_SYSRQ, false, 2, {.alt = true}), QStringLiteral("f0 84"));
        QCOMPARE(codes(KEY_SYSRQ, true, 1, {.shift = true}), QStringLiteral("e0 37"));
        QCOMPARE(codes(KEY_SYSRQ, false, 2, {.ctrl = true}), QStringLiteral("e0 f0 7c"));
        QCOMPARE(codes(KEY_PAUSE, true, 1, {.ctrl = true}), QStringLiteral("e0 46 e0 c6"));
        QCOMPARE(codes(KEY_PAUSE, true, 2, {.ctrl = true}), QStringLiteral("e0 7e e0 f0 7e"));
    }

    // Set 2 through the controller's translation is set 1, for every key.
    void translationAgreesWithSetOne() {
        for (unsigned key = 0; key < 256; ++key) {
            for (bool down : {true, false}) {
                std::vector<uint8_t> translated;
                uint8_t breakBit = 0;
                for (uint8_t byte : scanCodeBytes(KeyCode(key), down, 2, {})) {
                    if (byte == 0xF0) {
                        breakBit = 0x80;
                        continue;
                    }
                    translated.push_back(translateScanCode(byte) | std::exchange(breakBit, 0));
                }
                QCOMPARE(hex(translated), codes(key, down, 1));
            }
        }
    }

    void everyKeyOfTheBoardHasCodes() {
        for (unsigned key = KEY_ESC; key <= KEY_F12; ++key)
            if (key != 84 && key != KEY_ZENKAKUHANKAKU)
                for (int set : {1, 2, 3})
                    QVERIFY2(!codes(key, true, set).isEmpty(), keyCodeName(KeyCode(key)).data());
        for (unsigned key = KEY_KPENTER; key <= KEY_DELETE; ++key)
            if (key != KEY_LINEFEED)
                for (int set : {1, 2, 3})
                    QVERIFY2(!codes(key, true, set).isEmpty(), keyCodeName(KeyCode(key)).data());
    }

    void noTwoKeysOfTheBoardShareACode() {
        for (int set : {1, 2, 3}) {
            QStringList seen;
            for (unsigned key = KEY_ESC; key <= KEY_COMPOSE; ++key) {
                QString code = codes(key, true, set);
                if (code.isEmpty() || key == KEY_ZENKAKUHANKAKU)
                    continue;
                QVERIFY2(!seen.contains(code), qPrintable(code));
                seen << code;
            }
        }
    }

    void keysArriveTranslated() {
        I8042Bench bench;
        bench.stroke(KEY_A);
        QCOMPARE(bench.drain(), QStringLiteral("1e 9e"));
        bench.stroke(KEY_PAUSE);
        QCOMPARE(bench.drain(), QStringLiteral("e1 1d 45 e1 9d c5"));
        bench.stroke(KEY_SYSRQ);
        QCOMPARE(bench.drain(), QStringLiteral("e0 2a e0 37 e0 b7 e0 aa"));
    }

    void keysArriveRawWithoutTranslation() {
        I8042Bench bench;
        bench.command(0x60, 0x05);
        bench.stroke(KEY_RIGHT);
        QCOMPARE(bench.drain(), QStringLiteral("e0 74 e0 f0 74"));
        QCOMPARE(bench.keyboard({0xF0, 0x01}), QStringLiteral("fa fa"));
        bench.stroke(KEY_RIGHT);
        QCOMPARE(bench.drain(), QStringLiteral("e0 4d e0 cd"));
        QCOMPARE(bench.keyboard({0xF0, 0x03}), QStringLiteral("fa fa"));
        bench.stroke(KEY_RIGHT);
        QCOMPARE(bench.drain(), QStringLiteral("6a f0 6a"));
    }

    void resetAndSelfTest() {
        I8042Bench bench;
        bench.keyboard({0xED, 0x07});
        bench.keyboard({0xF5});
        bench.stroke(KEY_A);
        QCOMPARE(bench.keyboard({0xFF}), QStringLiteral("fa aa"));
        QCOMPARE(bench.router.leds(), KeyboardLeds());
        bench.stroke(KEY_B);
        QCOMPARE(bench.drain(), QStringLiteral("30 b0"));
    }

    void identification() {
        I8042Bench bench;
        QCOMPARE(bench.keyboard({0xF2}), QStringLiteral("fa ab 41")); // 83 translated
        bench.command(0x60, 0x05);
        QCOMPARE(bench.keyboard({0xF2}), QStringLiteral("fa ab 83"));
    }

    void scanCodeSetIsToldAndChecked() {
        I8042Bench bench;
        bench.command(0x60, 0x05);
        QCOMPARE(bench.keyboard({0xF0, 0x00}), QStringLiteral("fa fa 02"));
        QCOMPARE(bench.keyboard({0xF0, 0x03, 0xF0, 0x00}), QStringLiteral("fa fa fa fa 03"));
        QCOMPARE(bench.keyboard({0xF0, 0x07}), QStringLiteral("fa fe"));
        QCOMPARE(bench.keyboard({0xF6, 0xF0, 0x00}), QStringLiteral("fa fa fa 02"));
    }

    void ledsReachTheViewers() {
        I8042Bench bench;
        LedListener listener;
        bench.router.addListener(listener);
        QCOMPARE(bench.keyboard({0xED, 0x05}), QStringLiteral("fa fa"));
        QCOMPARE(bench.router.leds(), (KeyboardLeds{.scrollLock = true, .capsLock = true}));
        QCOMPARE(bench.keyboard({0xED, 0x02}), QStringLiteral("fa fa"));
        QCOMPARE(listener.leds.back(), (KeyboardLeds{.numLock = true}));
        bench.locked([&] { bench.device->reset(); });
        QCOMPARE(listener.leds.back(), KeyboardLeds());
    }

    void aCommandInThePlaceOfAnOption() {
        I8042Bench bench;
        QCOMPARE(bench.keyboard({0xED, 0xEE}), QStringLiteral("fa ee"));
        QCOMPARE(bench.router.leds(), KeyboardLeds());
    }

    void otherCommands() {
        I8042Bench bench;
        QCOMPARE(bench.keyboard({0xEE}), QStringLiteral("ee"));
        QCOMPARE(bench.keyboard({0xFE}), QStringLiteral("ee")); // resend
        QCOMPARE(bench.keyboard({0xF3, 0x20}), QStringLiteral("fa fa"));
        for (uint8_t command : {0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA})
            QCOMPARE(bench.keyboard({command}), QStringLiteral("fa"));
        QCOMPARE(bench.keyboard({0xFC, 0x1C, 0x1B, 0xF4}), QStringLiteral("fa fa fa fa"));
        for (uint8_t command : {0x00, 0x55, 0xEF, 0xF1})
            QCOMPARE(bench.keyboard({command}), QStringLiteral("fe"));
    }

    void disabledKeyboardIsSilent() {
        I8042Bench bench;
        bench.key(KEY_A, true);
        bench.drain();
        QCOMPARE(bench.keyboard({0xF5}), QStringLiteral("fa"));
        bench.key(KEY_A, false);
        bench.stroke(KEY_B);
        QCOMPARE(bench.drain(), QString());
        QCOMPARE(bench.keyboard({0xF4}), QStringLiteral("fa"));
        bench.stroke(KEY_A);
        QCOMPARE(bench.drain(), QStringLiteral("1e 9e"));
    }

    void heldKeyRepeats() {
        I8042Bench bench;
        QCOMPARE(bench.keyboard({0xF3, 0x00}), QStringLiteral("fa fa")); // 250 ms, 30 a second
        bench.key(KEY_LEFTSHIFT, true);
        bench.key(KEY_A, true);
        QCOMPARE(bench.drain(), QStringLiteral("2a 1e"));
        bench.advance(240'000'000);
        QVERIFY(!(bench.status() & 1));
        int repeats = 0;
        for (int i = 0; i < 100; ++i) {
            bench.advance(10'000'000);
            if (bench.status() & 1) {
                QCOMPARE(int(bench.readData()), 0x1E);
                ++repeats;
            }
        }
        QCOMPARE(repeats, 30);
        bench.key(KEY_A, false);
        QCOMPARE(bench.drain(), QStringLiteral("9e"));
        bench.advance(1'000'000'000);
        QVERIFY(!(bench.status() & 1)); // Shift was held too, but only the last key repeats
    }

    void repeatsDoNotPileUp() {
        I8042Bench bench;
        bench.key(KEY_A, true);
        bench.advance(10'000'000'000);
        bench.key(KEY_A, false);
        QCOMPARE(bench.drain(), QStringLiteral("1e 1e 9e"));
    }

    void pauseDoesNotRepeat() {
        I8042Bench bench;
        bench.key(KEY_PAUSE, true);
        bench.drain();
        bench.advance(10'000'000'000);
        QVERIFY(!(bench.status() & 1));
        QVERIFY(!bench.timers.nextDeadlineNs());
    }

    void fullQueueDropsWholeKeysAndKeepsReleases() {
        I8042Bench bench;
        for (unsigned key = KEY_ESC; key <= KEY_KPDOT; ++key)
            bench.key(key, true);
        for (unsigned key = KEY_ESC; key <= KEY_KPDOT; ++key)
            bench.key(key, false);
        bench.key(KEY_A, true); // no room
        bench.key(KEY_A, false);
        QString text = bench.drain();
        QStringList bytes = text.split(u' ');
        int makes = 0;
        for (const QString& byte : bytes)
            makes += byte.toInt(nullptr, 16) < 0x80 ? 1 : 0;
        QVERIFY(makes > 60);
        QCOMPARE(bytes.size(), qsizetype(2 * makes));
        bench.stroke(KEY_A);
        QCOMPARE(bench.drain(), QStringLiteral("1e 9e"));
    }

    void typingWaitsForTheGuest() {
        I8042Bench bench;
        QVERIFY(!bench.router.keysPending());
        bench.stroke(KEY_A);
        QVERIFY(bench.router.keysPending());
        bench.drain();
        QVERIFY(!bench.router.keysPending());
    }

    void keysOutOfRangeAreIgnored() {
        I8042Bench bench;
        bench.stroke(0);
        bench.stroke(300);
        bench.stroke(65535);
        QCOMPARE(bench.drain(), QString());
    }
};
VIVARIUM_TEST(Ps2KeyboardTest)

#include "ps2_keyboard_test.moc"
