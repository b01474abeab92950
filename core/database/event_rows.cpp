#include "core/database/event_rows.h"

#include <QDateTime>

namespace vivarium::event_rows {

namespace {

constexpr int kMaxEventDetail = 16 << 10; // characters; a crash quotes a log, not all of it
constexpr qint64 kMaxEventsPerMachine = 1000;

} // namespace

Result<void> insert(Database& database, const MachineId& machine, MachineEvent::Kind kind,
                    const QString& detail) {
    TRY(database.run("INSERT INTO events (machine_id, time, kind, detail) VALUES (?1, ?2, ?3, ?4)",
                     machine.toString(), QDateTime::currentMSecsSinceEpoch(), eventKindName(kind),
                     detail.left(kMaxEventDetail)));
    return database.run(
        "DELETE FROM events WHERE machine_id = ?1 AND sequence <= (SELECT sequence FROM events "
        "WHERE machine_id = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
        machine.toString(), kMaxEventsPerMachine);
}

} // namespace vivarium::event_rows
