#include "core/snapshots/snapshot_service.h"

#include "core/database/operation_lock.h"
#include "core/snapshots/snapshot_test_machine.h"
#include "tests/support/test_main.h"

#include <QFile>
#include <QSignalSpy>
#include <QTest>

namespace vivarium::test {

using namespace Qt::StringLiterals;

#define VERIFY_DONE(expression)                                                                    \
    do {                                                                                           \
        const auto done_ = (expression);                                                           \
        QVERIFY2(done_, done_ ? "" : done_.error().detail.c_str());                                \
    } while (false)

class SnapshotServiceTest : public QObject {
    Q_OBJECT

    using Program = SnapshotTestFolder::Program;

    template <class T>
    static Result<T> wait(const QFuture<Result<T>>& future) {
        return SnapshotTestFolder::wait(future);
    }
    QByteArray contents(Program& program, const MachineId& id) const {
        return SnapshotTestFolder::contents(program, id);
    }
    SnapshotId take(Program& program, const MachineId& id, const QString& name) {
        return wait(program.service->take(id, name, {})).value_or(SnapshotId());
    }
    static DriveSettings disk(Program& program, const MachineId& id) {
        return program.library->find(id)->settings.drives.first();
    }
    static void noComplaints(Program& program, const MachineId& id) {
        const QStringList complaints = SnapshotTestFolder::complaints(program, id);
        QVERIFY2(complaints.isEmpty(), qPrintable(complaints.join(u'\n')));
    }
    static bool reaches(Program& program, const MachineId& id, MachineState state) {
        return QTest::qWaitFor([&] { return program.supervisor->status(id).state == state; },
                               20'000);
    }

private Q_SLOTS:
    void initTestCase() {
        if (const QString reason = SnapshotTestFolder::missing(); !reason.isEmpty())
            QSKIP(qPrintable(reason));
    }
    void init() { m_folder = std::make_unique<SnapshotTestFolder>(); }
    void cleanup() {
        if (!m_folder)
            return;
        Program program = m_folder->open();
        for (const Machine& machine : program.library->machines())
            if (program.supervisor->connection(machine.id))
                wait(program.supervisor->powerOff(machine.id)).has_value();
    }

    void disksComeBackAsTheyWere() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        const QString base = disk(program, id).path;
        const QByteArray first = contents(program, id);
        QVERIFY(!first.isEmpty());
        QSignalSpy changes(program.service.get(), &SnapshotService::changed);
        const SnapshotId a = take(program, id, u"A"_s);
        QVERIFY(!a.isNull());
        QVERIFY(!changes.isEmpty());
        QVERIFY(disk(program, id).path != base);
        QVERIFY(SnapshotTestFolder::write(program, id, 1, 0));
        const QByteArray second = contents(program, id);
        const SnapshotId b = take(program, id, {});
        QVERIFY(!b.isNull());
        QCOMPARE(program.service->find(id, b)->name, u"Snapshot 1"_s);
        QCOMPARE(program.service->find(id, b)->parent, a);
        QCOMPARE(program.service->current(id), b);
        QVERIFY(!program.service->currentStateChanged(id));
        QVERIFY(SnapshotTestFolder::write(program, id, 2, 128));

        VERIFY_DONE(wait(program.service->restore(id, a)));
        QCOMPARE(program.service->current(id), a);
        QCOMPARE(contents(program, id), first);
        noComplaints(program, id);
        VERIFY_DONE(wait(program.service->restore(id, b)));
        QCOMPARE(contents(program, id), second);

        VERIFY_DONE(wait(program.service->remove(id, a)));
        QVERIFY(!program.service->find(id, a));
        QVERIFY(program.service->find(id, b)->parent.isNull());
        noComplaints(program, id);
        VERIFY_DONE(wait(program.service->restore(id, b)));
        QCOMPARE(contents(program, id), second);

        VERIFY_DONE(wait(program.service->remove(id, b)));
        QCOMPARE(disk(program, id).path, base); // all in one file again
        QCOMPARE(disk(program, id).format, DiskFormat::Raw);
        QCOMPARE(contents(program, id), second);
        noComplaints(program, id);
        QVERIFY(!QDir(program.library->find(id)->folder + u"/snapshots"_s).exists());
    }

    void aBranchedTreeKeepsEverySnapshot() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        QHash<SnapshotId, QByteArray> all;
        const auto snap = [&](int value) {
            SnapshotTestFolder::write(program, id, value, value * 64);
            const QByteArray now = contents(program, id);
            const SnapshotId snapshot = take(program, id, QString::number(value));
            all.insert(snapshot, now);
            return snapshot;
        };
        const SnapshotId root = snap(1);
        const SnapshotId middle = snap(2);
        snap(3);
        VERIFY_DONE(wait(program.service->restore(id, middle)));
        snap(4);
        VERIFY_DONE(wait(program.service->restore(id, root)));
        snap(5);
        QVERIFY(!all.contains(SnapshotId()));
        for (const SnapshotId& removed : {middle, root}) {
            VERIFY_DONE(wait(program.service->remove(id, removed)));
            all.remove(removed);
            noComplaints(program, id);
            for (auto it = all.begin(); it != all.end(); ++it) {
                VERIFY_DONE(wait(program.service->restore(id, it.key())));
                QCOMPARE(contents(program, id), it.value());
            }
        }
    }

    void aRunningMachineIsTakenAndComesBackSaved() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        VERIFY_DONE(wait(program.supervisor->start(id)));
        QVERIFY(reaches(program, id, MachineState::Running));
        const SnapshotId snapshot = take(program, id, u"live"_s);
        QVERIFY(!snapshot.isNull());
        QVERIFY(program.service->find(id, snapshot)->hasMemory);
        QVERIFY(program.service->currentStateChanged(id)); // it runs on
        noComplaints(program, id);

        VERIFY_DONE(wait(program.service->restore(id, snapshot)));
        QVERIFY(reaches(program, id, MachineState::Saved));
        VERIFY_DONE(wait(program.supervisor->start(id)));
        QVERIFY(reaches(program, id, MachineState::Running));
        QTRY_VERIFY(!program.service->isSaved(id));
        VERIFY_DONE(wait(program.supervisor->powerOff(id)));
        QCOMPARE(program.supervisor->status(id).state, MachineState::PoweredOff);

        VERIFY_DONE(wait(program.service->remove(id, snapshot)));
        QTRY_VERIFY2(SnapshotTestFolder::complaints(program, id).isEmpty(),
                     qPrintable(SnapshotTestFolder::complaints(program, id).join(u'\n')));
        QVERIFY(!QDir(program.library->find(id)->folder + u"/snapshots"_s).exists());
    }

    void aSavedMachineIsResumedOrDiscarded() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        QCOMPARE(wait(program.service->saveState(id)).error().code, ErrorCode::WrongState);
        VERIFY_DONE(wait(program.supervisor->start(id)));
        QVERIFY(reaches(program, id, MachineState::Running));
        VERIFY_DONE(wait(program.service->saveState(id)));
        QVERIFY(reaches(program, id, MachineState::Saved));
        QVERIFY(program.service->isSaved(id));
        { // another program sees the same, and may not change the hardware
            Program other = m_folder->open();
            QCOMPARE(other.supervisor->status(id).state, MachineState::Saved);
            Machine changed = *other.library->find(id);
            changed.settings.memoryMiB = 8;
            QCOMPARE(wait(other.library->update(changed)).error().code, ErrorCode::WrongState);
        }
        // A snapshot of it has the memory, too.
        const SnapshotId snapshot = take(program, id, u"saved"_s);
        QVERIFY(program.service->find(id, snapshot)->hasMemory);
        VERIFY_DONE(wait(program.supervisor->start(id)));
        QTRY_VERIFY(!program.service->isSaved(id));
        VERIFY_DONE(wait(program.service->saveState(id)));
        VERIFY_DONE(wait(program.service->discardSavedState(id)));
        QVERIFY(reaches(program, id, MachineState::PoweredOff));
        noComplaints(program, id);
        VERIFY_DONE(wait(program.service->restore(id, snapshot)));
        QVERIFY(program.service->isSaved(id));
        VERIFY_DONE(wait(program.library->remove(id, Library::Files::Delete)));
    }

    void aFailedOrCancelledSnapshotWasNeverAskedFor() {
        Program program = m_folder->open();
        for (const QString& name : {u"full"_s, u"slow"_s}) {
            const MachineId id = m_folder->add(program, name);
            VERIFY_DONE(wait(program.supervisor->start(id)));
            QVERIFY(reaches(program, id, MachineState::Running));
            auto taking = program.service->take(id, u"never"_s, {});
            if (name == u"slow"_s) {
                QVERIFY(QTest::qWaitFor(
                    [&] { return !OperationLock::acquire(program.library->find(id)->folder); }));
                taking.cancel();
            }
            QVERIFY(!wait(taking));
            QTRY_VERIFY(OperationLock::acquire(program.library->find(id)->folder));
            QVERIFY(program.service->snapshots(id).isEmpty());
            noComplaints(program, id); // the new layer stays: the guest writes to it
            VERIFY_DONE(wait(program.supervisor->powerOff(id)));
        }
    }

    void twoProgramsDeleteTheSameSnapshot() {
        Program one = m_folder->open();
        const MachineId id = m_folder->add(one, u"one"_s);
        const SnapshotId snapshot = take(one, id, u"A"_s);
        Program two = m_folder->open();
        const auto first = one.service->remove(id, snapshot);
        const auto second = two.service->remove(id, snapshot);
        const bool firstDone = wait(first).has_value();
        const auto secondDone = wait(second);
        QVERIFY(firstDone != secondDone.has_value());
        noComplaints(one, id);
        QTRY_VERIFY(two.service->snapshots(id).isEmpty());
    }

    void clonesStandAloneOrOnTheOriginal() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        const SnapshotId snapshot = take(program, id, u"A"_s);
        const QByteArray then = contents(program, id);
        QVERIFY(SnapshotTestFolder::write(program, id, 7, 0));
        const QByteArray now = contents(program, id);

        const auto full = wait(program.service->cloneFull({id}, {}));
        VERIFY_DONE(full);
        QCOMPARE(program.library->find(*full)->settings.name, u"one Clone"_s);
        QCOMPARE(contents(program, *full), now);
        const auto old = wait(program.service->cloneFull({id, snapshot}, u"old"_s));
        VERIFY_DONE(old);
        QCOMPARE(contents(program, *old), then);
        QVERIFY(!program.library->find(*old)->generationId.isEmpty());

        const auto linked = wait(program.service->cloneLinked({id, snapshot}, u"linked"_s));
        VERIFY_DONE(linked);
        QCOMPARE(contents(program, *linked), then);
        QCOMPARE(*wait(program.service->dependents(snapshot)), QStringList{u"linked"_s});
        QCOMPARE(wait(program.service->remove(id, snapshot)).error().code, ErrorCode::WrongState);
        QVERIFY(!wait(program.library->remove(id, Library::Files::Delete)));
        VERIFY_DONE(wait(program.library->remove(*linked, Library::Files::Delete)));
        VERIFY_DONE(wait(program.service->remove(id, snapshot)));
        QCOMPARE(contents(program, id), now);
        for (const MachineId& machine : {id, *full, *old})
            noComplaints(program, machine);
    }

    void clonesGetNewMacAddressesOrKeepThem() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        Machine machine = *program.library->find(id);
        machine.settings.networkCards = {{0, MacAddress::random()}, {3, MacAddress::random()}};
        VERIFY_DONE(wait(program.library->update(machine)));
        const QList<NetworkCardSettings> original = machine.settings.networkCards;
        const auto cardsOf = [&program](const MachineId& copy) {
            return program.library->find(copy)->settings.networkCards;
        };
        const auto renewed = [&](const QList<NetworkCardSettings>& cards) {
            return cards.size() == 2 && cards[0].slot == 0 && cards[1].slot == 3 &&
                   cards[0].macAddress != original[0].macAddress &&
                   cards[1].macAddress != original[1].macAddress &&
                   cards[0].macAddress != cards[1].macAddress;
        };
        const auto full = wait(program.service->cloneFull({id}, u"full"_s));
        VERIFY_DONE(full);
        QVERIFY(renewed(cardsOf(*full)));
        const auto linked = wait(program.service->cloneLinked({id}, u"linked"_s));
        VERIFY_DONE(linked);
        QVERIFY(renewed(cardsOf(*linked)));
        const auto moved = wait(program.service->cloneFull({id}, u"moved"_s, MacPolicy::Keep));
        VERIFY_DONE(moved);
        QVERIFY(cardsOf(*moved) == original);
        const auto same = wait(program.service->cloneLinked({id}, u"same"_s, MacPolicy::Keep));
        VERIFY_DONE(same);
        QVERIFY(cardsOf(*same) == original);
        QVERIFY(cardsOf(id) == original);
    }

    void aTemplateStaysAsItIs() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        const QByteArray disk = contents(program, id);
        VERIFY_DONE(wait(program.service->setTemplate(id, SnapshotService::Template::Yes)));
        QVERIFY(program.service->isTemplate(id));
        QCOMPARE(wait(program.supervisor->start(id)).error().code, ErrorCode::WrongState);
        QCOMPARE(wait(program.service->take(id, {}, {})).error().code, ErrorCode::WrongState);
        const auto clone = wait(program.service->cloneLinked({id}, u"clone"_s));
        VERIFY_DONE(clone);
        QCOMPARE(contents(program, *clone), disk);
        QCOMPARE(wait(program.service->setTemplate(id, SnapshotService::Template::No)).error().code,
                 ErrorCode::WrongState);
        VERIFY_DONE(wait(program.supervisor->start(*clone)));
        VERIFY_DONE(wait(program.supervisor->powerOff(*clone)));
    }

    void aDiskOfTwoMachinesIsRefused() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        const MachineId other = m_folder->add(program, u"two"_s);
        Machine changed = *program.library->find(other);
        changed.settings.drives = program.library->find(id)->settings.drives;
        VERIFY_DONE(wait(program.library->update(changed)));
        const auto refused = wait(program.service->take(id, {}, {}));
        QCOMPARE(refused.error().code, ErrorCode::WrongState);
        QVERIFY(refused.error().detail.find("two") != std::string::npos);
    }

    void aMissingLayerIsNamed() {
        Program program = m_folder->open();
        const MachineId id = m_folder->add(program, u"one"_s);
        const QString base = disk(program, id).path;
        const SnapshotId snapshot = take(program, id, u"A"_s);
        QVERIFY(QFile::rename(base, base + u".away"_s));
        const auto refused = wait(program.service->restore(id, snapshot));
        QVERIFY(!refused);
        QVERIFY2(refused.error().detail.find("disk.img") != std::string::npos,
                 refused.error().detail.c_str());
        QVERIFY(!wait(program.supervisor->start(id)));
        QVERIFY(QFile::rename(base + u".away"_s, base));
        VERIFY_DONE(wait(program.service->restore(id, snapshot)));
        noComplaints(program, id);
    }

private:
    std::unique_ptr<SnapshotTestFolder> m_folder;
};

} // namespace vivarium::test

using vivarium::test::SnapshotServiceTest;
VIVARIUM_TEST(SnapshotServiceTest)
#include "snapshot_service_test.moc"
