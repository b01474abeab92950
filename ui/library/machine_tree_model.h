#pragma once

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"

#include <QAbstractItemModel>
#include <QHash>

#include <memory>
#include <vector>

namespace vivarium {

// The library as a tree: groups first (nested by "/"), then machines, each sorted by name. Groups
// exist as long as a machine is in them. Follows the library's signals and the supervisor's states;
// only presents and, for drag and drop and renaming, asks through signals. GUI thread.
class MachineTreeModel : public QAbstractItemModel {
    Q_OBJECT
public:
    enum Role {
        IdRole = Qt::UserRole, // MachineId; null for a group
        GroupRole,             // QString: a group's own path, a machine's group
        StateRole,             // int(MachineState)
        StateTextRole,
        SearchTextRole,   // name, notes and tags in one string
        TagsRole,         // QStringList
        MachineCountRole, // of a group, with its subgroups
        TemplateRole,     // bool: of a machine
    };

    MachineTreeModel(const Library& library, const Supervisor& supervisor,
                     QObject* parent = nullptr);
    ~MachineTreeModel() override;

    QModelIndex indexOf(const MachineId& id) const;
    QModelIndex indexOfGroup(const QString& path) const;

    QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
    QModelIndex parent(const QModelIndex& child) const override;
    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    Qt::ItemFlags flags(const QModelIndex& index) const override;
    bool setData(const QModelIndex& index, const QVariant& value, int role) override;
    QStringList mimeTypes() const override;
    QMimeData* mimeData(const QModelIndexList& indexes) const override;
    bool canDropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                         const QModelIndex& parent) const override;
    bool dropMimeData(const QMimeData* data, Qt::DropAction action, int row, int column,
                      const QModelIndex& parent) override;
    Qt::DropActions supportedDropActions() const override { return Qt::MoveAction; }

Q_SIGNALS:
    // The user has typed a new name in the tree, or dropped machines on a group ("" = top level).
    void renameRequested(const vivarium::MachineId& id, const QString& name);
    void groupRenameRequested(const QString& path, const QString& name);
    void moveRequested(const QList<vivarium::MachineId>& machines, const QString& group);

private:
    struct Node;

    Node* nodeAt(const QModelIndex& index) const;
    QModelIndex indexOf(const Node* node) const;
    static bool sortsBefore(const Node& a, const Node& b);
    static int rowFor(const Node& parent, const Node& child);
    Node* ensureGroup(const QString& path);
    void insertNode(Node* parent, std::unique_ptr<Node> node);
    void removeNode(Node* node);
    void removeEmptyGroups(Node* group);
    void addMachine(const Machine& machine);
    void updateMachine(const Machine& machine);
    void announce(Node* node);
    QVariant groupData(const Node& node, int role) const;
    QVariant machineData(const Node& node, int role) const;

    const Library& m_library;
    const Supervisor& m_supervisor;
    std::unique_ptr<Node> m_root;
    QHash<MachineId, Node*> m_machineNodes;
};

} // namespace vivarium
