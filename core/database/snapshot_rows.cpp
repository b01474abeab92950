#include "core/database/snapshot_rows.h"

#include "core/database/layer_rows.h"
#include "core/database/machine_rows.h"
#include "core/model/settings_json.h"

#include <QJsonDocument>

namespace vivarium::snapshot_rows {

using namespace Qt::StringLiterals;

namespace {

#define VIVARIUM_COLUMNS                                                                           \
    "snapshots.id, snapshots.machine_id, snapshots.parent_id, snapshots.name, "                    \
    "snapshots.description, snapshots.created_at, snapshots.automatic, "                           \
    "snapshots.memory_id IS NOT NULL, snapshots.thumbnail "

Snapshot snapshotFromRow(const Statement& row) {
    Snapshot snapshot;
    snapshot.id = SnapshotId::fromString(row.text(0));
    snapshot.machine = MachineId::fromString(row.text(1));
    snapshot.parent = SnapshotId::fromString(row.text(2));
    snapshot.name = row.text(3);
    snapshot.description = row.text(4);
    snapshot.createdAt = QDateTime::fromMSecsSinceEpoch(row.integer(5), Qt::UTC);
    snapshot.automatic = row.integer(6) != 0;
    snapshot.hasMemory = row.integer(7) != 0;
    snapshot.thumbnailPath = row.text(8);
    return snapshot;
}

// NULL for what refers to nothing.
QString textOrNull(const SnapshotId& id) {
    return id.isNull() ? QString() : id.toString();
}

} // namespace

Result<Trees> readTreesChangedSince(Database& database, qint64 revision) {
    Trees trees;
    Statement machines = TRY(database.prepare("SELECT id FROM machines WHERE tree_revision > ?1"));
    machines.bind(1, revision);
    while (TRY(machines.step()))
        trees.insert(MachineId::fromString(machines.text(0)), {});
    if (trees.isEmpty())
        return trees;
    Statement rows = TRY(database.prepare(
        revision == 0 ? "SELECT " VIVARIUM_COLUMNS
                        "FROM snapshots WHERE ?1 = 0 ORDER BY snapshots.sequence"
                      : "SELECT " VIVARIUM_COLUMNS "FROM snapshots JOIN machines ON machines.id = "
                        "snapshots.machine_id WHERE machines.tree_revision > ?1 ORDER BY "
                        "snapshots.sequence"));
    rows.bind(1, revision);
    while (TRY(rows.step())) {
        Snapshot snapshot = snapshotFromRow(rows);
        trees[snapshot.machine].append(std::move(snapshot));
    }
    return trees;
}

Result<SnapshotRecord> read(Database& database, const SnapshotId& id) {
    SnapshotRecord record;
    QString memory;
    {
        Statement row =
            TRY(database.prepare("SELECT " VIVARIUM_COLUMNS ", settings, memory_id FROM snapshots "
                                 "WHERE id = ?1"));
        row.bind(1, id.toString());
        if (!TRY(row.step()))
            return fail(ErrorCode::NotFound, "The snapshot is not in the library (any more).");
        record.snapshot = snapshotFromRow(row);
        const auto settings =
            machineSettingsFromJson(QJsonDocument::fromJson(row.bytes(9)).object());
        if (!settings)
            return fail(ErrorCode::Corrupt, "The settings of the snapshot “" +
                                                record.snapshot.name.toStdString() +
                                                "” are damaged: " + settings.error().detail);
        record.settings = *settings;
        memory = row.text(10);
    }
    Statement disks =
        TRY(database.prepare("SELECT snapshot_disks.drive, snapshot_disks.path, layers.format FROM "
                             "snapshot_disks JOIN layers ON layers.path = snapshot_disks.path "
                             "WHERE snapshot_id = ?1 ORDER BY drive"));
    disks.bind(1, id.toString());
    while (TRY(disks.step())) {
        record.disks.append({disks.text(0), disks.text(1)});
        // The layer can have another name than it had then: merged into the one below.
        for (DriveSettings& drive : record.settings.drives)
            if (driveName(drive) == disks.text(0)) {
                drive.path = disks.text(1);
                drive.format = disks.text(2) == u"raw"_s ? DiskFormat::Raw : DiskFormat::Qcow2;
            }
    }
    if (!memory.isEmpty())
        record.memory = TRY(readMemory(database, memory));
    return record;
}

Result<void> insert(Database& database, const SnapshotRecord& record) {
    const Snapshot& snapshot = record.snapshot;
    Statement row = TRY(database.prepare(
        "INSERT INTO snapshots (id, machine_id, parent_id, name, description, created_at, "
        "automatic, memory_id, thumbnail, settings) VALUES (?1, ?2, nullif(?3, ''), ?4, ?5, ?6, "
        "?7, nullif(?8, ''), ?9, ?10)"));
    row.bind(1, snapshot.id.toString()).bind(2, snapshot.machine.toString());
    row.bind(3, textOrNull(snapshot.parent)).bind(4, snapshot.name).bind(5, snapshot.description);
    row.bind(6, snapshot.createdAt.toMSecsSinceEpoch()).bind(7, qint64{snapshot.automatic});
    row.bind(8, record.memory ? record.memory->id : QString()).bind(9, snapshot.thumbnailPath);
    row.bind(10, QString::fromUtf8(
                     QJsonDocument(toJson(record.settings)).toJson(QJsonDocument::Compact)));
    TRY(row.run());
    for (const SnapshotRecord::Disk& disk : record.disks)
        TRY(database.run("INSERT INTO snapshot_disks (snapshot_id, drive, path) "
                         "VALUES (?1, ?2, ?3)",
                         snapshot.id.toString(), disk.drive, disk.path));
    return {};
}

Result<void> describe(Database& database, const Snapshot& snapshot) {
    return database.run("UPDATE snapshots SET name = ?2, description = ?3 WHERE id = ?1",
                        snapshot.id.toString(), snapshot.name, snapshot.description);
}

Result<void> remove(Database& database, const SnapshotId& id) {
    const QString text = id.toString();
    TRY(database.run("INSERT OR IGNORE INTO obsolete_files (path) SELECT thumbnail FROM snapshots "
                     "WHERE id = ?1 AND thumbnail <> '' AND NOT EXISTS "
                     "(SELECT 1 FROM machines WHERE saved_thumbnail = thumbnail)",
                     text));
    TRY(database.run("UPDATE machines SET current_snapshot = (SELECT parent_id FROM snapshots "
                     "WHERE id = ?1), state_changed = 1 WHERE current_snapshot = ?1",
                     text));
    TRY(database.run("UPDATE snapshots SET parent_id = (SELECT parent_id FROM snapshots "
                     "WHERE id = ?1) WHERE parent_id = ?1",
                     text));
    return database.run("DELETE FROM snapshots WHERE id = ?1", text);
}

Result<QSet<SnapshotId>> readSubtree(Database& database, const SnapshotId& id) {
    Statement rows = TRY(database.prepare(
        "WITH RECURSIVE below (id) AS (SELECT ?1 UNION SELECT snapshots.id FROM snapshots "
        "JOIN below ON snapshots.parent_id = below.id) SELECT id FROM below"));
    rows.bind(1, id.toString());
    QSet<SnapshotId> ids;
    while (TRY(rows.step()))
        ids.insert(SnapshotId::fromString(rows.text(0)));
    return ids;
}

Result<std::optional<MemoryState>> readMemory(Database& database, const QString& id) {
    MemoryState state;
    Statement row =
        TRY(database.prepare("SELECT state_path, index_path FROM memory_states WHERE id = ?1"));
    row.bind(1, id);
    if (!TRY(row.step()))
        return std::optional<MemoryState>();
    state.id = id;
    state.statePath = row.text(0);
    state.indexPath = row.text(1);
    Statement files = TRY(
        database.prepare("SELECT path FROM memory_files WHERE memory_id = ?1 ORDER BY position"));
    files.bind(1, id);
    while (TRY(files.step()))
        state.files << files.text(0);
    return std::optional(std::move(state));
}

Result<void> insertMemory(Database& database, const MachineId& machine, const MemoryState& state) {
    TRY(database.run("INSERT INTO memory_states (id, machine_id, state_path, index_path) "
                     "VALUES (?1, ?2, ?3, ?4)",
                     state.id, machine.toString(), state.statePath, state.indexPath));
    for (qsizetype i = 0; i < state.files.size(); ++i)
        TRY(database.run("INSERT INTO memory_files (memory_id, position, path) VALUES (?1, ?2, ?3)",
                         state.id, qint64{i}, state.files.at(i)));
    return {};
}

Result<void> collectMemory(Database& database, const MachineId& machine) {
    QList<MemoryState> unused;
    {
        QStringList ids;
        Statement rows = TRY(database.prepare(
            "SELECT id FROM memory_states WHERE machine_id = ?1 AND id NOT IN "
            "(SELECT memory_id FROM snapshots WHERE memory_id IS NOT NULL) AND id NOT IN "
            "(SELECT saved_memory FROM machines WHERE saved_memory IS NOT NULL)"));
        rows.bind(1, machine.toString());
        while (TRY(rows.step()))
            ids << rows.text(0);
        for (const QString& id : std::as_const(ids))
            if (auto state = TRY(readMemory(database, id)))
                unused.append(std::move(*state));
    }
    for (const MemoryState& state : std::as_const(unused)) {
        TRY(database.run("DELETE FROM memory_states WHERE id = ?1", state.id));
        TRY(addObsolete(database, state.statePath));
        TRY(addObsolete(database, state.indexPath));
    }
    for (const MemoryState& state : std::as_const(unused))
        for (const QString& file : state.files)
            TRY(database.run("INSERT OR IGNORE INTO obsolete_files (path) SELECT ?1 WHERE NOT "
                             "EXISTS (SELECT 1 FROM memory_files WHERE path = ?1)",
                             file));
    return {};
}

Result<void> addObsolete(Database& database, const QString& path) {
    return database.run("INSERT OR IGNORE INTO obsolete_files (path) VALUES (?1)", path);
}

Result<void> touchTree(Database& database, const MachineId& machine) {
    const qint64 revision = TRY(machine_rows::nextRevision(database));
    return database.run("UPDATE machines SET revision = ?2, tree_revision = ?2 WHERE id = ?1",
                        machine.toString(), revision);
}

QString timelineText(const TimelineSettings& settings) {
    const QJsonObject json{{u"enabled"_s, settings.enabled},
                           {u"intervalMinutes"_s, settings.intervalMinutes},
                           {u"keepAllHours"_s, settings.keepAllHours},
                           {u"keepHourlyHours"_s, settings.keepHourlyHours},
                           {u"keepDailyDays"_s, settings.keepDailyDays}};
    return QString::fromUtf8(QJsonDocument(json).toJson(QJsonDocument::Compact));
}

TimelineSettings timelineFromText(const QByteArray& text) {
    const QJsonObject json = QJsonDocument::fromJson(text).object();
    TimelineSettings settings;
    settings.enabled = json.value("enabled"_L1).toBool(settings.enabled);
    settings.intervalMinutes = json.value("intervalMinutes"_L1).toInt(settings.intervalMinutes);
    settings.keepAllHours = json.value("keepAllHours"_L1).toInt(settings.keepAllHours);
    settings.keepHourlyHours = json.value("keepHourlyHours"_L1).toInt(settings.keepHourlyHours);
    settings.keepDailyDays = json.value("keepDailyDays"_L1).toInt(settings.keepDailyDays);
    return settings;
}

#undef VIVARIUM_COLUMNS

} // namespace vivarium::snapshot_rows
