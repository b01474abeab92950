#include "ui/library/machine_tree_model.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/icons.h"

#include <QMimeData>

#include <algorithm>

namespace vivarium {

namespace {

QString machinesMimeType() {
    return QStringLiteral("application/x-vivarium-machines");
}

QString parentPath(const QString& path) {
    const qsizetype slash = path.lastIndexOf(u'/');
    return slash < 0 ? QString() : path.left(slash);
}

QString lastName(const QString& path) {
    return path.mid(path.lastIndexOf(u'/') + 1);
}

} // namespace

// A group or a machine. Keeps the name by which it is sorted, so that the order never disagrees
// with the rows that were announced.
struct MachineTreeModel::Node {
    Node* parent = nullptr;
    std::vector<std::unique_ptr<Node>> children;
    MachineId machine; // null: a group
    QString path;      // of a group
    QString name;      // sort key and shown name

    bool isGroup() const { return machine.isNull(); }
    int row() const {
        for (size_t i = 0; i < parent->children.size(); ++i)
            if (parent->children[i].get() == this)
                return static_cast<int>(i);
        return -1;
    }
    int machineCount() const {
        int count = 0;
        for (const auto& child : children)
            count += child->isGroup() ? child->machineCount() : 1;
        return count;
    }
};

MachineTreeModel::MachineTreeModel(const Library& library, const Supervisor& supervisor,
                                   QObject* parent)
    : QAbstractItemModel(parent), m_library(library), m_supervisor(supervisor),
      m_root(std::make_unique<Node>()) {
    for (const Machine& machine : library.machines())
        addMachine(machine);
    connect(&library, &Library::machineAdded, this,
            [this](int index) { addMachine(m_library.machines().at(index)); });
    connect(&library, &Library::machineAboutToBeRemoved, this, [this](int index) {
        const MachineId id = m_library.machines().at(index).id;
        if (Node* node = m_machineNodes.take(id)) {
            Node* group = node->parent;
            removeNode(node);
            removeEmptyGroups(group);
        }
    });
    const auto update = [this](int index) { updateMachine(m_library.machines().at(index)); };
    connect(&library, &Library::machineChanged, this, update);
    // Where a move ends in the flat list follows from the group and name that the tree sorts by.
    connect(&library, &Library::machineMoved, this, [this](int from, int to) {
        updateMachine(m_library.machines().at(to > from ? to - 1 : to));
    });
    connect(&supervisor, &Supervisor::statusChanged, this,
            [this](const MachineId& id, const MachineStatus&) {
                if (Node* node = m_machineNodes.value(id))
                    announce(node);
            });
}

MachineTreeModel::~MachineTreeModel() = default;

MachineTreeModel::Node* MachineTreeModel::nodeAt(const QModelIndex& index) const {
    return index.isValid() ? static_cast<Node*>(index.internalPointer()) : m_root.get();
}

QModelIndex MachineTreeModel::indexOf(const Node* node) const {
    if (!node || node == m_root.get())
        return {};
    return createIndex(node->row(), 0, node);
}

QModelIndex MachineTreeModel::indexOf(const MachineId& id) const {
    return indexOf(m_machineNodes.value(id));
}

QModelIndex MachineTreeModel::indexOfGroup(const QString& path) const {
    const Node* node = m_root.get();
    while (node && node->path != path) {
        const auto found =
            std::find_if(node->children.begin(), node->children.end(), [&path](const auto& child) {
                return child->isGroup() &&
                       (child->path == path || path.startsWith(child->path + u'/'));
            });
        node = found == node->children.end() ? nullptr : found->get();
    }
    return indexOf(node);
}

bool MachineTreeModel::sortsBefore(const Node& a, const Node& b) {
    if (a.isGroup() != b.isGroup())
        return a.isGroup();
    // Case never decides first, not even in the C locale.
    int order = QString::localeAwareCompare(a.name.toCaseFolded(), b.name.toCaseFolded());
    if (order == 0)
        order = QString::localeAwareCompare(a.name, b.name);
    return order != 0 ? order < 0 : a.machine < b.machine;
}

int MachineTreeModel::rowFor(const Node& parent, const Node& child) {
    const auto place =
        std::find_if(parent.children.begin(), parent.children.end(), [&child](const auto& other) {
            return other.get() != &child && sortsBefore(child, *other);
        });
    return static_cast<int>(place - parent.children.begin());
}

MachineTreeModel::Node* MachineTreeModel::ensureGroup(const QString& path) {
    if (path.isEmpty())
        return m_root.get();
    if (const QModelIndex existing = indexOfGroup(path); existing.isValid())
        return nodeAt(existing);
    Node* parent = ensureGroup(parentPath(path));
    auto group = std::make_unique<Node>();
    group->path = path;
    group->name = lastName(path);
    Node* result = group.get();
    insertNode(parent, std::move(group));
    return result;
}

void MachineTreeModel::insertNode(Node* parent, std::unique_ptr<Node> node) {
    const int row = rowFor(*parent, *node);
    node->parent = parent;
    beginInsertRows(indexOf(parent), row, row);
    parent->children.insert(parent->children.begin() + row, std::move(node));
    endInsertRows();
}

void MachineTreeModel::removeNode(Node* node) {
    Node* parent = node->parent;
    const int row = node->row();
    beginRemoveRows(indexOf(parent), row, row);
    parent->children.erase(parent->children.begin() + row);
    endRemoveRows();
}

void MachineTreeModel::removeEmptyGroups(Node* group) {
    while (group != m_root.get() && group->children.empty()) {
        Node* parent = group->parent;
        removeNode(group);
        group = parent;
    }
    for (Node* changed = group; changed != m_root.get(); changed = changed->parent)
        announce(changed);
}

void MachineTreeModel::addMachine(const Machine& machine) {
    if (m_machineNodes.contains(machine.id))
        return;
    auto node = std::make_unique<Node>();
    node->machine = machine.id;
    node->name = machine.settings.name;
    m_machineNodes.insert(machine.id, node.get());
    Node* group = ensureGroup(machine.group);
    insertNode(group, std::move(node));
    for (Node* changed = group; changed != m_root.get(); changed = changed->parent)
        announce(changed);
}

void MachineTreeModel::updateMachine(const Machine& machine) {
    Node* node = m_machineNodes.value(machine.id);
    if (!node) {
        addMachine(machine);
        return;
    }
    Node* oldParent = node->parent;
    Node* newParent = ensureGroup(machine.group);
    const QString oldName = std::exchange(node->name, machine.settings.name);
    const int oldRow = node->row();
    const int newRow = rowFor(*newParent, *node);
    const bool stays = newParent == oldParent && (newRow == oldRow || newRow == oldRow + 1);
    if (stays) {
        announce(node);
        return;
    }
    node->name = oldName; // what views see until the move is announced
    beginMoveRows(indexOf(oldParent), oldRow, oldRow, indexOf(newParent), newRow);
    std::unique_ptr<Node> moving = std::move(oldParent->children[static_cast<size_t>(oldRow)]);
    oldParent->children.erase(oldParent->children.begin() + oldRow);
    const int place = newParent == oldParent && newRow > oldRow ? newRow - 1 : newRow;
    moving->parent = newParent;
    moving->name = machine.settings.name;
    newParent->children.insert(newParent->children.begin() + place, std::move(moving));
    endMoveRows();
    announce(node);
    for (Node* changed = newParent; changed != m_root.get(); changed = changed->parent)
        announce(changed);
    removeEmptyGroups(oldParent);
}

void MachineTreeModel::announce(Node* node) {
    const QModelIndex index = indexOf(node);
    Q_EMIT
    dataChanged(index, index);
}

QModelIndex MachineTreeModel::index(int row, int column, const QModelIndex& parent) const {
    const Node* node = nodeAt(parent);
    if (column != 0 || row < 0 || row >= static_cast<int>(node->children.size()))
        return {};
    return createIndex(row, 0, node->children[static_cast<size_t>(row)].get());
}

QModelIndex MachineTreeModel::parent(const QModelIndex& child) const {
    return child.isValid() ? indexOf(nodeAt(child)->parent) : QModelIndex();
}

int MachineTreeModel::rowCount(const QModelIndex& parent) const {
    return parent.column() > 0 ? 0 : static_cast<int>(nodeAt(parent)->children.size());
}

int MachineTreeModel::columnCount(const QModelIndex&) const {
    return 1;
}

QVariant MachineTreeModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const Node* node = nodeAt(index);
    return node->isGroup() ? groupData(*node, role) : machineData(*node, role);
}

QVariant MachineTreeModel::groupData(const Node& node, int role) const {
    switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
        return node.name;
    case Qt::DecorationRole:
        return applicationIcon(QStringLiteral("group"));
    case IdRole:
        return QVariant::fromValue(MachineId());
    case GroupRole:
        return node.path;
    case MachineCountRole:
        return node.machineCount();
    case SearchTextRole:
        return QString();
    default:
        return {};
    }
}

QVariant MachineTreeModel::machineData(const Node& node, int role) const {
    const Machine* machine = m_library.find(node.machine);
    if (!machine)
        return {};
    const MachineStatus status = m_supervisor.status(node.machine);
    switch (role) {
    case Qt::DisplayRole:
    case Qt::EditRole:
        return node.name;
    case Qt::DecorationRole:
        return guestIcon(machine->settings.guestType);
    case Qt::ToolTipRole:
    case Qt::AccessibleTextRole:
        return tr("%1 — %2").arg(node.name,
                                 machine->isTemplate ? tr("Template") : stateText(status.state));
    case IdRole:
        return QVariant::fromValue(node.machine);
    case GroupRole:
        return machine->group;
    case StateRole:
        return static_cast<int>(status.state);
    case StateTextRole:
        return machine->isTemplate ? tr("Template") : stateText(status.state);
    case TemplateRole:
        return machine->isTemplate;
    case SearchTextRole:
        return QStringList{machine->settings.name, machine->tags.join(u' '), machine->notes}.join(
            u'\n');
    case TagsRole:
        return machine->tags;
    default:
        return {};
    }
}

Qt::ItemFlags MachineTreeModel::flags(const QModelIndex& index) const {
    if (!index.isValid())
        return Qt::ItemIsDropEnabled;
    const Qt::ItemFlags common = Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable;
    return nodeAt(index)->isGroup() ? common | Qt::ItemIsDropEnabled
                                    : common | Qt::ItemIsDragEnabled | Qt::ItemNeverHasChildren;
}

bool MachineTreeModel::setData(const QModelIndex& index, const QVariant& value, int role) {
    const QString name = value.toString().trimmed();
    if (!index.isValid() || role != Qt::EditRole || name.isEmpty() ||
        name == index.data().toString())
        return false;
    // The library stores it and announces the change; until then the old name stays.
    const Node* node = nodeAt(index);
    if (node->isGroup())
        Q_EMIT
    groupRenameRequested(node->path, name);
    else Q_EMIT
    renameRequested(node->machine, name);
    return false;
}

QStringList MachineTreeModel::mimeTypes() const {
    return {machinesMimeType()};
}

QMimeData* MachineTreeModel::mimeData(const QModelIndexList& indexes) const {
    QStringList ids;
    for (const QModelIndex& index : indexes)
        if (const Node* node = nodeAt(index); !node->isGroup())
            ids << node->machine.toString();
    auto* data = new QMimeData;
    data->setData(machinesMimeType(), ids.join(u'\n').toUtf8());
    return data;
}

bool MachineTreeModel::canDropMimeData(const QMimeData* data, Qt::DropAction action, int, int,
                                       const QModelIndex&) const {
    return action == Qt::MoveAction && data->hasFormat(machinesMimeType());
}

bool MachineTreeModel::dropMimeData(const QMimeData* data, Qt::DropAction action, int row,
                                    int column, const QModelIndex& parent) {
    if (!canDropMimeData(data, action, row, column, parent))
        return false;
    const Node* target = nodeAt(parent);
    if (!target->isGroup())
        target = target->parent;
    QList<MachineId> machines;
    const QList<QByteArray> ids = data->data(machinesMimeType()).split('\n');
    for (const QByteArray& id : ids) {
        const MachineId machine = MachineId::fromString(QString::fromUtf8(id));
        const Machine* known = m_library.find(machine);
        if (known && known->group != target->path)
            machines << machine;
    }
    if (!machines.isEmpty())
        Q_EMIT
    moveRequested(machines, target->path);
    return false; // the view must not remove rows: the library announces the move
}

} // namespace vivarium
