#include "vmm/backends/vnc/vnc_key_translator.h"

#include "tests/support/test_main.h"
#include "vmm/backends/vnc/vnc_text.h"

#include <QTest>

#include <linux/input-event-codes.h>
#include <rfb/keysym.h>

using namespace vivarium;

namespace {

using Actions = std::vector<VncKeyTranslator::Action>;

VncKeyTranslator::Action press(int code) {
    return {KeyCode{static_cast<uint16_t>(code)}, true};
}
VncKeyTranslator::Action release(int code) {
    return {KeyCode{static_cast<uint16_t>(code)}, false};
}

} // namespace

class VncKeyTranslatorTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void keysymsBecomeKeys_data() {
        QTest::addColumn<uint>("keysym");
        QTest::addColumn<int>("code");
        QTest::newRow("letter") << uint('z') << KEY_Z;
        QTest::newRow("capital") << uint('Z') << KEY_Z;
        QTest::newRow("shifted digit") << uint('!') << KEY_1;
        QTest::newRow("unicode") << 0x01000041u << KEY_A;
        QTest::newRow("escape") << uint(XK_Escape) << KEY_ESC;
        QTest::newRow("f12") << uint(XK_F12) << KEY_F12;
        QTest::newRow("keypad enter") << uint(XK_KP_Enter) << KEY_KPENTER;
        QTest::newRow("keypad 7") << uint(XK_KP_7) << KEY_KP7;
        QTest::newRow("keypad home") << uint(XK_KP_Home) << KEY_KP7;
        QTest::newRow("delete") << uint(XK_Delete) << KEY_DELETE;
        QTest::newRow("super") << uint(XK_Super_L) << KEY_LEFTMETA;
        QTest::newRow("back tab") << 0xFE20u << KEY_TAB;
        QTest::newRow("volume up") << 0x1008FF13u << KEY_VOLUMEUP;
    }
    void keysymsBecomeKeys() {
        QFETCH(uint, keysym);
        auto key = vncKeyFromKeysym(keysym);
        QVERIFY(key);
        QTEST(static_cast<int>(key->code), "code");
    }

    void unknownKeysymsGiveNothing() {
        QVERIFY(!vncKeyFromKeysym(0));
        QVERIFY(!vncKeyFromKeysym(0xE4));   // a umlaut
        QVERIFY(!vncKeyFromKeysym(0xFE03)); // ISO_Level3_Shift: characters come with it resolved
        QVERIFY(!vncKeyFromKeysym(0xFFFFFFFF));
        QVERIFY(VncKeyTranslator().translate(0x12345678, true, false).empty());
    }

    void shiftAsTheClientHoldsItIsPassedOn() {
        VncKeyTranslator translator;
        QCOMPARE(translator.translate(XK_Shift_L, true, false), Actions{press(KEY_LEFTSHIFT)});
        QCOMPARE(translator.translate('A', true, false), Actions{press(KEY_A)});
        QCOMPARE(translator.translate(XK_Shift_L, false, false), Actions{release(KEY_LEFTSHIFT)});
        QCOMPARE(translator.translate('a', false, false), Actions{release(KEY_A)});
    }

    void missingShiftIsAdded() {
        VncKeyTranslator translator;
        QCOMPARE(translator.translate('!', true, false),
                 (Actions{press(KEY_LEFTSHIFT), press(KEY_1), release(KEY_LEFTSHIFT)}));
        QCOMPARE(translator.translate('!', false, false), Actions{release(KEY_1)});
    }

    void needlessShiftIsLifted() { // '/' is Shift+7 on a German board
        VncKeyTranslator translator;
        translator.translate(XK_Shift_R, true, false);
        QCOMPARE(translator.translate('/', true, false),
                 (Actions{release(KEY_RIGHTSHIFT), press(KEY_SLASH), press(KEY_RIGHTSHIFT)}));
    }

    void capsLockCountsForLetters() {
        VncKeyTranslator translator;
        QCOMPARE(translator.translate('A', true, true), Actions{press(KEY_A)});
        QCOMPARE(translator.translate('1', true, true), Actions{press(KEY_1)});
    }

    void shortcutsAreLeftAlone() {
        VncKeyTranslator translator;
        translator.translate(XK_Control_L, true, false);
        QCOMPARE(translator.translate('C', true, false), Actions{press(KEY_C)});
    }

    void clipboardTextIsConverted() {
        QCOMPARE(latin1ToUtf8("gr\xFC\xDF"), std::string("gr\xC3\xBC\xC3\x9F"));
        QCOMPARE(*utf8ToLatin1("gr\xC3\xBC\xC3\x9F"), std::string("gr\xFC\xDF"));
        QCOMPARE(*utf8ToLatin1("\xE2\x82\xAC 5"), std::string("? 5"));
        QCOMPARE(*utf8ToLatin1("\xF0\x9F\x98\x80"), std::string("?"));
        for (const char* bad : {"\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xFF",
                                "\xE2\x28\xA1", "\xF4\x90\x80\x80"})
            QVERIFY(!utf8ToLatin1(bad));
    }
};
VIVARIUM_TEST(VncKeyTranslatorTest)

#include "vnc_key_translator_test.moc"
