#include "ui/console/remote_console.h"

#include "ui/console/console_banner.h"
#include "ui/console/console_status_bar.h"
#include "ui/console/console_widget.h"
#include "ui/console/vnc_console_source.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>
#include <QInputDialog>
#include <QMenu>

#include <linux/input-event-codes.h>

namespace vivarium {

RemoteConsole::RemoteConsole(CurrentPreferences& preferences, const VncAddress& address)
    : ConsoleFrame(preferences), m_address(address), m_screenMenu(new QMenu(this)) {
    setAttribute(Qt::WA_DeleteOnClose);
    insertMenu(m_screenMenu);
    m_reconnect = addHostAction(m_screenMenu, KEY_R, [this] { connectAgain(); });
    m_close = addHostAction(m_screenMenu, KEY_Q, [this] { close(); });
    connect(QGuiApplication::clipboard(), &QClipboard::dataChanged, this, [this] {
        if (isActiveWindow())
            sendClipboard();
    });
    retranslate();
    connectAgain();
    resize(800, 600);
}

RemoteConsole::~RemoteConsole() {
    view()->setSource(nullptr);
}

void RemoteConsole::connectAgain() {
    banner()->dismiss();
    view()->setSource(nullptr);
    m_source = std::make_unique<VncConsoleSource>(m_address);
    connect(m_source.get(), &VncConsoleSource::connected, this, [this](const QString& name) {
        m_desktopName = name;
        updateTitle();
        sendClipboard();
    });
    connect(m_source.get(), &VncConsoleSource::passwordWanted, this, &RemoteConsole::askPassword);
    connect(m_source.get(), &VncConsoleSource::failed, this, &RemoteConsole::showEnd);
    connect(m_source.get(), &VncConsoleSource::closed, this,
            [this] { showEnd(fail(ErrorCode::Disconnected, "")); });
    connect(m_source.get(), &VncConsoleSource::clipboardReceived, this,
            [this](const QString& text) {
                m_lastClipboard = text;
                QGuiApplication::clipboard()->setText(text);
            });
    view()->setDimmed(false);
    view()->setPlaceholder(tr("Connecting to %1…").arg(m_address.toString()));
    setSource(m_source.get());
    m_source->connectToServer();
}

void RemoteConsole::askPassword() {
    auto* dialog = new QInputDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Password"));
    dialog->setLabelText(tr("Password of %1:").arg(m_address.toString()));
    dialog->setTextEchoMode(QLineEdit::Password);
    connect(dialog, &QInputDialog::textValueSelected, this,
            [this](const QString& text) { m_source->answerPassword(text); });
    connect(dialog, &QDialog::rejected, this, [this] {
        m_source->answerPassword(std::nullopt);
        close();
    });
    dialog->open();
}

void RemoteConsole::showEnd(const Error& error) {
    view()->releaseCapture();
    view()->setDimmed(true);
    banner()->show(
        ConsoleBanner::Tone::Problem,
        describeError(Operation::ConnectRemoteScreen, m_address.toString(), error),
        {{tr("Connect Again"), [this] { connectAgain(); }}, {tr("Close"), [this] { close(); }}});
    view()->setPlaceholder(tr("Not connected"));
}

void RemoteConsole::sendClipboard() {
    const QString text = QGuiApplication::clipboard()->text();
    if (!text.isEmpty() && text != m_lastClipboard)
        m_source->sendClipboard(text);
}

QString RemoteConsole::screenName() const {
    return m_desktopName.isEmpty()
               ? m_address.toString()
               : QStringLiteral("%1 (%2)").arg(m_desktopName, m_address.toString());
}

void RemoteConsole::updateTitle() {
    setWindowTitle(tr("%1 — Vivarium").arg(screenName()));
}

void RemoteConsole::retranslate() {
    ConsoleFrame::retranslate();
    m_screenMenu->setTitle(tr("&Screen"));
    setHostText(m_reconnect, tr("Connect &Again"));
    setHostText(m_close, tr("&Close"));
    updateTitle();
}

} // namespace vivarium
