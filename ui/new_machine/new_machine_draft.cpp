#include "ui/new_machine/new_machine_draft.h"

#include <QDir>

namespace vivarium {

Machine NewMachineDraft::toMachine() const {
    Machine machine;
    machine.group = group;
    if (!parentFolder.isEmpty() && QDir::cleanPath(parentFolder) != QDir::cleanPath(defaultFolder))
        machine.folder = QDir::cleanPath(parentFolder + u'/' + name);
    MachineSettings& settings = machine.settings;
    settings.name = name;
    settings.guestType = guestType;
    settings.memoryMiB = memoryMiB;
    settings.cpuCount = cpuCount;
    settings.rtcLocalTime = rtcLocalTime;
    if (disk == Disk::Existing)
        settings.drives.append(
            {DriveType::HardDisk, 0, existingDisk, false, DriveBus::Sata, existingFormat});
    // There is always an optical drive, so that a disk can be put in later.
    settings.drives.append({DriveType::Optical, 1, isoPath, false});
    return machine;
}

} // namespace vivarium
