#include "core/jobs/new_file.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

namespace vivarium::test {

using namespace Qt::StringLiterals;

class NewFileTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> m_folder;

    QString path(const QString& name) const { return m_folder->filePath(name); }
    QStringList entries() const {
        return QDir(m_folder->path())
            .entryList(QDir::Files | QDir::Hidden | QDir::NoDotAndDotDot, QDir::Name);
    }
    static void write(const QString& path, const QByteArray& text) {
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(text);
    }
    static QByteArray read(const QString& path) {
        QFile file(path);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void appearsOnlyWhenFinished_data() {
        QTest::addColumn<int>("naming");
        QTest::newRow("unnamed") << static_cast<int>(NewFile::Naming::Unnamed);
        QTest::newRow("hidden") << static_cast<int>(NewFile::Naming::Hidden);
    }
    void appearsOnlyWhenFinished() {
        QFETCH(int, naming);
        {
            auto abandoned = NewFile::create(path(u"a"_s), static_cast<NewFile::Naming>(naming));
            QVERIFY(abandoned);
            QVERIFY(!QFile::exists(path(u"a"_s)));
        }
        QCOMPARE(entries(), QStringList());
        auto file = NewFile::create(path(u"a"_s), static_cast<NewFile::Naming>(naming));
        QVERIFY(file);
        QCOMPARE(::write(file->fd().get(), "new", 3), ssize_t{3});
        QVERIFY(file->finish());
        QCOMPARE(read(path(u"a"_s)), QByteArray("new"));
        QCOMPARE(entries(), QStringList{u"a"_s});
    }

    void neverReplacesAFile() {
        for (const auto naming : {NewFile::Naming::Unnamed, NewFile::Naming::Hidden}) {
            const QString name = path(naming == NewFile::Naming::Hidden ? u"h"_s : u"u"_s);
            auto file = NewFile::create(name, naming);
            QVERIFY(file);
            write(name, "somebody was faster");
            const auto finished = file->finish();
            QVERIFY(!finished);
            QCOMPARE(finished.error().code, ErrorCode::AlreadyExists);
            QCOMPARE(read(name), QByteArray("somebody was faster"));
            QVERIFY(!NewFile::create(name, naming));
        }
    }

    void replacesAtOnceWhenTold() {
        write(path(u"a"_s), "old");
        ::chmod(QFile::encodeName(path(u"a"_s)).constData(), 0640);
        auto file =
            NewFile::create(path(u"a"_s), NewFile::Naming::Unnamed, NewFile::Target::Replaced);
        QVERIFY(file);
        QCOMPARE(::write(file->fd().get(), "new", 3), ssize_t{3});
        QCOMPARE(read(path(u"a"_s)), QByteArray("old"));
        QVERIFY(file->finish());
        QCOMPARE(read(path(u"a"_s)), QByteArray("new"));
        QCOMPARE(entries(), QStringList{u"a"_s});
        struct stat status {};
        QCOMPARE(::stat(QFile::encodeName(path(u"a"_s)).constData(), &status), 0);
        QCOMPARE(status.st_mode & 07777, mode_t{0640});
    }

    void leftoversGoAndOthersStay() {
        write(path(u".disk.img.0123abcd.part"_s), "of a killed program");
        write(path(u".mine.part"_s), "of somebody else");
        auto other = NewFile::create(path(u"b"_s), NewFile::Naming::Hidden);
        QVERIFY(other);
        QCOMPARE(entries().size(), 2);
        auto file = NewFile::create(path(u"disk.img"_s), NewFile::Naming::Hidden);
        QVERIFY(file);
        QVERIFY(other->finish()); // another one at work was left alone
        QVERIFY(file->finish());
        QCOMPARE(entries(), (QStringList{u".mine.part"_s, u"b"_s, u"disk.img"_s}));
    }

    void refusesWithASentence() {
        const auto missing = NewFile::create(path(u"no/where"_s), NewFile::Naming::Unnamed);
        QVERIFY(!missing);
        QCOMPARE(missing.error().code, ErrorCode::NotFound);
        QVERIFY(missing.error().detail.find("does not exist") != std::string::npos);
    }

    void longNamesHaveRoomForMore() {
        const QString name(255, u'n');
        auto file = NewFile::create(path(name), NewFile::Naming::Hidden);
        QVERIFY(file);
        QVERIFY(file->finish());
        QVERIFY(QFile::exists(path(name)));
    }
};

} // namespace vivarium::test

using vivarium::test::NewFileTest;
VIVARIUM_TEST(NewFileTest)
#include "new_file_test.moc"
