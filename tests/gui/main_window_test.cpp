#include "tests/gui/gui_fixture.h"
#include "tests/support/test_main.h"
#include "ui/details/details_view.h"
#include "ui/library/machine_list.h"
#include "ui/main_window/machine_actions.h"
#include "ui/main_window/machine_operations.h"
#include "ui/main_window/main_window.h"
#include "ui/main_window/welcome_pane.h"
#include "ui/new_machine/new_machine_wizard.h"
#include "ui/library/machine_tree_model.h"
#include "ui/snapshots/clone_dialog.h"
#include "ui/snapshots/snapshot_pane.h"
#include "ui/widgets/notification_center.h"

#include <QAction>
#include <QApplication>
#include <QFile>
#include <QLineEdit>
#include <QMessageBox>
#include <QPushButton>
#include <QPointer>
#include <QTest>
#include <QTreeView>

namespace vivarium::test {

class MainWindowTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void emptyLibraryWelcomes();
    void detailsFollowTheSelection();
    void actionsFollowTheState();
    void failedStartIsExplained();
    void removeAsksFirst();
    void removalIsTakenBack();
    void removalIsCarriedOutWhenTheWindowCloses();
    void templatesCannotRunAndAreCloned();
    void neededMachinesAreNotDeleted();
    void detailsNameTheDiskNotItsOverlay();
    void renameInPlace();
    void shortcutsKeepTheSelection();
    void searchIsOneKeyAway();
    void layoutIsRemembered();

private:
    void openWindow();

    std::unique_ptr<GuiFixture> m_fixture;
    std::unique_ptr<MainWindow> m_window;
};

void MainWindowTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
    openWindow();
}

void MainWindowTest::openWindow() {
    m_window = std::make_unique<MainWindow>(m_fixture->library(), m_fixture->supervisor(),
                                            m_fixture->snapshots(), m_fixture->displays(),
                                            m_fixture->preferences());
    m_window->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
}

void MainWindowTest::cleanup() {
    m_window.reset();
    m_fixture.reset();
}

void MainWindowTest::emptyLibraryWelcomes() {
    auto* welcome = m_window->findChild<WelcomePane*>();
    QVERIFY(welcome->isVisible());
    welcome->findChild<QPushButton*>()->click();
    QTRY_VERIFY(m_window->findChild<NewMachineWizard*>());
    m_window->findChild<NewMachineWizard*>()->reject();
    m_fixture->addMachine(QStringLiteral("web"));
    QTRY_VERIFY(!welcome->isVisible());
}

void MainWindowTest::detailsFollowTheSelection() {
    const MachineId web = m_fixture->addMachine(QStringLiteral("web"));
    MachineSettings settings;
    settings.memoryMiB = 777;
    const MachineId db = m_fixture->addMachine(QStringLiteral("db"), QString(), settings);
    m_window->machineList().select(db);
    QVERIFY(m_window->details().plainText().contains(QStringLiteral("777 MB")));
    m_window->machineList().select(web);
    QVERIFY(m_window->details().plainText().contains(QStringLiteral("web")));
    Machine changed = *m_fixture->library().find(web);
    changed.notes = QStringLiteral("a note");
    QVERIFY(waitFor(m_fixture->library().update(changed)));
    QVERIFY(m_window->details().plainText().contains(QStringLiteral("a note")));
}

void MainWindowTest::actionsFollowTheState() {
    const MachineActions& actions = m_window->actions();
    QVERIFY(actions.newMachine->isEnabled());
    QVERIFY(!actions.start->isEnabled());
    m_window->machineList().select(m_fixture->addMachine(QStringLiteral("web")));
    QVERIFY(actions.start->isEnabled());
    QVERIFY(!actions.startShows());
    QVERIFY(actions.settings->isEnabled());
    QVERIFY(!actions.pause->isEnabled());
    QVERIFY(!actions.powerOff->isEnabled());
    QVERIFY(!actions.saveState->isEnabled());
    QVERIFY(!actions.discardSavedState->isEnabled());
    QVERIFY(actions.clone->isEnabled());
}

void MainWindowTest::failedStartIsExplained() {
    MachineSettings settings;
    settings.drives = {{DriveType::HardDisk, 0, QStringLiteral("/nonexistent/disk.img"), false}};
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"), QString(), settings);
    m_window->operations().start(id, MachineOperations::StartMode::Normal);
    QTRY_COMPARE_WITH_TIMEOUT(m_window->notifications().notifications().size(), 1, 15000);
    const UserMessage message = m_window->notifications().notifications().first()->message();
    QCOMPARE(message.title, QStringLiteral("The machine “web” could not be started."));
    QVERIFY2(message.detail.contains(QStringLiteral("/nonexistent/disk.img")),
             qPrintable(message.detail));
    QVERIFY(!message.advice.isEmpty());
}

void MainWindowTest::removeAsksFirst() {
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"));
    m_window->machineList().select(id);
    m_window->actions().remove->trigger();
    auto* box = m_window->findChild<QMessageBox*>();
    QVERIFY(box);
    QVERIFY(m_fixture->library().find(id));
    box->findChild<QPushButton*>(QStringLiteral("deleteAllFiles"))->click();
    QVERIFY(m_window->machineList().selectedMachines().isEmpty()); // not shown any more
    QVERIFY(m_fixture->library().find(id));                        // and not removed yet
    m_window->notifications().notifications().first()->dismiss();
    QTRY_VERIFY(!m_fixture->library().find(id));
}

void MainWindowTest::removalIsTakenBack() {
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"), QStringLiteral("Work"));
    m_window->operations().remove({id}, Library::Files::Delete);
    QCOMPARE(m_window->machineList().view()->model()->rowCount(), 0); // nor its group
    Notification* line = m_window->notifications().notifications().first();
    QVERIFY(line->message().title.contains(QStringLiteral("web")));
    line->findChild<QPushButton*>()->click();
    QCOMPARE(m_window->machineList().view()->model()->rowCount(), 1);
    m_window->machineList().select(id);
    QCOMPARE(m_window->machineList().currentMachine(), id);
    QVERIFY(m_fixture->library().find(id));
}

void MainWindowTest::removalIsCarriedOutWhenTheWindowCloses() {
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"));
    m_window->operations().remove({id}, Library::Files::Delete);
    m_window->close();
    QTRY_VERIFY(!m_fixture->library().find(id));
}

void MainWindowTest::templatesCannotRunAndAreCloned() {
    const MachineId id = m_fixture->addMachine(QStringLiteral("base"));
    m_window->machineList().select(id);
    const MachineActions& actions = m_window->actions();
    QVERIFY(actions.useAsTemplate->isEnabled());
    QVERIFY(!actions.useAsTemplate->isChecked());
    actions.useAsTemplate->trigger();
    QTRY_VERIFY(m_fixture->snapshots().isTemplate(id));
    QTRY_VERIFY(actions.useAsTemplate->isChecked());
    QVERIFY(!actions.start->isEnabled());
    const QModelIndex row = m_window->machineList().view()->currentIndex();
    QVERIFY(row.data(MachineTreeModel::TemplateRole).toBool());
    QCOMPARE(row.data(MachineTreeModel::StateTextRole).toString(), QStringLiteral("Template"));
    QVERIFY(m_window->details().plainText().contains(QStringLiteral("State: Template")));
    // What a double click does with a machine would start it.
    Q_EMIT
    m_window->machineList().activated(id);
    auto* dialog = m_window->findChild<CloneDialog*>();
    QVERIFY(dialog);
    QCOMPARE(dialog->request().kind, CloneRequest::Kind::Linked);
    dialog->reject();
    actions.useAsTemplate->trigger();
    QTRY_VERIFY(!m_fixture->snapshots().isTemplate(id));
    QTRY_VERIFY(actions.start->isEnabled());
}

// What other machines stand on stays, and is named.
void MainWindowTest::neededMachinesAreNotDeleted() {
    const QString disk = m_fixture->path() + QStringLiteral("/disk.img");
    QFile file(disk);
    QVERIFY(file.open(QIODevice::WriteOnly) && file.resize(1 << 20));
    MachineSettings settings;
    settings.drives = {{DriveType::HardDisk, 0, disk, false}};
    const MachineId id = m_fixture->addMachine(QStringLiteral("base"), {}, settings);
    QVERIFY(waitFor(m_fixture->snapshots().setTemplate(id, SnapshotService::Template::Yes)));
    QVERIFY(waitFor(m_fixture->snapshots().cloneLinked({id}, QStringLiteral("shop"))));
    m_window->machineList().select(id);
    m_window->actions().remove->trigger();
    QPointer<QMessageBox> box = m_window->findChild<QMessageBox*>();
    QVERIFY(box);
    auto* deleteFiles = box->findChild<QPushButton*>(QStringLiteral("deleteAllFiles"));
    QTRY_VERIFY(!deleteFiles->isEnabled());
    QVERIFY(box->informativeText().contains(QStringLiteral("shop")));
    box->reject();
    QTRY_VERIFY(box.isNull());
    m_window->actions().useAsTemplate->trigger();
    QTRY_VERIFY(m_window->findChild<QMessageBox*>());
    QVERIFY(
        m_window->findChild<QMessageBox*>()->informativeText().contains(QStringLiteral("shop")));
    QVERIFY(m_fixture->snapshots().isTemplate(id));
    QVERIFY(m_window->actions().useAsTemplate->isChecked());
}

void MainWindowTest::detailsNameTheDiskNotItsOverlay() {
    const QString disk = m_fixture->path() + QStringLiteral("/disk.img");
    QFile file(disk);
    QVERIFY(file.open(QIODevice::WriteOnly) && file.resize(1 << 20));
    MachineSettings settings;
    settings.drives = {{DriveType::HardDisk, 0, disk, false}};
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"), {}, settings);
    QVERIFY(waitFor(m_fixture->snapshots().take(id, QStringLiteral("first"), {})));
    m_window->machineList().select(id);
    QTRY_VERIFY(m_fixture->library().find(id)->settings.drives.first().path != disk);
    QTRY_VERIFY(m_window->details().plainText().contains(QStringLiteral("disk.img")));
}

void MainWindowTest::renameInPlace() {
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"));
    m_window->machineList().select(id);
    m_window->actions().rename->trigger();
    auto* editor = m_window->machineList().view()->findChild<QLineEdit*>();
    QVERIFY(editor);
    editor->setText(QStringLiteral("shop"));
    QTest::keyClick(editor, Qt::Key_Return);
    QTRY_COMPARE(m_fixture->library().find(id)->settings.name, QStringLiteral("shop"));
}

// Ctrl, held for a shortcut, must not toggle what is selected.
void MainWindowTest::shortcutsKeepTheSelection() {
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"));
    m_window->machineList().select(id);
    m_window->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(m_window.get()));
    QTest::keyPress(m_window.get(), Qt::Key_Control);
    QTest::keyClick(m_window.get(), Qt::Key_L, Qt::ControlModifier);
    QCOMPARE(m_window->machineList().currentMachine(), id);
    QTest::keyRelease(m_window.get(), Qt::Key_Control);
}

void MainWindowTest::searchIsOneKeyAway() {
    const MachineId web = m_fixture->addMachine(QStringLiteral("web"));
    m_fixture->addMachine(QStringLiteral("db"));
    m_window->machineList().select(web);
    m_window->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(m_window.get()));
    QTest::keyClick(m_window.get(), Qt::Key_F, Qt::ControlModifier);
    QWidget* focus = QApplication::focusWidget();
    QVERIFY(qobject_cast<QLineEdit*>(focus));
    QTest::keyClicks(focus, QStringLiteral("db"));
    QCOMPARE(m_window->machineList().view()->model()->rowCount(), 1);
    QTest::keyClick(focus, Qt::Key_Escape);
    QCOMPARE(m_window->machineList().view()->model()->rowCount(), 2);

    // What a search without a hit has hidden is selected again.
    m_window->machineList().select(web);
    QTest::keyClick(m_window.get(), Qt::Key_F, Qt::ControlModifier);
    QTest::keyClicks(focus, QStringLiteral("nothing"));
    QCOMPARE(m_window->machineList().view()->model()->rowCount(), 0);
    QTest::keyClick(focus, Qt::Key_Escape);
    QCOMPARE(m_window->machineList().currentMachine(), web);
}

void MainWindowTest::layoutIsRemembered() {
    m_fixture->addMachine(QStringLiteral("web"));
    const MachineId db = m_fixture->addMachine(QStringLiteral("db"), QStringLiteral("work"));
    m_window->machineList().select(db);
    m_window->actions().showSnapshots->trigger();
    QVERIFY(m_window->snapshots().isVisible());
    m_window->resize(1111, 777);
    QTRY_COMPARE(m_window->size(), QSize(1111, 777));
    m_window->close();
    openWindow();
    QCOMPARE(m_window->machineList().currentMachine(), db);
    QVERIFY(m_window->snapshots().isVisible());
    QCOMPARE(m_window->snapshots().machine(), db);
    QTRY_COMPARE(m_window->size(), QSize(1111, 777));
}

} // namespace vivarium::test

using vivarium::test::MainWindowTest;
VIVARIUM_TEST(MainWindowTest)
#include "main_window_test.moc"
