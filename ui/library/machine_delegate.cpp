#include "ui/library/machine_delegate.h"

#include "ui/library/machine_tree_model.h"
#include "ui/widgets/icons.h"

#include <QApplication>
#include <QPainter>

#include <algorithm>

namespace vivarium {

namespace {

constexpr int kGuestIconSize = 32;
constexpr int kSmallIconSize = 16;
constexpr int kMargin = 4;
constexpr int kSpacing = 6;

bool isMachine(const QModelIndex& index) {
    return !index.data(MachineTreeModel::IdRole).value<MachineId>().isNull();
}

} // namespace

void MachineDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
    QStyleOptionViewItem item = option;
    initStyleOption(&item, index);
    const QString name = item.text;
    const QIcon icon = item.icon;
    item.text.clear();
    item.icon = {};
    const QStyle* style = item.widget ? item.widget->style() : QApplication::style();
    style->drawControl(QStyle::CE_ItemViewItem, &item, painter, item.widget);

    painter->save();
    const bool selected = item.state & QStyle::State_Selected;
    painter->setPen(item.palette.color(selected ? QPalette::HighlightedText : QPalette::Text));
    const QRect content = item.rect.adjusted(kMargin, kMargin, -kMargin, -kMargin);
    const bool machine = isMachine(index);
    const int iconSize = machine ? kGuestIconSize : kSmallIconSize;
    const QRect iconRect(content.x(), content.y() + (content.height() - iconSize) / 2, iconSize,
                         iconSize);
    icon.paint(painter, iconRect);
    QRect textRect = content.adjusted(iconSize + kSpacing, 0, 0, 0);

    QFont bold = item.font;
    bold.setBold(true);
    const QFontMetrics boldMetrics(bold);
    painter->setFont(bold);
    if (!machine) {
        const QString count =
            QStringLiteral(" (%1)").arg(index.data(MachineTreeModel::MachineCountRole).toInt());
        painter->drawText(
            textRect, Qt::AlignVCenter | Qt::AlignLeft,
            boldMetrics.elidedText(name, Qt::ElideRight,
                                   textRect.width() - boldMetrics.horizontalAdvance(count)) +
                count);
        painter->restore();
        return;
    }
    QRect upper = textRect;
    upper.setHeight(textRect.height() / 2);
    QRect lower = textRect;
    lower.setTop(upper.bottom() + 1);
    painter->drawText(upper, Qt::AlignVCenter | Qt::AlignLeft,
                      boldMetrics.elidedText(name, Qt::ElideRight, upper.width()));
    painter->setFont(item.font);
    const auto state =
        static_cast<control::MachineState>(index.data(MachineTreeModel::StateRole).toInt());
    const QRect stateRect(lower.x(), lower.y() + (lower.height() - kSmallIconSize) / 2,
                          kSmallIconSize, kSmallIconSize);
    const bool isTemplate = index.data(MachineTreeModel::TemplateRole).toBool();
    (isTemplate ? applicationIcon(QStringLiteral("template")) : stateIcon(state))
        .paint(painter, stateRect);
    lower.adjust(kSmallIconSize + kMargin, 0, 0, 0);
    painter->drawText(
        lower, Qt::AlignVCenter | Qt::AlignLeft,
        item.fontMetrics.elidedText(index.data(MachineTreeModel::StateTextRole).toString(),
                                    Qt::ElideRight, lower.width()));
    painter->restore();
}

QSize MachineDelegate::sizeHint(const QStyleOptionViewItem& option,
                                const QModelIndex& index) const {
    const int line = std::max(option.fontMetrics.height(), kSmallIconSize);
    const int height = isMachine(index) ? std::max(kGuestIconSize, 2 * line + 2) : line + 2;
    return {160, height + 2 * kMargin};
}

void MachineDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                                           const QModelIndex& index) const {
    const int iconSize = isMachine(index) ? kGuestIconSize : kSmallIconSize;
    QRect field = option.rect.adjusted(kMargin + iconSize + kSpacing, 1, -1, -1);
    field.setHeight(std::min(field.height(), editor->sizeHint().height()));
    editor->setGeometry(field);
}

} // namespace vivarium
