#pragma once

#include "core/model/machine_settings.h"
#include "ui/console/console_source.h"
#include "vmm/control/messages.h"

#include <QHash>
#include <QStatusBar>
#include <QTimer>

class QLabel;

namespace vivarium {

// The lower edge of the console: drives with their activity, keyboard lights, accelerator, mouse
// and host key. GUI thread.
class ConsoleStatusBar : public QStatusBar {
    Q_OBJECT
public:
    explicit ConsoleStatusBar(QWidget* parent = nullptr);

    void setDrives(const QList<DriveSettings>& drives);
    void showActivity(const control::Activity& activity);
    void setLeds(const ConsoleLeds& leds);
    // `reason`: the worker's sentence; empty where it gives none.
    void setAccelerator(const QString& name, const QString& reason);
    enum class MouseState { Free, Captured, Integrated };
    void setMouseState(MouseState state);
    void setKeyboardCaptured(bool captured);
    void setHostKeyTitle(const QString& title);

protected:
    void changeEvent(QEvent* event) override;

private:
    struct Drive {
        QLabel* label = nullptr;
        DriveSettings settings;
        quint64 readBytes = 0, writtenBytes = 0;
        bool isLit = false;
    };
    void retranslate();
    void updateDrive(const Drive& drive);
    void dimDrives();
    QLabel* addLight();

    QWidget* m_driveBox;            // their labels, in the order of the settings
    QHash<QString, Drive> m_drives; // by the protocol's drive id
    QTimer m_dim;
    QLabel* m_numLock;
    QLabel* m_capsLock;
    QLabel* m_scrollLock;
    QLabel* m_accelerator;
    QLabel* m_mouse;
    QLabel* m_keyboard;
    QLabel* m_hostKey;
    ConsoleLeds m_leds;
    QString m_acceleratorName, m_acceleratorReason;
    QString m_hostKeyTitle;
    MouseState m_mouseState = MouseState::Free;
    bool m_keyboardCaptured = false;
};

} // namespace vivarium
