#pragma once

#include "core/model/machine.h"

#include <QString>

namespace vivarium {

// A new machine with the settings, in a folder (not made yet) beside the original's. What only one
// machine can have (serial ports' files and sockets, a VNC port) stays with the original.
Machine machineCopy(const Machine& original, const MachineSettings& settings, const QString& name,
                    MacPolicy macPolicy);

// Gives the copy's drive that corresponds to `drive` another image.
void setDisk(Machine& copy, const DriveSettings& drive, const QString& path, DiskFormat format);

} // namespace vivarium
