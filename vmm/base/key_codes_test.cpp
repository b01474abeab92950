#include "vmm/base/key_codes.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <linux/input-event-codes.h>

using namespace vivarium;

class KeyCodesTest : public QObject {
    Q_OBJECT

    static int codeOf(std::string_view name) {
        return static_cast<int>(keyCodeFromName(name).value_or(KeyCode{}));
    }

private Q_SLOTS:
    void everyNameIsFoundAgain() {
        int named = 0;
        for (int code = 1; code <= 247; ++code) {
            std::string_view name = keyCodeName(static_cast<KeyCode>(code));
            if (name == "unknown")
                continue;
            ++named;
            QCOMPARE(codeOf(name), code);
        }
        QVERIFY(named > 230);
        QCOMPARE(keyCodeName(KeyCode{0}), std::string_view("unknown"));
        QCOMPARE(keyCodeName(KeyCode{248}), std::string_view("unknown"));
        QCOMPARE(keyCodeName(KeyCode{65535}), std::string_view("unknown"));
    }

    void aliases() {
        QCOMPARE(codeOf("ctrl"), KEY_LEFTCTRL);
        QCOMPARE(codeOf("altgr"), KEY_RIGHTALT);
        QCOMPARE(codeOf("Super"), KEY_LEFTMETA);
        QCOMPARE(codeOf("return"), KEY_ENTER);
        QCOMPARE(codeOf("DEL"), KEY_DELETE);
        QCOMPARE(codeOf("escape"), KEY_ESC);
        QCOMPARE(codeOf("Page_Up"), KEY_PAGEUP);
        QCOMPARE(codeOf("pgdn"), KEY_PAGEDOWN);
        QCOMPARE(codeOf("spc"), KEY_SPACE);
        QCOMPARE(codeOf("print"), KEY_SYSRQ);
        QCOMPARE(codeOf("F12"), KEY_F12);
        QCOMPARE(codeOf("kp_enter"), KEY_KPENTER);
    }

    void unknownNames() {
        for (const char* name : {"", "_", "nonsense", "unknown", "reserved", "a ", "f25"})
            QCOMPARE(codeOf(name), 0);
    }

    void chords() {
        auto chord = parseKeyChord("ctrl+alt-Delete");
        QVERIFY(chord.has_value());
        QCOMPARE(*chord, (std::vector<KeyCode>{KeyCode(KEY_LEFTCTRL), KeyCode(KEY_LEFTALT),
                                               KeyCode(KEY_DELETE)}));
        QCOMPARE(parseKeyChord("f1")->size(), size_t(1));
        for (const char* text : {"", "+", "-", "ctrl+", "+a", "ctrl++a", "ctrl+nothing"})
            QVERIFY2(!parseKeyChord(text), text);
        std::string many = "a";
        for (int i = 0; i < 20; ++i)
            many += "+a";
        QVERIFY(!parseKeyChord(many));
    }

    void usKeyStrokes_data() {
        QTest::addColumn<int>("character");
        QTest::addColumn<int>("key");
        QTest::addColumn<bool>("shift");
        QTest::newRow("a") << int('a') << KEY_A << false;
        QTest::newRow("Z") << int('Z') << KEY_Z << true;
        QTest::newRow("0") << int('0') << KEY_0 << false;
        QTest::newRow(")") << int(')') << KEY_0 << true;
        QTest::newRow("@") << int('@') << KEY_2 << true;
        QTest::newRow("`") << int('`') << KEY_GRAVE << false;
        QTest::newRow("~") << int('~') << KEY_GRAVE << true;
        QTest::newRow("'") << int('\'') << KEY_APOSTROPHE << false;
        QTest::newRow("\"") << int('"') << KEY_APOSTROPHE << true;
        QTest::newRow("\\") << int('\\') << KEY_BACKSLASH << false;
        QTest::newRow("|") << int('|') << KEY_BACKSLASH << true;
        QTest::newRow("?") << int('?') << KEY_SLASH << true;
        QTest::newRow("space") << int(' ') << KEY_SPACE << false;
        QTest::newRow("newline") << int('\n') << KEY_ENTER << false;
        QTest::newRow("tab") << int('\t') << KEY_TAB << false;
    }
    void usKeyStrokes() {
        QFETCH(int, character);
        QFETCH(int, key);
        QFETCH(bool, shift);
        auto stroke = keyStrokeForCharacter(static_cast<char32_t>(character));
        QVERIFY(stroke.has_value());
        QCOMPARE(static_cast<int>(stroke->key), key);
        QCOMPARE(stroke->shift, shift);
    }

    void allOfAsciiCanBeTyped() {
        for (char32_t c = U' '; c <= U'~'; ++c)
            QVERIFY(keyStrokeForCharacter(c).has_value());
        for (char32_t c : {U'\0', U'\x01', U'\u00E9', U'\u20AC', U'\U0001F600', char32_t(0x161)})
            QVERIFY(!keyStrokeForCharacter(c).has_value());
    }
};
VIVARIUM_TEST(KeyCodesTest)

#include "key_codes_test.moc"
