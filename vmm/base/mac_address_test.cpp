#include "tests/support/test_main.h"
#include "vmm/base/mac_address.h"

#include <QtTest>

#include <set>

using namespace vivarium;

class MacAddressTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void readsWhatItWrites() {
        const auto address = MacAddress::parse("52:54:00:aB:0f:FF");
        QVERIFY(address);
        const std::array<uint8_t, 6> bytes{0x52, 0x54, 0x00, 0xAB, 0x0F, 0xFF};
        QVERIFY(address->bytes == bytes);
        QCOMPARE(address->text(), std::string("52:54:00:ab:0f:ff"));
        QVERIFY(MacAddress::parse(address->text()) == address);
    }

    void otherFormsAreRefused_data() {
        QTest::addColumn<QByteArray>("text");
        for (const char* text : {"", "52:54:00:12:34", "52:54:00:12:34:56:", "52-54-00-12-34-56",
                                 "525400123456", "52:54:00:12:34:5g", "+2:54:00:12:34:56",
                                 "52:54:00:12:34:5", " 2:54:00:12:34:56", "0x:54:00:12:34:56"})
            QTest::newRow(*text != 0 ? text : "empty") << QByteArray(text);
    }
    void otherFormsAreRefused() {
        QFETCH(const QByteArray, text);
        QVERIFY(!MacAddress::parse(text.toStdString()));
    }

    void groupsAndZeroAreNoCards() {
        QVERIFY(MacAddress::parse("52:54:00:12:34:56")->isIndividual());
        QVERIFY(!MacAddress::parse("01:00:5e:00:00:01")->isIndividual());
        QVERIFY(!MacAddress::parse("ff:ff:ff:ff:ff:ff")->isIndividual());
        QVERIFY(!MacAddress{}.isIndividual());
    }

    void randomOnesAreLocalAndDiffer() {
        std::set<std::string> seen;
        for (int i = 0; i < 1000; ++i) {
            const MacAddress address = MacAddress::random();
            QVERIFY(address.isIndividual());
            QCOMPARE(address.bytes[0] & 0x02, 0x02);
            QVERIFY(seen.insert(address.text()).second);
        }
    }
};

VIVARIUM_TEST(MacAddressTest)
#include "mac_address_test.moc"
