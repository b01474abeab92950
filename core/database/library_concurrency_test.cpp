#include "core/database/library.h"

#include "core/database/library_database.h"
#include "core/database/schema.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QTest>

#include <sys/wait.h>
#include <unistd.h>

namespace vivarium::test {

// Several programs at once, and programs that die: children are forked before this process opens
// the library, since a SQLite connection must not cross a fork.
class LibraryConcurrencyTest : public QObject {
    Q_OBJECT

    QString libraryFolder() const { return m_folder->path() + QStringLiteral("/library"); }
    QString machinesFolder() const { return m_folder->path() + QStringLiteral("/machines"); }
    Result<std::unique_ptr<LibraryDatabase>> openDatabase() const {
        return LibraryDatabase::open(libraryFolder(), machinesFolder());
    }

    // Runs `body` in a child process; its exit status is 0 when it returned true.
    template <class Body>
    static pid_t child(Body body) {
        const pid_t pid = ::fork();
        if (pid == 0)
            ::_exit(body() ? 0 : 1);
        return pid;
    }
    static int exitStatus(pid_t pid) {
        int status = -1;
        ::waitpid(pid, &status, 0);
        return status;
    }
    bool addMachines(const QString& prefix, int count) const {
        auto database = openDatabase();
        if (!database)
            return false;
        for (int i = 0; i < count; ++i) {
            Machine machine;
            machine.settings.name = prefix + QString::number(i);
            if (!(*database)->add(machine))
                return false;
        }
        return true;
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void twoProgramsCreateTheLibraryAtOnce() {
        const pid_t a = child([&] { return addMachines(QStringLiteral("a"), 40); });
        const pid_t b = child([&] { return addMachines(QStringLiteral("b"), 40); });
        QCOMPARE(exitStatus(a), 0);
        QCOMPARE(exitStatus(b), 0);
        const auto database = openDatabase();
        QVERIFY(database);
        QCOMPARE((*database)->takeChanges()->changed.size(), 80);
    }

    void manyProgramsUpgradeTheLibraryAtOnce() {
        QVERIFY(QDir().mkpath(libraryFolder()));
        const QString file = libraryFolder() + QStringLiteral("/library.sqlite");
        {
            const auto old = Database::open(file);
            QVERIFY(old);
            QVERIFY(upgradeSchema(**old, libraryMigrations().first(1)));
        }
        int gate[2];
        QVERIFY(::pipe(gate) == 0);
        std::vector<pid_t> programs;
        for (int i = 0; i < 12; ++i)
            programs.push_back(child([&] {
                char byte;
                return ::read(gate[0], &byte, 1) == 1 && openDatabase().has_value();
            }));
        QCOMPARE(::write(gate[1], "xxxxxxxxxxxx", 12), ssize_t(12));
        for (const pid_t program : programs)
            QCOMPARE(exitStatus(program), 0);
        ::close(gate[0]);
        ::close(gate[1]);
        QVERIFY(QFile::exists(file + QStringLiteral(".v1.backup")));
        // One saw the old schema, so none made a backup of a half-upgraded one.
        QCOMPARE(QDir(libraryFolder()).entryList({QStringLiteral("*.backup*")}).size(), 1);
    }

    void changesOfAnotherProgramArrive() {
        int gate[2];
        QVERIFY(::pipe(gate) == 0);
        const pid_t writer = child([&] {
            char byte;
            return ::read(gate[0], &byte, 1) == 1 && addMachines(QStringLiteral("other"), 3);
        });
        auto library = Library::open(libraryFolder(), machinesFolder());
        QVERIFY(library);
        QCOMPARE((*library)->machines().size(), 0);
        QCOMPARE(::write(gate[1], "x", 1), ssize_t(1));
        QTRY_COMPARE((*library)->machines().size(), 3);
        QCOMPARE(exitStatus(writer), 0);
        ::close(gate[0]);
        ::close(gate[1]);
    }

    void twoConnectionsSeeEachOther() {
        auto one = Library::open(libraryFolder(), machinesFolder());
        auto two = Library::open(libraryFolder(), machinesFolder());
        QVERIFY(one && two);
        Machine machine;
        machine.settings.name = QStringLiteral("shared");
        const auto id = (*one)->add(machine).result();
        QTRY_VERIFY((*one)->find(*id)); // hears of it by itself, perhaps after the other one
        QTRY_VERIFY((*two)->find(*id));
        Machine changed = *(*two)->find(*id);
        changed.settings.cpuCount = 5;
        QVERIFY((*two)->update(changed).result());
        QTRY_COMPARE((*one)->find(*id)->settings.cpuCount, 5u);
        QVERIFY((*two)->remove(*id, Library::Files::Delete).result());
        QTRY_VERIFY(!(*one)->find(*id));
    }

    void aKilledWriterLeavesALibraryThatOpens() {
        QVERIFY(addMachines(QStringLiteral("base"), 5));
        QRandomGenerator random(99);
        for (int round = 0; round < 25; ++round) {
            int progress[2];
            QVERIFY(::pipe(progress) == 0);
            const pid_t writer = child([&] {
                auto database = openDatabase();
                if (!database)
                    return false;
                for (int i = 0;; ++i) {
                    Machine machine;
                    machine.settings.name = QStringLiteral("r%1 i%2").arg(round).arg(i);
                    machine.notes = QString(5000, u'n');
                    const auto id = (*database)->add(machine);
                    if (!id || ::write(progress[1], "x", 1) != 1)
                        return false;
                    if (i % 2 == 0 && !(*database)->remove(*id, LibraryDatabase::Files::Delete))
                        return false;
                }
            });
            ::close(progress[1]);
            // Killed while it works, a different number of steps in each round.
            QByteArray steps(1 + random.bounded(12), '\0');
            ssize_t seen = 0;
            while (seen < steps.size()) {
                const ssize_t length =
                    ::read(progress[0], steps.data(), static_cast<size_t>(steps.size() - seen));
                if (length <= 0)
                    break;
                seen += length;
            }
            QCOMPARE(seen, steps.size());
            ::kill(writer, SIGKILL);
            exitStatus(writer);
            ::close(progress[0]);

            auto database = openDatabase();
            QVERIFY2(database, database ? "" : database.error().detail.c_str());
            const auto all = (*database)->takeChanges();
            QVERIFY(all);
            QVERIFY(all->changed.size() >= 5);
            for (const Machine& machine : all->changed)
                QVERIFY2(QDir(machine.folder).exists(), qPrintable(machine.folder));
        }
        auto check = Database::open(libraryFolder() + QStringLiteral("/library.sqlite"));
        auto statement = (*check)->prepare("PRAGMA integrity_check");
        QVERIFY(*statement->step());
        QCOMPARE(statement->text(0), QStringLiteral("ok"));
    }

    void interruptedDeletionsAreFinishedAtTheNextOpening() {
        QVERIFY(addMachines(QStringLiteral("m"), 1));
        const QString folder = machinesFolder() + QStringLiteral("/m0");
        QFile log(folder + QStringLiteral("/worker.log"));
        QVERIFY(log.open(QIODevice::WriteOnly));
        {
            // What a program leaves that dies between its commit and the deletion.
            auto database = Database::open(libraryFolder() + QStringLiteral("/library.sqlite"));
            QVERIFY((*database)->run("INSERT INTO pending_deletions (path, folder) VALUES (?1, ?2)",
                                     log.fileName(), folder));
            QVERIFY((*database)->execute("DELETE FROM machines"));
        }
        QVERIFY(openDatabase());
        QVERIFY(!log.exists());
        QVERIFY(!QDir(folder).exists());
        auto database = Database::open(libraryFolder() + QStringLiteral("/library.sqlite"));
        QCOMPARE(*(*database)->number("SELECT count(*) FROM pending_deletions"), 0);
    }

    void anInterruptedDeletionSparesANewMachine() {
        QVERIFY(addMachines(QStringLiteral("m"), 1));
        const QString folder = machinesFolder() + QStringLiteral("/m0");
        QFile log(folder + QStringLiteral("/worker.log"));
        QVERIFY(log.open(QIODevice::WriteOnly));
        {
            auto database = Database::open(libraryFolder() + QStringLiteral("/library.sqlite"));
            QVERIFY((*database)->run("INSERT INTO pending_deletions (path, folder) VALUES (?1, ?2)",
                                     log.fileName(), folder));
        }
        QVERIFY(openDatabase());
        QVERIFY(log.exists());
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::LibraryConcurrencyTest;
VIVARIUM_TEST(LibraryConcurrencyTest)
#include "library_concurrency_test.moc"
