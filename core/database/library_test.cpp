#include "core/database/library.h"

#include "core/database/machine_lock.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium::test {

namespace {

Machine named(const QString& name, const QString& group = {}) {
    Machine machine;
    machine.settings.name = name;
    machine.group = group;
    return machine;
}

// A copy of the library's list kept by its signals alone, as an item model keeps one.
class Mirror : public QObject {
public:
    explicit Mirror(const Library& library) : m_library(library), m_names(present()) {
        connect(&library, &Library::machineAdded, this, [this](int i) {
            m_names.insert(i, m_library.machines().at(i).settings.name);
            check();
        });
        connect(&library, &Library::machineRemoved, this, [this](int i) {
            m_names.removeAt(i);
            check();
        });
        connect(&library, &Library::machineMoved, this,
                [this](int from, int to) { m_names.move(from, to > from ? to - 1 : to); });
        connect(&library, &Library::machineChanged, this, [this](int i) {
            m_names[i] = m_library.machines().at(i).settings.name;
            check();
        });
    }
    QStringList present() const {
        QStringList names;
        for (const Machine& machine : m_library.machines())
            names << machine.settings.name;
        return names;
    }
    bool faithful() const { return m_faithful && m_names == present(); }

private:
    void check() { m_faithful = m_faithful && m_names == present(); }
    const Library& m_library;
    QStringList m_names;
    bool m_faithful = true;
};

} // namespace

class LibraryTest : public QObject {
    Q_OBJECT

    QString path(const QString& name = {}) const { return m_folder->path() + u'/' + name; }
    std::unique_ptr<Library> open() const {
        auto library =
            Library::open(path(QStringLiteral("library")), path(QStringLiteral("machines")));
        return library ? std::move(*library) : nullptr;
    }
    // Waits until the cache shows what the last operations did.
    static bool settle(QFuture<Result<void>> future) {
        bool done = false;
        QObject context;
        future.then(&context, [&](const Result<void>&) { done = true; });
        return QTest::qWaitFor([&] { return done; });
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void addedMachineComesBackAsItWas() {
        Machine machine =
            named(QStringLiteral("\"Zoë's\" 🐟; DROP TABLE machines"), QStringLiteral("a/b"));
        machine.tags = {QStringLiteral("z"), QStringLiteral("a")};
        machine.notes = QStringLiteral("two\nlines");
        machine.settings.memoryMiB = 123;
        machine.settings.drives = {{DriveType::Optical, 2, QStringLiteral("/x.iso"), true},
                                   {DriveType::HardDisk, 0, QStringLiteral("/y.img"), false}};
        const auto id = open()->add(machine).result();
        QVERIFY(id);

        const auto library = open();
        QCOMPARE(library->machines().size(), 1);
        const Machine read = library->machines().first();
        machine.id = *id;
        machine.folder = path(QStringLiteral("machines/")) + machine.settings.name;
        machine.createdAt = read.createdAt;
        QCOMPARE(read, machine);
        QVERIFY(read.createdAt.isValid());
        QVERIFY(QDir(read.folder).exists());
        QCOMPARE(library->groups(), QStringList{QStringLiteral("a/b")});
        QCOMPARE(library->tags(), (QStringList{QStringLiteral("a"), QStringLiteral("z")}));
    }

    void continuationsFindTheCacheUpToDate() {
        const auto library = open();
        bool found = false;
        library->add(named(QStringLiteral("one")))
            .then(library.get(), [&](const Result<MachineId>& id) {
                found = id && library->find(*id) != nullptr;
            });
        QTRY_VERIFY(found);
    }

    void refusedNamesLeaveNothingBehind_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("code");
        const auto invalid = static_cast<int>(ErrorCode::InvalidArgument);
        QTest::newRow("used") << QStringLiteral("used")
                              << static_cast<int>(ErrorCode::AlreadyExists);
        QTest::newRow("slash") << QStringLiteral("../x") << invalid;
        QTest::newRow("newline") << QStringLiteral("a\nb") << invalid;
        QTest::newRow("long") << QString(10000, u'x') << invalid;
        QTest::newRow("empty") << QString() << invalid;
    }
    void refusedNamesLeaveNothingBehind() {
        QFETCH(QString, name);
        QFETCH(int, code);
        const auto library = open();
        QVERIFY(library->add(named(QStringLiteral("used"))).result());
        const auto added = library->add(named(name)).result();
        QVERIFY(!added);
        QCOMPARE(static_cast<int>(added.error().code), code);
        QCOMPARE(
            QDir(path(QStringLiteral("machines"))).entryList(QDir::Dirs | QDir::NoDotAndDotDot),
            QStringList{QStringLiteral("used")});
        QCOMPARE(open()->machines().size(), 1);
    }

    void takenFoldersGetANumber() {
        QVERIFY(QDir().mkpath(path(QStringLiteral("machines/web/user's files"))));
        const auto library = open();
        const auto first = library->add(named(QStringLiteral("web"))).result();
        QTRY_VERIFY(library->find(*first));
        QCOMPARE(library->find(*first)->folder, path(QStringLiteral("machines/web 2")));
        Machine renamed = *library->find(*first);
        renamed.settings.name = QStringLiteral("old web");
        QVERIFY(library->update(renamed).result());
        const auto second = library->add(named(QStringLiteral("web"))).result();
        QTRY_VERIFY(library->find(*second));
        QCOMPARE(library->find(*second)->folder, path(QStringLiteral("machines/web 3")));
    }

    void aLongNameStillGetsAFolder() {
        const QString name = QString::fromUtf8("🐟").repeated(63) + QStringLiteral("abc");
        QVERIFY(QDir().mkpath(path(QStringLiteral("machines/")) + name + QStringLiteral("/x")));
        QVERIFY(open()->add(named(name)).result());
    }

    void listIsInOrderOfDisplay() {
        const auto library = open();
        for (const char* name : {"web 10", "Alpha", "web 9", "beta"})
            QVERIFY(library->add(named(QString::fromLatin1(name))).result());
        QVERIFY(library->add(named(QStringLiteral("aaa"), QStringLiteral("z group"))).result());
        Mirror mirror(*library);
        const QStringList expected{QStringLiteral("Alpha"), QStringLiteral("beta"),
                                   QStringLiteral("web 9"), QStringLiteral("web 10"),
                                   QStringLiteral("aaa")};
        QTRY_COMPARE(mirror.present(), expected);
    }

    void signalsDescribeEveryChange() {
        const auto library = open();
        Mirror mirror(*library);
        QRandomGenerator random(4711);
        for (int round = 0; round < 60; ++round) {
            const auto count = static_cast<int>(library->machines().size());
            const QString name = QStringLiteral("m %1").arg(random.bounded(1000));
            const QString group = QStringLiteral("g%1").arg(random.bounded(3));
            const int dice = count < 5 ? 0 : static_cast<int>(random.bounded(4));
            if (dice == 0) {
                library->add(named(name, group)).waitForFinished();
            } else if (dice == 1) {
                library
                    ->remove(library->machines().at(random.bounded(count)).id,
                             Library::Files::Delete)
                    .waitForFinished();
            } else {
                Machine machine = library->machines().at(random.bounded(count));
                machine.group = group;
                machine.settings.name = name;
                library->update(machine).waitForFinished();
            }
            QCoreApplication::processEvents();
            QVERIFY(mirror.faithful());
        }
        QStringList stored;
        for (const auto reopened = open(); const Machine& machine : reopened->machines())
            stored << machine.settings.name;
        QCOMPARE(stored, mirror.present());
    }

    void resolveTakesNamesIdsAndPrefixes() {
        const auto library = open();
        const auto id = library->add(named(QStringLiteral("deadbeef"))).result();
        Machine twin = named(QStringLiteral("twin"));
        twin.id = MachineId::fromString(id->toString().left(9) +
                                        QStringLiteral("1111-2222-3333-444444444444"));
        QVERIFY(library->add(twin).result());
        QTRY_VERIFY(library->find(twin.id));
        QCOMPARE(*library->resolve(QStringLiteral("deadbeef")), *id);
        QCOMPARE(*library->resolve(id->toString().toUpper()), *id);
        QCOMPARE(*library->resolve(twin.id.toString().left(13)), twin.id);
        QCOMPARE(library->resolve(id->toString().left(8)).error().code, ErrorCode::InvalidArgument);
        QCOMPARE(library->resolve(id->toString().left(4)).error().code, ErrorCode::NotFound);
        QCOMPARE(library->resolve(QString()).error().code, ErrorCode::NotFound);
    }

    void removingDeletesOnlyOwnFiles() {
        const auto library = open();
        const auto id = library->add(named(QStringLiteral("one"))).result();
        QTRY_VERIFY(library->find(*id));
        Machine machine = *library->find(*id);
        const auto touch = [](const QString& file) {
            QVERIFY(QFile(file).open(QIODevice::WriteOnly));
        };
        for (const char* name :
             {"/lock", "/worker.log", "/worker.log.1", "/disk.img", "/shared.img", "/mine.txt"})
            touch(machine.folder + QString::fromLatin1(name));
        touch(path(QStringLiteral("outside.img")));
        machine.settings.drives = {
            {DriveType::HardDisk, 0, machine.folder + QStringLiteral("/disk.img"), false},
            {DriveType::HardDisk, 1, path(QStringLiteral("outside.img")), false},
            {DriveType::HardDisk, 2, machine.folder + QStringLiteral("/shared.img"), true}};
        QVERIFY(library->update(machine).result());
        Machine other = named(QStringLiteral("two"));
        other.settings.drives = {machine.settings.drives.at(2)};
        QVERIFY(library->add(other).result());

        QVERIFY(library->remove(*id, Library::Files::Delete).result());

        QCOMPARE(QDir(machine.folder).entryList(QDir::Files),
                 (QStringList{QStringLiteral("mine.txt"), QStringLiteral("shared.img")}));
        QVERIFY(QFile::exists(path(QStringLiteral("outside.img"))));
        QTRY_VERIFY(!library->find(*id));
        QCOMPARE(library->remove(*id, Library::Files::Delete).result().error().code,
                 ErrorCode::NotFound);
    }

    void removingKeepsFilesWhenAsked() {
        const auto library = open();
        const auto id = library->add(named(QStringLiteral("one"))).result();
        QFile disk(path(QStringLiteral("machines/one/worker.log")));
        QVERIFY(disk.open(QIODevice::WriteOnly));
        QVERIFY(library->remove(*id, Library::Files::Keep).result());
        QVERIFY(disk.exists());
    }

    void aRunningMachineIsNotRemoved() {
        const auto library = open();
        const auto id = library->add(named(QStringLiteral("one"))).result();
        const auto lock = MachineLock::acquire(path(QStringLiteral("machines/one")));
        QVERIFY(lock);
        const auto removed = library->remove(*id, Library::Files::Delete).result();
        QVERIFY(!removed);
        QCOMPARE(removed.error().code, ErrorCode::WrongState);
        QCOMPARE(open()->machines().size(), 1);
    }

    void aMachineWhoseFolderIsGoneCanBeRemoved() {
        const auto library = open();
        const auto id = library->add(named(QStringLiteral("one"))).result();
        QVERIFY(QDir().rmdir(path(QStringLiteral("machines/one"))));
        QVERIFY(library->remove(*id, Library::Files::Delete).result());
    }

    void eventsTellTheHistory() {
        const auto library = open();
        QSignalSpy spy(library.get(), &Library::eventAppended);
        const auto id = library->add(named(QStringLiteral("one"))).result();
        QTRY_VERIFY(library->find(*id));
        Machine machine = *library->find(*id);
        machine.settings.name = QStringLiteral("two");
        machine.settings.memoryMiB = 99;
        QVERIFY(library->update(machine).result());
        QVERIFY(library->recordStart(*id, {}).result());
        QVERIFY(
            *library->recordEnd(*id, MachineEvent::Kind::Aborted, QStringLiteral("why")).result());
        QVERIFY(!*library->recordEnd(*id, MachineEvent::Kind::Aborted, QStringLiteral("again"))
                      .result());

        using EventKind = MachineEvent::Kind;
        const auto events = library->events(*id).result();
        QList<EventKind> kinds;
        for (const MachineEvent& event : events)
            kinds << event.kind;
        QCOMPARE(kinds, (QList<EventKind>{EventKind::Created, EventKind::Renamed,
                                          EventKind::SettingsChanged, EventKind::Started,
                                          EventKind::Aborted}));
        QCOMPARE(events.at(2).detail, QStringLiteral("memoryMiB"));
        QCOMPARE(library->events(*id, 2).result().size(), 2);
        QCOMPARE(library->events(*id, 2).result().last().kind, EventKind::Aborted);
        QTRY_COMPARE(spy.size(), 5);
        QVERIFY(
            library->find(*id)->lastSeenRunning); // an aborted machine stays so until it runs again
        QVERIFY(library->recordStart(*id, {}).result());
        QVERIFY(*library->recordEnd(*id, EventKind::Stopped, {}).result());
        QTRY_VERIFY(!library->find(*id)->lastSeenRunning);
    }

    void historyIsBounded() {
        const auto library = open();
        const auto id = library->add(named(QStringLiteral("one"))).result();
        for (int i = 0; i < 1100; ++i)
            library->appendEvent(*id, MachineEvent::Kind::Reset, QString::number(i));
        const auto events = library->events(*id, 5000).result();
        QCOMPARE(events.size(), 1000);
        QCOMPARE(events.last().detail, QStringLiteral("1099"));
    }

    void settingTheRunningFlagIsSeen() {
        const auto library = open();
        const auto id = library->add(named(QStringLiteral("one"))).result();
        QVERIFY(settle(library->setLastSeenRunning(*id, true)));
        QVERIFY(library->find(*id)->lastSeenRunning);
        QVERIFY(open()->machines().first().lastSeenRunning);
        QCOMPARE(library->setLastSeenRunning(MachineId::createRandom(), true).result().error().code,
                 ErrorCode::NotFound);
    }

    void twoThousandMachinesOpenFast() {
        {
            const auto library = open();
            QFuture<Result<MachineId>> last;
            for (int i = 0; i < 2000; ++i)
                last = library->add(
                    named(QStringLiteral("machine %1").arg(i), QStringLiteral("g%1").arg(i % 20)));
            QVERIFY(last.result());
        }
        const auto library = open();
        QCOMPARE(library->machines().size(), 2000);
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::LibraryTest;
VIVARIUM_TEST(LibraryTest)
#include "library_test.moc"
