#pragma once

#include <QList>
#include <QString>

#include <cstdint>

namespace vivarium {

// A kind of guest and what a machine for it should have.
struct GuestType {
    QString id;     // "debian": stored with machines, never renamed
    QString title;  // "Debian GNU/Linux"; English where it is no proper name
    QString family; // "linux", "windows", "bsd", "other"
    uint32_t memoryMiB = 1024;
    uint32_t cpuCount = 1;
    uint32_t diskGiB = 20;
    bool rtcLocalTime = false; // expects the hardware clock to show local time
};

// In order of display, families together; "other" is the last one.
const QList<GuestType>& guestTypes();
// The type with that id, or "other".
const GuestType& guestType(const QString& id);

// The best guess from an installation medium's ISO 9660 volume and application ids, "other" if
// nothing matches.
const GuestType& guessGuestType(const QString& volumeId, const QString& applicationId = {});

} // namespace vivarium
