#include "core/disk_manager/disk_usage.h"

#include "tests/support/test_main.h"

#include <QTest>

namespace vivarium::test {

using namespace Qt::StringLiterals;

namespace {

Machine machineWith(const QString& name, const QString& disk) {
    Machine machine;
    machine.id = MachineId::createRandom();
    machine.settings.name = name;
    DriveSettings drive;
    drive.path = disk;
    drive.format = DiskFormat::Qcow2;
    machine.settings.drives << drive;
    return machine;
}

DiskLayer layerOf(const QString& path, const QString& parent, DiskLayer::Owner owner,
                  const MachineId& machine = {}) {
    DiskLayer layer;
    layer.path = path;
    layer.parent = parent;
    layer.owner = owner;
    layer.machine = machine;
    return layer;
}

bool mentions(const Result<void>& result, const char* text) {
    return !result && result.error().detail.find(text) != std::string::npos;
}

} // namespace

class DiskUsageTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void aFileNobodyKnowsIsFree() {
        const DiskUsage usage({machineWith(u"one"_s, u"/disks/one.qcow2"_s)}, {});
        QVERIFY(usage.mayChange(u"/disks/other.qcow2"_s));
        QVERIFY(usage.mayRelink(u"/disks/other.qcow2"_s));
        QVERIFY(usage.mayRemove(u"/disks/other.qcow2"_s));
        QVERIFY(!usage.statedFormat(u"/disks/other.qcow2"_s));
        QVERIFY(usage.machinesWith(u"/disks/other.qcow2"_s).isEmpty());
    }

    void aDriveIsKeptButMayGrow() {
        const DiskUsage usage({machineWith(u"one"_s, u"/disks/one.qcow2"_s)}, {});
        QVERIFY(usage.mayChange(u"/disks/one.qcow2"_s));
        QVERIFY(mentions(usage.mayRemove(u"/disks/../disks/one.qcow2"_s), "“one”"));
        QCOMPARE(usage.statedFormat(u"/disks/one.qcow2"_s), control::DiskFormat::Qcow2);
    }

    void aBaseIsNeitherChangedNorRemoved() {
        const Machine clone = machineWith(u"clone"_s, u"/m/clone.qcow2"_s);
        const DiskUsage usage({clone}, {layerOf(u"/m/base.qcow2"_s, {}, DiskLayer::Owner::User),
                                        layerOf(u"/m/clone.qcow2"_s, u"/m/base.qcow2"_s,
                                                DiskLayer::Owner::Program, clone.id)});
        QVERIFY(mentions(usage.mayChange(u"/m/base.qcow2"_s), "“clone”"));
        QVERIFY(mentions(usage.mayRemove(u"/m/base.qcow2"_s), "“clone”"));
        QVERIFY(usage.mayChange(u"/m/clone.qcow2"_s));
        QVERIFY(mentions(usage.mayRelink(u"/m/clone.qcow2"_s), "snapshots"));
    }

    void commitsOnlyIntoWhatNobodyElseNeeds() {
        const auto user = DiskLayer::Owner::User;
        const DiskUsage two(
            {}, {layerOf(u"/m/a"_s, u"/m/base"_s, user), layerOf(u"/m/b"_s, u"/m/base"_s, user)});
        QVERIFY(mentions(two.mayCommitInto(u"/m/base"_s, u"/m/a"_s), "/m/b"));
        const DiskUsage one({}, {layerOf(u"/m/a"_s, u"/m/base"_s, user)});
        QVERIFY(one.mayCommitInto(u"/m/base"_s, u"/m/a"_s));
        const DiskUsage drive({machineWith(u"one"_s, u"/m/base"_s)}, {});
        QVERIFY(mentions(drive.mayCommitInto(u"/m/base"_s, u"/m/a"_s), "“one”"));
    }

    void aSnapshotsLayerIsKept() {
        const Machine owner = machineWith(u"owner"_s, u"/m/now.qcow2"_s);
        const DiskUsage usage({owner}, {layerOf(u"/m/then.qcow2"_s, u"/m/base.qcow2"_s,
                                                DiskLayer::Owner::Program, owner.id)});
        QVERIFY(mentions(usage.mayRemove(u"/m/then.qcow2"_s), "snapshot of the machine “owner”"));
        QVERIFY(!usage.mayChange(u"/m/then.qcow2"_s));
    }

    void aSavedMachinesDiskIsNotChanged() {
        Machine saved = machineWith(u"saved"_s, u"/m/disk.qcow2"_s);
        saved.savedToken = u"token"_s;
        const DiskUsage usage({saved}, {});
        QVERIFY(mentions(usage.mayChange(u"/m/disk.qcow2"_s), "saved machine “saved”"));
    }
};

} // namespace vivarium::test

using vivarium::test::DiskUsageTest;
VIVARIUM_TEST(DiskUsageTest)
#include "disk_usage_test.moc"
