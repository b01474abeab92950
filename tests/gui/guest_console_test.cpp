#include "tests/gui/gui_fixture.h"
#include "tests/support/test_main.h"
#include "ui/console/close_dialog.h"
#include "ui/console/console_banner.h"
#include "ui/console/console_widget.h"
#include "ui/console/local_console_source.h"
#include "ui/console/machine_console.h"
#include "ui/console/mini_toolbar.h"
#include "ui/library/machine_list.h"
#include "ui/main_window/console_windows.h"
#include "ui/main_window/machine_actions.h"
#include "ui/main_window/machine_operations.h"
#include "ui/main_window/main_window.h"

#include <QAction>
#include <QCheckBox>
#include <QDialogButtonBox>
#include <QFileInfo>
#include <QMenuBar>
#include <QMessageBox>
#include <QPushButton>
#include <QRadioButton>
#include <QTest>
#include <QToolButton>

#include <algorithm>
#include <csignal>

#include <unistd.h>

namespace vivarium::test {

using control::MachineState;

// A real guest in a real worker, used through the windows.
class GuestConsoleTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void cleanup();
    void showsExactlyTheGuestsPicture();
    void typedKeysReachTheGuest();
    void activeWindowGivesTheKeysToTheGuest();
    void pauseAndResume();
    void closeKeepsTheGuestAndShowOpensItAgain();
    void powerOffClosesTheWindow();
    void savedStateIsResumed();
    void rememberedAnswerIsNotAskedAgain();
    void savingCanBeTheRememberedAnswer();
    void fullScreenHasAWayBack();
    void resetAsksFirst();
    void killedWorkerIsExplained();

private:
    static constexpr int kBootTimeoutMs = 60'000;

    MachineConsole* start(const MachineId& id);
    MachineConsole* startKernel();
    MachineState state(const MachineId& id) { return m_fixture->supervisor().status(id).state; }
    QString screenText(const MachineId& id);
    QImage screenshot(MachineConsole* console);

    std::unique_ptr<GuiFixture> m_fixture;
    std::unique_ptr<MainWindow> m_window;
    MachineId m_machine;
};

void GuestConsoleTest::initTestCase() {
    if (access("/dev/kvm", R_OK | W_OK) != 0)
        QSKIP("there is no usable /dev/kvm");
    if (!QFileInfo::exists(qEnvironmentVariable("VIVARIUM_BIN_DIR") +
                           QStringLiteral("/vivarium-vmm")))
        QSKIP("vivarium-vmm is not built");
}

void GuestConsoleTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
    m_window = std::make_unique<MainWindow>(m_fixture->library(), m_fixture->supervisor(),
                                            m_fixture->snapshots(), m_fixture->displays(),
                                            m_fixture->preferences());
    m_window->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
}

void GuestConsoleTest::cleanup() {
    if (m_window)
        m_window->consoles().closeAll();
    m_window.reset();
    m_fixture.reset();
}

MachineConsole* GuestConsoleTest::start(const MachineId& id) {
    m_machine = id;
    m_window->machineList().select(id);
    m_window->actions().start->trigger();
    if (!QTest::qWaitFor([&] { return m_window->consoles().find(id) != nullptr; }, kBootTimeoutMs))
        return nullptr;
    MachineConsole* console = m_window->consoles().find(id);
    if (!QTest::qWaitFor([&] { return !console->view()->source()->picture().isNull(); },
                         kBootTimeoutMs))
        return nullptr;
    return console;
}

// The multiboot example kernel prints some lines and stops: a fixed picture after a second.
MachineConsole* GuestConsoleTest::startKernel() {
    MachineSettings settings;
    settings.memoryMiB = 32;
    settings.directBoot.kernelPath = QStringLiteral("/usr/lib/multiboot/examples/kernel");
    settings.directBoot.commandLine = QStringLiteral("hello console");
    if (!QFileInfo::exists(settings.directBoot.kernelPath))
        return nullptr;
    MachineConsole* console = start(m_fixture->addMachine(QStringLiteral("kernel"), {}, settings));
    if (!console ||
        !QTest::qWaitFor(
            [&] { return screenText(m_machine).contains(QStringLiteral("hello console")); },
            kBootTimeoutMs))
        return nullptr;
    return console;
}

QString GuestConsoleTest::screenText(const MachineId& id) {
    WorkerConnection* worker = m_fixture->supervisor().connection(id);
    if (!worker)
        return {};
    const auto reply = worker->send(control::ScreenText{});
    if (!QTest::qWaitFor([&reply] { return reply.isFinished(); }) || reply.resultCount() == 0)
        return {};
    const auto result = reply.result();
    if (!result)
        return {};
    QStringList lines;
    for (const std::string& line : result->value.lines)
        lines << QString::fromStdString(line);
    return lines.join(u'\n');
}

QImage GuestConsoleTest::screenshot(MachineConsole* console) {
    QImage taken;
    bool done = false;
    console->view()->source()->takeScreenshot([&](const QImage& image) {
        taken = image;
        done = true;
    });
    (void)QTest::qWaitFor([&done] { return done; });
    return taken.convertToFormat(QImage::Format_RGB32);
}

#define START_KERNEL()                                                                             \
    if (!QFileInfo::exists(QStringLiteral("/usr/lib/multiboot/examples/kernel")))                  \
        QSKIP("the package multiboot is not installed");                                           \
    MachineConsole* console = startKernel();                                                       \
    QVERIFY(console)

void GuestConsoleTest::showsExactlyTheGuestsPicture() {
    START_KERNEL();
    console->setScaleMode(ScaleMode::OneToOne);
    // The text cursor may blink between the two pictures: they agree at some moment.
    const auto agree = [this, console] {
        const QImage guest = screenshot(console);
        const ConsoleWidget* view = console->view();
        const QImage shown =
            console->view()->grab().toImage().convertToFormat(QImage::Format_RGB32);
        const QPoint corner((view->width() - guest.width()) / 2,
                            (view->height() - guest.height()) / 2);
        return !guest.isNull() && shown.copy(QRect(corner, guest.size())) == guest;
    };
    QVERIFY(QTest::qWaitFor(agree, kBootTimeoutMs));
    QVERIFY(console->windowTitle().contains(QStringLiteral("Running")));
}

void GuestConsoleTest::typedKeysReachTheGuest() {
    const QString image = QStringLiteral("/usr/lib/grub-rescue/grub-rescue-cdrom.iso");
    if (!QFileInfo::exists(image))
        QSKIP("the package grub-rescue-pc is not installed");
    MachineSettings settings;
    settings.memoryMiB = 64;
    settings.bootMenu = true;
    settings.drives = {{DriveType::Optical, 1, image, false}};
    MachineConsole* console = start(m_fixture->addMachine(QStringLiteral("menu"), {}, settings));
    QVERIFY(console);
    QVERIFY(QTest::qWaitFor(
        [this] { return screenText(m_machine).contains(QStringLiteral("Press ESC")); },
        kBootTimeoutMs));
    console->view()->setFocus();
    QVERIFY(QTest::qWaitFor(
        [this, console] {
            QTest::keyClick(console->view(), Qt::Key_Escape);
            return screenText(m_machine).contains(QStringLiteral("Select boot device"));
        },
        kBootTimeoutMs));
}

// A menu left with Escape keeps the keyboard in its bar, also while another window is used.
void GuestConsoleTest::activeWindowGivesTheKeysToTheGuest() {
    START_KERNEL();
    console->activateWindow();
    QTRY_VERIFY(console->view()->hasFocus());
    console->menuBar()->setFocus();
    m_window->activateWindow();
    QTRY_VERIFY(m_window->isActiveWindow());
    console->activateWindow();
    QTRY_VERIFY(console->isActiveWindow());
    QTRY_VERIFY(console->view()->hasFocus());
}

void GuestConsoleTest::pauseAndResume() {
    START_KERNEL();
    m_window->actions().pause->trigger();
    QTRY_COMPARE(state(m_machine), MachineState::Paused);
    const auto banners = console->findChildren<ConsoleBanner*>();
    QTRY_VERIFY(std::any_of(banners.begin(), banners.end(),
                            [](const ConsoleBanner* banner) { return banner->isVisible(); }));
    QVERIFY(m_window->actions().pause->isChecked());
    m_window->actions().pause->trigger();
    QTRY_COMPARE(state(m_machine), MachineState::Running);
    QTRY_VERIFY(std::none_of(banners.begin(), banners.end(),
                             [](const ConsoleBanner* banner) { return banner->isVisible(); }));
}

void GuestConsoleTest::closeKeepsTheGuestAndShowOpensItAgain() {
    START_KERNEL();
    QPointer<MachineConsole> first = console;
    console->close();
    auto* dialog = console->findChild<CloseDialog*>();
    QVERIFY(dialog);
    QVERIFY(console->isVisible());
    dialog->accept(); // "keep running" is the suggestion
    QTRY_VERIFY(first.isNull());
    QCOMPARE(state(m_machine), MachineState::Running);
    QTRY_VERIFY(m_window->actions().startShows());
    m_window->actions().start->trigger();
    QTRY_VERIFY(m_window->consoles().find(m_machine));
    MachineConsole* again = m_window->consoles().find(m_machine);
    QTRY_VERIFY(!again->view()->source()->picture().isNull());
}

void GuestConsoleTest::powerOffClosesTheWindow() {
    START_KERNEL();
    QPointer<MachineConsole> window = console;
    console->close();
    auto* dialog = console->findChild<CloseDialog*>();
    QVERIFY(dialog);
    dialog->findChildren<QRadioButton*>().last()->setChecked(true);
    QCOMPARE(dialog->action(), CloseAction::PowerOff);
    dialog->accept();
    QTRY_COMPARE_WITH_TIMEOUT(state(m_machine), MachineState::PoweredOff, 15000);
    QTRY_VERIFY(window.isNull());
    QTRY_VERIFY(!m_window->actions().startShows());
}

void GuestConsoleTest::savedStateIsResumed() {
    START_KERNEL();
    QPointer<MachineConsole> window = console;
    console->close();
    auto* dialog = console->findChild<CloseDialog*>();
    QVERIFY(dialog);
    dialog->findChild<QRadioButton*>(QStringLiteral("saveState"))->setChecked(true);
    QCOMPARE(dialog->action(), CloseAction::SaveState);
    dialog->accept();
    QTRY_COMPARE_WITH_TIMEOUT(state(m_machine), MachineState::Saved, 15000);
    QTRY_VERIFY(window.isNull());
    const MachineActions& actions = m_window->actions();
    QTRY_VERIFY(actions.discardSavedState->isEnabled());
    QVERIFY(!actions.powerOff->isEnabled());
    actions.start->trigger(); // goes on where it was
    QTRY_COMPARE_WITH_TIMEOUT(state(m_machine), MachineState::Running, 15000);
    QTRY_VERIFY(screenText(m_machine).contains(QStringLiteral("hello console")));
}

void GuestConsoleTest::rememberedAnswerIsNotAskedAgain() {
    START_KERNEL();
    QPointer<MachineConsole> window = console;
    console->close();
    auto* dialog = console->findChild<CloseDialog*>();
    QVERIFY(dialog);
    dialog->findChild<QCheckBox*>()->setChecked(true);
    dialog->accept();
    QTRY_VERIFY(window.isNull());
    QTRY_COMPARE(m_fixture->library().find(m_machine)->settings.closeAction,
                 CloseAction::KeepRunning);
    window = m_window->consoles().show(m_machine);
    window->close();
    QTRY_VERIFY(window.isNull());
    QCOMPARE(state(m_machine), MachineState::Running);
}

void GuestConsoleTest::savingCanBeTheRememberedAnswer() {
    START_KERNEL();
    Machine changed = *m_fixture->library().find(m_machine);
    changed.settings.closeAction = CloseAction::SaveState;
    QVERIFY(waitFor(m_fixture->library().update(changed)));
    QPointer<MachineConsole> window = console;
    window->close();
    QVERIFY(!window->findChild<CloseDialog*>());
    QTRY_COMPARE_WITH_TIMEOUT(state(m_machine), MachineState::Saved, 15000);
    QTRY_VERIFY(window.isNull());
}

void GuestConsoleTest::fullScreenHasAWayBack() {
    START_KERNEL();
    console->setFullScreen(true);
    QTRY_VERIFY(console->isFullScreen());
    const MiniToolbar* bar = console->miniToolbar();
    QVERIFY(bar->isVisible());
    QVERIFY(bar->findChild<QToolButton*>()->isVisible()); // shows itself, each time
    QTRY_COMPARE(bar->geometry().bottom(), console->rect().bottom());
    Q_EMIT
    console->miniToolbar()->leaveRequested();
    QTRY_VERIFY(!console->isFullScreen());
    QVERIFY(!bar->isVisible());
    console->setFullScreen(true);
    QVERIFY(bar->findChild<QToolButton*>()->isVisible());
}

void GuestConsoleTest::resetAsksFirst() {
    START_KERNEL();
    const QList<QAction*> actions = console->menuBar()->actions().constFirst()->menu()->actions();
    for (const char* name : {"Reset", "Power Off"}) {
        const auto action = std::find_if(actions.begin(), actions.end(), [name](QAction* a) {
            return a->text().remove(u'&').startsWith(QLatin1String(name));
        });
        QVERIFY2(action != actions.end(), name);
        (*action)->trigger();
        const QPointer<QMessageBox> box = console->findChild<QMessageBox*>();
        QVERIFY(box);
        box->reject();
        QTRY_VERIFY(box.isNull());
        QCOMPARE(state(m_machine), MachineState::Running);
    }
}

void GuestConsoleTest::killedWorkerIsExplained() {
    START_KERNEL();
    const auto reply = m_fixture->supervisor().connection(m_machine)->send(control::Status{});
    QVERIFY(QTest::qWaitFor([&reply] { return reply.isFinished(); }));
    const auto status = reply.result();
    QVERIFY(status);
    QCOMPARE(::kill(static_cast<pid_t>(status->value.pid), SIGKILL), 0);
    QTRY_COMPARE_WITH_TIMEOUT(state(m_machine), MachineState::Aborted, 15000);
    const auto banners = console->findChildren<ConsoleBanner*>();
    QTRY_VERIFY(std::any_of(banners.begin(), banners.end(), [](const ConsoleBanner* banner) {
        return banner->isVisible() && banner->title().contains(QStringLiteral("unexpectedly"));
    }));
    QVERIFY(console->isVisible());
}

} // namespace vivarium::test

using vivarium::test::GuestConsoleTest;
VIVARIUM_TEST(GuestConsoleTest)
#include "guest_console_test.moc"
