#include "core/database/layer_rows.h"

#include "core/model/setting_names.h"

#include <algorithm>

namespace vivarium::layer_rows {

using namespace Qt::StringLiterals;

namespace {

#define VIVARIUM_COLUMNS                                                                           \
    "layers.path, layers.format, layers.parent, layers.machine_id, layers.owned, "                 \
    "layers.size_bytes, layers.stamp, layers.fingerprint "

DiskLayer layerFromRow(const Statement& row) {
    DiskLayer layer;
    layer.path = row.text(0);
    layer.format = valueNamed<DiskFormat>(row.text(1)).value_or(DiskFormat::Raw); // CHECKed
    layer.parent = row.text(2);
    layer.machine = MachineId::fromString(row.text(3));
    layer.owner = row.integer(4) != 0 ? DiskLayer::Owner::Program : DiskLayer::Owner::User;
    layer.sizeBytes = static_cast<uint64_t>(row.integer(5));
    layer.stamp = row.text(6);
    layer.fingerprint = row.text(7);
    return layer;
}

Result<QList<DiskLayer>> readRows(Statement rows) {
    QList<DiskLayer> layers;
    while (TRY(rows.step()))
        layers.append(layerFromRow(rows));
    return layers;
}

Result<void> write(Database& database, const char* sql, const DiskLayer& layer) {
    Statement row = TRY(database.prepare(sql));
    row.bind(1, layer.path).bind(2, nameOf(layer.format));
    row.bind(3, layer.parent)
        .bind(4, layer.machine.isNull() ? QString() : layer.machine.toString());
    row.bind(5, qint64{layer.owner == DiskLayer::Owner::Program});
    row.bind(6, static_cast<qint64>(layer.sizeBytes))
        .bind(7, layer.stamp)
        .bind(8, layer.fingerprint);
    return row.run();
}

// NULL instead of an empty text: those columns refer to other rows.
#define VIVARIUM_INSERT                                                                            \
    "INSERT INTO layers (path, format, parent, machine_id, owned, size_bytes, stamp, "             \
    "fingerprint) VALUES (?1, ?2, nullif(?3, ''), nullif(?4, ''), ?5, ?6, ?7, ?8) ON CONFLICT "    \
    "(path) DO UPDATE SET "

} // namespace

Result<QList<DiskLayer>> readAll(Database& database) {
    return readRows(TRY(database.prepare("SELECT " VIVARIUM_COLUMNS "FROM layers ORDER BY path")));
}

Result<std::optional<DiskLayer>> read(Database& database, const QString& path) {
    Statement row = TRY(database.prepare("SELECT " VIVARIUM_COLUMNS "FROM layers WHERE path = ?1"));
    row.bind(1, path);
    return TRY(row.step()) ? std::optional(layerFromRow(row)) : std::nullopt;
}

Result<QList<DiskLayer>> readChain(Database& database, const QString& top) {
    Statement rows = TRY(database.prepare(
        "WITH RECURSIVE chain (path, parent, depth) AS ("
        "SELECT path, parent, 0 FROM layers WHERE path = ?1 UNION ALL "
        "SELECT layers.path, layers.parent, depth + 1 FROM layers JOIN chain "
        "ON layers.path = chain.parent WHERE depth < ?2) "
        "SELECT " VIVARIUM_COLUMNS "FROM chain JOIN layers ON layers.path = chain.path "
        "ORDER BY depth DESC"));
    rows.bind(1, top).bind(2, qint64{kMaxChainLength});
    const QList<DiskLayer> chain = TRY(readRows(std::move(rows)));
    if (chain.size() > kMaxChainLength)
        return fail(ErrorCode::LimitExceeded,
                    u"The disk %1 consists of more than %2 files."_s.arg(top)
                        .arg(kMaxChainLength)
                        .toStdString());
    return chain;
}

Result<LayerUsers> readUsers(Database& database, const QString& path) {
    LayerUsers users;
    Statement children = TRY(
        database.prepare("SELECT " VIVARIUM_COLUMNS "FROM layers WHERE parent = ?1 ORDER BY path"));
    children.bind(1, path);
    users.children = TRY(readRows(std::move(children)));
    Statement drives =
        TRY(database.prepare("SELECT DISTINCT machine_id FROM drives WHERE path = ?1"));
    drives.bind(1, path);
    while (TRY(drives.step()))
        users.machines.append(MachineId::fromString(drives.text(0)));
    return users;
}

Result<void> put(Database& database, const DiskLayer& layer) {
    return write(database,
                 VIVARIUM_INSERT "format = excluded.format, parent = excluded.parent, "
                                 "machine_id = excluded.machine_id, owned = excluded.owned, "
                                 "size_bytes = excluded.size_bytes, stamp = excluded.stamp, "
                                 "fingerprint = excluded.fingerprint",
                 layer);
}

Result<void> learn(Database& database, const DiskLayer& layer) {
    // What the program made it also re-parents; news that are older than that do not count.
    return write(database,
                 VIVARIUM_INSERT "format = excluded.format, parent = excluded.parent, "
                                 "size_bytes = excluded.size_bytes, stamp = excluded.stamp, "
                                 "fingerprint = excluded.fingerprint "
                                 "WHERE owned = 0 OR (format = excluded.format AND "
                                 "parent IS excluded.parent)",
                 layer);
}

Result<void> rename(Database& database, const QString& from, const QString& to) {
    TRY(database.run("UPDATE layers SET path = ?2 WHERE path = ?1", from, to));
    return database.run("UPDATE drives SET path = ?2 WHERE path = ?1", from, to);
}

Result<void> remove(Database& database, const QString& path) {
    return database.run("DELETE FROM layers WHERE path = ?1", path);
}

Result<void> forgetUnused(Database& database) {
    // From the top down; each round frees the layer below.
    for (qsizetype round = 0; round < kMaxChainLength; ++round) {
        TRY(database.execute(
            "DELETE FROM layers WHERE owned = 0 "
            "AND path NOT IN (SELECT path FROM snapshot_disks) "
            "AND path NOT IN (SELECT path FROM drives) "
            "AND path NOT IN (SELECT parent FROM layers WHERE parent IS NOT NULL)"));
        if (database.changedRows() == 0)
            break;
    }
    return {};
}

Result<QStringList> readOwned(Database& database, const MachineId& machine) {
    Statement rows =
        TRY(database.prepare("SELECT path FROM layers WHERE machine_id = ?1 AND owned = 1"));
    rows.bind(1, machine.toString());
    QStringList paths;
    while (TRY(rows.step()))
        paths << rows.text(0);
    return paths;
}

Result<std::optional<Dependent>> readDependent(Database& database, const MachineId& machine) {
    Statement row = TRY(database.prepare(
        "WITH RECURSIVE above (path, own) AS ("
        "SELECT path, path FROM layers WHERE machine_id = ?1 AND owned = 1 UNION "
        "SELECT layers.path, above.own FROM layers JOIN above ON layers.parent = above.path) "
        "SELECT drives.machine_id, above.own FROM above JOIN drives ON drives.path = above.path "
        "WHERE drives.machine_id <> ?1 UNION ALL "
        "SELECT layers.machine_id, above.own FROM above JOIN layers ON layers.path = above.path "
        "WHERE layers.machine_id <> ?1 LIMIT 1"));
    row.bind(1, machine.toString());
    if (!TRY(row.step()))
        return std::optional<Dependent>();
    return std::optional(Dependent{MachineId::fromString(row.text(0)), row.text(1)});
}

Result<void> removeOwned(Database& database, const MachineId& machine) {
    for (qsizetype round = 0; round < kMaxChainLength; ++round) {
        TRY(database.run("DELETE FROM layers WHERE machine_id = ?1 AND owned = 1 "
                         "AND path NOT IN (SELECT parent FROM layers WHERE parent IS NOT NULL)",
                         machine.toString()));
        if (database.changedRows() == 0)
            break;
    }
    return {};
}

Result<void> disown(Database& database, const MachineId& machine) {
    return database.run("UPDATE layers SET owned = 0 WHERE machine_id = ?1", machine.toString());
}

#undef VIVARIUM_COLUMNS
#undef VIVARIUM_INSERT

} // namespace vivarium::layer_rows
