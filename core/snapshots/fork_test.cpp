#include "core/database/lock_file.h"
#include "core/model/mac_address_text.h"
#include "core/snapshots/snapshot_test_machine.h"
#include "tests/support/test_main.h"

#include <QFile>
#include <QSet>

#include <fcntl.h>

namespace vivarium::test {

using namespace Qt::StringLiterals;

class ForkTest : public QObject {
    Q_OBJECT

    // Whether nobody else has the file.
    static bool isFree(const QString& path) {
        const UniqueFd fd(::open(QFile::encodeName(path).constData(), O_RDWR | O_CLOEXEC));
        return fd && !isLockHeld(fd.get());
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = SnapshotTestFolder::useRealWorker(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }
    void cleanupTestCase() { qunsetenv("VIVARIUM_TEST_WORKER"); }

    void eachCopyHasItsOwnMacAddresses() {
        const SnapshotTestFolder folder;
        SnapshotTestFolder::Program program = folder.open();
        const MachineId id = folder.add(program, u"one"_s);
        Machine machine = *program.library->find(id);
        machine.settings.networkCards = {{0, MacAddress::random()}, {2, MacAddress::random()}};
        QVERIFY(SnapshotTestFolder::wait(program.library->update(machine)));
        QVERIFY(SnapshotTestFolder::wait(program.supervisor->start(id)));
        const auto copies = SnapshotTestFolder::wait(program.service->fork(id, 2));
        QVERIFY2(copies, copies ? "" : copies.error().detail.c_str());
        QSet<QString> addresses;
        for (const MachineId& other : QList<MachineId>{id} + *copies) {
            const Machine* known = program.library->find(other);
            QVERIFY(known);
            QCOMPARE(known->settings.networkCards.size(), 2);
            QCOMPARE(known->settings.networkCards.at(1).slot, 2u);
            for (const NetworkCardSettings& card : known->settings.networkCards)
                addresses << macAddressText(card.macAddress);
        }
        QCOMPARE(addresses.size(), 6);
        QVERIFY(program.library->find(id)->settings.networkCards == machine.settings.networkCards);
        for (const MachineId& other : QList<MachineId>{id} + *copies) {
            QVERIFY(QTest::qWaitFor([&] { return program.supervisor->connection(other); }));
            QVERIFY(SnapshotTestFolder::wait(program.supervisor->powerOff(other)));
        }
    }

    void whatACopyStandsOnStaysLocked() {
        const SnapshotTestFolder folder;
        SnapshotTestFolder::Program program = folder.open();
        const MachineId id = folder.add(program, u"one"_s);
        const QString disk = program.library->find(id)->settings.drives.first().path;
        QVERIFY(SnapshotTestFolder::wait(program.supervisor->start(id)));
        const auto copies = SnapshotTestFolder::wait(program.service->fork(id, 1));
        QVERIFY2(copies, copies ? "" : copies.error().detail.c_str());
        QVERIFY(QTest::qWaitFor([&] { return program.supervisor->connection(copies->first()); }));
        QVERIFY(SnapshotTestFolder::wait(program.supervisor->powerOff(id)));
        QTRY_VERIFY(!isFree(disk)); // the copy locks it as soon as it hears of the original's end
        QVERIFY(SnapshotTestFolder::wait(program.supervisor->powerOff(copies->first())));
        QTRY_VERIFY(isFree(disk));
    }
};

} // namespace vivarium::test

using vivarium::test::ForkTest;
VIVARIUM_TEST(ForkTest)
#include "fork_test.moc"
