#include "core/database/library_database.h"

#include "core/database/event_rows.h"
#include "core/database/layer_rows.h"
#include "core/database/machine_files.h"
#include "core/database/machine_lock.h"
#include "core/database/machine_rows.h"
#include "core/database/schema.h"
#include "core/model/settings_json.h"

#include <QDir>
#include <QFileInfo>
#include <QMap>
#include <QTimeZone>

#include <algorithm>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

Error invalid(const QList<SettingsProblem>& problems) {
    return fail(ErrorCode::InvalidArgument, problems.first().message.toStdString());
}

// The names of the settings that differ, for the event log.
QString changedFields(const MachineSettings& before, const MachineSettings& after) {
    const QJsonObject a = toJson(before);
    const QJsonObject b = toJson(after);
    QStringList names;
    for (auto it = b.begin(); it != b.end(); ++it)
        if (it.key() != u"name"_s && a.value(it.key()) != it.value())
            names << it.key();
    return names.join(u", "_s);
}

} // namespace

Result<std::unique_ptr<LibraryDatabase>> LibraryDatabase::open(const QString& folder,
                                                               const QString& machinesFolder) {
    if (!QDir().mkpath(folder))
        return fail(
            ErrorCode::PermissionDenied,
            u"The library's folder %1 cannot be made; check the permissions of the folder above it."_s
                .arg(folder)
                .toStdString());
    std::unique_ptr<Database> database = TRY(Database::open(folder + u"/library.sqlite"_s));
    TRY(upgradeSchema(*database, libraryMigrations()));
    std::unique_ptr<LibraryDatabase> library(
        new LibraryDatabase(std::move(database), machinesFolder)); // the constructor is private
    TRY(library->finishDeletions());
    return library;
}

Result<void> LibraryDatabase::checkNameUnused(const Machine& machine) {
    Statement other =
        TRY(m_database->prepare("SELECT 1 FROM machines WHERE name = ?1 AND id <> ?2"));
    other.bind(1, machine.settings.name).bind(2, machine.id.toString());
    if (TRY(other.step()))
        return fail(ErrorCode::AlreadyExists,
                    u"A machine named “%1” exists already; choose another name."_s
                        .arg(machine.settings.name)
                        .toStdString());
    return {};
}

// Settings that somebody began to edit before a snapshot froze the disks name layers that are not
// the tops any more: what is meant is the disk.
Result<Machine> LibraryDatabase::withPresentTops(Machine machine, const Machine& before) {
    for (DriveSettings& drive : machine.settings.drives)
        for (const DriveSettings& present : before.settings.drives) {
            if (drive.bus != present.bus || drive.port != present.port ||
                drive.path == present.path || drive.readOnly || drive.type != DriveType::HardDisk)
                continue;
            for (const DiskLayer& layer : TRY(layer_rows::readChain(*m_database, present.path)))
                if (layer.path == drive.path) {
                    drive.path = present.path;
                    drive.format = present.format;
                }
        }
    return machine;
}

// A saved machine wakes up in the hardware that it fell asleep in, and a template stays as it is.
Result<void> LibraryDatabase::checkMayChange(const Machine& before, const Machine& after) {
    if (!before.isSaved() && !before.isTemplate)
        return {};
    MachineSettings settings = after.settings;
    settings.name = before.settings.name;
    settings.closeAction = before.settings.closeAction;
    settings.scaleMode = before.settings.scaleMode;
    settings.vnc = before.settings.vnc;
    if (settings == before.settings)
        return {};
    return fail(
        ErrorCode::WrongState,
        (before.isSaved()
             ? u"The hardware of “%1” cannot change while its state is saved; start it, or discard the saved state."_s
             : u"“%1” is a template and stays as it is; make a linked clone of it, or let it be a machine again."_s)
            .arg(before.settings.name)
            .toStdString());
}

// Writing to a file that another stands on destroys the other.
Result<void> LibraryDatabase::checkDrivesAreTops(const Machine& machine) {
    for (const DriveSettings& drive : machine.settings.drives) {
        if (drive.type != DriveType::HardDisk || drive.readOnly)
            continue;
        const LayerUsers users = TRY(layer_rows::readUsers(*m_database, drive.path));
        if (!users.children.isEmpty())
            return fail(
                ErrorCode::Busy,
                u"The disk image %1 is what %2 stands on, so it may not be written to; attach it read-only, or attach that one."_s
                    .arg(drive.path, users.children.first().path)
                    .toStdString());
    }
    return {};
}

Result<void> LibraryDatabase::checkNobodyNeeds(const Machine& machine) {
    const auto dependent = TRY(layer_rows::readDependent(*m_database, machine.id));
    if (!dependent)
        return {};
    const std::optional<Machine> user = TRY(machine_rows::read(*m_database, dependent->machine));
    return fail(
        ErrorCode::WrongState,
        u"“%1” cannot be deleted with its files: the machine “%2” needs %3. Delete that machine first, or make its disks independent."_s
            .arg(machine.settings.name, user ? user->settings.name : QString(), dependent->path)
            .toStdString());
}

Result<QList<DiskLayer>> LibraryDatabase::layersOf(const QStringList& tops) {
    QList<DiskLayer> layers;
    TRY(m_database->execute("BEGIN")); // all of the same moment
    const auto readAll = [&]() -> Result<void> {
        for (const QString& top : tops) {
            layers += TRY(layer_rows::readChain(*m_database, top));
            layers += TRY(layer_rows::readUsers(*m_database, top)).children;
        }
        return {};
    };
    const Result<void> read = readAll();
    TRY(m_database->execute("COMMIT"));
    if (!read)
        return read.error();
    return layers;
}

Result<StoredMachine> LibraryDatabase::storedMachine(const MachineId& id) {
    StoredMachine stored;
    stored.machine = TRY(require(id));
    QStringList tops;
    for (const DriveSettings& drive : stored.machine.settings.drives)
        if (drive.type == DriveType::HardDisk)
            tops << drive.path;
    stored.layers = TRY(layersOf(tops));
    stored.memory = TRY(snapshots().savedMemory(id));
    for (const Intent& intent : TRY(snapshots().intents(id)))
        stored.unsettled = stored.unsettled || intent.kind == Intent::Kind::Take ||
                           intent.kind == Intent::Kind::Fork || intent.kind == Intent::Kind::Save;
    return stored;
}

Result<QList<DiskLayer>> LibraryDatabase::layers() {
    return layer_rows::readAll(*m_database);
}

Result<LayerUsers> LibraryDatabase::layerUsers(const QString& path) {
    return layer_rows::readUsers(*m_database, path);
}

Result<void> LibraryDatabase::learnLayers(const QList<DiskLayer>& layers) {
    if (layers.isEmpty())
        return {};
    Transaction transaction = TRY(Transaction::begin(*m_database));
    for (const DiskLayer& layer : layers)
        TRY(layer_rows::learn(*m_database, layer));
    return transaction.commit();
}

Result<Machine> LibraryDatabase::require(const MachineId& id) {
    const std::optional<Machine> machine = TRY(machine_rows::read(*m_database, id));
    if (!machine)
        return fail(ErrorCode::NotFound, "The machine is not in the library (any more).");
    return *machine;
}

Result<bool> LibraryDatabase::folderTaken(const QString& folder) {
    Statement row = TRY(m_database->prepare("SELECT 1 FROM machines WHERE folder = ?1"));
    return row.bind(1, folder).step();
}

Result<MachineId> LibraryDatabase::add(Machine machine) {
    if (const auto problems = validate(machine); !problems.isEmpty())
        return invalid(problems);
    if (machine.id.isNull())
        machine.id = MachineId::createRandom();
    if (!machine.createdAt.isValid())
        machine.createdAt = QDateTime::currentDateTimeUtc();

    Transaction transaction = TRY(Transaction::begin(*m_database));
    TRY(checkNameUnused(machine));
    TRY(checkDrivesAreTops(machine));
    machine.folder =
        TRY(machine_files::createFolder(machine, m_machinesFolder, [this](const QString& folder) {
            const Result<bool> taken = folderTaken(folder);
            return !taken || *taken;
        }));
    Result<void> stored = machine_rows::insert(*m_database, machine);
    if (stored)
        stored = event_rows::insert(*m_database, machine.id, MachineEvent::Kind::Created,
                                    machine.settings.name);
    if (stored)
        stored = transaction.commit();
    if (!stored) {
        QDir().rmdir(machine.folder); // still empty
        return stored.error();
    }
    return machine.id;
}

Result<void> LibraryDatabase::update(const Machine& wanted) {
    if (const auto problems = validate(wanted); !problems.isEmpty())
        return invalid(problems);
    Transaction transaction = TRY(Transaction::begin(*m_database));
    const Machine before = TRY(require(wanted.id));
    const Machine machine = TRY(withPresentTops(wanted, before));
    TRY(checkMayChange(before, machine));
    TRY(checkNameUnused(machine));
    if (before.settings.drives != machine.settings.drives)
        TRY(checkDrivesAreTops(machine));
    TRY(machine_rows::update(*m_database, machine));
    if (!before.changedSinceSnapshot && before.settings != machine.settings)
        TRY(m_database->run("UPDATE machines SET state_changed = 1 WHERE id = ?1",
                            machine.id.toString()));
    if (before.settings.drives != machine.settings.drives)
        TRY(layer_rows::forgetUnused(*m_database));
    if (before.settings.name != machine.settings.name)
        TRY(event_rows::insert(
            *m_database, machine.id, MachineEvent::Kind::Renamed,
            u"“%1” is now called “%2”."_s.arg(before.settings.name, machine.settings.name)));
    if (const QString fields = changedFields(before.settings, machine.settings); !fields.isEmpty())
        TRY(event_rows::insert(*m_database, machine.id, MachineEvent::Kind::SettingsChanged,
                               fields));
    return transaction.commit();
}

Result<void> LibraryDatabase::remove(const MachineId& id, Files files) {
    const Machine machine = TRY(require(id));
    // Held until the files are gone, so that nobody starts the machine meanwhile.
    Result<MachineLock> lock = MachineLock::acquire(machine.folder);
    if (!lock && lock.error().code == ErrorCode::Busy)
        return fail(ErrorCode::WrongState,
                    u"“%1” is running; stop it before you delete it."_s.arg(machine.settings.name)
                        .toStdString());

    QStringList owned;
    Transaction transaction = TRY(Transaction::begin(*m_database));
    if (files == Files::Delete) {
        TRY(checkNobodyNeeds(machine));
        Statement used =
            TRY(m_database->prepare("SELECT 1 FROM drives WHERE path = ?1 AND machine_id <> ?2"));
        Statement pending = TRY(m_database->prepare(
            "INSERT OR REPLACE INTO pending_deletions (path, folder) VALUES (?1, ?2)"));
        QStringList candidates = machine_files::ownedFiles(machine);
        candidates += TRY(layer_rows::readOwned(*m_database, id));
        candidates += TRY(snapshots().filesOf(id));
        candidates.removeDuplicates();
        for (const QString& file : std::as_const(candidates)) {
            used.reset();
            if (TRY(used.bind(1, file).bind(2, id.toString()).step()))
                continue; // another machine's disk
            owned << file;
            TRY(pending.bind(1, file).bind(2, machine.folder).run());
        }
        TRY(snapshots().forgetMachine(id));
        TRY(layer_rows::removeOwned(*m_database, id));
    } else {
        TRY(snapshots().forgetMachine(id));
        TRY(layer_rows::disown(*m_database, id));
    }
    TRY(machine_rows::nextRevision(*m_database));
    TRY(m_database->run("DELETE FROM machines WHERE id = ?1", id.toString()));
    TRY(layer_rows::forgetUnused(*m_database));
    TRY(m_database->run("DELETE FROM events WHERE machine_id = ?1", id.toString()));
    TRY(event_rows::insert(*m_database, id, MachineEvent::Kind::Removed, machine.settings.name));
    TRY(transaction.commit());

    if (files == Files::Delete && machine_files::removeFiles(owned, machine.folder))
        TRY(m_database->run("DELETE FROM pending_deletions WHERE folder = ?1", machine.folder));
    return {};
}

Result<void> LibraryDatabase::finishDeletions() {
    QMap<QString, QStringList> byFolder;
    {
        Statement rows = TRY(m_database->prepare("SELECT folder, path FROM pending_deletions WHERE "
                                                 "path NOT IN (SELECT path FROM drives)"));
        while (TRY(rows.step()))
            byFolder[rows.text(0)] << rows.text(1);
    }
    if (byFolder.isEmpty())
        return {};
    Transaction transaction = TRY(Transaction::begin(*m_database));
    for (auto it = byFolder.begin(); it != byFolder.end(); ++it) {
        // A folder that a new machine got meanwhile keeps its files.
        const bool taken = TRY(folderTaken(it.key()));
        if (taken || machine_files::removeFiles(it.value(), it.key()))
            TRY(m_database->run("DELETE FROM pending_deletions WHERE folder = ?1", it.key()));
    }
    return transaction.commit();
}

Result<void> LibraryDatabase::setRunningFlag(const MachineId& id, bool running) {
    const qint64 next = TRY(machine_rows::nextRevision(*m_database));
    return m_database->run("UPDATE machines SET last_seen_running = ?2, revision = ?3 "
                           "WHERE id = ?1 AND last_seen_running <> ?2",
                           id.toString(), qint64{running}, next);
}

Result<void> LibraryDatabase::setLastSeenRunning(const MachineId& id, bool running) {
    Transaction transaction = TRY(Transaction::begin(*m_database));
    TRY(require(id));
    TRY(setRunningFlag(id, running));
    return transaction.commit();
}

Result<void> LibraryDatabase::recordStart(const MachineId& id, const QString& detail) {
    Transaction transaction = TRY(Transaction::begin(*m_database));
    TRY(require(id));
    TRY(setRunningFlag(id, true));
    TRY(event_rows::insert(*m_database, id, MachineEvent::Kind::Started, detail));
    const qint64 revision = TRY(machine_rows::revision(*m_database));
    TRY(m_database->run("UPDATE machines SET state_changed = 1, revision = ?2 WHERE id = ?1",
                        id.toString(), revision));
    return transaction.commit();
}

Result<bool> LibraryDatabase::recordEnd(const MachineId& id, MachineEvent::Kind kind,
                                        const QString& detail) {
    Transaction transaction = TRY(Transaction::begin(*m_database));
    TRY(require(id));
    if (kind != MachineEvent::Kind::Aborted)
        TRY(setRunningFlag(id, false));
    Statement last = TRY(m_database->prepare("SELECT kind FROM events WHERE machine_id = ?1 AND "
                                             "kind IN ('started', 'stopped', 'aborted', 'failed') "
                                             "ORDER BY sequence DESC LIMIT 1"));
    last.bind(1, id.toString());
    const bool first =
        TRY(last.step()) && last.text(0) == eventKindName(MachineEvent::Kind::Started);
    if (first)
        TRY(event_rows::insert(*m_database, id, kind, detail));
    last.reset();
    TRY(transaction.commit());
    return first;
}

Result<void> LibraryDatabase::appendEvent(const MachineId& id, MachineEvent::Kind kind,
                                          const QString& detail) {
    Transaction transaction = TRY(Transaction::begin(*m_database));
    TRY(require(id));
    TRY(event_rows::insert(*m_database, id, kind, detail));
    return transaction.commit();
}

namespace {

MachineEvent eventFromRow(const Statement& row) {
    MachineEvent event;
    event.sequence = row.integer(0);
    event.machine = MachineId::fromString(row.text(1));
    event.time = QDateTime::fromMSecsSinceEpoch(row.integer(2), QTimeZone::utc());
    event.kind = eventKindNamed(row.text(3)).value_or(MachineEvent::Kind::SettingsChanged);
    event.detail = row.text(4);
    return event;
}

} // namespace

Result<QList<MachineEvent>> LibraryDatabase::events(const MachineId& id, int limit) {
    QList<MachineEvent> list;
    Statement rows =
        TRY(m_database->prepare("SELECT sequence, machine_id, time, kind, detail FROM events "
                                "WHERE machine_id = ?1 ORDER BY sequence DESC LIMIT ?2"));
    rows.bind(1, id.toString()).bind(2, qint64{std::max(limit, 0)});
    while (TRY(rows.step()))
        list.append(eventFromRow(rows));
    std::reverse(list.begin(), list.end());
    return list;
}

Result<bool> LibraryDatabase::changedByOthers() {
    const qint64 version = TRY(m_database->number("PRAGMA data_version"));
    return std::exchange(m_knownDataVersion, version) != version;
}

Result<LibraryChange> LibraryDatabase::takeChanges() {
    LibraryChange change;
    // One read transaction, so that machines, tags and drives belong to the same moment.
    TRY(m_database->execute("BEGIN"));
    const auto readAll = [&]() -> Result<void> {
        const qint64 revision = TRY(machine_rows::revision(*m_database));
        if (revision != m_knownRevision) {
            change.changed = TRY(machine_rows::readChangedSince(*m_database, m_knownRevision));
            QSet<MachineId> ids = TRY(machine_rows::readIds(*m_database));
            for (const MachineId& id : std::as_const(m_knownIds))
                if (!ids.contains(id))
                    change.removed.append(id);
            m_knownIds = std::move(ids);
            change.trees = TRY(snapshot_rows::readTreesChangedSince(*m_database, m_knownRevision));
            m_knownRevision = revision;
        }
        if (m_knownEvent < 0) {
            m_knownEvent = TRY(m_database->number("SELECT max(sequence) FROM events"));
            return {};
        }
        Statement rows = TRY(m_database->prepare(
            "SELECT sequence, machine_id, time, kind, detail FROM events WHERE sequence > ?1 "
            "ORDER BY sequence"));
        rows.bind(1, m_knownEvent);
        while (TRY(rows.step()))
            change.events.append(eventFromRow(rows));
        if (!change.events.isEmpty())
            m_knownEvent = change.events.last().sequence;
        return {};
    };
    const Result<void> read = readAll();
    TRY(m_database->execute("COMMIT"));
    if (!read)
        return read.error();
    return change;
}

} // namespace vivarium
