// The part of SnapshotDatabase that finds and removes layers that nobody needs.

#include "core/database/layer_rows.h"
#include "core/database/snapshot_database.h"
#include "core/database/snapshot_rows.h"

namespace vivarium {

using namespace Qt::StringLiterals;

Result<void> SnapshotDatabase::dropLayers(const MachineId& machine) {
    // Only what snapshots have made: a disk that was taken off a machine stays a file. From the top
    // down; each round frees the layer below.
    for (qsizetype round = 0; round < kMaxChainLength; ++round) {
        QStringList unused;
        {
            Statement rows = TRY(m_database.prepare(
                "SELECT layers.path FROM layers JOIN machines ON machines.id = layers.machine_id "
                "WHERE layers.machine_id = ?1 AND layers.owned = 1 "
                "AND substr(layers.path, 1, length(machines.folder) + 11) = "
                "machines.folder || '/snapshots/' "
                "AND layers.path NOT IN (SELECT path FROM drives) "
                "AND layers.path NOT IN (SELECT path FROM snapshot_disks) "
                "AND layers.path NOT IN (SELECT parent FROM layers WHERE parent IS NOT NULL)"));
            rows.bind(1, machine.toString());
            while (TRY(rows.step()))
                unused << rows.text(0);
        }
        if (unused.isEmpty())
            break;
        for (const QString& path : std::as_const(unused)) {
            TRY(layer_rows::remove(m_database, path));
            TRY(snapshot_rows::addObsolete(m_database, path));
        }
    }
    return {};
}

Result<void> SnapshotDatabase::dropUnusedLayers(const MachineId& machine) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(dropLayers(machine));
    return transaction.commit();
}

Result<QList<SnapshotDatabase::Mergeable>> SnapshotDatabase::mergeable(const MachineId& machine) {
    QList<std::pair<QString, QString>> pairs;
    {
        // A file of the user's own may also be another program's: only one that was this machine's
        // disk, and is under its layers now, counts.
        Statement rows = TRY(m_database.prepare(
            "SELECT lower.path, upper.path FROM layers AS upper "
            "JOIN layers AS lower ON lower.path = upper.parent WHERE upper.machine_id = ?1 "
            "AND (lower.machine_id = ?1 OR lower.machine_id IS NULL) "
            "AND lower.path NOT IN (SELECT path FROM drives) "
            "AND lower.path NOT IN (SELECT path FROM snapshot_disks) "
            "AND (SELECT count(*) FROM layers WHERE parent = lower.path) = 1 "
            "AND NOT EXISTS (WITH RECURSIVE above (path) AS (SELECT upper.path UNION "
            "SELECT layers.path FROM layers JOIN above ON layers.parent = above.path) "
            "SELECT 1 FROM above JOIN layers ON layers.path = above.path "
            "LEFT JOIN drives ON drives.path = above.path "
            "WHERE layers.machine_id IS NOT ?1 OR drives.machine_id <> ?1)"));
        rows.bind(1, machine.toString());
        while (TRY(rows.step()))
            pairs.append({rows.text(0), rows.text(1)});
    }
    QList<Mergeable> list;
    for (const auto& [lower, upper] : std::as_const(pairs)) {
        Mergeable pair;
        const auto lowerLayer = TRY(layer_rows::read(m_database, lower));
        const auto upperLayer = TRY(layer_rows::read(m_database, upper));
        if (!lowerLayer || !upperLayer)
            continue;
        pair.lower = *lowerLayer;
        pair.upper = *upperLayer;
        const LayerUsers users = TRY(layer_rows::readUsers(m_database, upper));
        pair.childrenOfUpper = users.children.size();
        if (users.children.size() == 1)
            pair.above = users.children;
        pair.upperIsCurrent = !users.machines.isEmpty();
        list.append(std::move(pair));
    }
    return list;
}

Result<void> SnapshotDatabase::commitMergeDown(const Mergeable& pair) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    const QString& lower = pair.lower.path;
    const QString& upper = pair.upper.path;
    TRY(m_database.run("UPDATE snapshot_disks SET path = ?2 WHERE path = ?1", upper, lower));
    TRY(m_database.run("UPDATE drives SET path = ?2, format = (SELECT format FROM layers WHERE "
                       "path = ?2) WHERE path = ?1",
                       upper, lower));
    TRY(m_database.run("UPDATE layers SET parent = ?2 WHERE parent = ?1", upper, lower));
    TRY(m_database.run("UPDATE layers SET stamp = '', fingerprint = '' WHERE path = ?1", lower));
    TRY(layer_rows::remove(m_database, upper));
    TRY(snapshot_rows::addObsolete(m_database, upper));
    TRY(snapshot_rows::touchTree(m_database, pair.upper.machine));
    return transaction.commit();
}

Result<void> SnapshotDatabase::commitMergeUp(const Mergeable& pair) {
    Transaction transaction = TRY(Transaction::begin(m_database));
    TRY(m_database.run(
        "UPDATE layers SET parent = nullif(?2, ''), stamp = '', fingerprint = '' WHERE path = ?1",
        pair.upper.path, pair.lower.parent));
    TRY(layer_rows::remove(m_database, pair.lower.path));
    TRY(snapshot_rows::addObsolete(m_database, pair.lower.path));
    TRY(snapshot_rows::touchTree(m_database, pair.upper.machine));
    return transaction.commit();
}

} // namespace vivarium
