#pragma once

#include "ui/console/console_geometry.h"
#include "ui/console/console_source.h"
#include "ui/console/host_key.h"
#include "ui/console/picture_scaler.h"

#include <QSet>
#include <QWidget>

#include <optional>

namespace vivarium {

// Shows a ConsoleSource and feeds it keys and pointer. Paints straight from the guest's memory,
// only what changed, and owns no timer: an idle guest costs nothing. In whole device pixels, so
// HiDPI screens stay sharp. GUI thread; the source outlives it or is taken away with
// setSource(nullptr).
class ConsoleWidget : public QWidget {
    Q_OBJECT
public:
    explicit ConsoleWidget(KeyCode hostKey, QWidget* parent = nullptr);

    void setSource(ConsoleSource* source);
    ConsoleSource* source() const { return m_source; }
    void setScaleMode(ScaleMode mode);
    ScaleMode scaleMode() const { return m_scaleMode; }
    void setHostKey(KeyCode key) { m_hostKey.setKey(key); }
    void setAutoCaptureKeyboard(bool capture) { m_autoCapture = capture; }
    // False: the guest's own pointer is moved relatively even if it could take positions.
    void setMouseIntegration(bool on);
    bool mouseIntegration() const { return m_mouseIntegration; }
    // Darkened, for a paused guest.
    void setDimmed(bool dimmed);
    // Shown while there is no picture.
    void setPlaceholder(const QString& text);

    bool isPointerCaptured() const { return m_pointerCaptured; }
    bool isKeyboardCaptured() const { return m_keyboardCaptured; }
    // Lets go of pointer and keyboard; keys that are down in the guest are released.
    void releaseCapture();
    void captureInput();

    // The size at which a guest pixel is one device pixel, in logical pixels.
    QSize unscaledSize() const;
    QSize sizeHint() const override;
    // Frames painted since the start, for the benchmark.
    quint64 paintedFrames() const { return m_paintedFrames; }

Q_SIGNALS:
    void captureChanged();
    // A key was pressed while the host key was down.
    void hostCommand(vivarium::KeyCode key);
    void pictureSizeChanged(const QSize& size);
    // The pointer is at this position of the widget (not while it is captured).
    void pointerMoved(const QPoint& position);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void keyReleaseEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override { mousePressEvent(event); }
    void mouseMoveEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    bool focusNextPrevChild(bool) override { return false; }

private:
    void updateGeometryFor(const QSize& picture);
    void replacePicture();
    void showDamage(const std::vector<QRect>& rectangles);
    void paintScaled(QPainter& painter, const QImage& picture, const QRect& part);
    QRect toLogical(const QRect& device) const;
    void handleKey(QKeyEvent* event, KeyDirection direction);
    void releaseKeys();
    void captureKeyboard();
    void releaseKeyboard();
    void capturePointer();
    void releasePointer();
    void moveCaptured(QPoint global);
    bool usesAbsolutePointer() const;
    void sendAbsolute(QPointF position, int wheel, Qt::MouseButtons buttons);
    void updateCursor();
    static quint8 toGuestButtons(Qt::MouseButtons buttons);

    ConsoleSource* m_source = nullptr;
    HostKey m_hostKey;
    ScaleMode m_scaleMode = ScaleMode::Fit;
    ConsoleGeometry m_geometry;
    PictureScaler m_scaler; // for m_geometry where it is not unscaled
    QImage m_strip;         // scaled pixels on their way to the window
    QString m_placeholder;
    QSet<int> m_pressedKeys;
    bool m_autoCapture = true;
    bool m_mouseIntegration = true;
    bool m_dimmed = false;
    bool m_keyboardCaptured = false;
    bool m_pointerCaptured = false;
    QPoint m_lastGlobal; // of the captured pointer
    bool m_isWarping = false;
    Qt::MouseButtons m_swallowedButtons; // the click that captured
    int m_wheelRest = 0;                 // eighths of a degree below one notch
    quint64 m_paintedFrames = 0;
};

} // namespace vivarium
