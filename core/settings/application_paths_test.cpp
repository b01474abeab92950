#include "core/settings/application_paths.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QTest>

namespace vivarium::test {

class ApplicationPathsTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() {
        for (const char* name :
             {"VIVARIUM_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"})
            qunsetenv(name);
    }

    void vivariumHomeMovesEverything() {
        qputenv("VIVARIUM_HOME", "/some/where/");
        const auto paths = ApplicationPaths::fromEnvironment();
        QCOMPARE(paths.library, QStringLiteral("/some/where/library"));
        QCOMPARE(paths.machines, QStringLiteral("/some/where/machines"));
        QCOMPARE(paths.runtime, QStringLiteral("/some/where/run"));
        QCOMPARE(paths.config, QStringLiteral("/some/where/config"));
    }

    void aRelativeHomeIsMadeAbsolute() {
        qputenv("VIVARIUM_HOME", "portable");
        QCOMPARE(ApplicationPaths::fromEnvironment().library,
                 QDir::currentPath() + QStringLiteral("/portable/library"));
    }

    void xdgFoldersAreUsed() {
        qputenv("XDG_DATA_HOME", "/d");
        qputenv("XDG_CONFIG_HOME", "/c");
        qputenv("XDG_RUNTIME_DIR", "/r");
        const auto paths = ApplicationPaths::fromEnvironment();
        QCOMPARE(paths.library, QStringLiteral("/d/vivarium"));
        QCOMPARE(paths.machines, QStringLiteral("/d/vivarium/machines"));
        QCOMPARE(paths.runtime, QStringLiteral("/r/vivarium"));
        QCOMPARE(paths.config, QStringLiteral("/c/vivarium"));
    }

    void relativeOrMissingXdgFoldersFallBack() {
        qputenv("XDG_DATA_HOME", "relative");
        const auto paths = ApplicationPaths::fromEnvironment();
        QCOMPARE(paths.library, QDir::homePath() + QStringLiteral("/.local/share/vivarium"));
        QVERIFY(paths.runtime.startsWith(QStringLiteral("/tmp/vivarium-")));
    }
};

} // namespace vivarium::test

using vivarium::test::ApplicationPathsTest;
VIVARIUM_TEST(ApplicationPathsTest)
#include "application_paths_test.moc"
