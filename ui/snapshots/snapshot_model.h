#pragma once

#include "core/model/snapshot.h"
#include "vmm/control/machine_state.h"

#include <QAbstractItemModel>
#include <QHash>
#include <QIcon>

#include <memory>
#include <vector>

namespace vivarium {

class ThumbnailCache;

// What a machine is like now, below the snapshot that it goes on from.
struct CurrentState {
    SnapshotId snapshot; // null: none
    bool changed = false;
    control::MachineState machineState = control::MachineState::PoweredOff;
    QString thumbnailPath = {}; // of a saved state; may be empty
    bool operator==(const CurrentState&) const = default;
};

// A machine's snapshots as a tree, oldest first, with the current state as the last child of the
// snapshot that it hangs below. Shows what it is given; empty without snapshots. GUI thread.
class SnapshotModel : public QAbstractItemModel {
    Q_OBJECT
public:
    enum Column { NameColumn, TimeColumn, ColumnCount };
    enum Role {
        IdRole = Qt::UserRole, // SnapshotId; null for the current state
        CurrentStateRole,      // bool
        AutomaticRole,         // bool: taken by the timeline
    };

    explicit SnapshotModel(ThumbnailCache& thumbnails, QObject* parent = nullptr);
    ~SnapshotModel() override;

    // `snapshots`: oldest first, parents before their children. Tells only what differs when the
    // tree keeps its shape, and resets otherwise.
    void setTree(const QList<Snapshot>& snapshots, const CurrentState& current);
    const Snapshot* snapshotAt(const QModelIndex& index) const; // null: the current state
    QModelIndex indexOf(const SnapshotId& id) const;
    QModelIndex currentStateIndex() const;
    qsizetype childCount(const SnapshotId& id) const; // snapshots right below one
    // Lets the times be read again: a minute has passed.
    void updateTimes();
    void retranslate();

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;

private:
    struct Node;

    Node* nodeAt(const QModelIndex& index) const;
    QModelIndex indexOf(const Node* node, int column = NameColumn) const;
    void rebuild();
    bool hasShapeOf(const QList<Snapshot>& snapshots, const CurrentState& current) const;
    QVariant snapshotData(const Snapshot& snapshot, int column, int role) const;
    QVariant currentStateData(int column, int role) const;
    QString currentStateText() const;
    enum class Badge { None, Automatic };
    QIcon pictureOf(const QString& thumbnailPath, Badge badge, const QIcon& otherwise) const;

    ThumbnailCache& m_thumbnails;
    QList<Snapshot> m_snapshots;
    CurrentState m_current;
    std::unique_ptr<Node> m_root;
    std::vector<std::unique_ptr<Node>> m_nodes; // of m_snapshots, in the same order
    std::unique_ptr<Node> m_currentNode;        // null: there are no snapshots
    QHash<SnapshotId, Node*> m_nodeById;
    mutable QHash<QString, QIcon> m_pictures; // by the path of the thumbnail
};

} // namespace vivarium
