#include "core/database/layer_rows.h"

#include "core/database/library.h"
#include "core/database/library_database.h"
#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium::test {

class LayerRowsTest : public QObject {
    Q_OBJECT

    QString path(const QString& name) const { return m_folder->path() + u'/' + name; }
    static DiskLayer layer(const QString& path, const QString& parent = {},
                           DiskLayer::Owner owner = DiskLayer::Owner::User,
                           const MachineId& machine = {}) {
        DiskLayer made;
        made.path = path;
        made.parent = parent;
        made.format = parent.isEmpty() ? DiskFormat::Raw : DiskFormat::Qcow2;
        made.owner = owner;
        made.machine = machine;
        made.sizeBytes = 1 << 20;
        made.stamp = QStringLiteral("1:2:3");
        return made;
    }
    static QStringList paths(const QList<DiskLayer>& layers) {
        QStringList list;
        for (const DiskLayer& one : layers)
            list << one.path;
        return list;
    }
    MachineId addMachine(const QString& name, const QString& disk,
                         DiskFormat format = DiskFormat::Qcow2) {
        Machine machine;
        machine.settings.name = name;
        if (!disk.isEmpty())
            machine.settings.drives = {
                {DriveType::HardDisk, 0, disk, false, DriveBus::Sata, format}};
        const auto id = m_library->add(machine);
        return id ? *id : MachineId();
    }
    Machine machine(const MachineId& id) {
        Machine found;
        const auto changes = m_library->takeChanges();
        if (changes)
            for (const Machine& one : changes->changed)
                m_known.insert(one.id, one);
        return m_known.value(id);
    }
    bool touch(const QString& file) const {
        return QDir().mkpath(QFileInfo(file).path()) && QFile(file).open(QIODevice::WriteOnly);
    }

private Q_SLOTS:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        auto opened = LibraryDatabase::open(path(QStringLiteral("library")),
                                            path(QStringLiteral("machines")));
        QVERIFY(opened);
        m_library = std::move(*opened);
        auto connection = Database::open(path(QStringLiteral("library/library.sqlite")));
        QVERIFY(connection);
        m_database = std::move(*connection);
        m_known.clear();
    }
    void cleanup() {
        m_database.reset();
        m_library.reset();
    }

    void aChainIsReadBaseFirst() {
        const DiskLayer base = layer(QStringLiteral("/base"));
        const DiskLayer middle = layer(QStringLiteral("/middle"), base.path);
        const DiskLayer top = layer(QStringLiteral("/top"), middle.path);
        QVERIFY(m_library->learnLayers({base, middle, top}));
        QVERIFY(m_library->learnLayers({layer(QStringLiteral("/side"), base.path)}));

        QCOMPARE(*layer_rows::readChain(*m_database, top.path), (QList{base, middle, top}));
        QCOMPARE(*layer_rows::readChain(*m_database, base.path), QList{base});
        QVERIFY(layer_rows::readChain(*m_database, QStringLiteral("/other"))->isEmpty());
        QCOMPARE(paths(*m_library->layersOf({middle.path})),
                 (QStringList{base.path, middle.path, top.path}));
        QCOMPARE(m_library->layers()->size(), 4);
        QCOMPARE(paths(m_library->layerUsers(base.path)->children),
                 (QStringList{middle.path, QStringLiteral("/side")}));
    }

    void aLayerThatOthersStandOnIsNotRemoved() {
        const DiskLayer base = layer(QStringLiteral("/base"));
        const DiskLayer top = layer(QStringLiteral("/top"), base.path);
        QVERIFY(m_library->learnLayers({base, top}));
        QCOMPARE(layer_rows::remove(*m_database, base.path).error().code, ErrorCode::AlreadyExists);
        QVERIFY(!layer_rows::put(*m_database, layer(QStringLiteral("/x"), QStringLiteral("/no"))));
        QVERIFY(layer_rows::remove(*m_database, top.path));
        QVERIFY(layer_rows::remove(*m_database, base.path));
    }

    void renamingTakesChildrenAndDrivesAlong() {
        const DiskLayer base = layer(QStringLiteral("/base"));
        QVERIFY(m_library->learnLayers({base, layer(QStringLiteral("/top"), base.path)}));
        QVERIFY(!addMachine(QStringLiteral("one"), QStringLiteral("/top")).isNull());
        QVERIFY(layer_rows::rename(*m_database, base.path, QStringLiteral("/moved")));
        QVERIFY(layer_rows::rename(*m_database, QStringLiteral("/top"), QStringLiteral("/new")));
        QCOMPARE(paths(*layer_rows::readChain(*m_database, QStringLiteral("/new"))),
                 (QStringList{QStringLiteral("/moved"), QStringLiteral("/new")}));
        QCOMPARE(layer_rows::readUsers(*m_database, QStringLiteral("/new"))->machines.size(), 1);
    }

    // A merge may have re-parented a layer while somebody looked into its file.
    void oldNewsDoNotUndoWhatTheProgramDid() {
        const DiskLayer base = layer(QStringLiteral("/base"));
        const DiskLayer other = layer(QStringLiteral("/other"));
        DiskLayer ours = layer(QStringLiteral("/ours"), base.path, DiskLayer::Owner::Program);
        DiskLayer theirs = layer(QStringLiteral("/theirs"), base.path);
        QVERIFY(m_library->learnLayers({base, other, ours, theirs}));
        for (DiskLayer* one : {&ours, &theirs}) {
            DiskLayer news = *one;
            news.parent = other.path;
            news.stamp = QStringLiteral("9:9:9");
            QVERIFY(m_library->learnLayers({news}));
        }
        QCOMPARE(*layer_rows::read(*m_database, ours.path), std::optional(ours));
        QCOMPARE((*layer_rows::read(*m_database, theirs.path))->parent, other.path);
        ours.stamp = QStringLiteral("8:8:8");
        QVERIFY(m_library->learnLayers({ours}));
        QCOMPARE(*layer_rows::read(*m_database, ours.path), std::optional(ours));
    }

    void filesOfTheUserAreForgottenWithTheirDrive() {
        const DiskLayer base = layer(QStringLiteral("/base"));
        const DiskLayer kept = layer(QStringLiteral("/kept"), {}, DiskLayer::Owner::Program);
        QVERIFY(m_library->learnLayers({base, layer(QStringLiteral("/top"), base.path), kept}));
        Machine one = machine(addMachine(QStringLiteral("one"), QStringLiteral("/top")));
        one.settings.drives.clear();
        QVERIFY(m_library->update(one));
        QCOMPARE(*m_library->layers(), QList{kept});
    }

    void whatOthersStandOnIsNotWrittenTo() {
        const DiskLayer base = layer(QStringLiteral("/base"));
        QVERIFY(m_library->learnLayers({base, layer(QStringLiteral("/top"), base.path)}));
        Machine writer;
        writer.settings.name = QStringLiteral("writer");
        writer.settings.drives = {{DriveType::HardDisk, 0, base.path, false}};
        const auto refused = m_library->add(writer);
        QCOMPARE(refused.error().code, ErrorCode::Busy);
        QVERIFY(QString::fromStdString(refused.error().detail).contains(QStringLiteral("/top")));
        writer.settings.drives[0].readOnly = true;
        QVERIFY(m_library->add(writer));
    }

    void theFormatOfADriveIsStored() {
        const MachineId id = addMachine(QStringLiteral("one"), QStringLiteral("/disk"));
        QCOMPARE(machine(id).settings.drives.at(0).format, DiskFormat::Qcow2);
    }

    void removingAMachineDeletesItsLayers() {
        Machine one = machine(addMachine(QStringLiteral("one"), {}));
        const QString base = one.folder + QStringLiteral("/disk.img");
        const QString top = one.folder + QStringLiteral("/snapshots/disk-1.qcow2");
        const QString foreign = path(QStringLiteral("foreign.img"));
        for (const QString& file : {base, top, foreign})
            QVERIFY(touch(file));
        QVERIFY(m_library->learnLayers({layer(foreign),
                                        layer(base, foreign, DiskLayer::Owner::Program, one.id),
                                        layer(top, base, DiskLayer::Owner::Program, one.id)}));
        one.settings.drives = {
            {DriveType::HardDisk, 0, top, false, DriveBus::Sata, DiskFormat::Qcow2}};
        QVERIFY(m_library->update(one));
        QVERIFY(m_library->remove(one.id, LibraryDatabase::Files::Delete));
        QVERIFY(!QFile::exists(one.folder));
        QVERIFY(QFile::exists(foreign));
        QVERIFY(m_library->layers()->isEmpty());
    }

    void filesThatAnotherMachineNeedsAreNotDeleted() {
        Machine one = machine(addMachine(QStringLiteral("one"), {}));
        const QString base = one.folder + QStringLiteral("/disk.img");
        QVERIFY(touch(base));
        QVERIFY(m_library->learnLayers({layer(base, {}, DiskLayer::Owner::Program, one.id),
                                        layer(QStringLiteral("/clone"), base)}));
        QVERIFY(!addMachine(QStringLiteral("linked"), QStringLiteral("/clone")).isNull());
        const auto refused = m_library->remove(one.id, LibraryDatabase::Files::Delete);
        QCOMPARE(refused.error().code, ErrorCode::WrongState);
        const QString why = QString::fromStdString(refused.error().detail);
        QVERIFY2(why.contains(QStringLiteral("“linked”")) && why.contains(base), qPrintable(why));
        QVERIFY(QFile::exists(base));

        QVERIFY(m_library->remove(one.id, LibraryDatabase::Files::Keep));
        QVERIFY(QFile::exists(base));
        QCOMPARE(paths(*layer_rows::readChain(*m_database, QStringLiteral("/clone"))),
                 (QStringList{base, QStringLiteral("/clone")}));
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<LibraryDatabase> m_library;
    std::unique_ptr<Database> m_database; // a second look at the same file
    QHash<MachineId, Machine> m_known;
};

} // namespace vivarium::test

using vivarium::test::LayerRowsTest;
VIVARIUM_TEST(LayerRowsTest)
#include "layer_rows_test.moc"
