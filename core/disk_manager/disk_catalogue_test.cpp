#include "core/disk_manager/disk_catalogue.h"

#include "tests/support/test_main.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

namespace vivarium::test {

using namespace Qt::StringLiterals;

class DiskCatalogueTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void drivesAndFilesAreListedOnce() {
        const QTemporaryDir folder;
        QVERIFY(QDir(folder.path()).mkpath(u"one/snapshots"_s));
        const auto make = [&](const QString& name, qint64 bytes) {
            QFile file(folder.filePath(name));
            QVERIFY(file.open(QIODevice::WriteOnly));
            QVERIFY(file.resize(bytes));
        };
        make(u"one/disk 9.qcow2"_s, 1000);
        make(u"one/disk 2.img"_s, 1 << 20);
        make(u"one/snapshots/layer.qcow2"_s, 1000);
        make(u"install.iso"_s, 2048);
        make(u"notes.txt"_s, 5);
        Machine machine;
        machine.settings.name = u"one"_s;
        machine.settings.drives = {
            {DriveType::HardDisk, 0, folder.filePath(u"one/../one/disk 9.qcow2"_s)},
            {DriveType::HardDisk, 1, folder.filePath(u"gone.img"_s)},
            {DriveType::Optical, 2, QString()}};
        machine.settings.drives[0].format = DiskFormat::Qcow2;
        const QList<CatalogueEntry> list = listImages({machine}, folder.path(), folder.path());
        QStringList names;
        for (const CatalogueEntry& entry : list)
            names << QFileInfo(entry.path).fileName();
        QCOMPARE(names, (QStringList{u"disk 2.img"_s, u"disk 9.qcow2"_s, u"gone.img"_s,
                                     u"install.iso"_s}));
        QCOMPARE(list.at(0).machines, QStringList());
        QCOMPARE(list.at(0).kind, control::ImageKind::Detect);
        QCOMPARE(list.at(0).fileBytes, uint64_t{1 << 20});
        QCOMPARE(list.at(1).machines, QStringList{u"one"_s});
        QCOMPARE(list.at(1).kind, control::ImageKind::Qcow2);
        QVERIFY(!list.at(2).exists);
        QCOMPARE(list.at(3).type, DriveType::Optical);
    }
};

} // namespace vivarium::test

using vivarium::test::DiskCatalogueTest;
VIVARIUM_TEST(DiskCatalogueTest)
#include "disk_catalogue_test.moc"
