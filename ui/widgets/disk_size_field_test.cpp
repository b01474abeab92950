#include "tests/support/test_main.h"
#include "ui/widgets/disk_size_field.h"

#include <QLineEdit>
#include <QSlider>
#include <QTest>

namespace vivarium {

class DiskSizeFieldTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void parses_data();
    void parses();
    void givenSizeIsKeptExactly();
    void badTextIsZero();
    void whatIsTypedStays();
};

void DiskSizeFieldTest::parses_data() {
    QTest::addColumn<QString>("text");
    QTest::addColumn<quint64>("bytes");
    QTest::newRow("gigabytes") << QStringLiteral("20 GB") << (20ull << 30);
    QTest::newRow("fraction") << QStringLiteral("1.5T") << (3ull << 39);
    QTest::newRow("comma") << QStringLiteral("0,5 GiB") << (1ull << 29);
    QTest::newRow("bare number") << QStringLiteral("512") << (512ull << 20);
    QTest::newRow("whole sectors") << QStringLiteral("0.001k") << 512ull;
    QTest::newRow("empty") << QString() << 0ull;
    QTest::newRow("words") << QStringLiteral("big") << 0ull;
    QTest::newRow("negative") << QStringLiteral("-1G") << 0ull;
    QTest::newRow("too large") << QStringLiteral("99999999999999 TB") << 0ull;
}

void DiskSizeFieldTest::parses() {
    QFETCH(QString, text);
    QFETCH(quint64, bytes);
    QCOMPARE(DiskSizeField::parse(text), bytes);
}

void DiskSizeFieldTest::givenSizeIsKeptExactly() {
    DiskSizeField field;
    const quint64 odd = (20ull << 30) + 512;
    field.setSizeBytes(odd);
    QCOMPARE(field.sizeBytes(), odd);
}

void DiskSizeFieldTest::badTextIsZero() {
    DiskSizeField field;
    field.setSizeBytes(1ull << 30);
    field.lineEdit()->setText(QStringLiteral("x"));
    QCOMPARE(field.sizeBytes(), 0ull);
}

void DiskSizeFieldTest::whatIsTypedStays() {
    DiskSizeField field;
    field.setSizeBytes(20ull << 30);
    field.lineEdit()->selectAll();
    QTest::keyClicks(field.lineEdit(), QStringLiteral("10 GB")); // "1" is less than the slider has
    QCOMPARE(field.lineEdit()->text(), QStringLiteral("10 GB"));
    QCOMPARE(field.sizeBytes(), 10ull << 30);
    field.setSizeBytes(1ull << 20);
    QCOMPARE(field.sizeBytes(), 1ull << 20);
    field.findChild<QSlider*>()->setValue(field.findChild<QSlider*>()->maximum());
    QCOMPARE(field.sizeBytes(), DiskSizeField::kMaximumBytes);
}

} // namespace vivarium

using vivarium::DiskSizeFieldTest;
VIVARIUM_TEST(DiskSizeFieldTest)
#include "disk_size_field_test.moc"
