#include "tests/gui/gui_fixture.h"
#include "tests/support/test_main.h"
#include "ui/console/close_dialog.h"
#include "ui/console/machine_console.h"
#include "ui/machine_settings/machine_settings_dialog.h"
#include "ui/machine_settings/preferences_dialog.h"
#include "ui/main_window/main_window.h"
#include "ui/new_machine/create_disk_dialog.h"
#include "ui/new_machine/new_machine_wizard.h"
#include "ui/snapshots/clone_dialog.h"
#include "ui/snapshots/take_snapshot_dialog.h"

#include <QAbstractButton>
#include <QAbstractSpinBox>
#include <QAccessible>
#include <QComboBox>
#include <QGroupBox>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMenu>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QSlider>
#include <QTabWidget>
#include <QTest>
#include <QTranslator>

namespace vivarium::test {

// Use without a mouse: underlined letters of which no two that are visible together are the same
// and none is shown as a bare "&", and a name for each field. In English and in German.
class AccessibilityTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void mainWindow_data() { languages(); }
    void mainWindow();
    void console_data() { languages(); }
    void console();
    void settings_data() { languages(); }
    void settings();
    void preferences_data() { languages(); }
    void preferences();
    void wizard_data() { languages(); }
    void wizard();
    void smallDialogs_data() { languages(); }
    void smallDialogs();

private:
    using Letters = QMap<QChar, QStringList>; // and the texts that have them
    static void languages();
    static void note(Letters& letters, const QString& text);
    void useLanguage();
    void checkLetters(const Letters& letters, const QString& where);
    void checkMenu(const QList<QAction*>& actions, const QString& where);
    void checkWindow(QWidget* window, const QString& where);
    void checkTabs(QWidget* window, const QString& where);

    std::unique_ptr<GuiFixture> m_fixture;
    QTranslator m_translator;
    QStringList m_problems;
};

void AccessibilityTest::languages() {
    QTest::addColumn<QString>("language");
    QTest::newRow("English") << QStringLiteral("en");
    QTest::newRow("German") << QStringLiteral("de");
}

void AccessibilityTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
    m_problems.clear();
    useLanguage();
}

void AccessibilityTest::useLanguage() {
    QFETCH(QString, language);
    QVERIFY(m_translator.load(
        QStringLiteral(VIVARIUM_CATALOGUE_FOLDER "/vivarium_%1.qm").arg(language)));
    QCoreApplication::installTranslator(&m_translator);
}

void AccessibilityTest::cleanup() {
    QCoreApplication::removeTranslator(&m_translator);
    m_fixture.reset();
}

void AccessibilityTest::note(Letters& letters, const QString& text) {
    QString rest = text;
    rest.remove(QStringLiteral("&&"));
    const qsizetype place = rest.indexOf(u'&');
    if (place >= 0 && place + 1 < rest.size())
        letters[rest.at(place + 1).toLower()] << text;
}

void AccessibilityTest::checkLetters(const Letters& letters, const QString& where) {
    for (const QStringList& texts : letters)
        if (texts.size() > 1)
            m_problems << where + QStringLiteral(": ") + texts.join(QStringLiteral(" / "));
}

void AccessibilityTest::checkMenu(const QList<QAction*>& actions, const QString& where) {
    Letters letters;
    for (const QAction* action : actions) {
        if (action->isSeparator() || !action->isVisible())
            continue;
        const QString text = action->text().section(u'\t', 0, 0);
        note(letters, text);
        if (action->menu())
            checkMenu(action->menu()->actions(), where + u'/' + text);
    }
    checkLetters(letters, where);
}

void AccessibilityTest::checkWindow(QWidget* window, const QString& where) {
    Letters letters;
    const QList<QWidget*> widgets = window->findChildren<QWidget*>();
    for (const QWidget* widget : widgets) {
        if (!widget->isVisibleTo(window))
            continue;
        if (const auto* button = qobject_cast<const QAbstractButton*>(widget)) {
            note(letters, button->text());
        } else if (const auto* box = qobject_cast<const QGroupBox*>(widget)) {
            note(letters, box->title());
        } else if (const auto* tabs = qobject_cast<const QTabBar*>(widget)) {
            for (int i = 0; i < tabs->count(); ++i)
                note(letters, tabs->tabText(i));
        } else if (const auto* label = qobject_cast<const QLabel*>(widget)) {
            if (label->buddy())
                note(letters, label->text());
            else if (label->textFormat() == Qt::AutoText && label->text().contains(u'&'))
                m_problems << where + QStringLiteral(": bare ") + label->text();
        }
    }
    checkLetters(letters, where);
    for (QWidget* widget : widgets) {
        const bool isField =
            qobject_cast<QLineEdit*>(widget) || qobject_cast<QComboBox*>(widget) ||
            qobject_cast<QAbstractSpinBox*>(widget) || qobject_cast<QSlider*>(widget) ||
            qobject_cast<QPlainTextEdit*>(widget) || qobject_cast<QAbstractButton*>(widget);
        // The line of a spin box or a combo box is named by it; a spin box in a form by its label.
        const bool isPart = qobject_cast<QComboBox*>(widget->parentWidget()) ||
                            qobject_cast<QAbstractSpinBox*>(widget->parentWidget()) ||
                            qobject_cast<QLineEdit*>(widget->parentWidget()) ||
                            qobject_cast<QTabBar*>(widget->parentWidget());
        if (!isField || isPart || !widget->isVisibleTo(window))
            continue;
        QAccessibleInterface* accessible = QAccessible::queryAccessibleInterface(widget);
        if (!accessible || accessible->text(QAccessible::Name).isEmpty())
            m_problems << where + QStringLiteral(": no name for ") +
                              QString::fromLatin1(widget->metaObject()->className()) + u' ' +
                              widget->objectName();
    }
}

void AccessibilityTest::checkTabs(QWidget* window, const QString& where) {
    QTabWidget* visible = nullptr;
    const QList<QTabWidget*> all = window->findChildren<QTabWidget*>();
    for (QTabWidget* tabs : all)
        if (tabs->isVisibleTo(window))
            visible = tabs;
    if (!visible) {
        checkWindow(window, where);
        return;
    }
    for (int i = 0; i < visible->count(); ++i) {
        visible->setCurrentIndex(i);
        checkWindow(window, where + u'/' + visible->tabText(i));
    }
}

void AccessibilityTest::mainWindow() {
    m_fixture->addMachine(QStringLiteral("web"));
    MainWindow window(m_fixture->library(), m_fixture->supervisor(), m_fixture->snapshots(),
                      m_fixture->displays(), m_fixture->preferences());
    window.show();
    checkMenu(window.menuBar()->actions(), QStringLiteral("menu"));
    QCOMPARE(m_problems.join(u'\n'), QString());
}

void AccessibilityTest::console() {
    const QPointer<MachineConsole> console =
        new MachineConsole(m_fixture->library(), m_fixture->supervisor(), m_fixture->snapshots(),
                           m_fixture->displays(), m_fixture->preferences(),
                           m_fixture->addMachine(QStringLiteral("web")));
    console->show();
    checkMenu(console->menuBar()->actions(), QStringLiteral("menu"));
    console->closeQuietly();
    QTRY_VERIFY(console.isNull());
    QCOMPARE(m_problems.join(u'\n'), QString());
}

void AccessibilityTest::settings() {
    MachineSettings settings;
    settings.drives = {{DriveType::HardDisk, 0, QStringLiteral("/disks/a.img"), false}};
    const QPointer<MachineSettingsDialog> dialog = new MachineSettingsDialog(
        m_fixture->library(), m_fixture->supervisor(), m_fixture->preferences(),
        m_fixture->addMachine(QStringLiteral("web"), QString(), settings), nullptr);
    dialog->show();
    auto* sections = dialog->findChild<QListWidget*>();
    for (int row = 0; row < sections->count(); ++row) {
        sections->setCurrentRow(row);
        checkTabs(dialog, sections->item(row)->text());
    }
    dialog->close();
    QTRY_VERIFY(dialog.isNull());
    QCOMPARE(m_problems.join(u'\n'), QString());
}

void AccessibilityTest::preferences() {
    const QPointer<PreferencesDialog> dialog =
        new PreferencesDialog(m_fixture->preferences(), nullptr);
    dialog->show();
    auto* sections = dialog->findChild<QListWidget*>();
    for (int row = 0; row < sections->count(); ++row) {
        sections->setCurrentRow(row);
        checkWindow(dialog, sections->item(row)->text());
    }
    dialog->close();
    QTRY_VERIFY(dialog.isNull());
    QCOMPARE(m_problems.join(u'\n'), QString());
}

void AccessibilityTest::wizard() {
    const QPointer<NewMachineWizard> wizard =
        new NewMachineWizard(m_fixture->library(), m_fixture->preferences(), QString(), nullptr);
    wizard->show();
    wizard->findChild<QLineEdit*>(QStringLiteral("name"))->setText(QStringLiteral("web"));
    for (;;) {
        checkWindow(wizard, wizard->currentPage()->title());
        if (wizard->nextId() < 0)
            break;
        QTRY_VERIFY(wizard->button(QWizard::NextButton)->isEnabled());
        wizard->next();
    }
    wizard->close();
    QTRY_VERIFY(wizard.isNull());
    QCOMPARE(m_problems.join(u'\n'), QString());
}

void AccessibilityTest::smallDialogs() {
    CloseDialog close(QStringLiteral("web"), CloseDialog::Guest::Running, nullptr);
    close.show();
    checkWindow(&close, close.windowTitle());
    const QPointer<CreateDiskDialog> disk =
        new CreateDiskDialog(m_fixture->path(), QStringLiteral("web"), nullptr);
    disk->show();
    checkWindow(disk, disk->windowTitle());
    disk->close();
    QTRY_VERIFY(disk.isNull());
    const MachineId machine = m_fixture->addMachine(QStringLiteral("web"));
    TakeSnapshotDialog take(m_fixture->snapshots(), m_fixture->displays(), machine, nullptr);
    take.show();
    checkWindow(&take, take.windowTitle());
    CloneDialog clone(m_fixture->snapshots(), m_fixture->library(), m_fixture->supervisor(),
                      machine, {}, nullptr);
    clone.show();
    checkWindow(&clone, clone.windowTitle());
    QCOMPARE(m_problems.join(u'\n'), QString());
}

} // namespace vivarium::test

using vivarium::test::AccessibilityTest;
VIVARIUM_TEST(AccessibilityTest)
#include "accessibility_test.moc"
