#include "core/database/schema.h"

#include "core/database/library_database.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <array>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace vivarium::test {

class SchemaTest : public QObject {
    Q_OBJECT

    QString file() const { return m_folder->path() + QStringLiteral("/library.sqlite"); }
    QByteArray content() const {
        QFile f(file());
        return f.open(QIODevice::ReadOnly) ? f.readAll() : QByteArray();
    }
    void write(const QByteArray& bytes) const {
        QFile f(file());
        QVERIFY(f.open(QIODevice::WriteOnly));
        f.write(bytes);
    }
    Result<std::unique_ptr<LibraryDatabase>> openLibrary() const {
        return LibraryDatabase::open(m_folder->path(),
                                     m_folder->path() + QStringLiteral("/machines"));
    }
    // One sentence for a user: names the file, ends with a full stop, has no second line.
    static bool isSentence(const Error& error, const QString& path) {
        const QString text = QString::fromStdString(error.detail);
        return text.contains(path) && text.endsWith(u'.') && !text.contains(u'\n');
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void aNewFileIsOurs() {
        QVERIFY(openLibrary());
        auto database = Database::open(file());
        QVERIFY(database);
        QCOMPARE(*(*database)->number("PRAGMA application_id"), kApplicationId);
        QCOMPARE(*(*database)->number("PRAGMA user_version"),
                 qint64(libraryMigrations().back().version));
        QCOMPARE(*(*database)->number("PRAGMA foreign_keys"), 1);
    }

    void migrationsAreNumberedWithoutGaps() {
        int expected = 1;
        for (const Migration& migration : libraryMigrations())
            QCOMPARE(migration.version, expected++);
    }

    void anEmptyFileIsANewLibrary() {
        write({});
        QVERIFY(openLibrary());
    }

    void upgradeKeepsDataAndMakesABackup() {
        const std::array one{Migration{1, "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (7);"}};
        const std::array two{one[0], Migration{2, "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 3;"}};
        {
            auto database = Database::open(file());
            QVERIFY(database);
            QVERIFY(upgradeSchema(**database, one));
        }
        auto database = Database::open(file());
        QVERIFY(upgradeSchema(**database, two));
        QCOMPARE(*(*database)->number("SELECT x + y FROM a"), 10);
        auto backup = Database::open(file() + QStringLiteral(".v1.backup"));
        QVERIFY(backup);
        QCOMPARE(*(*backup)->number("PRAGMA user_version"), 1);
        QCOMPARE(*(*backup)->number("SELECT x FROM a"), 7);
    }

    void drivesOfTheFirstSchemaAreOnSata() {
        {
            auto old = Database::open(file());
            QVERIFY(old);
            QVERIFY(upgradeSchema(**old, libraryMigrations().first(1)));
            QVERIFY((*old)->execute(
                "INSERT INTO machines VALUES ('m', 'Old', '', '', '/m', 0, 0, '{}', 1);"
                "INSERT INTO drives VALUES ('m', 0, 'disk', 3, '/a.img', 0);"));
        }
        auto database = Database::open(file());
        QVERIFY(database);
        QVERIFY(upgradeSchema(**database, libraryMigrations()));
        QCOMPARE(*(*database)->number("SELECT count(*) FROM drives WHERE bus = 'sata'"), qint64(1));
    }

    void drivesOfTheSecondSchemaAreRaw() {
        {
            auto old = Database::open(file());
            QVERIFY(old);
            QVERIFY(upgradeSchema(**old, libraryMigrations().first(2)));
            QVERIFY((*old)->execute(
                "INSERT INTO machines VALUES ('m', 'Old', '', '', '/m', 0, 0, '{}', 1);"
                "INSERT INTO drives VALUES ('m', 0, 'disk', 3, '/a.img', 0, 'nvme');"));
        }
        auto database = Database::open(file());
        QVERIFY(database);
        QVERIFY(upgradeSchema(**database, libraryMigrations()));
        QCOMPARE(*(*database)->number("SELECT count(*) FROM drives WHERE format = 'raw'"),
                 qint64(1));
    }

    void aFailedMigrationChangesNothing() {
        const std::array one{Migration{1, "CREATE TABLE a (x INTEGER);"}};
        const std::array two{one[0],
                             Migration{2, "CREATE TABLE b (x INTEGER); CREATE TABLE a (x);"}};
        auto database = Database::open(file());
        QVERIFY(upgradeSchema(**database, one));
        QVERIFY(!upgradeSchema(**database, two));
        QCOMPARE(*(*database)->number("PRAGMA user_version"), 1);
        QCOMPARE(*(*database)->number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
    }

    void aNewerSchemaIsRefusedAndUntouched() {
        QVERIFY(openLibrary());
        {
            auto database = Database::open(file());
            QVERIFY(
                (*database)->execute("PRAGMA user_version = 9999; PRAGMA journal_mode = DELETE"));
        }
        const QByteArray before = content();
        const auto opened = openLibrary();
        QVERIFY(!opened);
        QCOMPARE(opened.error().code, ErrorCode::Unsupported);
        QVERIFY2(isSentence(opened.error(), file()), opened.error().detail.c_str());
        QCOMPARE(content(), before);
    }

    void foreignFilesAreRefusedAndUntouched_data() {
        QTest::addColumn<QByteArray>("bytes");
        QTest::newRow("text")
            << QByteArray("This is not a database at all, but somebody's letter.\n").repeated(50);
        QTest::newRow("zeros") << QByteArray(8192, '\0');
        QTest::newRow("SQLite header, then rubbish")
            << QByteArray("SQLite format 3\0", 16) + QByteArray(8192, '\x55');
    }
    void foreignFilesAreRefusedAndUntouched() {
        QFETCH(QByteArray, bytes);
        write(bytes);
        const auto opened = openLibrary();
        QVERIFY(!opened);
        QCOMPARE(opened.error().code, ErrorCode::Corrupt);
        QVERIFY2(isSentence(opened.error(), file()), opened.error().detail.c_str());
        QCOMPARE(content(), bytes);
    }

    void anotherProgramsDatabaseIsRefused() {
        {
            auto database = Database::open(file());
            QVERIFY((*database)->execute("CREATE TABLE places (url TEXT)"));
        }
        const QByteArray before = content();
        const auto opened = openLibrary();
        QVERIFY(!opened);
        QCOMPARE(opened.error().code, ErrorCode::Corrupt);
        QVERIFY(QString::fromStdString(opened.error().detail)
                    .contains(QStringLiteral("another program")));
        QCOMPARE(content(), before);
    }

    void aDamagedLibraryIsOneSentence() {
        QVERIFY(openLibrary());
        {
            auto database = Database::open(file());
            QVERIFY((*database)->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
        }
        QByteArray bytes = content();
        std::fill(bytes.begin() + 4096, bytes.end(), '\x11');
        write(bytes);
        auto opened = openLibrary();
        const auto changes =
            opened ? (*opened)->takeChanges() : Result<LibraryChange>(opened.error());
        QVERIFY(!changes);
        QCOMPARE(changes.error().code, ErrorCode::Corrupt);
        QVERIFY2(isSentence(changes.error(), file()), changes.error().detail.c_str());
    }

    void aFolderWithoutWritePermissionIsOneSentence() {
        if (::geteuid() == 0 && ::seteuid(65534) != 0)
            QSKIP("needs a user without root's rights");
        const QString folder = m_folder->path() + QStringLiteral("/closed");
        const auto opened = LibraryDatabase::open(folder, folder);
        static_cast<void>(::seteuid(::getuid()));
        // Root's temporary folder is closed to the other user, as a read-only home is to its owner.
        if (opened)
            QSKIP("the temporary folder is open to every user");
        QCOMPARE(opened.error().code, ErrorCode::PermissionDenied);
        QVERIFY2(isSentence(opened.error(), folder), opened.error().detail.c_str());
    }

    void aReadOnlyFileIsOneSentence() {
        QVERIFY(openLibrary());
        // A file system that is read-only: a bind mount of the folder in a namespace of this
        // process.
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            QSKIP("needs the right to mount");
        const QByteArray folder = QFile::encodeName(m_folder->path());
        QVERIFY(::mount(folder.constData(), folder.constData(), nullptr, MS_BIND, nullptr) == 0);
        QVERIFY(::mount(nullptr, folder.constData(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY,
                        nullptr) == 0);
        const auto opened = openLibrary();
        QVERIFY(::umount(folder.constData()) == 0);
        QVERIFY(!opened);
        QCOMPARE(opened.error().code, ErrorCode::PermissionDenied);
        QVERIFY2(isSentence(opened.error(), file()), opened.error().detail.c_str());
    }

    void aFullFileSystemLosesNothing() {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            QSKIP("needs the right to mount");
        const QByteArray folder = QFile::encodeName(m_folder->path());
        QVERIFY(::mount("none", folder.constData(), "tmpfs", 0, "size=500k") == 0);
        {
            auto library = openLibrary();
            QVERIFY(library);
            Machine machine;
            machine.notes = QString(8000, u'n');
            int added = 0;
            Result<MachineId> last = MachineId();
            for (; added < 200; ++added) {
                machine.settings.name = QStringLiteral("m%1").arg(added);
                last = (*library)->add(machine);
                if (!last)
                    break;
            }
            QVERIFY(added > 3 && added < 200);
            QCOMPARE(last.error().code, ErrorCode::NoSpace);
            QVERIFY2(QString::fromStdString(last.error().detail).contains(QStringLiteral("full")),
                     last.error().detail.c_str());
            library = openLibrary();
            QVERIFY2(library, library ? "" : library.error().detail.c_str());
            QCOMPARE((*library)->takeChanges()->changed.size(), added);
        }
        QVERIFY(::umount2(folder.constData(), MNT_DETACH) == 0);
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

} // namespace vivarium::test

using vivarium::test::SchemaTest;
VIVARIUM_TEST(SchemaTest)
#include "schema_test.moc"
