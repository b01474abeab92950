#pragma once

#include "core/model/machine_settings.h"

#include <QString>
#include <QStringList>
#include <QStringView>

#include <optional>

namespace vivarium {

// Stable lower-case names of the values of a settings enum ("bios", "one-to-one"): what the library
// stores, JSON shows and the command line takes. Never renamed after a release.
// Instantiated for every enum of machine_settings.h.
template <class Enum>
QString nameOf(Enum value);
template <class Enum>
std::optional<Enum> valueNamed(QStringView name);
// All names, in the enum's order.
template <class Enum>
QStringList namesOf();

} // namespace vivarium
