#include "ui/disks/disk_list_model.h"

#include "ui/text/machine_text.h"
#include "ui/widgets/disk_names.h"
#include "ui/widgets/icons.h"

#include <QBrush>
#include <QFileInfo>
#include <QGuiApplication>
#include <QPalette>

namespace vivarium {

void DiskListModel::setNames(const DiskNames* names) {
    m_names = names;
    connect(names, &DiskNames::learned, this, &DiskListModel::retranslate);
}

const CatalogueEntry* DiskListModel::entry(const QModelIndex& index) const {
    return index.isValid() && index.row() < m_entries.size() ? &m_entries.at(index.row()) : nullptr;
}

const control::ImageInfo* DiskListModel::info(const QModelIndex& index) const {
    const CatalogueEntry* found = entry(index);
    if (!found)
        return nullptr;
    const auto known = m_known.constFind(found->path);
    return known != m_known.constEnd() && known->info ? &*known->info : nullptr;
}

QModelIndex DiskListModel::indexOf(const QString& path) const {
    for (int row = 0; row < m_entries.size(); ++row)
        if (m_entries.at(row).path == path)
            return index(row, 0);
    return {};
}

void DiskListModel::setEntries(QList<CatalogueEntry> entries) {
    if (entries == m_entries)
        return;
    beginResetModel();
    m_entries = std::move(entries);
    QHash<QString, Knowledge> kept;
    for (const CatalogueEntry& entry : m_entries)
        if (const auto known = m_known.constFind(entry.path); known != m_known.constEnd())
            kept.insert(entry.path, *known);
    m_known = std::move(kept);
    endResetModel();
}

void DiskListModel::setInfo(const QString& path, const control::ImageInfo& info) {
    m_known[path] = {info, {}};
    announce(path);
}

void DiskListModel::setUnreadable(const QString& path, const QString& reason) {
    m_known[path] = {std::nullopt, reason};
    announce(path);
}

void DiskListModel::announce(const QString& path) {
    const QModelIndex first = indexOf(path);
    if (first.isValid())
        Q_EMIT
    dataChanged(first, first.siblingAtColumn(ColumnCount - 1));
}

void DiskListModel::retranslate() {
    Q_EMIT
    headerDataChanged(Qt::Horizontal, 0, ColumnCount - 1);
    if (!m_entries.isEmpty())
        Q_EMIT
    dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

int DiskListModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_entries.size());
}

int DiskListModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : ColumnCount;
}

QString DiskListModel::text(const CatalogueEntry& entry, const Knowledge& known, int column) const {
    switch (column) {
    case Name:
        return m_names ? m_names->name(entry.path) : QFileInfo(entry.path).fileName();
    case DiskSize:
        if (entry.type == DriveType::Optical && entry.exists)
            return sizeText(entry.fileBytes);
        return known.info ? sizeText(known.info->diskBytes) : QString();
    case FileSize:
        return entry.exists
                   ? sizeText(known.info ? known.info->allocatedBytes : entry.allocatedBytes)
                   : tr("Missing");
    case Format:
        if (entry.type == DriveType::Optical)
            return tr("Disc");
        if (!known.problem.isEmpty())
            return tr("Unreadable");
        if (known.info)
            return QString::fromLatin1(control::imageKindName(known.info->kind).data()).toUpper();
        return {};
    case UsedBy:
        return entry.machines.isEmpty() ? tr("Not attached")
                                        : entry.machines.join(QStringLiteral(", "));
    default:
        return {};
    }
}

QString DiskListModel::toolTip(const CatalogueEntry& entry, const Knowledge& known) const {
    QString tip = entry.path;
    if (!entry.exists)
        tip += u'\n' + tr("The file is not there any more.");
    if (!known.problem.isEmpty())
        tip += u'\n' + known.problem;
    if (known.info && !known.info->backingName.empty())
        tip += u'\n' + tr("Based on %1").arg(QString::fromStdString(known.info->backingName));
    return tip;
}

QVariant DiskListModel::data(const QModelIndex& index, int role) const {
    const CatalogueEntry* found = entry(index);
    if (!found)
        return {};
    const Knowledge known = m_known.value(found->path);
    const bool sizeColumn = index.column() == DiskSize || index.column() == FileSize;
    switch (role) {
    case Qt::DisplayRole:
        return text(*found, known, index.column());
    case Qt::ToolTipRole:
        return toolTip(*found, known);
    case Qt::DecorationRole:
        if (index.column() != Name)
            return {};
        if (!found->exists || !known.problem.isEmpty())
            return applicationIcon(QStringLiteral("message-warning"));
        return applicationIcon(found->type == DriveType::Optical ? QStringLiteral("optical")
                                                                 : QStringLiteral("hard-disk"));
    case Qt::TextAlignmentRole:
        return QVariant(Qt::AlignVCenter | (sizeColumn ? Qt::AlignRight : Qt::AlignLeft));
    case Qt::ForegroundRole:
        if (!found->exists || (index.column() == UsedBy && found->machines.isEmpty()))
            return QGuiApplication::palette().brush(QPalette::PlaceholderText);
        return {};
    default:
        return {};
    }
}

QVariant DiskListModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant(
            Qt::AlignVCenter |
            (section == DiskSize || section == FileSize ? Qt::AlignRight : Qt::AlignLeft));
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case Name:
        return tr("Name");
    case DiskSize:
        return tr("Virtual Size");
    case FileSize:
        return tr("Size on Disk");
    case Format:
        return tr("Format");
    case UsedBy:
        return tr("Used by");
    default:
        return {};
    }
}

} // namespace vivarium
