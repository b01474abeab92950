#pragma once

#include "core/model/machine_id.h"
#include "core/model/snapshot_id.h"

#include <QSet>
#include <QTimer>
#include <QWidget>

class QAction;
class QLabel;
class QPushButton;
class QSettings;
class QSplitter;
class QStackedWidget;
class QToolBar;
class QTreeView;

namespace vivarium {

class Library;
class SnapshotModel;
class SnapshotOperations;
class SnapshotPrompts;
class SnapshotProperties;
class SnapshotService;
class Supervisor;
class ThumbnailCache;
class TimelineBar;
struct CurrentState;

// A machine's snapshots as VirtualBox shows them: tool bar, tree and properties; without any, what
// a snapshot is and a button that takes the first. Follows the service while it is on the screen.
// GUI thread.
class SnapshotPane : public QWidget {
    Q_OBJECT
public:
    SnapshotPane(SnapshotService& service, Library& library, Supervisor& supervisor,
                 SnapshotOperations& operations, SnapshotPrompts& prompts,
                 QWidget* parent = nullptr);

    void setMachine(const MachineId& machine);
    MachineId machine() const { return m_machine; }
    // Null: the current state, or nothing, is selected.
    SnapshotId selectedSnapshot() const;
    void select(const SnapshotId& snapshot);
    void saveLayout(QSettings& settings) const;
    void restoreLayout(const QSettings& settings);

    QTreeView* view() const { return m_tree; }
    SnapshotProperties* properties() const { return m_properties; }
    QAction* takeAction() const { return m_take; }
    QAction* restoreAction() const { return m_restore; }
    QAction* deleteAction() const { return m_delete; }
    QAction* propertiesAction() const { return m_showProperties; }
    QAction* cloneAction() const { return m_clone; }
    QAction* timelineAction() const { return m_showTimeline; }
    TimelineBar* timeline() const { return m_timeline; }

protected:
    void changeEvent(QEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void hideEvent(QHideEvent* event) override;

private:
    void buildActions();
    QWidget* buildEmptyPage();
    void buildTree();
    void retranslate();
    CurrentState currentState() const;
    void refresh();
    void showSelection();
    void updateActions();
    void expandAsBefore();
    void showContextMenu(const QPoint& position);

    SnapshotService& m_service;
    const Library& m_library;
    Supervisor& m_supervisor;
    SnapshotOperations& m_operations;
    SnapshotPrompts& m_prompts;
    ThumbnailCache* m_thumbnails;
    SnapshotModel* m_model;
    MachineId m_machine;
    QSet<SnapshotId> m_collapsed;
    QStackedWidget* m_pages;
    QSplitter* m_splitter;
    QToolBar* m_toolBar;
    QTreeView* m_tree = nullptr;
    SnapshotProperties* m_properties = nullptr;
    QLabel* m_emptyTitle = nullptr;
    QLabel* m_emptyText = nullptr;
    QPushButton* m_emptyTake = nullptr;
    QAction* m_take = nullptr;
    QAction* m_delete = nullptr;
    QAction* m_restore = nullptr;
    QAction* m_showProperties = nullptr;
    QAction* m_clone = nullptr;
    QAction* m_showTimeline = nullptr;
    TimelineBar* m_timeline = nullptr;
    QPushButton* m_emptyTimeline = nullptr;
    QTimer m_clock; // while visible: the times in the tree go on
};

} // namespace vivarium
