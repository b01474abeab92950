#pragma once

#include <QList>
#include <QString>
#include <QStringView>

#include <cstdint>

namespace vivarium {

// A kind of guest system and what it likes: the wizard's suggestions.
struct GuestType {
    QString id;     // stable, stored in the library: "debian"
    QString name;   // proper name, not translated: "Debian"
    QString family; // "Linux", "Windows", "BSD", "Other"
    uint32_t memoryMiB = 1024;
    uint32_t cpuCount = 1;
    uint32_t diskGiB = 20;
    bool rtcLocalTime = false; // the system expects local time in its clock
};

// All types in order of display, "other" last.
const QList<GuestType>& guestTypes();
// The type with that id; "other" for one that is not known.
const GuestType& guestType(QStringView id);
// The type that an ISO's volume id or a file name suggests; "other" without a clue.
const GuestType& guessGuestType(const QString& volumeId, const QString& fileName);

} // namespace vivarium
