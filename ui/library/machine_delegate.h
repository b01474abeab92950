#pragma once

#include <QStyledItemDelegate>

namespace vivarium {

// Paints a machine as VirtualBox does: the guest's picture, the name, and below it the state with
// its icon; a group as its name with the number of machines.
class MachineDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const override;
};

} // namespace vivarium
