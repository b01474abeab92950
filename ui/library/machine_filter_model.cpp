#include "ui/library/machine_filter_model.h"

#include "ui/library/machine_tree_model.h"

#include <algorithm>

namespace vivarium {

MachineFilterModel::MachineFilterModel(QObject* parent) : QSortFilterProxyModel(parent) {
    setRecursiveFilteringEnabled(true);
}

void MachineFilterModel::setSearchText(const QString& text) {
    m_words = text.split(u' ', Qt::SkipEmptyParts);
    invalidateFilter();
}

void MachineFilterModel::setTag(const QString& tag) {
    m_tag = tag;
    invalidateFilter();
}

void MachineFilterModel::setHidden(const QSet<MachineId>& machines) {
    m_hidden = machines;
    invalidateFilter();
}

bool MachineFilterModel::filterAcceptsRow(int sourceRow, const QModelIndex& sourceParent) const {
    if (!isFiltering() && m_hidden.isEmpty())
        return true;
    const QModelIndex index = sourceModel()->index(sourceRow, 0, sourceParent);
    const auto id = index.data(MachineTreeModel::IdRole).value<MachineId>();
    if (id.isNull())
        return false; // a group is shown because of what is in it
    if (m_hidden.contains(id))
        return false;
    if (!m_tag.isEmpty() && !index.data(MachineTreeModel::TagsRole).toStringList().contains(m_tag))
        return false;
    const QString text = index.data(MachineTreeModel::SearchTextRole).toString();
    return std::all_of(m_words.begin(), m_words.end(), [&text](const QString& word) {
        return text.contains(word, Qt::CaseInsensitive);
    });
}

} // namespace vivarium
