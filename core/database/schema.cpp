#include "core/database/schema.h"

#include "core/database/lock_file.h"
#include "core/database/migrations/m0001_library.h"
#include "core/database/migrations/m0002_drive_bus.h"
#include "core/database/migrations/m0003_layers.h"
#include "core/database/migrations/m0004_snapshots.h"
#include "core/database/migrations/m0005_drive_policies.h"

#include <array>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

constexpr std::array kMigrations{
    Migration{1, migrations::kLibrary}, Migration{2, migrations::kDriveBus},
    Migration{3, migrations::kLayers}, Migration{4, migrations::kSnapshots},
    Migration{5, migrations::kDrivePolicies}};

Error corrupt(const Database& database, const QString& why) {
    return fail(ErrorCode::Corrupt, u"%1 %2."_s.arg(database.path(), why).toStdString());
}

// The schema version of a file that is ours, 0 for a new one.
Result<int> recognise(Database& database, int newest) {
    const qint64 applicationId = TRY(database.number("PRAGMA application_id"));
    const qint64 version = TRY(database.number("PRAGMA user_version"));
    if (applicationId != kApplicationId) {
        const qint64 objects = TRY(database.number("SELECT count(*) FROM sqlite_schema"));
        if (applicationId != 0 || version != 0 || objects != 0)
            return corrupt(
                database, u"is another program's database, not a Vivarium library; move it away"_s);
        return 0;
    }
    if (version > newest)
        return fail(
            ErrorCode::Unsupported,
            u"The library %1 was written by a newer version of Vivarium (its schema is %2, this version knows %3); use that version. Nothing was changed."_s
                .arg(database.path())
                .arg(version)
                .arg(newest)
                .toStdString());
    if (version < 1)
        return corrupt(database, u"is damaged: it has no schema version; restore a backup"_s);
    return static_cast<int>(version);
}

Result<void> checkIntegrity(Database& database) {
    Statement check = TRY(database.prepare("PRAGMA quick_check(1)"));
    if (TRY(check.step()) && check.text(0) != u"ok"_s)
        return corrupt(database, u"is damaged (%1); restore a backup"_s.arg(
                                     check.text(0).simplified().left(200)));
    return {};
}

// Held while a program opens the library: one at a time looks at the schema, backs it up and
// upgrades it. A file beside the database, as closing any descriptor of the database itself would
// drop SQLite's own locks (SQLite, "How To Corrupt", section 2.2). Waits for the others.
Result<UniqueFd> lockSchema(const Database& database) {
    return acquireLock(
        {.path = database.path() + u".lock"_s, .name = "The library's lock file", .busy = {}});
}

Result<void> apply(Database& database, const Migration& migration) {
    Transaction transaction = TRY(Transaction::begin(database));
    TRY(database.execute(migration.sql));
    const QByteArray stamp = "PRAGMA application_id = " + QByteArray::number(kApplicationId) +
                             "; PRAGMA user_version = " + QByteArray::number(migration.version);
    TRY(database.execute(stamp.constData()));
    return transaction.commit();
}

} // namespace

std::span<const Migration> libraryMigrations() {
    return kMigrations;
}

Result<void> upgradeSchema(Database& database, std::span<const Migration> migrations) {
    const UniqueFd lock = TRY(lockSchema(database));
    const int newest = migrations.back().version;
    const int version = TRY(recognise(database, newest));
    // WAL lets one program write while others read.
    TRY(database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"));
    if (version == newest)
        return {};
    if (version > 0) {
        TRY(checkIntegrity(database));
        TRY(database.backUpTo(u"%1.v%2.backup"_s.arg(database.path()).arg(version)));
    }
    for (const Migration& migration : migrations)
        if (migration.version > version)
            TRY(apply(database, migration));
    return {};
}

} // namespace vivarium
