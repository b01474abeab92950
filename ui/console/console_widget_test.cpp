#include "tests/support/test_main.h"
#include "ui/console/console_widget.h"

#include <QSignalSpy>
#include <QTest>
#include <QTimer>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

// A picture that the test paints, and a record of what was sent.
class FakeSource : public ConsoleSource {
public:
    struct SentKey {
        int code;
        KeyDirection direction;
        bool operator==(const SentKey&) const = default;
    };
    const QImage& picture() const override { return m_picture; }
    bool absolutePointer() const override { return absolute; }
    void sendKey(KeyCode key, quint32, KeyDirection direction) override {
        keys.append({static_cast<int>(key), direction});
    }
    void sendChord(const std::vector<KeyCode>&) override {}
    void movePointer(QPoint delta, int wheel, quint8 buttons) override {
        movement += delta;
        wheels += wheel;
        pressed = buttons;
    }
    void setPointer(QPoint position, int wheel, quint8 buttons) override {
        tablet = position;
        wheels += wheel;
        pressed = buttons;
    }
    void typeText(const QString&) override {}
    void cancelTyping() override {}
    void takeScreenshot(std::function<void(const QImage&)> done) override { done(m_picture); }

    void setPicture(const QImage& picture) {
        m_picture = picture;
        Q_EMIT
        pictureReplaced();
    }
    void paint(const QRect& rectangle, QRgb colour) {
        for (int y = rectangle.top(); y <= rectangle.bottom(); ++y)
            for (int x = rectangle.left(); x <= rectangle.right(); ++x)
                m_picture.setPixel(x, y, colour);
        Q_EMIT
        damaged({rectangle});
    }

    bool absolute = false;
    QList<SentKey> keys;
    QPoint movement;
    QPoint tablet;
    int wheels = 0;
    quint8 pressed = 0;

private:
    QImage m_picture;
};

QImage stripes(const QSize& size) {
    QImage image(size, QImage::Format_RGB32);
    for (int y = 0; y < size.height(); ++y)
        for (int x = 0; x < size.width(); ++x)
            image.setPixel(x, y, qRgb(x * 7 % 256, y * 5 % 256, (x + y) % 2 * 255));
    return image;
}

} // namespace

class ConsoleWidgetTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void unscaledPictureIsExact();
    void wholeMultiplesAreExact();
    void onlyDamageIsPainted();
    void damageInAScaledPictureLeavesNoTrace();
    void idleGuestPaintsNothing();
    void keysReachTheGuest();
    void keysAreReleasedWhenTheFocusGoes();
    void hostCommandsDoNot();
    void clickCapturesARelativePointer();
    void absolutePointerNeedsNoCapture();

private:
    void showView(const QSize& size) {
        m_view->resize(size);
        m_view->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_view.get()));
        m_view->setFocus();
    }
    QImage grab() const { return m_view->grab().toImage().convertToFormat(QImage::Format_RGB32); }

    std::unique_ptr<FakeSource> m_source;
    std::unique_ptr<ConsoleWidget> m_view;
};

void ConsoleWidgetTest::init() {
    m_source = std::make_unique<FakeSource>();
    m_view = std::make_unique<ConsoleWidget>(static_cast<KeyCode>(KEY_RIGHTCTRL));
    m_view->setAutoCaptureKeyboard(false);
    m_view->setSource(m_source.get());
}

void ConsoleWidgetTest::cleanup() {
    m_view.reset();
    m_source.reset();
}

void ConsoleWidgetTest::unscaledPictureIsExact() {
    m_view->setScaleMode(ScaleMode::OneToOne);
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(400, 300));
    const QImage shown = grab();
    QCOMPARE(shown.copy(40, 50, 320, 200), m_source->picture());
    QCOMPARE(shown.pixel(0, 0), qRgb(0, 0, 0));
}

void ConsoleWidgetTest::wholeMultiplesAreExact() {
    m_view->setScaleMode(ScaleMode::Integer);
    m_source->setPicture(stripes(QSize(100, 60)));
    showView(QSize(350, 250));
    const QImage expected = m_source->picture().scaled(300, 180);
    QCOMPARE(grab().copy(25, 35, 300, 180), expected);
}

void ConsoleWidgetTest::onlyDamageIsPainted() {
    m_view->setScaleMode(ScaleMode::OneToOne);
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(320, 200));
    QTRY_VERIFY(m_view->paintedFrames() > 0);
    QCoreApplication::processEvents();
    const quint64 before = m_view->paintedFrames();
    m_source->paint(QRect(10, 10, 5, 5), qRgb(255, 0, 0));
    m_source->paint(QRect(200, 100, 5, 5), qRgb(0, 255, 0));
    QTRY_COMPARE(m_view->paintedFrames(), before + 1); // merged into one frame
}

void ConsoleWidgetTest::damageInAScaledPictureLeavesNoTrace() {
    m_view->setScaleMode(ScaleMode::Fit);
    m_source->setPicture(stripes(QSize(301, 203)));
    showView(QSize(177, 131));
    QTRY_VERIFY(m_view->paintedFrames() > 0);
    for (int i = 0; i < 20; ++i) {
        m_source->paint(QRect(i * 13, i * 7, 9, 11), qRgb(255, i * 10, 0));
        QCoreApplication::processEvents();
    }
    // The same picture painted at once looks the same as the sum of its parts.
    QImage byParts(m_view->size(), QImage::Format_RGB32);
    const QImage whole = grab();
    m_view->render(&byParts);
    QCOMPARE(byParts, whole);
}

void ConsoleWidgetTest::idleGuestPaintsNothing() {
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(320, 200));
    QTRY_VERIFY(m_view->paintedFrames() > 0);
    QCoreApplication::processEvents();
    const quint64 before = m_view->paintedFrames();
    QTest::qWait(200);
    QCOMPARE(m_view->paintedFrames(), before);
    QVERIFY(m_view->findChildren<QTimer*>().isEmpty());
}

void ConsoleWidgetTest::keysReachTheGuest() {
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(320, 200));
    QTest::keyClick(m_view.get(), Qt::Key_Tab);
    QTest::keyClick(m_view.get(), Qt::Key_Escape);
    const QList<FakeSource::SentKey> expected{{KEY_TAB, KeyDirection::Down},
                                              {KEY_TAB, KeyDirection::Up},
                                              {KEY_ESC, KeyDirection::Down},
                                              {KEY_ESC, KeyDirection::Up}};
    QCOMPARE(m_source->keys, expected);
}

void ConsoleWidgetTest::keysAreReleasedWhenTheFocusGoes() {
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(320, 200));
    QTest::keyPress(m_view.get(), Qt::Key_A);
    m_view->releaseCapture(); // what losing the focus calls
    QCOMPARE(m_source->keys.size(), 2);
    QCOMPARE(m_source->keys.last(), (FakeSource::SentKey{KEY_A, KeyDirection::Up}));
    QTest::keyRelease(m_view.get(), Qt::Key_A); // its press is over already
    QCOMPARE(m_source->keys.size(), 2);
}

void ConsoleWidgetTest::hostCommandsDoNot() {
    m_view->setHostKey(static_cast<KeyCode>(KEY_F12));
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(320, 200));
    QSignalSpy commands(m_view.get(), &ConsoleWidget::hostCommand);
    QTest::keyPress(m_view.get(), Qt::Key_F12);
    QTest::keyClick(m_view.get(), Qt::Key_F);
    QTest::keyRelease(m_view.get(), Qt::Key_F12);
    QCOMPARE(commands.size(), 1);
    QVERIFY(m_source->keys.isEmpty());
}

void ConsoleWidgetTest::clickCapturesARelativePointer() {
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(320, 200));
    QTest::mouseClick(m_view.get(), Qt::LeftButton, {}, QPoint(100, 100));
    QVERIFY(m_view->isPointerCaptured());
    QCOMPARE(m_source->pressed, quint8{0}); // that click was not the guest's
    m_view->releaseCapture();
    QVERIFY(!m_view->isPointerCaptured());
}

void ConsoleWidgetTest::absolutePointerNeedsNoCapture() {
    m_source->absolute = true;
    m_view->setScaleMode(ScaleMode::OneToOne);
    m_source->setPicture(stripes(QSize(320, 200)));
    showView(QSize(320, 200));
    QTest::mousePress(m_view.get(), Qt::RightButton, {}, QPoint(319, 199));
    QVERIFY(!m_view->isPointerCaptured());
    QCOMPARE(m_source->tablet, QPoint(32767, 32767));
    QCOMPARE(m_source->pressed, quint8{ConsoleButton::RightButton});
    QTest::mouseRelease(m_view.get(), Qt::RightButton, {}, QPoint(0, 0));
    QCOMPARE(m_source->pressed, quint8{0});
}

} // namespace vivarium

using vivarium::ConsoleWidgetTest;
VIVARIUM_TEST(ConsoleWidgetTest)
#include "console_widget_test.moc"
