#include "ui/widgets/guest_type_box.h"

#include "core/provision/guest_types.h"
#include "ui/widgets/icons.h"

#include <QComboBox>

namespace vivarium {

void fillGuestTypes(QComboBox& box) {
    for (const GuestType& type : guestTypes())
        box.addItem(guestIcon(type.id), type.title, type.id);
    box.setMaxVisibleItems(16);
}

void selectGuestType(QComboBox& box, const QString& id) {
    int index = box.findData(id);
    if (index < 0) {
        box.addItem(guestIcon(id), id, id);
        index = box.count() - 1;
    }
    box.setCurrentIndex(index);
}

} // namespace vivarium
