#include "core/settings/preferences.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium::test {

class PreferencesTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        m_paths.config = m_folder->path() + QStringLiteral("/config");
    }

    void missingFileGivesDefaults() { QCOMPARE(Preferences::load(m_paths), Preferences{}); }

    void savedValuesComeBack() {
        Preferences preferences;
        preferences.hostKey = QStringLiteral("f12");
        preferences.machinesFolder = QStringLiteral("/big, disk/ü");
        preferences.language = QStringLiteral("de");
        preferences.confirmClosing = false;
        QVERIFY(preferences.save(m_paths));
        QCOMPARE(Preferences::load(m_paths), preferences);
    }

    void unusableValuesKeepTheirDefaults() {
        QVERIFY(QDir().mkpath(m_paths.config));
        QFile file(Preferences::filePath(m_paths));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("[input]\nhostKey=nonsense\n[folders]\nmachines=relative\n\xff\xfe[[[\n");
        file.close();
        QCOMPARE(Preferences::load(m_paths), Preferences{});
    }

    void aFolderThatCannotBeMadeIsOneSentence() {
        QFile file(m_folder->path() + QStringLiteral("/config"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        const auto saved = Preferences{}.save(m_paths);
        QVERIFY(!saved);
        QVERIFY(QString::fromStdString(saved.error().detail)
                    .endsWith(QStringLiteral("cannot be made.")));
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    ApplicationPaths m_paths;
};

} // namespace vivarium::test

using vivarium::test::PreferencesTest;
VIVARIUM_TEST(PreferencesTest)
#include "preferences_test.moc"
