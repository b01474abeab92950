#include "tests/gui/gui_fixture.h"
#include "tests/integration/cli/tiny_kernel.h"
#include "tests/support/test_main.h"
#include "ui/machine_settings/machine_settings_dialog.h"
#include "ui/machine_settings/preferences_dialog.h"
#include "ui/machine_settings/storage_page.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/value_slider.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFile>
#include <QGroupBox>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTest>
#include <QToolButton>

#include <unistd.h>

namespace vivarium::test {

class SettingsDialogTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();
    void nothingTouchedChangesNothing();
    void changesAreStored();
    void problemsBlockOk();
    void disksMoveToAnotherController();
    void networkAdaptersGetAddresses();
    void drivesOfARunningMachineComeAndGo();
    void preferencesAreStored();

private:
    static MachineSettings everything();
    void open(const MachineId& id);
    QPushButton* ok() const {
        return m_dialog->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok);
    }

    std::unique_ptr<GuiFixture> m_fixture;
    QPointer<MachineSettingsDialog> m_dialog;
};

void SettingsDialogTest::init() {
    m_fixture = std::make_unique<GuiFixture>();
}

void SettingsDialogTest::cleanup() {
    if (m_dialog)
        m_dialog->close();
    QTRY_VERIFY(m_dialog.isNull());
    m_fixture.reset();
}

void SettingsDialogTest::open(const MachineId& id) {
    m_dialog = new MachineSettingsDialog(m_fixture->library(), m_fixture->supervisor(),
                                         m_fixture->preferences(), id, nullptr);
    m_dialog->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_dialog));
}

// No setting has its default.
MachineSettings SettingsDialogTest::everything() {
    MachineSettings settings;
    settings.guestType = QStringLiteral("debian");
    settings.memoryMiB = 1337;
    settings.cpuCount = 3;
    settings.accelerator = Accelerator::Kvm;
    settings.bootOrder = {BootDevice::HardDisk};
    settings.rtcLocalTime = true;
    settings.hpet = false;
    settings.bootMenu = true;
    settings.directBoot = {QStringLiteral("/boot/vmlinuz"),
                           QStringLiteral("/boot/initrd"),
                           QStringLiteral("console=ttyS0 \"a b\""),
                           {QStringLiteral("/m1")}};
    settings.videoMemoryMiB = 64;
    settings.vnc = {true, QStringLiteral("0.0.0.0"), 5907, QStringLiteral("secret")};
    settings.drives = {{DriveType::HardDisk, 0, QStringLiteral("/disks/a.img"), true},
                       {DriveType::Optical, 3, QString(), false},
                       {DriveType::HardDisk, 2, QStringLiteral("/disks/n.qcow2"), false,
                        DriveBus::Nvme, DiskFormat::Qcow2, CacheMode::Direct, DiskErrorAction::Stop,
                        DiskErrorAction::Report}};
    settings.serialPorts = {{1, SerialMode::File, QStringLiteral("/tmp/serial")},
                            {2, SerialMode::Disconnected, QString()}};
    settings.closeAction = CloseAction::Shutdown;
    settings.scaleMode = ScaleMode::Integer;
    settings.exitDevice = true;
    return settings;
}

void SettingsDialogTest::nothingTouchedChangesNothing() {
    for (const MachineSettings& settings : {MachineSettings(), everything()}) {
        const MachineId id = m_fixture->addMachine(QStringLiteral("m%1").arg(settings.memoryMiB),
                                                   QStringLiteral("a/b"), settings);
        QVERIFY(!id.isNull());
        Machine machine = *m_fixture->library().find(id);
        machine.tags = {QStringLiteral("x"), QStringLiteral("y z")};
        machine.notes = QStringLiteral("two\nlines");
        QVERIFY(waitFor(m_fixture->library().update(machine)));
        open(id);
        QCOMPARE(m_dialog->edited(), machine);
        m_dialog->close();
        QTRY_VERIFY(m_dialog.isNull());
    }
}

void SettingsDialogTest::changesAreStored() {
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"));
    open(id);
    m_dialog->findChild<ValueSlider*>(QStringLiteral("memory"))->setValue(512);
    m_dialog->findChild<QLineEdit*>(QStringLiteral("name"))->setText(QStringLiteral("shop"));
    ok()->click();
    QTRY_VERIFY(m_dialog.isNull());
    const Machine* machine = m_fixture->library().find(id);
    QCOMPARE(machine->settings.memoryMiB, 512u);
    QCOMPARE(machine->settings.name, QStringLiteral("shop"));
}

void SettingsDialogTest::problemsBlockOk() {
    m_fixture->addMachine(QStringLiteral("db"));
    open(m_fixture->addMachine(QStringLiteral("web")));
    auto* name = m_dialog->findChild<QLineEdit*>(QStringLiteral("name"));
    for (const QString& bad : {QString(), QStringLiteral("a/b"), QStringLiteral("db")}) {
        name->setText(bad);
        QVERIFY(!ok()->isEnabled());
        QVERIFY(!m_dialog->findChild<InlineMessage*>()->text().isEmpty());
    }
    name->setText(QStringLiteral("web 2"));
    QVERIFY(ok()->isEnabled());
}

void SettingsDialogTest::disksMoveToAnotherController() {
    const QString first = QStringLiteral("/disks/a.img"), second = QStringLiteral("/disks/b.img");
    MachineSettings settings;
    settings.drives = {{DriveType::HardDisk, 0, first, false},
                       {DriveType::HardDisk, 0, second, false, DriveBus::Virtio}};
    open(m_fixture->addMachine(QStringLiteral("web"), QString(), settings));
    auto* bus = m_dialog->findChild<QComboBox*>(QStringLiteral("diskBus"));
    const auto choose = [bus](DriveBus wanted) {
        bus->setCurrentIndex(bus->findData(static_cast<int>(wanted)));
        Q_EMIT
        bus->activated(bus->currentIndex());
    };
    choose(DriveBus::Virtio); // slot 0 is taken
    QCOMPARE(m_dialog->edited().settings.drives,
             (QList<DriveSettings>{{DriveType::HardDisk, 0, second, false, DriveBus::Virtio},
                                   {DriveType::HardDisk, 1, first, false, DriveBus::Virtio}}));
    choose(DriveBus::Nvme);
    choose(DriveBus::Sata);
    QCOMPARE(m_dialog->edited().settings.drives, settings.drives);
}

void SettingsDialogTest::networkAdaptersGetAddresses() {
    open(m_fixture->addMachine(QStringLiteral("web")));
    const auto cards = [this] { return m_dialog->edited().settings.networkCards; };
    auto* adapter = m_dialog->findChild<QGroupBox*>(QStringLiteral("adapter1"));
    auto* address = m_dialog->findChild<QLineEdit*>(QStringLiteral("macAddress1"));
    QVERIFY(cards().isEmpty());
    adapter->setChecked(true);
    QCOMPARE(cards().size(), 1);
    QCOMPARE(cards().first().slot, 1u);
    QVERIFY(cards().first().macAddress.isIndividual());
    address->setText(QStringLiteral("525400ABCDEF"));
    QCOMPARE(cards().first().macAddress.text(), std::string("52:54:00:ab:cd:ef"));
    QVERIFY(ok()->isEnabled());
    for (const char* bad : {"", "5254", "01:00:5e:00:00:01", "52:54:00:ab:cd:eg"}) {
        address->setText(QString::fromUtf8(bad));
        QVERIFY(!ok()->isEnabled());
        QVERIFY(!m_dialog->findChild<InlineMessage*>()->text().isEmpty());
    }
    for (auto* button : adapter->findChildren<QToolButton*>())
        button->click();
    QVERIFY(ok()->isEnabled());
    const QList<NetworkCardSettings> chosen = cards();
    const MachineId id = m_fixture->library().machines().first().id;
    ok()->click();
    QTRY_VERIFY(m_dialog.isNull());
    QCOMPARE(m_fixture->library().find(id)->settings.networkCards, chosen);
}

void SettingsDialogTest::drivesOfARunningMachineComeAndGo() {
    if (::access("/dev/kvm", R_OK | W_OK) != 0)
        QSKIP("/dev/kvm cannot be used");
    MachineSettings settings;
    settings.memoryMiB = 16;
    settings.directBoot.kernelPath = m_fixture->path() + QStringLiteral("/kernel");
    QVERIFY(TinyKernel().halt().write(settings.directBoot.kernelPath));
    const QString path = m_fixture->path() + QStringLiteral("/disk.img");
    QFile disk(path);
    QVERIFY(disk.open(QIODevice::WriteOnly) && disk.resize(1 << 20));
    const MachineId id = m_fixture->addMachine(QStringLiteral("web"), QString(), settings);
    const auto started = waitFor(m_fixture->supervisor().start(id));
    QVERIFY2(started, started ? "" : started.error().detail.c_str());
    const auto drives = [this, id] { return m_fixture->library().find(id)->settings.drives; };

    open(id);
    m_dialog->findChild<StoragePage*>()->addHardDisk(path);
    QVERIFY(m_dialog->findChild<QComboBox*>(QStringLiteral("diskCache"))->isEnabled());
    QVERIFY(!m_dialog->findChild<QComboBox*>(QStringLiteral("diskBus"))->isEnabled());
    ok()->click();
    QTRY_VERIFY(m_dialog.isNull());
    QCOMPARE(drives(), (QList<DriveSettings>{{DriveType::HardDisk, 0, path, false}}));

    open(id); // the disk is the guest's now: it can be taken out, no more
    QVERIFY(!m_dialog->findChild<QComboBox*>(QStringLiteral("diskCache"))->isEnabled());
    for (auto* button : m_dialog->findChild<StoragePage*>()->findChildren<QToolButton*>())
        if (button->accessibleName() == u"Remove")
            button->click();
    ok()->click();
    QTRY_VERIFY(m_dialog.isNull());
    QVERIFY(drives().isEmpty());
    QCOMPARE(m_fixture->supervisor().status(id).state, control::MachineState::Running);
}

void SettingsDialogTest::preferencesAreStored() {
    const Preferences before = m_fixture->preferences().value();
    const QPointer<PreferencesDialog> dialog =
        new PreferencesDialog(m_fixture->preferences(), nullptr);
    dialog->show();
    dialog->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok)->click();
    QTRY_VERIFY(dialog.isNull());
    QCOMPARE(m_fixture->preferences().value(), before);
    QCOMPARE(Preferences::load(m_fixture->preferences().paths()), before);
}

} // namespace vivarium::test

using vivarium::test::SettingsDialogTest;
VIVARIUM_TEST(SettingsDialogTest)
#include "settings_dialog_test.moc"
