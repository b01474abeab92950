#include "core/database/snapshot_database.h"

#include "core/database/event_rows.h"
#include "core/database/layer_rows.h"
#include "core/database/machine_rows.h"
#include "core/database/snapshot_rows.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

Result<Machine> require(Database& database, const MachineId& id) {
    const std::optional<Machine> machine = TRY(machine_rows::read(database, id));
    if (!machine)
        return fail(ErrorCode::NotFound, "The machine is not in the library (any more).");
    return *machine;
}

Result<SnapshotRecord> requireSnapshot(Database& database, const MachineId& machine,
                                       const SnapshotId& id) {
    SnapshotRecord record = TRY(snapshot_rows::read(database, id));
    if (record.snapshot.machine != machine)
        return fail(ErrorCode::NotFound, "The snapshot belongs to another machine.");
    return record;
}

Result<QStringList> names(Statement rows) {
    QStringList list;
    while (TRY(rows.step()))
        list << rows.text(0);
    return list;
}

} // namespace

Result<Machine> SnapshotDatabase::machine(const MachineId& id) {
    return require(m_database, id);
}

Result<std::optional<DiskLayer>> SnapshotDatabase::layer(const QString& path) {
    return layer_rows::read(m_database, path);
}

Result<QList<DiskLayer>> SnapshotDatabase::chain(const QString& top) {
    return layer_rows::readChain(m_database, top);
}

Result<void> SnapshotDatabase::putLayers(const QList<DiskLayer>& layers) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    for (const DiskLayer& layer : layers)
        TRY(layer_rows::put(m_database, layer));
    return transaction.commit();
}

Result<QString> SnapshotDatabase::otherUserOf(const MachineId& machine, const QStringList& paths) {
    Statement row = TRY(m_database.prepare(
        "SELECT machines.name FROM drives JOIN machines ON machines.id = drives.machine_id "
        "WHERE drives.path = ?1 AND drives.machine_id <> ?2 LIMIT 1"));
    for (const QString& path : paths) {
        row.reset();
        if (TRY(row.bind(1, path).bind(2, machine.toString()).step()))
            return row.text(0);
    }
    return QString();
}

Result<SnapshotRecord> SnapshotDatabase::snapshot(const MachineId& machine, const SnapshotId& id) {
    return requireSnapshot(m_database, machine, id);
}

Result<MachineSettings> SnapshotDatabase::settings(const SnapshotId& id) {
    return TRY(snapshot_rows::read(m_database, id)).settings;
}

Result<std::optional<MemoryState>> SnapshotDatabase::savedMemory(const MachineId& machine) {
    QString id;
    {
        Statement row = TRY(m_database.prepare("SELECT saved_memory FROM machines WHERE id = ?1"));
        row.bind(1, machine.toString());
        if (TRY(row.step()))
            id = row.text(0);
    }
    if (id.isEmpty())
        return std::optional<MemoryState>();
    return snapshot_rows::readMemory(m_database, id);
}

// --- Changes ---------------------------------------------------------------------------------

Result<void> SnapshotDatabase::applyTops(const MachineId& machine, const QList<NewTop>& tops) {
    const Machine before = TRY(require(m_database, machine));
    for (const NewTop& top : tops) {
        const auto drive =
            std::find_if(before.settings.drives.begin(), before.settings.drives.end(),
                         [&](const DriveSettings& d) { return driveName(d) == top.drive; });
        if (drive == before.settings.drives.end())
            return fail(ErrorCode::WrongState,
                        u"The machine has no drive %1 any more."_s.arg(top.drive).toStdString());
        TRY(layer_rows::put(m_database, top.layer));
        TRY(m_database.run("UPDATE drives SET path = ?4, format = 'qcow2' WHERE machine_id = ?1 "
                           "AND bus = (SELECT bus FROM drives WHERE machine_id = ?1 AND position = "
                           "?2) AND port = ?3",
                           machine.toString(), qint64{drive - before.settings.drives.begin()},
                           qint64{drive->port}, top.layer.path));
    }
    return {};
}

Result<void> SnapshotDatabase::commitTops(const MachineId& machine, const QList<NewTop>& tops,
                                          qint64 intent) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(applyTops(machine, tops));
    TRY(snapshot_rows::touchTree(m_database, machine));
    TRY(m_database.run("DELETE FROM intents WHERE id = ?1", intent));
    return transaction.commit();
}

Result<void> SnapshotDatabase::commitTake(SnapshotRecord record, Memory memory,
                                          const QList<NewTop>& tops, qint64 intent) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    const Machine machine = TRY(require(m_database, record.snapshot.machine));
    record.snapshot.parent = machine.currentSnapshot;
    switch (memory) {
    case Memory::None:
        record.memory.reset();
        break;
    case Memory::New:
        TRY(snapshot_rows::insertMemory(m_database, machine.id, *record.memory));
        break;
    case Memory::Inherited:
        record.memory = TRY(savedMemory(machine.id));
        break;
    }
    TRY(snapshot_rows::insert(m_database, record));
    if (!record.snapshot.automatic)
        TRY(event_rows::insert(m_database, machine.id, MachineEvent::Kind::SnapshotTaken,
                               record.snapshot.name));
    TRY(applyTops(machine.id, tops));
    TRY(m_database.run("UPDATE machines SET current_snapshot = ?2, state_changed = 0 WHERE id = ?1",
                       machine.id.toString(), record.snapshot.id.toString()));
    TRY(snapshot_rows::touchTree(m_database, machine.id));
    TRY(m_database.run("DELETE FROM intents WHERE id = ?1", intent));
    return transaction.commit();
}

Result<void> SnapshotDatabase::commitRestore(const MachineId& id, const SnapshotId& snapshot,
                                             const QList<NewTop>& tops, const QString& generationId,
                                             const QString& token, qint64 intent) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    Machine machine = TRY(require(m_database, id));
    const SnapshotRecord record = TRY(requireSnapshot(m_database, id, snapshot));
    const QString name = machine.settings.name; // the machine's own, whatever it was called then
    machine.settings = record.settings;
    machine.settings.name = name;
    TRY(machine_rows::update(m_database, machine));
    TRY(applyTops(id, tops));
    const QString memory = record.memory ? record.memory->id : QString();
    TRY(m_database.run("UPDATE machines SET current_snapshot = ?2, state_changed = 0, "
                       "saved_memory = nullif(?3, ''), saved_token = ?4, saved_thumbnail = ?5, "
                       "generation_id = ?6 WHERE id = ?1",
                       id.toString(), snapshot.toString(), memory,
                       memory.isEmpty() ? QString() : token,
                       memory.isEmpty() ? QString() : record.snapshot.thumbnailPath, generationId));
    TRY(event_rows::insert(m_database, id, MachineEvent::Kind::SnapshotRestored,
                           record.snapshot.name));
    TRY(snapshot_rows::collectMemory(m_database, id));
    TRY(dropLayers(id));
    TRY(layer_rows::forgetUnused(m_database));
    TRY(snapshot_rows::touchTree(m_database, id));
    TRY(m_database.run("DELETE FROM intents WHERE id = ?1", intent));
    return transaction.commit();
}

Result<void> SnapshotDatabase::commitSave(const MachineId& machine, const MemoryState& memory,
                                          const QString& token, const QString& thumbnail,
                                          qint64 intent) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(require(m_database, machine));
    TRY(snapshot_rows::insertMemory(m_database, machine, memory));
    TRY(m_database.run("UPDATE machines SET saved_memory = ?2, saved_token = ?3, "
                       "saved_thumbnail = ?4, state_changed = 1 WHERE id = ?1",
                       machine.toString(), memory.id, token, thumbnail));
    TRY(snapshot_rows::touchTree(m_database, machine));
    TRY(m_database.run("DELETE FROM intents WHERE id = ?1", intent));
    return transaction.commit();
}

Result<void> SnapshotDatabase::insertCopy(const Machine& machine, const QList<DiskLayer>& layers) {
    if (const auto problems = validate(machine); !problems.isEmpty())
        return fail(ErrorCode::InvalidArgument, problems.first().message.toStdString());
    {
        Statement other = TRY(m_database.prepare("SELECT 1 FROM machines WHERE name = ?1"));
        other.bind(1, machine.settings.name);
        if (TRY(other.step()))
            return fail(ErrorCode::AlreadyExists,
                        u"A machine named “%1” exists already; choose another name."_s
                            .arg(machine.settings.name)
                            .toStdString());
    }
    TRY(machine_rows::insert(m_database, machine));
    TRY(m_database.run("UPDATE machines SET generation_id = ?2 WHERE id = ?1",
                       machine.id.toString(), machine.generationId));
    for (const DiskLayer& layer : layers)
        TRY(layer_rows::put(m_database, layer));
    return {};
}

Result<void> SnapshotDatabase::commitClone(const Machine& machine, const QList<DiskLayer>& layers,
                                           const MachineId& source, const QList<NewTop>& tops,
                                           qint64 intent) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(insertCopy(machine, layers));
    if (!tops.isEmpty()) {
        TRY(applyTops(source, tops));
        TRY(snapshot_rows::touchTree(m_database, source));
    }
    TRY(m_database.run("DELETE FROM intents WHERE id = ?1", intent));
    return transaction.commit();
}

Result<void> SnapshotDatabase::commitFork(const MachineId& machine, const QList<Copy>& copies,
                                          const QList<NewTop>& tops, qint64 intent) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(applyTops(machine, tops));
    for (Copy copy : copies) {
        // It runs, whatever it can be called.
        const QString name = copy.machine.settings.name;
        for (int number = 2;; ++number) {
            Statement other = TRY(m_database.prepare("SELECT 1 FROM machines WHERE name = ?1"));
            other.bind(1, copy.machine.settings.name);
            if (!TRY(other.step()))
                break;
            copy.machine.settings.name = u"%1 %2"_s.arg(name).arg(number);
        }
        TRY(insertCopy(copy.machine, copy.layers));
    }
    TRY(snapshot_rows::touchTree(m_database, machine));
    TRY(m_database.run("DELETE FROM intents WHERE id = ?1", intent));
    return transaction.commit();
}

Result<void> SnapshotDatabase::remove(const MachineId& machine, const SnapshotId& snapshot,
                                      bool withChildren) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    const SnapshotRecord record = TRY(requireSnapshot(m_database, machine, snapshot));
    QSet<SnapshotId> doomed{snapshot};
    if (withChildren)
        doomed = TRY(snapshot_rows::readSubtree(m_database, snapshot));
    QStringList users;
    for (const SnapshotId& id : std::as_const(doomed))
        users += TRY(machinesAbove(id));
    users.removeDuplicates();
    if (!users.isEmpty())
        return fail(
            ErrorCode::WrongState,
            u"“%1” cannot be deleted: the disks of “%2” stand on it. Delete that first, or give it disks of its own (a full clone)."_s
                .arg(record.snapshot.name, users.join(u"”, “"_s))
                .toStdString());
    for (const SnapshotId& id : std::as_const(doomed)) {
        const Snapshot gone = TRY(requireSnapshot(m_database, machine, id)).snapshot;
        if (!gone.automatic)
            TRY(event_rows::insert(m_database, machine, MachineEvent::Kind::SnapshotDeleted,
                                   gone.name));
        TRY(snapshot_rows::remove(m_database, id));
    }
    TRY(snapshot_rows::collectMemory(m_database, machine));
    TRY(dropLayers(machine));
    TRY(snapshot_rows::touchTree(m_database, machine));
    return transaction.commit();
}

Result<void> SnapshotDatabase::describe(const MachineId& machine, const SnapshotId& snapshot,
                                        const QString& name, const QString& description) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    Snapshot changed = TRY(requireSnapshot(m_database, machine, snapshot)).snapshot;
    changed.name = name;
    changed.description = description;
    if (const auto problems = validate(changed); !problems.isEmpty())
        return fail(ErrorCode::InvalidArgument, problems.first().message.toStdString());
    TRY(snapshot_rows::describe(m_database, changed));
    TRY(snapshot_rows::touchTree(m_database, machine));
    return transaction.commit();
}

Result<void> SnapshotDatabase::clearSaved(const MachineId& machine, const QString& token) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(m_database.run("INSERT OR IGNORE INTO obsolete_files (path) SELECT saved_thumbnail FROM "
                       "machines WHERE id = ?1 AND saved_memory IS NOT NULL AND "
                       "saved_thumbnail <> '' AND (?2 = '' OR saved_token = ?2) AND "
                       "saved_thumbnail NOT IN (SELECT thumbnail FROM snapshots)",
                       machine.toString(), token));
    TRY(m_database.run("UPDATE machines SET saved_memory = NULL, saved_token = '', "
                       "saved_thumbnail = '', state_changed = 1 WHERE id = ?1 "
                       "AND saved_memory IS NOT NULL AND (?2 = '' OR saved_token = ?2)",
                       machine.toString(), token));
    if (m_database.changedRows() == 0)
        return {};
    TRY(snapshot_rows::collectMemory(m_database, machine));
    TRY(snapshot_rows::touchTree(m_database, machine));
    return transaction.commit();
}

Result<void> SnapshotDatabase::setTemplate(const MachineId& machine, bool value) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(require(m_database, machine));
    TRY(m_database.run("UPDATE machines SET is_template = ?2 WHERE id = ?1", machine.toString(),
                       qint64{value}));
    TRY(snapshot_rows::touchTree(m_database, machine));
    return transaction.commit();
}

Result<void> SnapshotDatabase::setTimeline(const MachineId& machine,
                                           const TimelineSettings& settings) {
    if (const auto problems = validate(settings); !problems.isEmpty())
        return fail(ErrorCode::InvalidArgument, problems.first().message.toStdString());
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(require(m_database, machine));
    TRY(m_database.run("UPDATE machines SET timeline = ?2 WHERE id = ?1", machine.toString(),
                       snapshot_rows::timelineText(settings)));
    TRY(snapshot_rows::touchTree(m_database, machine));
    return transaction.commit();
}

// --- Who needs what --------------------------------------------------------------------------

Result<QStringList> SnapshotDatabase::machinesAbove(const SnapshotId& snapshot) {
    Statement rows = TRY(m_database.prepare(
        "SELECT DISTINCT machines.name FROM snapshots "
        "JOIN snapshot_disks ON snapshot_disks.snapshot_id = snapshots.id "
        "JOIN layers ON layers.parent = snapshot_disks.path "
        "JOIN machines ON machines.id = layers.machine_id "
        "WHERE snapshots.id = ?1 AND layers.machine_id <> snapshots.machine_id ORDER BY 1"));
    rows.bind(1, snapshot.toString());
    return names(std::move(rows));
}

Result<QStringList> SnapshotDatabase::dependents(const SnapshotId& snapshot) {
    return machinesAbove(snapshot);
}

Result<QStringList> SnapshotDatabase::dependents(const MachineId& machine) {
    Statement rows = TRY(m_database.prepare(
        "WITH RECURSIVE above (path) AS ("
        "SELECT path FROM layers WHERE machine_id = ?1 UNION "
        "SELECT path FROM drives WHERE machine_id = ?1 AND type = 'disk' AND read_only = 0 UNION "
        "SELECT layers.path FROM layers JOIN above ON layers.parent = above.path) "
        "SELECT DISTINCT machines.name FROM above JOIN layers ON layers.path = above.path "
        "JOIN machines ON machines.id = layers.machine_id WHERE layers.machine_id <> ?1 "
        "ORDER BY 1"));
    rows.bind(1, machine.toString());
    return names(std::move(rows));
}

// --- Intents ---------------------------------------------------------------------------------

namespace {

struct KindName {
    Intent::Kind kind;
    const char16_t* name;
};
constexpr KindName kKindNames[] = {
    {Intent::Kind::Take, u"take"},   {Intent::Kind::Restore, u"restore"},
    {Intent::Kind::Save, u"save"},   {Intent::Kind::Merge, u"merge"},
    {Intent::Kind::Clone, u"clone"}, {Intent::Kind::Fork, u"fork"}};

QString kindName(Intent::Kind kind) {
    for (const KindName& entry : kKindNames)
        if (entry.kind == kind)
            return QString::fromUtf16(entry.name);
    return {};
}

Intent::Kind kindNamed(const QString& name) {
    for (const KindName& entry : kKindNames)
        if (name == QString::fromUtf16(entry.name))
            return entry.kind;
    return Intent::Kind::Restore; // of a newer version: its files are all that can be undone
}

Result<QList<Intent>> readIntents(Statement rows) {
    QList<Intent> intents;
    while (TRY(rows.step())) {
        Intent intent;
        intent.id = rows.integer(0);
        intent.machine = MachineId::fromString(rows.text(1));
        intent.folder = rows.text(2);
        intent.kind = kindNamed(rows.text(3));
        intent.detail = QJsonDocument::fromJson(rows.bytes(4)).object();
        intent.created = intent.detail.value("created"_L1).toVariant().toStringList();
        intents.append(std::move(intent));
    }
    return intents;
}

} // namespace

Result<qint64> SnapshotDatabase::beginIntent(const Intent& intent) {
    QJsonObject detail = intent.detail;
    detail.insert(u"created"_s, QJsonArray::fromStringList(intent.created));
    TRY(m_database.run("INSERT INTO intents (machine_id, folder, kind, detail) "
                       "VALUES (?1, ?2, ?3, ?4)",
                       intent.machine.toString(), intent.folder, kindName(intent.kind),
                       QString::fromUtf8(QJsonDocument(detail).toJson(QJsonDocument::Compact))));
    return m_database.lastInsertRow();
}

Result<void> SnapshotDatabase::markSent(qint64 id) {
    return m_database.run(
        "UPDATE intents SET detail = json_set(detail, '$.sent', json('true')) WHERE id = ?1", id);
}

Result<void> SnapshotDatabase::endIntent(qint64 id) {
    return m_database.run("DELETE FROM intents WHERE id = ?1", id);
}

Result<QList<Intent>> SnapshotDatabase::intents() {
    return readIntents(TRY(m_database.prepare(
        "SELECT id, machine_id, folder, kind, detail FROM intents ORDER BY id")));
}

Result<QList<Intent>> SnapshotDatabase::intents(const MachineId& machine) {
    Statement rows = TRY(m_database.prepare(
        "SELECT id, machine_id, folder, kind, detail FROM intents WHERE machine_id = ?1 "
        "ORDER BY id"));
    rows.bind(1, machine.toString());
    return readIntents(std::move(rows));
}

Result<QStringList> SnapshotDatabase::unreferenced(const QStringList& paths) {
    QStringList list;
    Statement row = TRY(m_database.prepare(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM layers WHERE path = ?1) "
        "OR EXISTS (SELECT 1 FROM drives WHERE path = ?1) "
        "OR EXISTS (SELECT 1 FROM memory_files WHERE path = ?1) "
        "OR EXISTS (SELECT 1 FROM memory_states WHERE state_path = ?1 OR index_path = ?1) "
        "OR EXISTS (SELECT 1 FROM snapshots WHERE thumbnail = ?1) "
        "OR EXISTS (SELECT 1 FROM machines WHERE saved_thumbnail = ?1 OR folder = ?1)"));
    for (const QString& path : paths) {
        row.reset();
        if (!TRY(row.bind(1, path).step()))
            list << path;
    }
    return list;
}

Result<QStringList> SnapshotDatabase::filesOf(const MachineId& machine) {
    Statement rows = TRY(m_database.prepare(
        "SELECT state_path FROM memory_states WHERE machine_id = ?1 UNION "
        "SELECT index_path FROM memory_states WHERE machine_id = ?1 UNION "
        "SELECT path FROM memory_files JOIN memory_states ON memory_states.id = memory_id "
        "WHERE machine_id = ?1 UNION "
        "SELECT thumbnail FROM snapshots WHERE machine_id = ?1 AND thumbnail <> '' UNION "
        "SELECT saved_thumbnail FROM machines WHERE id = ?1 AND saved_thumbnail <> ''"));
    rows.bind(1, machine.toString());
    return names(std::move(rows));
}

Result<void> SnapshotDatabase::forgetMachine(const MachineId& machine) {
    TRY(m_database.run("UPDATE machines SET current_snapshot = NULL, saved_memory = NULL "
                       "WHERE id = ?1",
                       machine.toString()));
    TRY(m_database.run("DELETE FROM snapshots WHERE machine_id = ?1", machine.toString()));
    return m_database.run("DELETE FROM memory_states WHERE machine_id = ?1", machine.toString());
}

Result<QStringList> SnapshotDatabase::obsoleteFiles() {
    return names(TRY(m_database.prepare("SELECT path FROM obsolete_files")));
}

Result<void> SnapshotDatabase::forgetObsolete(const QStringList& paths) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    for (const QString& path : paths)
        TRY(m_database.run("DELETE FROM obsolete_files WHERE path = ?1", path));
    return transaction.commit();
}

} // namespace vivarium
