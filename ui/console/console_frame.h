#pragma once

#include "core/model/machine_settings.h"
#include "ui/console/console_source.h"
#include "ui/text/error_text.h"
#include "vmm/base/key_codes.h"

#include <QMainWindow>
#include <QPointer>
#include <QTimer>

#include <functional>

class QActionGroup;
class QScrollArea;

namespace vivarium {

class ConsoleBanner;
class ConsoleStatusBar;
class ConsoleWidget;
class CurrentPreferences;
class MiniToolbar;
class Notification;
class NotificationCenter;

// A window around a ConsoleWidget with everything that any screen needs: View and Input menus, host
// key commands, full screen with its tool bar, scaling, screenshots, typing of text. GUI thread.
class ConsoleFrame : public QMainWindow {
    Q_OBJECT
public:
    ~ConsoleFrame() override;

    ConsoleWidget* view() const { return m_view; }
    MiniToolbar* miniToolbar() const { return m_miniToolbar; }
    NotificationCenter* notifications() const { return m_notifications; }
    void setScaleMode(ScaleMode mode);
    void setFullScreen(bool on);
    // Resizes the window so that the picture is unscaled, as far as the desktop has room.
    void adjustSizeToPicture();

Q_SIGNALS:
    void scaleModeChosen(vivarium::ScaleMode mode);
    void preferencesRequested();

protected:
    explicit ConsoleFrame(CurrentPreferences& preferences);

    void setSource(ConsoleSource* source);
    // The name in messages and file names.
    virtual QString screenName() const = 0;
    virtual void updateTitle() = 0;
    virtual void retranslate();

    // An action that host key + `key` triggers; `key` 0: none.
    QAction* addHostAction(QMenu* menu, int key, std::function<void()> act);
    // The text with the host key's command behind it.
    void setHostText(QAction* action, const QString& text);
    QString hostKeyTitle() const;
    void showFailure(Operation operation, const Error& error);
    void insertMenu(QMenu* menu); // before View
    void appendMenu(QMenu* menu); // after Input
    QMenu* viewMenu() const { return m_viewMenu; }
    QMenu* inputMenu() const { return m_inputMenu; }
    ConsoleStatusBar* consoleStatusBar() const { return m_statusBar; }
    ConsoleBanner* banner() const { return m_banner; }

    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void buildViewMenu();
    void buildInputMenu();
    void addChord(QMenu* menu, int hostKey, const char* chord, const QString& text);
    void runHostCommand(KeyCode key);
    void showCapture();
    void applyPreferences();
    void pictureSizeChanged(const QSize& size);
    void saveScreenshot();
    void copyScreenshot();
    void typeClipboard();
    void updateMiniToolbar();

    CurrentPreferences& m_preferences;
    ConsoleWidget* m_view;
    QScrollArea* m_scroll;
    NotificationCenter* m_notifications;
    ConsoleBanner* m_banner;
    ConsoleBanner* m_captureHint;
    ConsoleStatusBar* m_statusBar;
    MiniToolbar* m_miniToolbar;
    QMenu* m_viewMenu;
    QMenu* m_inputMenu;
    QMenu* m_keyboardMenu = nullptr;
    QMenu* m_scaleMenu = nullptr;
    QActionGroup* m_scaleActions = nullptr;
    struct HostAction {
        QAction* action;
        int key;
    };
    QList<HostAction> m_hostActions;
    QAction* m_fullScreen = nullptr;
    QAction* m_adjustSize = nullptr;
    QAction* m_minimize = nullptr;
    QAction* m_showStatusBar = nullptr;
    QAction* m_screenshot = nullptr;
    QAction* m_copyScreenshot = nullptr;
    QAction* m_mouseIntegration = nullptr;
    QAction* m_typeClipboard = nullptr;
    QAction* m_keyboardPreferences = nullptr;
    QPointer<Notification> m_typing;
    QSize m_lastPictureSize;
    QTimer m_hintTime;
    bool m_hintWasShown = false;
    bool m_wasMaximized = false;
};

} // namespace vivarium
