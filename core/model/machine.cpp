#include "core/model/machine.h"

#include <QSet>

#include <algorithm>
#include <array>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

using Kind = SettingsProblem::Kind;

constexpr int kMaxGroupBytes = 1024;
constexpr int kMaxTagBytes = 100;
constexpr int kMaxTagCount = 100;
constexpr int kMaxNotesBytes = 64 << 10;

bool hasControlCharacter(const QString& text) {
    return std::any_of(text.begin(), text.end(), [](QChar c) {
        return c.category() == QChar::Other_Control || c.category() == QChar::Separator_Line ||
               c.category() == QChar::Separator_Paragraph;
    });
}

struct NamedKind {
    MachineEvent::Kind kind;
    const char* name;
};
using EventKind = MachineEvent::Kind;
constexpr auto kEventKinds =
    std::to_array<NamedKind>({{EventKind::Created, "created"},
                              {EventKind::SettingsChanged, "settings-changed"},
                              {EventKind::Renamed, "renamed"},
                              {EventKind::Started, "started"},
                              {EventKind::Paused, "paused"},
                              {EventKind::Resumed, "resumed"},
                              {EventKind::Reset, "reset"},
                              {EventKind::Stopped, "stopped"},
                              {EventKind::Aborted, "aborted"},
                              {EventKind::Failed, "failed"},
                              {EventKind::Removed, "removed"},
                              {EventKind::SnapshotTaken, "snapshot-taken"},
                              {EventKind::SnapshotRestored, "snapshot-restored"},
                              {EventKind::SnapshotDeleted, "snapshot-deleted"}});

void checkGroup(const QString& group, QList<SettingsProblem>& problems) {
    if (group.isEmpty())
        return;
    const QStringList parts = group.split(u'/');
    if (group.toUtf8().size() > kMaxGroupBytes)
        problems.append(
            {u"group"_s, Kind::TooLong,
             u"The group has %1 bytes; it may have at most %2."_s.arg(group.toUtf8().size())
                 .arg(kMaxGroupBytes)});
    else if (hasControlCharacter(group) ||
             std::any_of(parts.begin(), parts.end(), [](const QString& p) {
                 return p.trimmed().isEmpty() || p != p.trimmed();
             }))
        problems.append(
            {u"group"_s, Kind::BadCharacter,
             u"The group “%1” has an empty part, a line break or a space beside “/”; write it like “Work/Servers”."_s
                 .arg(group.left(40).simplified())});
}

void checkTags(const QStringList& tags, QList<SettingsProblem>& problems) {
    if (tags.size() > kMaxTagCount)
        problems.append({u"tags"_s, Kind::OutOfRange,
                         u"The machine has %1 tags; it may have at most %2."_s.arg(tags.size())
                             .arg(kMaxTagCount)});
    QSet<QString> seen;
    for (const QString& tag : tags) {
        const QString shown = tag.left(40).simplified();
        if (tag.trimmed().isEmpty() || tag != tag.trimmed() || hasControlCharacter(tag) ||
            tag.contains(u','))
            problems.append(
                {u"tags"_s, Kind::BadCharacter,
                 u"The tag “%1” is empty, or has a comma, a line break or a space at an end."_s.arg(
                     shown)});
        else if (tag.toUtf8().size() > kMaxTagBytes)
            problems.append({u"tags"_s, Kind::TooLong,
                             u"The tag “%1” has %2 bytes; a tag may have at most %3."_s.arg(shown)
                                 .arg(tag.toUtf8().size())
                                 .arg(kMaxTagBytes)});
        else if (seen.contains(tag))
            problems.append({u"tags"_s, Kind::Duplicate,
                             u"The tag “%1” is set twice; set it once."_s.arg(shown)});
        seen.insert(tag);
    }
}

} // namespace

QList<SettingsProblem> validate(const Machine& machine) {
    QList<SettingsProblem> problems = validate(machine.settings);
    checkGroup(machine.group, problems);
    checkTags(machine.tags, problems);
    if (machine.notes.toUtf8().size() > kMaxNotesBytes)
        problems.append({u"notes"_s, Kind::TooLong,
                         u"The notes have %1 bytes; they may have at most %2."_s
                             .arg(machine.notes.toUtf8().size())
                             .arg(kMaxNotesBytes)});
    return problems;
}

QString eventKindName(MachineEvent::Kind kind) {
    for (const NamedKind& entry : kEventKinds)
        if (entry.kind == kind)
            return QString::fromLatin1(entry.name);
    return {};
}

std::optional<MachineEvent::Kind> eventKindNamed(QStringView name) {
    for (const NamedKind& entry : kEventKinds)
        if (name == QLatin1String(entry.name))
            return entry.kind;
    return std::nullopt;
}

} // namespace vivarium
