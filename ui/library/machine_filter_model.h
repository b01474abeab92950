#pragma once

#include "core/model/machine_id.h"

#include <QSet>
#include <QSortFilterProxyModel>

namespace vivarium {

// The machines whose name, tags or notes contain every word of the search text, and that carry the
// wanted tag; groups stay while they have such a machine. GUI thread.
class MachineFilterModel : public QSortFilterProxyModel {
    Q_OBJECT
public:
    explicit MachineFilterModel(QObject* parent = nullptr);

    void setSearchText(const QString& text);
    // Empty: any.
    void setTag(const QString& tag);
    // These are not shown: they are about to be removed.
    void setHidden(const QSet<MachineId>& machines);
    bool isFiltering() const { return !m_words.isEmpty() || !m_tag.isEmpty(); }

protected:
    bool filterAcceptsRow(int sourceRow, const QModelIndex& sourceParent) const override;

private:
    QStringList m_words;
    QString m_tag;
    QSet<MachineId> m_hidden;
};

} // namespace vivarium
