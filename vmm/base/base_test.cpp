#include "vmm/base/key_codes.h"

#include "tests/support/test_main.h"

#include <QTest>

using namespace vivarium;

class KeyCodesTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyNameIsFoundAgain() {
        int named = 0;
        for (int code = 1; code <= 247; ++code) {
            std::string_view name = keyCodeName(static_cast<KeyCode>(code));
            if (name == "unknown")
                continue;
            ++named;
            QCOMPARE(static_cast<int>(keyCodeFromName(name).value_or(KeyCode{})), code);
        }
        QVERIFY(named > 230);
    }
};
VIVARIUM_TEST(KeyCodesTest)

#include "base_test.moc"
