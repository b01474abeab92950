#include "ui/snapshots/snapshot_model.h"

#include "ui/snapshots/snapshot_text.h"
#include "ui/snapshots/thumbnail_cache.h"
#include "ui/text/machine_text.h"
#include "ui/widgets/icons.h"

#include <QFont>
#include <QPainter>
#include <QPixmap>

#include <algorithm>

namespace vivarium {

namespace {
constexpr int kPictureSize = 128; // sharp also where the desktop scales by two
}

struct SnapshotModel::Node {
    Node* parent = nullptr;
    std::vector<Node*> children;
    int row = 0;         // in the parent
    qsizetype place = 0; // in m_snapshots; of no meaning for the root and the current state
};

SnapshotModel::SnapshotModel(ThumbnailCache& thumbnails, QObject* parent)
    : QAbstractItemModel(parent), m_thumbnails(thumbnails), m_root(std::make_unique<Node>()) {
    connect(&thumbnails, &ThumbnailCache::loaded, this, [this](const QString& path) {
        for (const auto& node : m_nodes) {
            if (m_snapshots.at(node->place).thumbnailPath != path)
                continue;
            const QModelIndex changed = indexOf(node.get());
            Q_EMIT
            dataChanged(changed, changed, {Qt::DecorationRole});
        }
        if (m_currentNode && m_current.thumbnailPath == path) {
            const QModelIndex changed = indexOf(m_currentNode.get());
            Q_EMIT
            dataChanged(changed, changed, {Qt::DecorationRole});
        }
    });
}

SnapshotModel::~SnapshotModel() = default;

bool SnapshotModel::hasShapeOf(const QList<Snapshot>& snapshots,
                               const CurrentState& current) const {
    return current.snapshot == m_current.snapshot &&
           std::equal(snapshots.begin(), snapshots.end(), m_snapshots.begin(), m_snapshots.end(),
                      [](const Snapshot& a, const Snapshot& b) {
                          return a.id == b.id && a.parent == b.parent;
                      });
}

void SnapshotModel::setTree(const QList<Snapshot>& snapshots, const CurrentState& current) {
    if (hasShapeOf(snapshots, current)) {
        const QList<Snapshot> before = std::exchange(m_snapshots, snapshots);
        const CurrentState currentBefore = std::exchange(m_current, current);
        for (const auto& node : m_nodes)
            if (m_snapshots.at(node->place) != before.at(node->place))
                Q_EMIT
        dataChanged(indexOf(node.get()), indexOf(node.get(), ColumnCount - 1));
        if (m_currentNode && m_current != currentBefore)
            Q_EMIT
        dataChanged(indexOf(m_currentNode.get()), indexOf(m_currentNode.get(), ColumnCount - 1));
        return;
    }
    beginResetModel();
    m_pictures.clear();
    m_snapshots = snapshots;
    m_current = current;
    rebuild();
    endResetModel();
}

void SnapshotModel::rebuild() {
    m_root = std::make_unique<Node>();
    m_nodes.clear();
    m_nodeById.clear();
    m_currentNode.reset();
    const auto add = [this](Node* node, const SnapshotId& parent) {
        node->parent = m_nodeById.value(parent, m_root.get());
        node->row = static_cast<int>(node->parent->children.size());
        node->parent->children.push_back(node);
    };
    for (qsizetype i = 0; i < m_snapshots.size(); ++i) {
        auto node = std::make_unique<Node>();
        node->place = i;
        add(node.get(), m_snapshots.at(i).parent);
        m_nodeById.insert(m_snapshots.at(i).id, node.get());
        m_nodes.push_back(std::move(node));
    }
    if (m_snapshots.isEmpty())
        return;
    m_currentNode = std::make_unique<Node>();
    add(m_currentNode.get(), m_current.snapshot);
}

SnapshotModel::Node* SnapshotModel::nodeAt(const QModelIndex& index) const {
    return index.isValid() ? static_cast<Node*>(index.internalPointer()) : m_root.get();
}

QModelIndex SnapshotModel::indexOf(const Node* node, int column) const {
    if (!node || node == m_root.get())
        return {};
    return createIndex(node->row, column, node);
}

QModelIndex SnapshotModel::indexOf(const SnapshotId& id) const {
    return indexOf(m_nodeById.value(id));
}

QModelIndex SnapshotModel::currentStateIndex() const {
    return indexOf(m_currentNode.get());
}

const Snapshot* SnapshotModel::snapshotAt(const QModelIndex& index) const {
    const Node* node = nodeAt(index);
    if (node == m_root.get() || node == m_currentNode.get())
        return nullptr;
    return &m_snapshots.at(node->place);
}

qsizetype SnapshotModel::childCount(const SnapshotId& id) const {
    const Node* node = m_nodeById.value(id);
    if (!node)
        return 0;
    return static_cast<qsizetype>(node->children.size()) -
           (m_currentNode && m_currentNode->parent == node ? 1 : 0);
}

void SnapshotModel::updateTimes() {
    for (const auto& node : m_nodes) {
        const QModelIndex time = indexOf(node.get(), TimeColumn);
        Q_EMIT
        dataChanged(time, time, {Qt::DisplayRole});
    }
}

void SnapshotModel::retranslate() {
    Q_EMIT
    headerDataChanged(Qt::Horizontal, 0, ColumnCount - 1);
    for (const auto& node : m_nodes)
        Q_EMIT
    dataChanged(indexOf(node.get()), indexOf(node.get(), ColumnCount - 1));
    if (m_currentNode)
        Q_EMIT
    dataChanged(currentStateIndex(), currentStateIndex());
}

QModelIndex SnapshotModel::index(int row, int column, const QModelIndex& parent) const {
    if (column < 0 || column >= ColumnCount || row < 0 || parent.column() > 0)
        return {};
    const Node* node = nodeAt(parent);
    if (static_cast<size_t>(row) >= node->children.size())
        return {};
    return createIndex(row, column, node->children[static_cast<size_t>(row)]);
}

QModelIndex SnapshotModel::parent(const QModelIndex& child) const {
    return child.isValid() ? indexOf(nodeAt(child)->parent) : QModelIndex();
}

int SnapshotModel::rowCount(const QModelIndex& parent) const {
    return parent.column() > 0 ? 0 : static_cast<int>(nodeAt(parent)->children.size());
}

int SnapshotModel::columnCount(const QModelIndex&) const {
    return ColumnCount;
}

Qt::ItemFlags SnapshotModel::flags(const QModelIndex& index) const {
    return index.isValid() ? Qt::ItemIsEnabled | Qt::ItemIsSelectable : Qt::NoItemFlags;
}

QVariant SnapshotModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    return section == NameColumn ? tr("Name") : tr("Taken");
}

QVariant SnapshotModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    if (const Snapshot* snapshot = snapshotAt(index))
        return snapshotData(*snapshot, index.column(), role);
    return currentStateData(index.column(), role);
}

QIcon SnapshotModel::pictureOf(const QString& thumbnailPath, Badge badge,
                               const QIcon& otherwise) const {
    if (const auto known = m_pictures.constFind(thumbnailPath); known != m_pictures.constEnd())
        return *known;
    const QImage thumbnail = m_thumbnails.find(thumbnailPath);
    if (thumbnail.isNull())
        return otherwise;
    QPixmap picture = QPixmap::fromImage(thumbnail.scaled(
        kPictureSize, kPictureSize, Qt::KeepAspectRatio, Qt::SmoothTransformation));
    if (badge == Badge::Automatic) {
        QPainter painter(&picture);
        const int side = picture.height() * 3 / 5;
        painter.drawPixmap(picture.width() - side, picture.height() - side,
                           otherwise.pixmap(side, side));
    }
    return *m_pictures.insert(thumbnailPath, QIcon(picture));
}

QVariant SnapshotModel::snapshotData(const Snapshot& snapshot, int column, int role) const {
    switch (role) {
    case Qt::DisplayRole:
        return column == NameColumn
                   ? snapshotNameText(snapshot)
                   : relativeTimeText(snapshot.createdAt, QDateTime::currentDateTimeUtc());
    case Qt::DecorationRole: {
        if (column != NameColumn)
            return {};
        return snapshot.automatic ? pictureOf(snapshot.thumbnailPath, Badge::Automatic,
                                              applicationIcon(QStringLiteral("snapshot-automatic")))
                                  : pictureOf(snapshot.thumbnailPath, Badge::None,
                                              applicationIcon(QStringLiteral("snapshot")));
    }
    case Qt::ToolTipRole: {
        QString text = exactTimeText(snapshot.createdAt);
        if (!snapshot.description.isEmpty())
            text += u'\n' + snapshot.description.left(500);
        return text;
    }
    case Qt::AccessibleTextRole:
        if (column != NameColumn || !snapshot.automatic)
            return {};
        return tr("%1, automatic").arg(snapshotNameText(snapshot));
    case IdRole:
        return QVariant::fromValue(snapshot.id);
    case CurrentStateRole:
        return false;
    case AutomaticRole:
        return snapshot.automatic;
    default:
        return {};
    }
}

QString SnapshotModel::currentStateText() const {
    return m_current.changed ? tr("Current State (changed)") : tr("Current State");
}

QVariant SnapshotModel::currentStateData(int column, int role) const {
    switch (role) {
    case Qt::DisplayRole:
        return column == NameColumn ? currentStateText() : QString();
    case Qt::DecorationRole: {
        if (column != NameColumn)
            return {};
        return pictureOf(m_current.thumbnailPath, Badge::None, stateIcon(m_current.machineState));
    }
    case Qt::FontRole: {
        QFont bold;
        bold.setBold(true);
        return bold;
    }
    case Qt::ToolTipRole:
        return stateText(m_current.machineState);
    case IdRole:
        return QVariant::fromValue(SnapshotId());
    case CurrentStateRole:
        return true;
    case AutomaticRole:
        return false;
    default:
        return {};
    }
}

} // namespace vivarium
