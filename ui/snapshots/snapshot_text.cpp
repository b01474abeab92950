#include "ui/snapshots/snapshot_text.h"

#include "core/model/mac_address_text.h"
#include "core/snapshots/timeline.h"
#include "ui/text/machine_text.h"

#include <QCoreApplication>
#include <QLocale>

namespace vivarium {

namespace {

constexpr qint64 kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;

class SnapshotText {
    Q_DECLARE_TR_FUNCTIONS(SnapshotText)
};

} // namespace

QString relativeTimeText(const QDateTime& moment, const QDateTime& now) {
    const qint64 seconds = moment.secsTo(now);
    if (seconds < -kMinute || seconds >= 7 * kDay)
        return QLocale().toString(moment.toLocalTime().date(), QLocale::ShortFormat);
    if (seconds < kMinute)
        return SnapshotText::tr("just now");
    if (seconds < kHour)
        return SnapshotText::tr("%n minute(s) ago", nullptr, static_cast<int>(seconds / kMinute));
    if (seconds < kDay)
        return SnapshotText::tr("%n hour(s) ago", nullptr, static_cast<int>(seconds / kHour));
    return SnapshotText::tr("%n day(s) ago", nullptr, static_cast<int>(seconds / kDay));
}

QString exactTimeText(const QDateTime& moment) {
    const QLocale locale;
    const QDateTime local = moment.toLocalTime();
    return SnapshotText::tr("%1, %2", "date, time")
        .arg(locale.toString(local.date(), QLocale::LongFormat),
             locale.toString(local.time(), QStringLiteral("HH:mm:ss")));
}

QString snapshotNameText(const Snapshot& snapshot) {
    const QDateTime time = snapshot.automatic ? timeInAutomaticName(snapshot.name) : QDateTime();
    if (!time.isValid())
        return snapshot.name;
    return SnapshotText::tr("Automatic %1", "a snapshot's name: date and time")
        .arg(QLocale().toString(time, QLocale::ShortFormat));
}

QString settingsSummary(const MachineSettings& settings,
                        const std::function<QString(const QString&)>& diskName) {
    QStringList lines{
        SnapshotText::tr("%1 of memory, %n processor(s)", nullptr,
                         static_cast<int>(settings.cpuCount))
            .arg(memoryText(settings.memoryMiB)),
        SnapshotText::tr("%1 of video memory").arg(memoryText(settings.videoMemoryMiB)),
    };
    for (const DriveSettings& drive : settings.drives) {
        const QString file =
            drive.path.isEmpty() ? SnapshotText::tr("empty") : diskName(drive.path);
        lines << SnapshotText::tr("%1: %2", "place of a drive: its file")
                     .arg(drivePlaceText(drive), file);
    }
    for (const NetworkCardSettings& card : settings.networkCards)
        lines << SnapshotText::tr("Network adapter %1: %2", "number, MAC address")
                     .arg(card.slot + 1)
                     .arg(macAddressText(card.macAddress));
    return lines.join(u'\n');
}

} // namespace vivarium
