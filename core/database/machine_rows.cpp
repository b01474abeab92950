#include "core/database/machine_rows.h"

#include "core/database/snapshot_rows.h"
#include "core/model/setting_names.h"
#include "core/model/settings_json.h"

#include <QJsonDocument>
#include <QTimeZone>

namespace vivarium::machine_rows {

using namespace Qt::StringLiterals;

namespace {

QString settingsText(const MachineSettings& settings) {
    QJsonObject json = toJson(settings);
    json.remove(u"name"_s); // these have columns of their own
    json.remove(u"drives"_s);
    return QString::fromUtf8(QJsonDocument(json).toJson(QJsonDocument::Compact));
}

Error unreadable(const QString& name, const std::string& why) {
    return fail(ErrorCode::Corrupt, u"The library's entry of the machine “%1” is damaged: %2"_s
                                        .arg(name, QString::fromStdString(why))
                                        .toStdString());
}

Result<Machine> machineFromRow(const Statement& row) {
    Machine machine;
    machine.id = MachineId::fromString(row.text(0));
    const QString name = row.text(1);
    const QJsonDocument document = QJsonDocument::fromJson(row.bytes(7));
    if (!document.isObject() || machine.id.isNull())
        return unreadable(name, "its settings are not JSON.");
    auto settings = machineSettingsFromJson(document.object());
    if (!settings)
        return unreadable(name, settings.error().detail);
    machine.settings = std::move(*settings);
    machine.settings.name = name;
    machine.group = row.text(2);
    machine.notes = row.text(3);
    machine.folder = row.text(4);
    machine.createdAt = QDateTime::fromMSecsSinceEpoch(row.integer(5), QTimeZone::utc());
    machine.lastSeenRunning = row.integer(6) != 0;
    machine.currentSnapshot = SnapshotId::fromString(row.text(8));
    machine.changedSinceSnapshot = row.integer(9) != 0;
    machine.savedToken = row.text(10);
    machine.savedThumbnailPath = row.text(11);
    machine.isTemplate = row.integer(12) != 0;
    machine.generationId = row.text(13);
    if (const QByteArray timeline = row.bytes(14); !timeline.isEmpty())
        machine.timeline = snapshot_rows::timelineFromText(timeline);
    return machine;
}

// Machines that changed after `revision`, only the one with `id` unless that is empty.
#define VIVARIUM_MATCHING "WHERE machines.revision > ?1 AND (?2 = '' OR machines.id = ?2) "

Result<QList<Machine>> readMatching(Database& database, qint64 revision, const QString& id) {
    QList<Machine> machines;
    Statement rows = TRY(database.prepare(
        "SELECT id, name, group_path, notes, folder, created_at, last_seen_running, settings, "
        "current_snapshot, state_changed, saved_token, saved_thumbnail, is_template, "
        "generation_id, timeline "
        "FROM machines " VIVARIUM_MATCHING));
    rows.bind(1, revision).bind(2, id);
    while (TRY(rows.step())) {
        const Machine machine = TRY(machineFromRow(rows));
        machines.append(machine);
    }
    QHash<QString, Machine*> byId;
    for (Machine& machine : machines)
        byId.insert(machine.id.toString(), &machine);

    Statement tags = TRY(database.prepare("SELECT tags.machine_id, tags.tag FROM machines JOIN "
                                          "tags ON tags.machine_id = machines.id " VIVARIUM_MATCHING
                                          "ORDER BY tags.machine_id, tags.position"));
    tags.bind(1, revision).bind(2, id);
    while (TRY(tags.step()))
        if (Machine* machine = byId.value(tags.text(0)))
            machine->tags << tags.text(1);

    Statement drives = TRY(database.prepare(
        "SELECT drives.machine_id, drives.type, drives.port, drives.path, drives.read_only, "
        "drives.bus, drives.format, drives.cache_mode, drives.on_error, drives.on_full "
        "FROM machines JOIN drives ON drives.machine_id = machines.id " VIVARIUM_MATCHING
        "ORDER BY drives.machine_id, drives.position"));
    drives.bind(1, revision).bind(2, id);
    while (TRY(drives.step())) {
        Machine* machine = byId.value(drives.text(0));
        if (!machine)
            continue;
        const auto type = valueNamed<DriveType>(drives.text(1));
        const auto bus = valueNamed<DriveBus>(drives.text(5));
        const auto format = valueNamed<DiskFormat>(drives.text(6));
        const auto cacheMode = valueNamed<CacheMode>(drives.text(7));
        const auto onError = valueNamed<DiskErrorAction>(drives.text(8));
        const auto onFull = valueNamed<DiskErrorAction>(drives.text(9));
        if (!type || !bus || !format || !cacheMode || !onError || !onFull)
            return unreadable(machine->settings.name, "a drive has an unknown type.");
        machine->settings.drives.append({*type, static_cast<uint32_t>(drives.integer(2)),
                                         drives.text(3), drives.integer(4) != 0, *bus, *format,
                                         *cacheMode, *onError, *onFull});
    }
    return machines;
}
#undef VIVARIUM_MATCHING

Result<void> writeLists(Database& database, const Machine& machine) {
    const QString id = machine.id.toString();
    TRY(database.run("DELETE FROM tags WHERE machine_id = ?1", id));
    TRY(database.run("DELETE FROM drives WHERE machine_id = ?1", id));
    Statement tag =
        TRY(database.prepare("INSERT INTO tags (machine_id, position, tag) VALUES (?1, ?2, ?3)"));
    for (int i = 0; i < machine.tags.size(); ++i)
        TRY(tag.bind(1, id).bind(2, qint64{i}).bind(3, machine.tags.at(i)).run());
    Statement drive =
        TRY(database.prepare("INSERT INTO drives (machine_id, position, type, port, path, "
                             "read_only, bus, format, cache_mode, on_error, on_full) VALUES "
                             "(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"));
    for (int i = 0; i < machine.settings.drives.size(); ++i) {
        const DriveSettings& settings = machine.settings.drives.at(i);
        drive.bind(1, id).bind(2, qint64{i}).bind(3, nameOf(settings.type));
        drive.bind(4, qint64{settings.port})
            .bind(5, settings.path)
            .bind(6, qint64{settings.readOnly})
            .bind(7, nameOf(settings.bus))
            .bind(8, nameOf(settings.format))
            .bind(9, nameOf(settings.cacheMode))
            .bind(10, nameOf(settings.onError))
            .bind(11, nameOf(settings.onFull));
        TRY(drive.run());
    }
    return {};
}

} // namespace

Result<QList<Machine>> readChangedSince(Database& database, qint64 revision) {
    return readMatching(database, revision, {});
}

Result<std::optional<Machine>> read(Database& database, const MachineId& id) {
    const QList<Machine> found = TRY(readMatching(database, -1, id.toString()));
    return found.isEmpty() ? std::optional<Machine>() : found.first();
}

Result<QSet<MachineId>> readIds(Database& database) {
    QSet<MachineId> ids;
    Statement rows = TRY(database.prepare("SELECT id FROM machines"));
    while (TRY(rows.step()))
        ids.insert(MachineId::fromString(rows.text(0)));
    return ids;
}

Result<void> insert(Database& database, const Machine& machine) {
    const qint64 revision = TRY(nextRevision(database));
    Statement row = TRY(database.prepare(
        "INSERT INTO machines (id, name, group_path, notes, folder, created_at, last_seen_running, "
        "settings, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
    row.bind(1, machine.id.toString()).bind(2, machine.settings.name).bind(3, machine.group);
    row.bind(4, machine.notes)
        .bind(5, machine.folder)
        .bind(6, machine.createdAt.toMSecsSinceEpoch());
    row.bind(7, qint64{machine.lastSeenRunning})
        .bind(8, settingsText(machine.settings))
        .bind(9, revision);
    TRY(row.run());
    return writeLists(database, machine);
}

Result<void> update(Database& database, const Machine& machine) {
    const qint64 revision = TRY(nextRevision(database));
    Statement row =
        TRY(database.prepare("UPDATE machines SET name = ?2, group_path = ?3, notes = ?4, "
                             "settings = ?5, revision = ?6 WHERE id = ?1"));
    row.bind(1, machine.id.toString()).bind(2, machine.settings.name).bind(3, machine.group);
    row.bind(4, machine.notes).bind(5, settingsText(machine.settings)).bind(6, revision);
    TRY(row.run());
    return writeLists(database, machine);
}

Result<qint64> revision(Database& database) {
    return database.number("SELECT revision FROM library");
}

Result<qint64> nextRevision(Database& database) {
    TRY(database.execute("UPDATE library SET revision = revision + 1"));
    return revision(database);
}

} // namespace vivarium::machine_rows
