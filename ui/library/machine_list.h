#pragma once

#include "core/model/machine_id.h"

#include <QList>
#include <QString>
#include <QWidget>

class QComboBox;
class QLabel;
class QLineEdit;
class QSettings;
class QTreeView;

namespace vivarium {

class Library;
class MachineFilterModel;
class MachineTreeModel;

// The left side of the main window: search field, tag filter and the tree of machines. GUI thread.
class MachineList : public QWidget {
    Q_OBJECT
public:
    MachineList(const Library& library, MachineTreeModel& model, QWidget* parent = nullptr);

    // The machines that actions apply to, in the tree's order; those of a selected group too.
    QList<MachineId> selectedMachines() const;
    // The machine whose details are shown; null for none or a group.
    MachineId currentMachine() const;
    // The selected group's path; empty when none is current.
    QString currentGroup() const;
    void select(const MachineId& id);
    // These are about to be removed and not shown.
    void setHidden(const QSet<MachineId>& machines);
    // Opens the in-place editor of the current name.
    void editCurrentName();
    void focusSearch();
    QTreeView* view() const { return m_view; }

    // Which groups are folded, and what is selected.
    void saveLayout(QSettings& settings) const;
    void restoreLayout(const QSettings& settings);

Q_SIGNALS:
    void selectionChanged();
    void activated(const vivarium::MachineId& id);
    void contextMenuRequested(const QPoint& globalPosition);

protected:
    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void retranslate();
    void updateTags();
    void rememberSelection();
    /// Selects the last selected machine again if the filter had hidden it.
    void filterChanged();
    void updateEmptyText();
    void collect(const QModelIndex& index, QList<MachineId>& machines) const;
    void expandNewGroups(const QModelIndex& parent, int first, int last);

    const Library& m_library;
    MachineTreeModel& m_model;
    MachineFilterModel* m_filter;
    QLineEdit* m_search;
    QComboBox* m_tags;
    QTreeView* m_view;
    QLabel* m_nothingFound;
    QStringList m_foldedGroups;
    MachineId m_lastSelected;
};

} // namespace vivarium
