#include "tests/gui/gui_fixture.h"
#include "tests/support/test_main.h"
#include "ui/snapshots/clone_dialog.h"
#include "ui/snapshots/snapshot_model.h"
#include "ui/snapshots/snapshot_operations.h"
#include "ui/snapshots/snapshot_pane.h"
#include "ui/snapshots/snapshot_prompts.h"
#include "ui/snapshots/snapshot_properties.h"
#include "ui/snapshots/take_snapshot_dialog.h"
#include "ui/snapshots/timeline_bar.h"
#include "ui/snapshots/timeline_dialog.h"
#include "ui/snapshots/timeline_slider.h"
#include "ui/widgets/notification_center.h"

#include <QAction>
#include <QCheckBox>
#include <QDialogButtonBox>
#include <QLineEdit>
#include <QMessageBox>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QRadioButton>
#include <QSettings>
#include <QSpinBox>
#include <QTest>
#include <QTreeView>
#include <QVBoxLayout>

namespace vivarium::test {

// The snapshot pane on the real service, with a machine that is powered off.
class SnapshotPaneTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void explainsWithoutSnapshots();
    void takesThroughTheDialog();
    void actionsFollowTheSelection();
    void propertiesAreEdited();
    void typedNameSurvivesASelection();
    void restoreOffersASnapshotFirst();
    void deleteAsksFirst();
    void deletionIsTakenBack();
    void timelineChoosesMoments();
    void timelineIsSet();
    void clones();
    void cloneNeedsAFreeName();
    void clonesAskForMacAddresses();
    void layoutIsRemembered();
    void failureIsExplained();

private:
    void openWindow();
    SnapshotPane& pane() { return *m_pane; }
    QAbstractItemModel* model() { return pane().view()->model(); }
    SnapshotId take(const QString& name);
    QString currentText() { return pane().view()->currentIndex().data().toString(); }
    template <class Dialog>
    Dialog* dialog() {
        return m_window->findChild<Dialog*>();
    }
    QPushButton* button(QMessageBox* box, QMessageBox::ButtonRole role);

    std::unique_ptr<GuiFixture> m_fixture;
    std::unique_ptr<QWidget> m_window;
    NotificationCenter* m_notifications = nullptr;
    SnapshotOperations* m_operations = nullptr;
    SnapshotPane* m_pane = nullptr;
    MachineId m_machine;
};

void SnapshotPaneTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
    m_machine = m_fixture->addMachine(QStringLiteral("web"));
    openWindow();
}

void SnapshotPaneTest::openWindow() {
    m_window = std::make_unique<QWidget>();
    m_notifications = new NotificationCenter(m_window.get());
    m_operations = new SnapshotOperations(m_fixture->snapshots(), m_fixture->library(),
                                          *m_notifications, m_window.get());
    auto* prompts =
        new SnapshotPrompts(m_fixture->snapshots(), m_fixture->library(), m_fixture->supervisor(),
                            m_fixture->displays(), *m_operations, m_window.get());
    m_pane = new SnapshotPane(m_fixture->snapshots(), m_fixture->library(), m_fixture->supervisor(),
                              *m_operations, *prompts, m_window.get());
    auto* layout = new QVBoxLayout(m_window.get());
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_notifications);
    layout->addWidget(m_pane, 1);
    m_pane->setMachine(m_machine);
    m_window->resize(800, 600);
    m_window->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
}

void SnapshotPaneTest::cleanup() {
    m_window.reset();
    m_fixture.reset();
}

SnapshotId SnapshotPaneTest::take(const QString& name) {
    const auto taken = waitFor(m_fixture->snapshots().take(m_machine, name, QString()));
    return taken ? *taken : SnapshotId();
}

QPushButton* SnapshotPaneTest::button(QMessageBox* box, QMessageBox::ButtonRole role) {
    for (QAbstractButton* one : box->buttons())
        if (box->buttonRole(one) == role)
            return qobject_cast<QPushButton*>(one);
    return nullptr;
}

void SnapshotPaneTest::explainsWithoutSnapshots() {
    QVERIFY(!pane().view()->isVisible());
    QVERIFY(pane().takeAction()->isEnabled());
    QVERIFY(!pane().restoreAction()->isEnabled());
    QVERIFY(!pane().deleteAction()->isEnabled());
    pane().findChild<QPushButton*>(QStringLiteral("takeFirst"))->click();
    QVERIFY(dialog<TakeSnapshotDialog>());
    dialog<TakeSnapshotDialog>()->reject();
    QTRY_VERIFY(!dialog<TakeSnapshotDialog>());
    QCOMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 0);
}

void SnapshotPaneTest::takesThroughTheDialog() {
    m_window->activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(m_window.get()));
    QTest::keyClick(m_window.get(), Qt::Key_T, Qt::ControlModifier | Qt::ShiftModifier);
    auto* asked = dialog<TakeSnapshotDialog>();
    QVERIFY(asked);
    auto* name = asked->findChild<QLineEdit*>(QStringLiteral("name"));
    QCOMPARE(name->text(), QStringLiteral("Snapshot 1"));
    auto* ok = asked->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok);
    name->setText(QString(300, u'x'));
    QVERIFY(!ok->isEnabled());
    name->setText(QStringLiteral("before the update"));
    asked->findChild<QPlainTextEdit*>(QStringLiteral("description"))
        ->setPlainText(QStringLiteral("all is well"));
    ok->click();
    QTRY_COMPARE(model()->rowCount(), 1);
    QVERIFY(pane().view()->isVisible());
    QCOMPARE(model()->index(0, 0).data().toString(), QStringLiteral("before the update"));
    QCOMPARE(currentText(), QStringLiteral("Current State"));
    QCOMPARE(m_fixture->snapshots().snapshots(m_machine).first().description,
             QStringLiteral("all is well"));
}

void SnapshotPaneTest::actionsFollowTheSelection() {
    const SnapshotId first = take(QStringLiteral("first"));
    QTRY_COMPARE(model()->rowCount(), 1);
    QCOMPARE(currentText(), QStringLiteral("Current State"));
    QVERIFY(pane().takeAction()->isEnabled());
    QVERIFY(!pane().restoreAction()->isEnabled());
    QVERIFY(!pane().deleteAction()->isEnabled());
    QVERIFY(pane().cloneAction()->isEnabled());
    pane().select(first);
    QVERIFY(pane().restoreAction()->isEnabled());
    QVERIFY(pane().deleteAction()->isEnabled());
    pane().propertiesAction()->trigger();
    QVERIFY(!pane().properties()->isVisible());
}

void SnapshotPaneTest::propertiesAreEdited() {
    const SnapshotId first = take(QStringLiteral("first"));
    QTRY_COMPARE(model()->rowCount(), 1);
    pane().select(first);
    auto* name = pane().properties()->findChild<QLineEdit*>(QStringLiteral("snapshotName"));
    QCOMPARE(name->text(), QStringLiteral("first"));
    name->clear();
    QTest::keyClicks(name, QStringLiteral("renamed"));
    QTest::keyClick(name, Qt::Key_Return);
    QTRY_COMPARE(model()->index(0, 0).data().toString(), QStringLiteral("renamed"));
    QCOMPARE(currentText(), QStringLiteral("renamed"));
}

void SnapshotPaneTest::typedNameSurvivesASelection() {
    const SnapshotId first = take(QStringLiteral("first"));
    QTRY_COMPARE(model()->rowCount(), 1);
    pane().select(first);
    auto* name = pane().properties()->findChild<QLineEdit*>(QStringLiteral("snapshotName"));
    QTest::keyClick(name, Qt::Key_End);
    QTest::keyClicks(name, QStringLiteral(" day"));
    pane().select({});
    QTRY_COMPARE(model()->index(0, 0).data().toString(), QStringLiteral("first day"));
}

void SnapshotPaneTest::restoreOffersASnapshotFirst() {
    const SnapshotId first = take(QStringLiteral("first"));
    take(QStringLiteral("second"));
    QTRY_COMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 2);
    Machine changed = *m_fixture->library().find(m_machine);
    changed.settings.memoryMiB = 777;
    QVERIFY(waitFor(m_fixture->library().update(changed)));
    QTRY_VERIFY(m_fixture->snapshots().currentStateChanged(m_machine));
    QTRY_COMPARE(currentText(), QStringLiteral("Current State (changed)"));
    pane().select(first);
    pane().restoreAction()->trigger();
    auto* box = dialog<QMessageBox>();
    QVERIFY(box);
    QVERIFY(box->checkBox()->isChecked()); // the present state is not in any snapshot
    button(box, QMessageBox::AcceptRole)->click();
    QTRY_COMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 3);
    QTRY_COMPARE(m_fixture->snapshots().current(m_machine), first);
    QTRY_VERIFY(m_fixture->library().find(m_machine)->settings.memoryMiB != 777u);
    QTRY_COMPARE(model()->index(1, 0, model()->index(0, 0)).data().toString(),
                 QStringLiteral("Current State"));
}

void SnapshotPaneTest::deleteAsksFirst() {
    const SnapshotId first = take(QStringLiteral("first"));
    take(QStringLiteral("second"));
    QTRY_COMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 2);
    pane().select(first);
    pane().deleteAction()->trigger();
    QTRY_VERIFY(dialog<QMessageBox>());
    auto* box = dialog<QMessageBox>();
    QVERIFY(!box->checkBox()->isChecked()); // the one below stays
    QCOMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 2);
    button(box, QMessageBox::AcceptRole)->click();
    QCOMPARE(model()->index(0, 0).data().toString(), QStringLiteral("second"));
    QCOMPARE(currentText(), QStringLiteral("Current State"));
    QCOMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 2); // nothing is lost yet
    m_operations->finishRemovals();
    QTRY_COMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 1);
    QTRY_VERIFY(!m_operations->isBusy(m_machine));
    QCOMPARE(model()->index(0, 0).data().toString(), QStringLiteral("second"));
    QCOMPARE(model()->rowCount(), 1);
}

void SnapshotPaneTest::deletionIsTakenBack() {
    const SnapshotId first = take(QStringLiteral("first"));
    take(QStringLiteral("second"));
    take(QStringLiteral("third"));
    QTRY_COMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 3);
    m_operations->remove(m_machine, first, SnapshotService::Children::Remove);
    QCOMPARE(m_operations->shown(m_machine).snapshots.size(), 0);
    QVERIFY(!pane().view()->isVisible());
    m_notifications->notifications().first()->findChild<QPushButton*>()->click();
    QVERIFY(pane().view()->isVisible());
    QCOMPARE(m_operations->shown(m_machine).snapshots.size(), 3);
    QCOMPARE(model()->index(0, 0).data().toString(), QStringLiteral("first"));
    QCOMPARE(m_fixture->snapshots().snapshots(m_machine).size(), 3);
}

void SnapshotPaneTest::timelineChoosesMoments() {
    const SnapshotId first = take(QStringLiteral("first"));
    const SnapshotId second = take(QStringLiteral("second"));
    QTRY_COMPARE(model()->rowCount(), 1);
    QTRY_COMPARE(pane().timeline()->slider()->maximum(), 2);
    TimelineSlider* slider = pane().timeline()->slider();
    QVERIFY(slider->isVisible());
    QVERIFY(slider->chosen().isNull()); // the present
    QVERIFY(!pane().restoreAction()->isEnabled());
    slider->setFocus();
    QTest::keyClick(slider, Qt::Key_Left);
    QCOMPARE(slider->chosen(), second);
    QCOMPARE(pane().selectedSnapshot(), second);
    QVERIFY(pane().restoreAction()->isEnabled());
    QTest::mouseClick(slider, Qt::LeftButton, {}, QPoint(2, slider->height() / 2));
    QCOMPARE(pane().selectedSnapshot(), first);
    QVERIFY(slider->accessibleDescription().contains(QStringLiteral("first")));
    pane().select(second); // in the tree
    QCOMPARE(slider->chosen(), second);
    pane().timeline()->findChild<QPushButton*>(QStringLiteral("restoreMoment"))->click();
    QVERIFY(dialog<QMessageBox>());
    dialog<QMessageBox>()->reject();
    pane().timelineAction()->trigger();
    QVERIFY(!slider->isVisible());
}

void SnapshotPaneTest::timelineIsSet() {
    pane().findChild<QPushButton*>(QStringLiteral("emptyTimeline"))->click();
    auto* asked = dialog<TimelineDialog>();
    QVERIFY(asked);
    auto* enabled = asked->findChild<QCheckBox*>(QStringLiteral("enabled"));
    auto* every = asked->findChild<QSpinBox*>(QStringLiteral("every"));
    QVERIFY(!enabled->isChecked());
    QVERIFY(!every->isEnabled());
    enabled->setChecked(true);
    QVERIFY(every->isEnabled());
    every->setValue(5);
    asked->findChild<QSpinBox*>(QStringLiteral("keepDaily"))->setValue(30);
    asked->accept();
    QTRY_VERIFY(m_fixture->snapshots().timeline(m_machine).enabled);
    QCOMPARE(m_fixture->snapshots().timeline(m_machine).intervalMinutes, 5);
    QCOMPARE(m_fixture->snapshots().timeline(m_machine).keepDailyDays, 30);
}

void SnapshotPaneTest::clones() {
    QList<MachineId> copies;
    connect(m_operations, &SnapshotOperations::copied, m_window.get(),
            [&copies](const QList<MachineId>& machines) { copies = machines; });
    pane().cloneAction()->trigger();
    auto* asked = dialog<CloneDialog>();
    QVERIFY(asked);
    QVERIFY(!asked->findChild<QRadioButton*>(QStringLiteral("fork"))->isEnabled());
    asked->findChild<QRadioButton*>(QStringLiteral("linked"))->setChecked(true);
    asked->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok)->click();
    QTRY_COMPARE(copies.size(), 1);
    const Result<MachineId> clone = m_fixture->library().resolve(QStringLiteral("web Clone"));
    QVERIFY(clone);
    QCOMPARE(copies.first(), *clone);
}

void SnapshotPaneTest::cloneNeedsAFreeName() {
    CloneDialog asked(m_fixture->snapshots(), m_fixture->library(), m_fixture->supervisor(),
                      m_machine, {}, nullptr);
    const auto* ok = asked.findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok);
    auto* name = asked.findChild<QLineEdit*>(QStringLiteral("name"));
    QVERIFY(ok->isEnabled());
    name->setText(QStringLiteral("web"));
    QVERIFY(!ok->isEnabled());
    name->clear();
    QVERIFY(!ok->isEnabled());
    name->setText(QStringLiteral("shop"));
    QVERIFY(ok->isEnabled());
    QCOMPARE(asked.request().name, QStringLiteral("shop"));
    QCOMPARE(asked.request().source.machine, m_machine);
}

void SnapshotPaneTest::clonesAskForMacAddresses() {
    const auto policy = [](CloneDialog& asked) {
        return asked.findChild<QComboBox*>(QStringLiteral("macPolicy"));
    };
    {
        CloneDialog asked(m_fixture->snapshots(), m_fixture->library(), m_fixture->supervisor(),
                          m_machine, {}, nullptr);
        QVERIFY(!policy(asked)->isEnabled()); // there is no network adapter
    }
    Machine machine = *m_fixture->library().find(m_machine);
    machine.settings.networkCards = {{0, MacAddress::random()}};
    QVERIFY(waitFor(m_fixture->library().update(machine)));
    CloneDialog asked(m_fixture->snapshots(), m_fixture->library(), m_fixture->supervisor(),
                      m_machine, {}, nullptr);
    QVERIFY(policy(asked)->isEnabled());
    QCOMPARE(asked.request().macPolicy, MacPolicy::New);
    policy(asked)->setCurrentIndex(1);
    QCOMPARE(asked.request().macPolicy, MacPolicy::Keep);
}

void SnapshotPaneTest::layoutIsRemembered() {
    take(QStringLiteral("first"));
    pane().propertiesAction()->trigger();
    QSettings settings(m_fixture->path() + QStringLiteral("/layout.ini"), QSettings::IniFormat);
    pane().saveLayout(settings);
    openWindow();
    QVERIFY(pane().properties()->isVisible());
    pane().restoreLayout(settings);
    QVERIFY(!pane().properties()->isVisible());
}

void SnapshotPaneTest::failureIsExplained() {
    m_operations->restore(m_machine, SnapshotId::createRandom(),
                          SnapshotOperations::Before::Nothing);
    QVERIFY(m_operations->isBusy(m_machine));
    QVERIFY(!pane().takeAction()->isEnabled());
    QTRY_VERIFY(!m_operations->isBusy(m_machine));
    QVERIFY(pane().takeAction()->isEnabled());
    QTRY_COMPARE(m_notifications->notifications().size(), 1);
    const UserMessage message = m_notifications->notifications().first()->message();
    QVERIFY(message.title.contains(QStringLiteral("could not be restored")));
    QVERIFY(!message.advice.isEmpty());
}

} // namespace vivarium::test

using vivarium::test::SnapshotPaneTest;
VIVARIUM_TEST(SnapshotPaneTest)
#include "snapshot_pane_test.moc"
