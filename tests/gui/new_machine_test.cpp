#include "tests/gui/gui_fixture.h"
#include "tests/support/test_main.h"
#include "ui/new_machine/create_disk_dialog.h"
#include "ui/new_machine/new_machine_wizard.h"
#include "ui/widgets/disk_size_field.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/path_field.h"

#include <QAbstractButton>
#include <QComboBox>
#include <QFileInfo>
#include <QLineEdit>
#include <QProcess>
#include <QRadioButton>
#include <QSignalSpy>
#include <QTest>

namespace vivarium::test {

// The New Machine wizard as a user goes through it.
class NewMachineTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void makesAMachineWithDisk();
    void guessesTheTypeFromTheImage();
    void badNamesAreExplained_data();
    void badNamesAreExplained();
    void badImagesAreExplained_data();
    void badImagesAreExplained();
    void takenNameIsExplained();
    void existingDiskIsUsed();
    void formatOfAnExistingDiskIsFound();
    void failedDiskLeavesNothing();
    void vanishedMediaAreReported();

private:
    template <class T>
    T* find(const char* name) const {
        return m_wizard->findChild<T*>(QString::fromLatin1(name));
    }
    QAbstractButton* next() const { return m_wizard->button(QWizard::NextButton); }
    QStringList errors() const;
    void goNext();
    void goToSummary();

    std::unique_ptr<GuiFixture> m_fixture;
    QPointer<NewMachineWizard> m_wizard;
};

void NewMachineTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
    m_wizard =
        new NewMachineWizard(m_fixture->library(), m_fixture->preferences(), QString(), nullptr);
    m_wizard->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_wizard));
}

void NewMachineTest::cleanup() {
    if (m_wizard)
        m_wizard->close();
    QTRY_VERIFY(m_wizard.isNull());
    m_fixture.reset();
}

// What the page that is shown complains about.
QStringList NewMachineTest::errors() const {
    QStringList texts;
    const auto messages = m_wizard->currentPage()->findChildren<InlineMessage*>();
    for (const InlineMessage* message : messages)
        if (message->isVisible() && message->level() == InlineMessage::Level::Error)
            texts << message->text();
    return texts;
}

// Paths are checked in the background.
void NewMachineTest::goNext() {
    QTRY_VERIFY2(next()->isEnabled(), qPrintable(errors().join(u'\n')));
    next()->click();
}

void NewMachineTest::goToSummary() {
    while (m_wizard->nextId() >= 0)
        goNext();
}

void NewMachineTest::makesAMachineWithDisk() {
    QVERIFY(!next()->isEnabled()); // no name yet
    QTest::keyClicks(find<QLineEdit>("name"), QStringLiteral("Debian web"));
    QCOMPARE(find<QComboBox>("guestType")->currentData().toString(), QStringLiteral("debian"));
    goNext();
    goNext();
    find<DiskSizeField>("diskSize")->lineEdit()->setText(QStringLiteral("64 MB"));
    goNext();
    QTRY_VERIFY(m_wizard->button(QWizard::FinishButton)->isVisible());
    QSignalSpy created(m_wizard, &NewMachineWizard::created);
    m_wizard->button(QWizard::FinishButton)->click();
    QTRY_COMPARE(created.size(), 1);
    const auto id = created.first().first().value<MachineId>();
    const Machine* machine = m_fixture->library().find(id);
    QVERIFY(machine);
    QCOMPARE(machine->settings.name, QStringLiteral("Debian web"));
    QCOMPARE(machine->settings.guestType, QStringLiteral("debian"));
    QCOMPARE(machine->settings.drives.size(), 2);
    const DriveSettings disk = machine->settings.drives.first();
    QCOMPARE(disk.type, DriveType::HardDisk);
    QCOMPARE(QFileInfo(disk.path).size(), qint64{64} << 20);
    QVERIFY(disk.path.startsWith(machine->folder));
    QVERIFY(validate(machine->settings).isEmpty());
}

void NewMachineTest::guessesTheTypeFromTheImage() {
    const QString image = QStringLiteral("/usr/lib/grub-rescue/grub-rescue-cdrom.iso");
    if (!QFileInfo::exists(image))
        QSKIP("grub-rescue-pc is not installed");
    find<PathField>("image")->setPath(image);
    QTRY_VERIFY(next()->isEnabled());
    // The name is suggested as well.
    QCOMPARE(find<QLineEdit>("name")->text(), QStringLiteral("grub-rescue-cdrom"));
    goToSummary();
    QSignalSpy created(m_wizard, &NewMachineWizard::created);
    m_wizard->button(QWizard::FinishButton)->click();
    QTRY_COMPARE(created.size(), 1);
    const Machine* machine = m_fixture->library().find(created.first().first().value<MachineId>());
    QVERIFY(machine);
    QCOMPARE(machine->settings.drives.last().path, image);
}

void NewMachineTest::badNamesAreExplained_data() {
    QTest::addColumn<QString>("name");
    QTest::newRow("slash") << QStringLiteral("a/b");
    QTest::newRow("dots") << QStringLiteral("..");
    QTest::newRow("spaces") << QStringLiteral("   ");
    QTest::newRow("long") << QString(10000, u'x');
}

void NewMachineTest::badNamesAreExplained() {
    QFETCH(QString, name);
    find<QLineEdit>("name")->setMaxLength(20000);
    find<QLineEdit>("name")->setText(name);
    QVERIFY(!next()->isEnabled());
    QCOMPARE(errors().size(), 1);
    find<QLineEdit>("name")->setText(QStringLiteral("quotes \" and 🐧 are fine"));
    QTRY_VERIFY2(next()->isEnabled(), qPrintable(errors().join(u'\n')));
}

void NewMachineTest::badImagesAreExplained_data() {
    QTest::addColumn<QString>("path");
    QTest::newRow("missing") << QStringLiteral("/nonexistent/debian.iso");
    QTest::newRow("folder") << QStringLiteral("/usr");
    QTest::newRow("empty") << QStringLiteral("HOME/empty.iso");
}

void NewMachineTest::badImagesAreExplained() {
    QFETCH(QString, path);
    path.replace(QStringLiteral("HOME"), m_fixture->path());
    QFile empty(m_fixture->path() + QStringLiteral("/empty.iso"));
    QVERIFY(empty.open(QIODevice::WriteOnly));
    find<QLineEdit>("name")->setText(QStringLiteral("web"));
    find<PathField>("image")->setPath(path);
    QTRY_COMPARE(errors().size(), 1);
    QVERIFY(!next()->isEnabled());
    find<PathField>("image")->setPath(QString());
    QTRY_VERIFY(next()->isEnabled());
}

void NewMachineTest::takenNameIsExplained() {
    m_fixture->addMachine(QStringLiteral("web"));
    find<QLineEdit>("name")->setText(QStringLiteral("web"));
    QVERIFY(!next()->isEnabled());
    QCOMPARE(errors(), QStringList{QStringLiteral("There is already a machine with this name.")});
}

void NewMachineTest::existingDiskIsUsed() {
    QFile disk(m_fixture->path() + QStringLiteral("/old.img"));
    QVERIFY(disk.open(QIODevice::WriteOnly));
    QVERIFY(disk.resize(1 << 20));
    m_wizard->suggestDisk(disk.fileName());
    goToSummary();
    QSignalSpy created(m_wizard, &NewMachineWizard::created);
    m_wizard->button(QWizard::FinishButton)->click();
    QTRY_COMPARE(created.size(), 1);
    const Machine* machine = m_fixture->library().find(created.first().first().value<MachineId>());
    QVERIFY(machine);
    QCOMPARE(machine->settings.name, QStringLiteral("old"));
    QCOMPARE(machine->settings.drives.first().path, disk.fileName());
}

void NewMachineTest::formatOfAnExistingDiskIsFound() {
    const QString disk = m_fixture->path() + QStringLiteral("/old.img"); // the name says nothing
    QProcess tool;
    tool.start(QStringLiteral("qemu-img"),
               {QStringLiteral("create"), QStringLiteral("-q"), QStringLiteral("-f"),
                QStringLiteral("qcow2"), disk, QStringLiteral("1M")});
    if (!tool.waitForFinished() || tool.exitCode() != 0)
        QSKIP("the package qemu-utils is not installed");
    m_wizard->suggestDisk(disk);
    goToSummary();
    QSignalSpy created(m_wizard, &NewMachineWizard::created);
    m_wizard->button(QWizard::FinishButton)->click();
    QTRY_COMPARE(created.size(), 1);
    const Machine* machine = m_fixture->library().find(created.first().first().value<MachineId>());
    QVERIFY(machine);
    QCOMPARE(machine->settings.drives.first().format, DiskFormat::Qcow2);
}

void NewMachineTest::failedDiskLeavesNothing() {
    find<QLineEdit>("name")->setText(QStringLiteral("web"));
    goNext();
    goNext();
    find<DiskSizeField>("diskSize")->lineEdit()->setText(QStringLiteral("64 MB"));
    goNext();
    // Somebody takes the disk's place at the moment of creation.
    const QMetaObject::Connection trick =
        connect(&m_fixture->library(), &Library::machineAdded, this, [this](int index) {
            QFile file(m_fixture->library().machines().at(index).folder +
                       QStringLiteral("/disk.img"));
            QVERIFY(file.open(QIODevice::WriteOnly));
        });
    m_wizard->button(QWizard::FinishButton)->click();
    QTRY_COMPARE(errors().size(), 1);
    disconnect(trick);
    QVERIFY(m_fixture->library().machines().isEmpty());
    QVERIFY(m_wizard->isVisible()); // to go back and try again
}

// A medium that goes away between its page and the last one is reported now, not at the first
// start.
void NewMachineTest::vanishedMediaAreReported() {
    const QString image = QStringLiteral("/usr/lib/grub-rescue/grub-rescue-cdrom.iso");
    if (!QFileInfo::exists(image))
        QSKIP("grub-rescue-pc is not installed");
    const QString copy = m_fixture->path() + QStringLiteral("/copy.iso");
    QVERIFY(QFile::copy(image, copy));
    find<QLineEdit>("name")->setText(QStringLiteral("web"));
    find<PathField>("image")->setPath(copy);
    goToSummary();
    QVERIFY(QFile::remove(copy));
    m_wizard->button(QWizard::FinishButton)->click();
    QTRY_COMPARE(errors().size(), 1);
    QVERIFY2(errors().constFirst().contains(copy), qPrintable(errors().constFirst()));
    QVERIFY(m_fixture->library().machines().isEmpty());
}

} // namespace vivarium::test

using vivarium::test::NewMachineTest;
VIVARIUM_TEST(NewMachineTest)
#include "new_machine_test.moc"
