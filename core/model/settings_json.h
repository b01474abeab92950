#pragma once

#include "core/model/machine_settings.h"

#include <QJsonObject>

namespace vivarium {

// The settings as JSON, field names as in MachineSettings, enums by name (setting_names.h). Every
// field is written, so that a later change of a default does not change existing machines.
QJsonObject toJson(const MachineSettings& settings);

// The reverse. A missing field keeps its default and an unknown one is ignored, so that libraries
// of neighbouring versions stay readable. Error: Corrupt, naming the field, for a value of the
// wrong type or an unknown enum name. Ranges are validate()'s business.
Result<MachineSettings> machineSettingsFromJson(const QJsonObject& json);

} // namespace vivarium
