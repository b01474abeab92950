#pragma once

#include <QString>

class QComboBox;

namespace vivarium {

// The title of a guest type, "Other" for an id that is not known.
QString guestTypeText(const QString& id);
// A list of all guest types with their pictures; the item's data is the id.
void fillGuestTypes(QComboBox& box);
// Selects `id`; an id that is not in the list (from a newer library) is added as it is.
void selectGuestType(QComboBox& box, const QString& id);

} // namespace vivarium
