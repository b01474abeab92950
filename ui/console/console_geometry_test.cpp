#include "tests/support/test_main.h"
#include "ui/console/console_geometry.h"

#include <QTest>

namespace vivarium {

class ConsoleGeometryTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void places_data();
    void places();
    void damageCoversBlendedNeighbours();
    void pointsRoundTrip();
    void edgesReachTheTabletsEnds();
};

void ConsoleGeometryTest::places_data() {
    QTest::addColumn<QSize>("picture");
    QTest::addColumn<QSize>("viewport");
    QTest::addColumn<int>("mode");
    QTest::addColumn<QRect>("target");
    const int fit = static_cast<int>(ScaleMode::Fit);
    const int one = static_cast<int>(ScaleMode::OneToOne);
    const int whole = static_cast<int>(ScaleMode::Integer);
    QTest::newRow("exact") << QSize(640, 480) << QSize(640, 480) << fit << QRect(0, 0, 640, 480);
    QTest::newRow("wide") << QSize(640, 480) << QSize(1000, 480) << fit << QRect(180, 0, 640, 480);
    QTest::newRow("larger") << QSize(640, 480) << QSize(1280, 960) << fit << QRect(0, 0, 1280, 960);
    QTest::newRow("unscaled") << QSize(640, 480) << QSize(1000, 1000) << one
                              << QRect(180, 260, 640, 480);
    QTest::newRow("unscaled, small view")
        << QSize(640, 480) << QSize(300, 300) << one << QRect(0, 0, 640, 480);
    QTest::newRow("twice") << QSize(320, 200) << QSize(800, 600) << whole
                           << QRect(80, 100, 640, 400);
    QTest::newRow("whole, does not fit")
        << QSize(1000, 1000) << QSize(500, 500) << whole << QRect(0, 0, 500, 500);
    QTest::newRow("no picture") << QSize() << QSize(500, 500) << fit << QRect();
    QTest::newRow("sliver") << QSize(8192, 1) << QSize(100, 100) << fit << QRect(0, 49, 100, 1);
}

void ConsoleGeometryTest::places() {
    QFETCH(QSize, picture);
    QFETCH(QSize, viewport);
    QFETCH(int, mode);
    QFETCH(QRect, target);
    QCOMPARE(ConsoleGeometry(picture, viewport, static_cast<ScaleMode>(mode)).target(), target);
}

void ConsoleGeometryTest::damageCoversBlendedNeighbours() {
    const ConsoleGeometry geometry(QSize(1000, 1000), QSize(500, 500), ScaleMode::Fit);
    // Guest pixels 100..109 are device pixels 50..54; one more on each side is blended with them.
    QCOMPARE(geometry.toDevice(QRect(100, 100, 10, 10)), QRect(49, 49, 7, 7));
    QCOMPARE(geometry.toDevice(QRect(0, 0, 1000, 1000)), QRect(0, 0, 500, 500));
    const ConsoleGeometry unscaled(QSize(10, 10), QSize(20, 20), ScaleMode::OneToOne);
    QCOMPARE(unscaled.toDevice(QRect(1, 2, 3, 4)), QRect(6, 7, 3, 4));
}

void ConsoleGeometryTest::pointsRoundTrip() {
    const ConsoleGeometry geometry(QSize(320, 200), QSize(800, 600), ScaleMode::Integer);
    QCOMPARE(geometry.toGuest(QPointF(80, 100)), QPoint(0, 0));
    QCOMPARE(geometry.toGuest(QPointF(719.9, 499.9)), QPoint(319, 199));
    QCOMPARE(geometry.toGuest(QPointF(0, 0)), QPoint(0, 0)); // outside: the nearest
    QCOMPARE(geometry.toGuest(QPointF(799, 599)), QPoint(319, 199));
}

void ConsoleGeometryTest::edgesReachTheTabletsEnds() {
    const ConsoleGeometry geometry(QSize(640, 480), QSize(640, 480), ScaleMode::Fit);
    QCOMPARE(geometry.toTablet(QPointF(0, 0)), QPoint(0, 0));
    QCOMPARE(geometry.toTablet(QPointF(639.5, 479.5)), QPoint(32767, 32767));
}

} // namespace vivarium

using vivarium::ConsoleGeometryTest;
VIVARIUM_TEST(ConsoleGeometryTest)
#include "console_geometry_test.moc"
