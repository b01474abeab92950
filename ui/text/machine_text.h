#pragma once

#include "core/model/machine.h"
#include "ui/text/user_message.h"
#include "vmm/control/machine_state.h"

#include <QString>

namespace vivarium {

// Names of states and values as VirtualBox users know them ("Powered Off", "Running").
QString stateText(control::MachineState state);
QString firmwareText(Firmware firmware);
QString acceleratorText(Accelerator accelerator);
QString bootDeviceText(BootDevice device);
QString driveBusText(DriveBus bus);        // "SATA", "NVMe", "Virtio"
QString diskFormatText(DiskFormat format); // "Raw", "QCOW2"
// Where a drive is attached: "SATA Port 0".
QString drivePlaceText(const DriveSettings& drive);
QString networkCardTypeText();
QString serialModeText(SerialMode mode);
QString scaleModeText(ScaleMode mode);
QString closeActionText(CloseAction action);
QString eventText(MachineEvent::Kind kind);

// "20.00 GB", "512 MB": binary units with the names that VirtualBox gives them.
QString sizeText(quint64 bytes);
// Memory of a machine: "2048 MB".
QString memoryText(quint32 mebibytes);

// Why a machine is paused by an error, or has ended abnormally, with what to do next. An empty
// title: nothing abnormal. `detail` is the worker's English text.
UserMessage describeStop(const QString& machineName, control::MachineState state,
                         control::StopReason reason, const QString& detail);

// One translated sentence for a setting that cannot be used; falls back on the English message for
// a field that has no name here.
QString problemText(const SettingsProblem& problem);

} // namespace vivarium
