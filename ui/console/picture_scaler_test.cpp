#include "tests/support/test_main.h"
#include "ui/console/picture_scaler.h"

#include <QRandomGenerator>
#include <QTest>

#include <algorithm>
#include <cmath>

namespace vivarium {

namespace {

QImage noise(const QSize& size) {
    QRandomGenerator random(7);
    QImage image(size, QImage::Format_RGB32);
    for (int y = 0; y < size.height(); ++y)
        for (int x = 0; x < size.width(); ++x)
            image.setPixel(x, y, random.generate()); // the top byte is undefined, as a guest's
    return image;
}

QImage scaled(const QImage& picture, const QSize& target) {
    QImage output(target, QImage::Format_RGB32);
    PictureScaler(picture.size(), target).scale(picture, QRect(QPoint(), target), output);
    return output;
}

// The mean of what the target's pixel (x, y) covers, by definition.
double expected(const QImage& picture, const QSize& target, int x, int y, int shift) {
    const double width = static_cast<double>(picture.width()) / target.width();
    const double height = static_cast<double>(picture.height()) / target.height();
    double sum = 0;
    for (int row = 0; row < picture.height(); ++row) {
        const double high =
            std::min(row + 1.0, (y + 1) * height) - std::max<double>(row, y * height);
        if (high <= 0)
            continue;
        for (int column = 0; column < picture.width(); ++column) {
            const double wide =
                std::min(column + 1.0, (x + 1) * width) - std::max<double>(column, x * width);
            if (wide > 0)
                sum += wide * high * ((picture.pixel(column, row) >> shift) & 0xff);
        }
    }
    return sum / width / height;
}

} // namespace

class PictureScalerTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void pixelsAreMeans_data();
    void pixelsAreMeans();
    void wholeFactorsRepeatPixels();
    void onePlainColourStays();
    void partsAreThoseOfTheWhole();
};

void PictureScalerTest::pixelsAreMeans_data() {
    QTest::addColumn<QSize>("picture");
    QTest::addColumn<QSize>("target");
    QTest::newRow("enlarged") << QSize(32, 18) << QSize(48, 27);
    QTest::newRow("odd") << QSize(31, 17) << QSize(53, 29);
    QTest::newRow("reduced") << QSize(64, 36) << QSize(47, 26);
    QTest::newRow("reduced a lot") << QSize(200, 120) << QSize(13, 7);
    QTest::newRow("wider and lower") << QSize(20, 40) << QSize(33, 11);
    QTest::newRow("to one pixel") << QSize(60, 50) << QSize(1, 1);
    QTest::newRow("from one pixel") << QSize(1, 1) << QSize(5, 3);
    QTest::newRow("from one column") << QSize(1, 9) << QSize(3, 4);
}

void PictureScalerTest::pixelsAreMeans() {
    QFETCH(QSize, picture);
    QFETCH(QSize, target);
    const QImage image = noise(picture);
    const QImage output = scaled(image, target);
    // Two roundings to a byte and weights in 256ths.
    const double tolerance = 2.5;
    for (int y = 0; y < target.height(); ++y)
        for (int x = 0; x < target.width(); ++x)
            for (int shift : {0, 8, 16}) {
                const int value = static_cast<int>((output.pixel(x, y) >> shift) & 0xff);
                QVERIFY(std::abs(value - expected(image, target, x, y, shift)) <= tolerance);
            }
}

void PictureScalerTest::wholeFactorsRepeatPixels() {
    const QImage image = noise(QSize(37, 23)).convertToFormat(QImage::Format_RGB32);
    const QImage output = scaled(image, QSize(37 * 3, 23 * 3));
    for (int y = 0; y < output.height(); ++y)
        for (int x = 0; x < output.width(); ++x)
            QCOMPARE(output.pixel(x, y), image.pixel(x / 3, y / 3) | 0xff000000);
}

void PictureScalerTest::onePlainColourStays() {
    QImage image(50, 40, QImage::Format_RGB32);
    image.fill(qRgb(255, 254, 1));
    for (const QSize& size : {QSize(7, 7), QSize(49, 39), QSize(51, 41), QSize(333, 222)}) {
        QImage plain(size, QImage::Format_RGB32);
        plain.fill(qRgb(255, 254, 1));
        QCOMPARE(scaled(image, size), plain);
    }
}

void PictureScalerTest::partsAreThoseOfTheWhole() {
    const QImage image = noise(QSize(61, 43));
    const QSize target(97, 71);
    const QImage whole = scaled(image, target);
    PictureScaler scaler(image.size(), target);
    for (const QRect& part : {QRect(0, 0, 1, 1), QRect(96, 70, 1, 1), QRect(13, 5, 31, 40)}) {
        QImage output(part.size(), QImage::Format_RGB32);
        scaler.scale(image, part, output);
        QCOMPARE(output, whole.copy(part));
    }
}

} // namespace vivarium

using vivarium::PictureScalerTest;
VIVARIUM_TEST(PictureScalerTest)
#include "picture_scaler_test.moc"
