#include "core/supervisor/worker_log.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <unistd.h>

namespace vivarium::test {

class WorkerLogTest : public QObject {
    Q_OBJECT

    static void write(const UniqueFd& fd, const QByteArray& text) {
        QCOMPARE(::write(fd.get(), text.constData(), static_cast<size_t>(text.size())),
                 text.size());
    }
    static QByteArray read(const QString& path) {
        QFile file(path);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("(missing)");
    }

private Q_SLOTS:
    void theLastThreeAreKept() {
        const QTemporaryDir folder;
        for (const char* text : {"one", "two", "three", "four", "five"})
            write(*worker_log::start(folder.path()), text);
        const QString log = worker_log::path(folder.path());
        QCOMPARE(read(log), QByteArray("five"));
        QCOMPARE(read(log + QStringLiteral(".1")), QByteArray("four"));
        QCOMPARE(read(log + QStringLiteral(".3")), QByteArray("two"));
        QCOMPARE(QDir(folder.path()).entryList(QDir::Files).size(), 4);
    }

    void lastWordsAreTheLastLines() {
        const auto log = worker_log::startInMemory();
        QVERIFY(log);
        QCOMPARE(worker_log::lastWords(log->get()), QString());
        for (int i = 0; i < 1000; ++i)
            write(*log, "line " + QByteArray::number(i) + '\n');
        const QStringList lines = worker_log::lastWords(log->get()).split(u'\n');
        QCOMPARE(lines.size(), 8);
        QCOMPARE(lines.first(), QStringLiteral("line 992"));
        QCOMPARE(lines.last(), QStringLiteral("line 999"));
    }

    void aFolderThatIsGoneHasNoLog() {
        const auto log = worker_log::start(QStringLiteral("/nowhere/at/all"));
        QVERIFY(!log);
        QCOMPARE(log.error().code, ErrorCode::NotFound);
        QCOMPARE(worker_log::lastWords(QStringLiteral("/nowhere")), QString());
    }
};

} // namespace vivarium::test

using vivarium::test::WorkerLogTest;
VIVARIUM_TEST(WorkerLogTest)
#include "worker_log_test.moc"
