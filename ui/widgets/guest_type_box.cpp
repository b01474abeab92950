#include "ui/widgets/guest_type_box.h"

#include "core/provision/guest_types.h"
#include "ui/widgets/icons.h"

#include <QComboBox>
#include <QCoreApplication>

namespace vivarium {

namespace {

class GuestTypeText {
    Q_DECLARE_TR_FUNCTIONS(GuestTypeText)
};

} // namespace

// Most titles are proper names.
QString guestTypeText(const QString& id) {
    const GuestType& type = guestType(id);
    if (type.id == u"other")
        return GuestTypeText::tr("Other");
    if (type.id == u"linux")
        return GuestTypeText::tr("Other Linux");
    if (type.id == u"windows")
        return GuestTypeText::tr("Other Windows");
    if (type.id == u"rhel")
        return GuestTypeText::tr("Red Hat Enterprise Linux and relatives");
    return type.title;
}

void fillGuestTypes(QComboBox& box) {
    for (const GuestType& type : guestTypes())
        box.addItem(guestIcon(type.id), guestTypeText(type.id), type.id);
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
