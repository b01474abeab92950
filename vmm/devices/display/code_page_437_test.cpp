#include "vmm/devices/display/code_page_437.h"

#include "tests/support/test_main.h"

#include <QTest>

#include <cstdint>
#include <string>
#include <vector>

using namespace vivarium;

class CodePage437Test : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyCodeHasItsCharacter() {
        std::vector<uint8_t> all(255);
        for (size_t i = 0; i < all.size(); ++i)
            all[i] = static_cast<uint8_t>(i);
        QString text = QString::fromStdString(codePage437ToUtf8(all));
        QCOMPARE(text.size(), 255);
        QCOMPARE(text[0], QChar(u' '));
        QCOMPARE(text[0x41], QChar(u'A'));
        QCOMPARE(text[0x7F], QChar(0x2302));
        QCOMPARE(text[0x84], QChar(0xE4));
        QCOMPARE(text[0xC4], QChar(0x2500));
        QCOMPARE(text[0xFE], QChar(0x25A0));
        QVERIFY(!text.contains(QChar(0xFFFD)));
        QCOMPARE(codePage437ToUtf8({}), std::string());
    }
};
VIVARIUM_TEST(CodePage437Test)

#include "code_page_437_test.moc"
