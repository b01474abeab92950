#include "ui/console/console_frame.h"

#include "ui/console/console_banner.h"
#include "ui/console/console_status_bar.h"
#include "ui/console/console_widget.h"
#include "ui/console/key_translation.h"
#include "ui/console/mini_toolbar.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/background.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/future_reply.h"
#include "ui/widgets/icons.h"
#include "ui/widgets/notification_center.h"

#include <QAction>
#include <QActionGroup>
#include <QClipboard>
#include <QDateTime>
#include <QDir>
#include <QFileDialog>
#include <QGuiApplication>
#include <QMenuBar>
#include <QScreen>
#include <QScrollArea>
#include <QStandardPaths>
#include <QTimer>
#include <QVBoxLayout>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

constexpr int kHintMs = 5000;

KeyCode hostKeyOf(const Preferences& preferences) {
    return keyCodeFromName(preferences.hostKey.toStdString())
        .value_or(static_cast<KeyCode>(KEY_RIGHTCTRL));
}

// A file name that every file system takes.
QString safeFileName(QString name) {
    for (QChar& c : name)
        if (c == u'/' || c == u'\\' || c == u':' || c.category() == QChar::Other_Control)
            c = u'_';
    return name.left(80);
}

} // namespace

ConsoleFrame::ConsoleFrame(CurrentPreferences& preferences)
    : m_preferences(preferences), m_view(new ConsoleWidget(hostKeyOf(preferences.value()))),
      m_scroll(new QScrollArea), m_notifications(new NotificationCenter),
      m_banner(new ConsoleBanner(m_scroll)), m_captureHint(new ConsoleBanner(m_scroll)),
      m_statusBar(new ConsoleStatusBar(this)), m_miniToolbar(new MiniToolbar(this)),
      m_viewMenu(new QMenu(this)), m_inputMenu(new QMenu(this)) {
    m_scroll->setFrameShape(QFrame::NoFrame);
    m_scroll->setWidgetResizable(true);
    m_scroll->setFocusPolicy(Qt::NoFocus);
    m_scroll->setWidget(m_view);
    m_scroll->setBackgroundRole(QPalette::Shadow);
    m_scroll->installEventFilter(this);
    auto* central = new QWidget(this);
    auto* layout = new QVBoxLayout(central);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_notifications);
    layout->addWidget(m_scroll, 1);
    setCentralWidget(central);
    setStatusBar(m_statusBar);
    m_miniToolbar->hide();

    menuBar()->addMenu(m_viewMenu);
    menuBar()->addMenu(m_inputMenu);
    buildViewMenu();
    buildInputMenu();
    m_hintTime.setSingleShot(true);
    m_hintTime.setInterval(kHintMs);
    connect(&m_hintTime, &QTimer::timeout, m_captureHint, &ConsoleBanner::dismiss);
    installEventFilter(this);

    connect(m_view, &ConsoleWidget::hostCommand, this, &ConsoleFrame::runHostCommand);
    connect(m_view, &ConsoleWidget::captureChanged, this, &ConsoleFrame::showCapture);
    connect(m_view, &ConsoleWidget::pictureSizeChanged, this, &ConsoleFrame::pictureSizeChanged);
    connect(m_miniToolbar, &MiniToolbar::minimizeRequested, this, &QWidget::showMinimized);
    connect(m_miniToolbar, &MiniToolbar::leaveRequested, this, [this] { setFullScreen(false); });
    connect(m_miniToolbar, &MiniToolbar::closeRequested, this, &QWidget::close);
    connect(&preferences, &CurrentPreferences::changed, this, &ConsoleFrame::applyPreferences);
    m_view->setFocus();
}

ConsoleFrame::~ConsoleFrame() {
    m_view->setSource(nullptr);
}

void ConsoleFrame::setSource(ConsoleSource* source) {
    m_view->setSource(source);
    connect(source, &ConsoleSource::ledsChanged, m_statusBar, &ConsoleStatusBar::setLeds);
    connect(source, &ConsoleSource::pointerModeChanged, this, &ConsoleFrame::showCapture);
    connect(source, &ConsoleSource::typingFinished, this,
            [this](const QString& skipped, const QString& error) {
                if (m_typing)
                    m_typing->dismiss();
                m_typeClipboard->setEnabled(true);
                if (!error.isEmpty()) {
                    showFailure(Operation::TypeText, fail(ErrorCode::Io, error.toStdString()));
                } else if (!skipped.isEmpty()) {
                    UserMessage message;
                    message.title = tr("Some characters were not typed.");
                    message.reason =
                        tr("A US keyboard does not have them: %1").arg(skipped.left(40));
                    m_notifications->showFailure(message);
                }
            });
    showCapture();
}

QAction* ConsoleFrame::addHostAction(QMenu* menu, int key, std::function<void()> act) {
    QAction* action = menu->addAction(QString());
    connect(action, &QAction::triggered, this, [call = std::move(act)] { call(); });
    m_hostActions.append({action, key});
    return action;
}

void ConsoleFrame::setHostText(QAction* action, const QString& text) {
    for (const HostAction& host : std::as_const(m_hostActions)) {
        if (host.action != action || host.key == 0)
            continue;
        const QString keyName = keyTitle(static_cast<KeyCode>(host.key));
        action->setText(text + u'\t' + tr("Host+%1").arg(keyName));
        return;
    }
    action->setText(text);
}

QString ConsoleFrame::hostKeyTitle() const {
    return keyTitle(hostKeyOf(m_preferences.value()));
}

void ConsoleFrame::runHostCommand(KeyCode key) {
    if (static_cast<int>(key) == KEY_HOME) { // the menus, also where no menu bar is
        m_view->releaseCapture();
        if (isFullScreen())
            m_miniToolbar->unfold();
        else if (!menuBar()->actions().isEmpty())
            menuBar()->setActiveAction(menuBar()->actions().constFirst());
        return;
    }
    for (const HostAction& host : std::as_const(m_hostActions)) {
        if (host.key == static_cast<int>(key) && host.action->isEnabled()) {
            host.action->trigger();
            return;
        }
    }
}

void ConsoleFrame::insertMenu(QMenu* menu) {
    menuBar()->insertMenu(m_viewMenu->menuAction(), menu);
}

void ConsoleFrame::appendMenu(QMenu* menu) {
    menuBar()->addMenu(menu);
}

void ConsoleFrame::buildViewMenu() {
    m_fullScreen = addHostAction(m_viewMenu, KEY_F, [this] { setFullScreen(!isFullScreen()); });
    m_fullScreen->setIcon(applicationIcon(QStringLiteral("fullscreen")));
    m_fullScreen->setCheckable(true);
    m_adjustSize = addHostAction(m_viewMenu, KEY_A, [this] { adjustSizeToPicture(); });
    m_minimize = addHostAction(m_viewMenu, KEY_M, [this] { showMinimized(); });
    m_viewMenu->addSeparator();
    m_scaleMenu = m_viewMenu->addMenu(QString());
    m_scaleActions = new QActionGroup(this);
    for (ScaleMode mode : {ScaleMode::Fit, ScaleMode::OneToOne, ScaleMode::Integer}) {
        QAction* action = m_scaleMenu->addAction(QString());
        action->setCheckable(true);
        action->setData(static_cast<int>(mode));
        m_scaleActions->addAction(action);
    }
    m_scaleActions->actions().constFirst()->setChecked(true);
    connect(m_scaleActions, &QActionGroup::triggered, this, [this](const QAction* action) {
        const auto mode = static_cast<ScaleMode>(action->data().toInt());
        setScaleMode(mode);
        Q_EMIT
        scaleModeChosen(mode);
    });
    // Scaled mode of VirtualBox: switches between fitting and unscaled.
    QAction* toggleScale = addHostAction(m_scaleMenu, KEY_C, [this] {
        const ScaleMode mode =
            m_view->scaleMode() == ScaleMode::Fit ? ScaleMode::OneToOne : ScaleMode::Fit;
        setScaleMode(mode);
        Q_EMIT
        scaleModeChosen(mode);
    });
    toggleScale->setObjectName(QStringLiteral("toggleScale"));
    m_viewMenu->addSeparator();
    m_showStatusBar = m_viewMenu->addAction(QString());
    m_showStatusBar->setCheckable(true);
    m_showStatusBar->setChecked(true);
    connect(m_showStatusBar, &QAction::toggled, this,
            [this](bool on) { m_statusBar->setVisible(on && !isFullScreen()); });
    m_viewMenu->addSeparator();
    m_screenshot = addHostAction(m_viewMenu, KEY_E, [this] { saveScreenshot(); });
    m_screenshot->setIcon(applicationIcon(QStringLiteral("screenshot")));
    m_copyScreenshot = addHostAction(m_viewMenu, 0, [this] { copyScreenshot(); });
}

void ConsoleFrame::addChord(QMenu* menu, int hostKey, const char* chord, const QString& text) {
    QAction* action = addHostAction(menu, hostKey, [this, chord] {
        if (const auto keys = parseKeyChord(chord); keys && m_view->source())
            m_view->source()->sendChord(*keys);
    });
    action->setObjectName(QString::fromLatin1(chord));
    action->setData(text);
}

void ConsoleFrame::buildInputMenu() {
    m_keyboardMenu = m_inputMenu->addMenu(applicationIcon(QStringLiteral("keyboard")), QString());
    addChord(m_keyboardMenu, KEY_DELETE, "ctrl+alt+delete", QStringLiteral("Ctrl+Alt+Del"));
    addChord(m_keyboardMenu, KEY_BACKSPACE, "ctrl+alt+backspace",
             QStringLiteral("Ctrl+Alt+Backspace"));
    addChord(m_keyboardMenu, 0, "ctrl+pause", QStringLiteral("Ctrl+Break"));
    addChord(m_keyboardMenu, 0, "insert", QStringLiteral("Insert"));
    addChord(m_keyboardMenu, 0, "sysrq", QStringLiteral("Print Screen"));
    addChord(m_keyboardMenu, 0, "alt+sysrq", QStringLiteral("Alt+Print Screen"));
    addChord(m_keyboardMenu, 0, "alt+tab", QStringLiteral("Alt+Tab"));
    addChord(m_keyboardMenu, 0, "alt+f4", QStringLiteral("Alt+F4"));
    addChord(m_keyboardMenu, 0, "super", QStringLiteral("Win"));
    addChord(m_keyboardMenu, 0, "ctrl+esc", QStringLiteral("Ctrl+Esc"));
    m_keyboardMenu->addSeparator();
    static constexpr const char* kConsoleChords[] = {
        "ctrl+alt+f1", "ctrl+alt+f2",  "ctrl+alt+f3",  "ctrl+alt+f4",
        "ctrl+alt+f5", "ctrl+alt+f6",  "ctrl+alt+f7",  "ctrl+alt+f8",
        "ctrl+alt+f9", "ctrl+alt+f10", "ctrl+alt+f11", "ctrl+alt+f12"};
    static constexpr int kFunctionKeys[] = {KEY_F1, KEY_F2, KEY_F3, KEY_F4,  KEY_F5,  KEY_F6,
                                            KEY_F7, KEY_F8, KEY_F9, KEY_F10, KEY_F11, KEY_F12};
    for (int i = 0; i < 12; ++i)
        addChord(m_keyboardMenu, kFunctionKeys[i], kConsoleChords[i],
                 QStringLiteral("Ctrl+Alt+F%1").arg(i + 1));
    m_keyboardMenu->addSeparator();
    QAction* sendHostKey = addHostAction(m_keyboardMenu, 0, [this] {
        if (m_view->source())
            m_view->source()->sendChord({hostKeyOf(m_preferences.value())});
    });
    sendHostKey->setObjectName(QStringLiteral("sendHostKey"));
    m_keyboardPreferences = m_keyboardMenu->addAction(QString());
    connect(m_keyboardPreferences, &QAction::triggered, this, &ConsoleFrame::preferencesRequested);

    m_mouseIntegration = addHostAction(m_inputMenu, KEY_I, [this] {
        m_view->setMouseIntegration(!m_view->mouseIntegration());
        m_mouseIntegration->setChecked(m_view->mouseIntegration());
        showCapture();
    });
    m_mouseIntegration->setCheckable(true);
    m_mouseIntegration->setChecked(true);
    m_inputMenu->addSeparator();
    m_typeClipboard = addHostAction(m_inputMenu, KEY_V, [this] { typeClipboard(); });
}

void ConsoleFrame::setScaleMode(ScaleMode mode) {
    m_view->setScaleMode(mode);
    for (QAction* action : m_scaleActions->actions())
        action->setChecked(action->data().toInt() == static_cast<int>(mode));
}

void ConsoleFrame::setFullScreen(bool on) {
    if (on == isFullScreen())
        return;
    if (on) {
        m_wasMaximized = isMaximized();
        menuBar()->hide();
        m_statusBar->hide();
        showFullScreen();
    } else {
        menuBar()->show();
        m_statusBar->setVisible(m_showStatusBar->isChecked());
        if (m_wasMaximized)
            showMaximized();
        else
            showNormal();
    }
    m_fullScreen->setChecked(on);
    updateMiniToolbar();
    m_view->setFocus();
}

void ConsoleFrame::updateMiniToolbar() {
    if (!isFullScreen()) {
        m_miniToolbar->hide();
        return;
    }
    QList<QMenu*> menus;
    for (QAction* action : menuBar()->actions())
        if (action->menu())
            menus << action->menu();
    m_miniToolbar->setMenus(menus);
    m_miniToolbar->setTitle(screenName());
    m_miniToolbar->announce();
}

void ConsoleFrame::adjustSizeToPicture() {
    if (isFullScreen() || isMaximized())
        return;
    const QSize wanted = m_view->unscaledSize();
    if (wanted.isEmpty())
        return;
    const QSize around = size() - m_scroll->size();
    const QSize available = screen()->availableGeometry().size() * 9 / 10;
    QSize picture = wanted;
    const QSize room = available - around;
    if (m_view->scaleMode() != ScaleMode::OneToOne &&
        (picture.width() > room.width() || picture.height() > room.height()))
        picture.scale(room, Qt::KeepAspectRatio);
    resize((picture + around).boundedTo(available));
}

void ConsoleFrame::pictureSizeChanged(const QSize& size) {
    if (size.isEmpty() || size == m_lastPictureSize)
        return;
    // The window follows the guest's resolution, except where the user wants the picture to follow
    // the window and has seen one already.
    const bool first = m_lastPictureSize.isEmpty();
    m_lastPictureSize = size;
    if (first || m_view->scaleMode() != ScaleMode::Fit)
        QTimer::singleShot(0, this, &ConsoleFrame::adjustSizeToPicture);
    if (m_view->hasFocus() && m_preferences.value().autoCaptureKeyboard && isActiveWindow())
        m_view->setFocus();
}

void ConsoleFrame::showCapture() {
    using State = ConsoleStatusBar::MouseState;
    const bool captured = m_view->isPointerCaptured();
    const ConsoleSource* source = m_view->source();
    const bool integrated = source && source->absolutePointer() && m_view->mouseIntegration();
    m_statusBar->setMouseState(captured     ? State::Captured
                               : integrated ? State::Integrated
                                            : State::Free);
    m_statusBar->setKeyboardCaptured(m_view->isKeyboardCaptured());
    m_mouseIntegration->setEnabled(source && source->absolutePointer());
    // Without a title bar, which says it all the time, the hint comes each time.
    if (captured && (!m_hintWasShown || isFullScreen())) {
        m_hintWasShown = true;
        UserMessage hint;
        hint.title =
            tr("The mouse belongs to the guest now. Press %1 to get it back.").arg(hostKeyTitle());
        m_captureHint->show(ConsoleBanner::Tone::Hint, hint, {});
        m_hintTime.start();
    } else if (!captured) {
        m_captureHint->dismiss();
    }
    updateTitle(); // it says how to get the mouse back
}

void ConsoleFrame::applyPreferences() {
    m_view->setHostKey(hostKeyOf(m_preferences.value()));
    m_view->setAutoCaptureKeyboard(m_preferences.value().autoCaptureKeyboard);
    retranslate();
}

void ConsoleFrame::showFailure(Operation operation, const Error& error) {
    if (error.code != ErrorCode::Cancelled)
        m_notifications->showFailure(describeError(operation, screenName(), error));
}

void ConsoleFrame::saveScreenshot() {
    if (!m_view->source())
        return;
    m_view->releaseCapture();
    m_view->source()->takeScreenshot([this,
                                      guard = QPointer<ConsoleFrame>(this)](const QImage& picture) {
        if (!guard)
            return;
        if (picture.isNull()) {
            showFailure(Operation::TakeScreenshot, fail(ErrorCode::WrongState, "no picture"));
            return;
        }
        QString folder = m_preferences.value().screenshotsFolder;
        if (folder.isEmpty())
            folder = QStandardPaths::writableLocation(QStandardPaths::PicturesLocation);
        const QString name =
            QStringLiteral("%1 %2.png")
                .arg(safeFileName(screenName()),
                     QDateTime::currentDateTime().toString(QStringLiteral("yyyy-MM-dd HH-mm-ss")));
        auto* dialog = new QFileDialog(this, tr("Save Screenshot"), folder, tr("Pictures (*.png)"));
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->setAcceptMode(QFileDialog::AcceptSave);
        dialog->setDefaultSuffix(QStringLiteral("png"));
        dialog->selectFile(name);
        connect(dialog, &QFileDialog::fileSelected, this, [this, picture](const QString& path) {
            whenFinished(
                this, computeInBackground([picture, path] { return picture.save(path, "PNG"); }),
                [this, path](const QFuture<bool>& saved) {
                    if (!saved.result())
                        showFailure(Operation::TakeScreenshot,
                                    fail(ErrorCode::Io, "cannot write " + path.toStdString()));
                });
        });
        dialog->open();
    });
}

void ConsoleFrame::copyScreenshot() {
    if (!m_view->source())
        return;
    m_view->source()->takeScreenshot(
        [this, guard = QPointer<ConsoleFrame>(this)](const QImage& picture) {
            if (!guard)
                return;
            if (picture.isNull())
                showFailure(Operation::TakeScreenshot, fail(ErrorCode::WrongState, "no picture"));
            else
                QGuiApplication::clipboard()->setImage(picture);
        });
}

void ConsoleFrame::typeClipboard() {
    ConsoleSource* source = m_view->source();
    const QString text = QGuiApplication::clipboard()->text();
    if (!source || m_typing)
        return;
    if (text.isEmpty()) {
        UserMessage message;
        message.title = tr("There is no text in the clipboard.");
        m_notifications->showFailure(message);
        return;
    }
    m_typeClipboard->setEnabled(false);
    m_typing = m_notifications->showProgress(
        tr("Typing %n character(s) from the clipboard", nullptr, static_cast<int>(text.size())),
        [this] {
            if (m_view->source())
                m_view->source()->cancelTyping();
        });
    source->typeText(text);
}

bool ConsoleFrame::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize) {
        if (watched == m_scroll) {
            m_banner->place();
            m_captureHint->place();
        } else if (watched == this && m_miniToolbar->isVisible()) {
            m_miniToolbar->place();
        }
    }
    return QMainWindow::eventFilter(watched, event);
}

void ConsoleFrame::changeEvent(QEvent* event) {
    if (event->type() == QEvent::LanguageChange)
        retranslate();
    // The keyboard is the guest's as soon as the window is active. Qt would give it back to what had it
    // last, even to a menu bar that was left half-way.
    if (event->type() == QEvent::ActivationChange && isActiveWindow())
        m_view->setFocus(Qt::ActiveWindowFocusReason);
    QMainWindow::changeEvent(event);
}

void ConsoleFrame::retranslate() {
    m_statusBar->setHostKeyTitle(hostKeyTitle());
    m_viewMenu->setTitle(tr("&View"));
    setHostText(m_fullScreen, tr("&Full-screen Mode"));
    setHostText(m_adjustSize, tr("&Adjust Window Size"));
    setHostText(m_minimize, tr("&Minimize Window"));
    m_scaleMenu->setTitle(tr("&Scaling"));
    for (QAction* action : m_scaleActions->actions())
        action->setText(scaleModeText(static_cast<ScaleMode>(action->data().toInt())));
    setHostText(m_scaleMenu->findChild<QAction*>(QStringLiteral("toggleScale")),
                tr("&Switch Scaling"));
    m_showStatusBar->setText(tr("Status &Bar"));
    setHostText(m_screenshot, tr("&Take Screenshot…"));
    setHostText(m_copyScreenshot, tr("&Copy Screenshot"));

    m_inputMenu->setTitle(tr("&Input"));
    m_keyboardMenu->setTitle(tr("&Keyboard"));
    for (const HostAction& host : std::as_const(m_hostActions))
        if (host.action->data().userType() == QMetaType::QString)
            setHostText(host.action, tr("Insert %1").arg(host.action->data().toString()));
    m_keyboardMenu->findChild<QAction*>(QStringLiteral("sendHostKey"))
        ->setText(tr("Insert %1 (Host Key)").arg(hostKeyTitle()));
    m_keyboardPreferences->setText(tr("&Preferences…"));
    setHostText(m_mouseIntegration, tr("&Mouse Integration"));
    setHostText(m_typeClipboard, tr("&Type Text from Clipboard"));
}

} // namespace vivarium
