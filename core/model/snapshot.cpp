#include "core/model/snapshot.h"

#include "core/model/setting_names.h"
#include "core/model/snapshot_record.h"

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

using Kind = SettingsProblem::Kind;

void checkRange(QList<SettingsProblem>& problems, const QString& field, int value, int least,
                int most) {
    if (value < least || value > most)
        problems.append(
            {field, Kind::OutOfRange,
             u"%1 is %2; it must be between %3 and %4."_s.arg(field).arg(value).arg(least).arg(
                 most)});
}

} // namespace

QList<SettingsProblem> validate(const Snapshot& snapshot) {
    QList<SettingsProblem> problems;
    if (snapshot.name.trimmed().isEmpty())
        problems.append({u"name"_s, Kind::Empty, u"A snapshot needs a name."_s});
    if (snapshot.name.toUtf8().size() > Snapshot::kMaxNameLength)
        problems.append(
            {u"name"_s, Kind::TooLong,
             u"The snapshot's name is longer than %1 bytes."_s.arg(Snapshot::kMaxNameLength)});
    for (const QChar c : snapshot.name) {
        if (c.category() != QChar::Other_Control)
            continue;
        problems.append({u"name"_s, Kind::BadCharacter,
                         u"The snapshot's name has a control character in it."_s});
        break;
    }
    if (snapshot.description.toUtf8().size() > Snapshot::kMaxDescriptionLength)
        problems.append({u"description"_s, Kind::TooLong,
                         u"The snapshot's description is longer than %1 bytes."_s.arg(
                             Snapshot::kMaxDescriptionLength)});
    return problems;
}

QList<SettingsProblem> validate(const TimelineSettings& settings) {
    QList<SettingsProblem> problems;
    checkRange(problems, u"intervalMinutes"_s, settings.intervalMinutes,
               TimelineSettings::kMinIntervalMinutes, TimelineSettings::kMaxIntervalMinutes);
    checkRange(problems, u"keepAllHours"_s, settings.keepAllHours, 0, TimelineSettings::kMaxKeep);
    checkRange(problems, u"keepHourlyHours"_s, settings.keepHourlyHours, 0,
               TimelineSettings::kMaxKeep);
    checkRange(problems, u"keepDailyDays"_s, settings.keepDailyDays, 0, TimelineSettings::kMaxKeep);
    return problems;
}

QString driveName(const DriveSettings& drive) {
    return nameOf(drive.bus) + QString::number(drive.port);
}

} // namespace vivarium
