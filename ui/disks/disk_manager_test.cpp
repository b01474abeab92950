#include "ui/disks/disk_manager_window.h"

#include "tests/support/test_main.h"
#include "ui/disks/disk_list_model.h"
#include "ui/disks/image_dialog.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/inline_message.h"
#include "ui/widgets/notification_center.h"
#include "ui/widgets/path_field.h"
#include "ui/widgets/disk_size_field.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QDialogButtonBox>
#include <QDir>
#include <QFile>
#include <QPointer>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTest>
#include <QTreeView>

namespace vivarium::test {

using namespace Qt::StringLiterals;

class DiskManagerTest : public QObject {
    Q_OBJECT
    // Every wait is for a process and what it syncs; on a busy host that takes its time.
    static constexpr int kJobMs = 60'000;
    std::unique_ptr<QTemporaryDir> m_home;
    std::unique_ptr<CurrentPreferences> m_preferences;
    std::unique_ptr<Library> m_library;
    QPointer<DiskManagerWindow> m_window;
    QString m_program = qEnvironmentVariable("VIVARIUM_BIN_DIR") + u"/vivarium-image"_s;
    ImageTool m_tool{m_program};

    class Quiet : public Progress {
    public:
        bool cancelled() const override { return false; }
        void report(qint64, qint64) override {}
    };

    QString path(const QString& name) const {
        return QDir(m_preferences->machinesFolder()).filePath(name);
    }
    void makeImage(const QString& name, control::DiskFormat format, uint64_t bytes) {
        QVERIFY(QDir().mkpath(m_preferences->machinesFolder()));
        control::ImageShape shape;
        shape.format = format;
        shape.diskBytes = bytes;
        Quiet progress;
        QVERIFY(m_tool.create(path(name), shape, progress));
    }
    void addMachine(const QString& name, const QString& disk) {
        Machine machine;
        machine.settings.name = name;
        DriveSettings drive;
        drive.path = disk;
        drive.format = vivarium::DiskFormat::Qcow2;
        machine.settings.drives << drive;
        auto added = m_library->add(machine);
        QTRY_VERIFY_WITH_TIMEOUT(added.isFinished(), kJobMs);
        QVERIFY(added.result());
        QTRY_VERIFY_WITH_TIMEOUT(m_library->find(*added.result()), kJobMs);
    }
    void open() {
        m_window = new DiskManagerWindow(*m_library, *m_preferences, m_program, nullptr);
        new QAbstractItemModelTester(&m_window->model(), m_window);
        m_window->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_window));
    }
    QString cell(const QString& name, int column) const {
        return m_window->model().indexOf(path(name)).siblingAtColumn(column).data().toString();
    }
    void select(const QString& name) {
        m_window->view()->setCurrentIndex(m_window->model().indexOf(path(name)));
    }
    QAction* action(const char16_t* name) const {
        return m_window->findChild<QAction*>(QString::fromUtf16(name));
    }
    void removeCurrent() {
        QTRY_VERIFY_WITH_TIMEOUT(action(u"compactDisk")->isEnabled(), kJobMs); // all is known
        action(u"removeDisk")->trigger();
    }
    Notification* onlyNotification() const {
        const QList<Notification*> lines = m_window->notifications().notifications();
        return lines.size() == 1 ? lines.first() : nullptr;
    }
    InlineMessage* message() const { return m_window->findChild<InlineMessage*>(); }
    ImageDialog* dialog() const { return m_window->findChild<ImageDialog*>(); }
    void acceptDialog() {
        QPushButton* ok = dialog()->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok);
        QVERIFY(ok->isEnabled());
        ok->click();
    }

private Q_SLOTS:
    void init() {
        m_home = std::make_unique<QTemporaryDir>();
        qputenv("VIVARIUM_HOME", QFile::encodeName(m_home->path()));
        m_preferences = std::make_unique<CurrentPreferences>(ApplicationPaths::fromEnvironment());
        auto opened =
            Library::open(m_preferences->paths().library, m_preferences->machinesFolder());
        QVERIFY(opened);
        m_library = std::move(*opened);
    }
    void cleanup() {
        delete m_window.data();
        m_library.reset();
        m_preferences.reset();
    }

    void nothingIsSaidToBeThere() {
        open();
        QTRY_VERIFY_WITH_TIMEOUT(!m_window->view()->isVisible(), kJobMs);
        QVERIFY(action(u"createDisk")->isEnabled());
        QVERIFY(!action(u"removeDisk")->isEnabled());
    }

    void disksAreListedWithTheirUsers() {
        makeImage(u"a.qcow2"_s, control::DiskFormat::Qcow2, 1ull << 30);
        makeImage(u"b.img"_s, control::DiskFormat::Raw, 8 << 20);
        addMachine(u"one"_s, path(u"a.qcow2"_s));
        open();
        QTRY_COMPARE_WITH_TIMEOUT(cell(u"a.qcow2"_s, DiskListModel::Format), u"QCOW2"_s, kJobMs);
        QTRY_COMPARE_WITH_TIMEOUT(cell(u"b.img"_s, DiskListModel::Format), u"RAW"_s, kJobMs);
        QCOMPARE(cell(u"a.qcow2"_s, DiskListModel::UsedBy), u"one"_s);
        QVERIFY(cell(u"a.qcow2"_s, DiskListModel::DiskSize).startsWith(u"1"));
        QVERIFY(cell(u"b.img"_s, DiskListModel::UsedBy) != u"one"_s);
    }

    void aUsedDiskIsNotRemoved() {
        makeImage(u"a.qcow2"_s, control::DiskFormat::Qcow2, 1 << 20);
        addMachine(u"one"_s, path(u"a.qcow2"_s));
        open();
        QTRY_VERIFY_WITH_TIMEOUT(action(u"removeDisk")->isEnabled(), kJobMs);
        QTRY_VERIFY_WITH_TIMEOUT(action(u"compactDisk")->isEnabled(),
                                 kJobMs); // all is known by now
        action(u"removeDisk")->trigger();
        QVERIFY(message()->text().contains(u"“one”"));
        QVERIFY(QFile::exists(path(u"a.qcow2"_s)));
    }

    void aRemovedDiskIsDeletedWhenItsLineGoes() {
        makeImage(u"a.img"_s, control::DiskFormat::Raw, 1 << 20);
        open();
        removeCurrent();
        QCOMPARE(m_window->model().rowCount(), 0);
        QVERIFY(QFile::exists(path(u"a.img"_s)));
        QVERIFY(onlyNotification());
        QCOMPARE(onlyNotification()->kind(), Notification::Kind::Undo);
        onlyNotification()->dismiss();
        QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(path(u"a.img"_s)), kJobMs);
        QCOMPARE(m_window->model().rowCount(), 0);
    }

    void aRemovalIsTakenBack() {
        makeImage(u"a.img"_s, control::DiskFormat::Raw, 1 << 20);
        open();
        removeCurrent();
        action(u"refreshDisks")->trigger();
        onlyNotification()->findChild<QPushButton*>()->click();
        QCOMPARE(m_window->model().rowCount(), 1);
        QVERIFY(m_window->notifications().notifications().isEmpty());
        m_window->reject();
        QTRY_VERIFY_WITH_TIMEOUT(!m_window, kJobMs);
        QVERIFY(QFile::exists(path(u"a.img"_s)));
    }

    void closingTheWindowDeletesWhatWasRemoved() {
        makeImage(u"a.img"_s, control::DiskFormat::Raw, 1 << 20);
        open();
        removeCurrent();
        m_window->reject();
        QVERIFY(m_window); // until it is known whether that worked
        QTRY_VERIFY_WITH_TIMEOUT(!m_window, kJobMs);
        QVERIFY(!QFile::exists(path(u"a.img"_s)));
    }

    // As at the end of the application.
    void removalsEndWithTheWindow() {
        makeImage(u"a.img"_s, control::DiskFormat::Raw, 1 << 20);
        open();
        removeCurrent();
        m_window->finishRemovals();
        delete m_window.data();
        QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(path(u"a.img"_s)), kJobMs);
    }

    void aProgramThatDiesHasRemovedNothing() {
        makeImage(u"a.img"_s, control::DiskFormat::Raw, 1 << 20);
        open();
        removeCurrent();
        delete m_window.data();
        QVERIFY(QFile::exists(path(u"a.img"_s)));
    }

    void aDiskThatIsNeededMeanwhileStays() {
        makeImage(u"a.qcow2"_s, control::DiskFormat::Qcow2, 1 << 20);
        open();
        removeCurrent();
        addMachine(u"one"_s, path(u"a.qcow2"_s));
        m_window->reject();
        QTRY_VERIFY_WITH_TIMEOUT(onlyNotification() &&
                                     onlyNotification()->kind() == Notification::Kind::Failure,
                                 kJobMs);
        QVERIFY(onlyNotification()->message().detail.contains(u"“one”"));
        QVERIFY(m_window);
        QTRY_COMPARE_WITH_TIMEOUT(cell(u"a.qcow2"_s, DiskListModel::UsedBy), u"one"_s, kJobMs);
        QVERIFY(QFile::exists(path(u"a.qcow2"_s)));
        m_window->reject(); // what has failed does not hold it
        QTRY_VERIFY_WITH_TIMEOUT(!m_window, kJobMs);
    }

    void disksAreCreatedCopiedResizedAndChecked() {
        open();
        QTRY_VERIFY_WITH_TIMEOUT(action(u"createDisk")->isEnabled(), kJobMs);
        QVERIFY(QDir().mkpath(m_preferences->machinesFolder()));
        action(u"createDisk")->trigger();
        QVERIFY(dialog());
        dialog()->findChild<PathField*>()->setPath(path(u"new.qcow2"_s));
        dialog()->findChild<DiskSizeField*>()->setSizeBytes(64 << 20);
        acceptDialog();
        QTRY_COMPARE_WITH_TIMEOUT(cell(u"new.qcow2"_s, DiskListModel::Format), u"QCOW2"_s, kJobMs);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog(), kJobMs);
        select(u"new.qcow2"_s);

        QTRY_VERIFY_WITH_TIMEOUT(action(u"resizeDisk")->isEnabled(), kJobMs);
        action(u"resizeDisk")->trigger();
        QPushButton* ok = dialog()->findChild<QDialogButtonBox*>()->button(QDialogButtonBox::Ok);
        QVERIFY(!ok->isEnabled()); // nothing changed
        dialog()->findChild<DiskSizeField*>()->setSizeBytes(32 << 20);
        QVERIFY(!ok->isEnabled()); // smaller
        dialog()->findChild<DiskSizeField*>()->setSizeBytes(128 << 20);
        acceptDialog();
        QTRY_VERIFY_WITH_TIMEOUT(
            m_window->model().info(m_window->model().indexOf(path(u"new.qcow2"_s))) &&
                m_window->model()
                        .info(m_window->model().indexOf(path(u"new.qcow2"_s)))
                        ->diskBytes == 128 << 20,
            kJobMs);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog(), kJobMs);

        QTRY_VERIFY_WITH_TIMEOUT(action(u"copyDisk")->isEnabled(), kJobMs);
        action(u"copyDisk")->trigger();
        dialog()->findChild<PathField*>()->setPath(path(u"copy.qcow2"_s));
        acceptDialog();
        QTRY_COMPARE_WITH_TIMEOUT(cell(u"copy.qcow2"_s, DiskListModel::Format), u"QCOW2"_s, kJobMs);

        QTRY_VERIFY_WITH_TIMEOUT(action(u"checkDisk")->isEnabled(), kJobMs);
        action(u"checkDisk")->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(message()->text().contains(u"no errors"), kJobMs);
        QTRY_VERIFY_WITH_TIMEOUT(action(u"compactDisk")->isEnabled(), kJobMs);
        action(u"compactDisk")->trigger();
        QTRY_VERIFY_WITH_TIMEOUT(message()->text().contains(u"takes"), kJobMs);
    }

    void failuresAreShown() {
        makeImage(u"a.qcow2"_s, control::DiskFormat::Qcow2, 1 << 20);
        QFile bad(path(u"bad.qcow2"_s));
        QVERIFY(bad.open(QIODevice::WriteOnly));
        bad.write("QFI\xfb and no more");
        bad.close();
        open();
        QTRY_VERIFY_WITH_TIMEOUT(cell(u"bad.qcow2"_s, DiskListModel::Format) == u"Unreadable"_s,
                                 kJobMs);
        select(u"a.qcow2"_s);
        QTRY_VERIFY_WITH_TIMEOUT(action(u"copyDisk")->isEnabled(), kJobMs);
        action(u"copyDisk")->trigger();
        dialog()->findChild<PathField*>()->setPath(path(u"bad.qcow2"_s)); // is there already
        acceptDialog();
        QTRY_COMPARE_WITH_TIMEOUT(message()->level(), InlineMessage::Level::Error, kJobMs);
        QVERIFY(message()->text().contains(u"exists already"));
    }
};

} // namespace vivarium::test

using vivarium::test::DiskManagerTest;
VIVARIUM_TEST(DiskManagerTest)
#include "disk_manager_test.moc"
