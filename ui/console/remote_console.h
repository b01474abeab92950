#pragma once

#include "ui/console/console_frame.h"
#include "ui/console/vnc_address.h"

#include <memory>

namespace vivarium {

class VncConsoleSource;

// The window of a remote screen. Asks for the password, keeps the clipboards alike, offers to
// connect again. GUI thread.
class RemoteConsole : public ConsoleFrame {
    Q_OBJECT
public:
    RemoteConsole(CurrentPreferences& preferences, const VncAddress& address);
    ~RemoteConsole() override;

protected:
    QString screenName() const override;
    void updateTitle() override;
    void retranslate() override;

private:
    void connectAgain();
    void askPassword();
    void showEnd(const Error& error);
    void sendClipboard();

    VncAddress m_address;
    std::unique_ptr<VncConsoleSource> m_source;
    QString m_desktopName;
    QString m_lastClipboard; // the remote one, not sent back
    QMenu* m_screenMenu;
    QAction* m_reconnect;
    QAction* m_close;
};

} // namespace vivarium
