#include "tests/architecture/layer_table.h"
#include "tests/support/test_main.h"

#include <QDirIterator>
#include <QFile>
#include <QRegularExpression>
#include <QTest>

namespace vivarium::test {

namespace {

struct SourceFile {
    QString path; // relative to the project
    QString folder;
    QStringList lines;
    bool isTest() const {
        const QString name = path.mid(folder.size() + 1);
        return name.contains(QStringLiteral("_test")) || name.endsWith(QStringLiteral("_fuzz.cpp")) ||
               folder.endsWith(QStringLiteral("/test_support")) ||
               folder.startsWith(QStringLiteral("tests"));
    }
};

QList<SourceFile> sourceFiles() {
    const QString root = QStringLiteral(VIVARIUM_SOURCE_DIR);
    QList<SourceFile> files;
    for (const char* top : {"app", "core", "vmm", "ui", "tests"}) {
        QDirIterator it(root + u'/' + QString::fromLatin1(top),
                        {QStringLiteral("*.h"), QStringLiteral("*.cpp"), QStringLiteral("*.py")},
                        QDir::Files, QDirIterator::Subdirectories);
        while (it.hasNext()) {
            QFile file(it.next());
            if (!file.open(QIODevice::ReadOnly))
                continue;
            SourceFile source;
            source.path = QDir(root).relativeFilePath(file.fileName());
            source.folder = source.path.left(source.path.lastIndexOf(u'/'));
            source.lines = QString::fromUtf8(file.readAll()).split(u'\n');
            files << source;
        }
    }
    return files;
}

bool isInside(const QString& folder, const QString& parent) {
    return folder == parent || folder.startsWith(parent + u'/');
}

// Why `includer` must not include a file of `included`; empty when it may.
QString forbiddenReason(const QString& includer, const QString& included) {
    const auto table = layerTable();
    QString rule;
    for (auto it = table.begin(); it != table.end(); ++it)
        if (isInside(includer, it.key()) && it.key().size() > rule.size())
            rule = it.key();
    if (rule.isEmpty())
        return QStringLiteral("the folder is not in the layer table");
    if (isInside(included, includer) || isInside(included, rule))
        return {};
    for (const QString& allowed : table.value(rule)) {
        if (allowed.endsWith(QStringLiteral("/*")) ? isInside(included, allowed.chopped(2))
                                                   : isInside(included, allowed))
            return {};
    }
    return QStringLiteral("the layer table does not allow %1 -> %2").arg(includer, included);
}

} // namespace

class LayersTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyIncludeFollowsTheLayerTable() {
        static const QRegularExpression include(
            QStringLiteral("^\\s*#\\s*include\\s*\"((?:app|core|vmm|ui|tests)/[^\"]+)\""));
        int edges = 0;
        QStringList broken;
        for (const SourceFile& file : sourceFiles()) {
            for (const QString& line : file.lines) {
                const auto match = include.match(line);
                if (!match.hasMatch())
                    continue;
                ++edges;
                const QString target = match.captured(1);
                const QString folder = target.left(target.lastIndexOf(u'/'));
                if (file.isTest() && (isInside(folder, QStringLiteral("tests")) ||
                                      isInside(folder, QStringLiteral("vmm"))) &&
                    !file.folder.startsWith(QStringLiteral("vmm/base")))
                    continue; // a test may set up what its subject only borrows
                const QString reason = forbiddenReason(file.folder, folder);
                if (!reason.isEmpty() && !(file.isTest() && isInside(folder, QStringLiteral("tests"))))
                    broken << QStringLiteral("%1 includes %2: %3").arg(file.path, target, reason);
            }
        }
        QVERIFY2(edges > 100, "the include scan found hardly anything: its pattern is broken");
        QVERIFY2(broken.isEmpty(), qPrintable(broken.join(u'\n')));
    }

    void projectIncludesAreWrittenFromTheRoot() {
        static const QRegularExpression include(QStringLiteral("^\\s*#\\s*include\\s*\"([^\"/]+)\""));
        QStringList broken;
        for (const SourceFile& file : sourceFiles())
            for (const QString& line : file.lines) {
                const auto match = include.match(line);
                if (match.hasMatch() && !match.captured(1).endsWith(QStringLiteral(".moc")))
                    broken << file.path + QStringLiteral(": ") + line.trimmed();
            }
        QVERIFY2(broken.isEmpty(), qPrintable(broken.join(u'\n')));
    }

    void theEngineUsesNoQtAndTheCoreNoWidgets() {
        static const QRegularExpression include(QStringLiteral("^\\s*#\\s*include\\s*<(Q[A-Za-z/]*)>"));
        QStringList broken;
        for (const SourceFile& file : sourceFiles()) {
            if (file.isTest())
                continue;
            const QStringList forbidden = forbiddenQtPrefixes(file.folder);
            for (const QString& line : file.lines) {
                const auto match = include.match(line);
                for (const QString& prefix : forbidden)
                    if (match.hasMatch() && match.captured(1).startsWith(prefix))
                        broken << file.path + QStringLiteral(": ") + line.trimmed();
            }
        }
        QVERIFY2(broken.isEmpty(), qPrintable(broken.join(u'\n')));
    }

    void onlyTheMachineBuilderKnowsEveryDevice() {
        QMap<QString, QSet<QString>> deviceFolders;
        static const QRegularExpression include(
            QStringLiteral("^\\s*#\\s*include\\s*\"vmm/devices/([a-z_]+)/"));
        for (const SourceFile& file : sourceFiles()) {
            if (file.isTest() || !file.folder.startsWith(QStringLiteral("vmm")))
                continue;
            for (const QString& line : file.lines)
                if (const auto match = include.match(line); match.hasMatch())
                    deviceFolders[file.path].insert(match.captured(1));
        }
        QStringList broken;
        for (auto it = deviceFolders.begin(); it != deviceFolders.end(); ++it)
            if (it.value().size() > 3 && !it.key().startsWith(QStringLiteral("vmm/machine/machine_builder")) &&
                !it.key().startsWith(QStringLiteral("vmm/machine/machine_parts")))
                broken << it.key();
        QVERIFY2(broken.isEmpty(), qPrintable(broken.join(u'\n')));
    }

    void filesStayShort() {
        const auto reasons = longFiles();
        QStringList broken;
        for (const SourceFile& file : sourceFiles()) {
            const auto limit = reasons.contains(file.path) ? kMaxLongFileLines : kMaxLines;
            if (file.lines.size() > limit)
                broken << QStringLiteral("%1 has %2 lines, the limit is %3")
                              .arg(file.path)
                              .arg(file.lines.size())
                              .arg(limit);
        }
        QVERIFY2(broken.isEmpty(), qPrintable(broken.join(u'\n')));
    }

    void theTableItselfForbids() {
        QVERIFY(!forbiddenReason(QStringLiteral("vmm/base"), QStringLiteral("vmm/bus")).isEmpty());
        QVERIFY(!forbiddenReason(QStringLiteral("vmm/disk"), QStringLiteral("core/model")).isEmpty());
        QVERIFY(!forbiddenReason(QStringLiteral("core/model"), QStringLiteral("vmm/control")).isEmpty());
        QVERIFY(!forbiddenReason(QStringLiteral("core/database"), QStringLiteral("ui/text")).isEmpty());
        QVERIFY(forbiddenReason(QStringLiteral("ui/console"), QStringLiteral("core/supervisor")).isEmpty());
        QVERIFY(forbiddenReason(QStringLiteral("vmm/bus"), QStringLiteral("vmm/base")).isEmpty());
    }
};

} // namespace vivarium::test

using vivarium::test::LayersTest;
VIVARIUM_TEST(LayersTest)
#include "layers_test.moc"
