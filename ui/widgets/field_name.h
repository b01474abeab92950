#pragma once

#include <QLabel>
#include <QWidget>

#include <initializer_list>

namespace vivarium {

// Gives the parts of a composed field the name of the label in front of it, for screen readers:
// they only see that the label belongs to the field as a whole. Call it when the field is shown.
inline void nameAfterLabel(const QWidget& field, std::initializer_list<QWidget*> parts) {
    const QList<QLabel*> labels = field.window()->findChildren<QLabel*>();
    for (const QLabel* label : labels) {
        if (label->buddy() != &field)
            continue;
        QString name = label->text().remove(u'&');
        if (name.endsWith(u':'))
            name.chop(1);
        for (QWidget* part : parts)
            part->setAccessibleName(name);
    }
}

} // namespace vivarium
