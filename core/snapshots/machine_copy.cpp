#include "core/snapshots/machine_copy.h"

#include <QFileInfo>
#include <QUuid>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

QString freeFolder(const QString& parent, QString name, const MachineId& id) {
    name.replace(u'/', u'_');
    const QString folder = parent + u'/' + name;
    // With the id rather than a number: no two copies that are made at once can want the same.
    return QFileInfo::exists(folder) ? u"%1 %2"_s.arg(folder, id.toString().left(8)) : folder;
}

} // namespace

Machine machineCopy(const Machine& original, const MachineSettings& settings, const QString& name,
                    MacPolicy macPolicy) {
    Machine copy;
    copy.id = MachineId::createRandom();
    copy.settings = settings;
    copy.settings.name = name;
    copy.settings.vnc.port = 0;
    for (SerialPortSettings& serial : copy.settings.serialPorts)
        if (serial.mode == SerialMode::File || serial.mode == SerialMode::Socket) {
            serial.mode = SerialMode::Console;
            serial.path.clear();
        }
    if (macPolicy == MacPolicy::New)
        for (NetworkCardSettings& card : copy.settings.networkCards)
            card.macAddress = MacAddress::random();
    copy.group = original.group;
    copy.tags = original.tags;
    copy.notes = original.notes;
    copy.createdAt = QDateTime::currentDateTimeUtc();
    copy.generationId = QUuid::createUuid().toString(QUuid::WithoutBraces);
    copy.folder = freeFolder(QFileInfo(original.folder).path(), name, copy.id);
    return copy;
}

void setDisk(Machine& copy, const DriveSettings& drive, const QString& path, DiskFormat format) {
    for (DriveSettings& present : copy.settings.drives)
        if (present.bus == drive.bus && present.port == drive.port) {
            present.path = path;
            present.format = format;
        }
}

} // namespace vivarium
