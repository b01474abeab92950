#pragma once

#include "core/disk_manager/disk_catalogue.h"

#include <QAbstractTableModel>

#include <optional>

namespace vivarium {

class DiskNames;

// The disk manager's table: one image a row. GUI thread.
class DiskListModel : public QAbstractTableModel {
    Q_OBJECT
public:
    enum Column { Name, DiskSize, FileSize, Format, UsedBy, ColumnCount };

    explicit DiskListModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}

    // Disks with snapshots are called like their bases then; `names` lives as long as the model.
    void setNames(const DiskNames* names);

    const QList<CatalogueEntry>& entries() const { return m_entries; }
    const CatalogueEntry* entry(const QModelIndex& index) const;
    // What the image says of itself; nothing before that is known.
    const control::ImageInfo* info(const QModelIndex& index) const;
    QModelIndex indexOf(const QString& path) const;

    // Replaces the list; what is known of images that stay is kept until it is told anew.
    void setEntries(QList<CatalogueEntry> entries);
    void setInfo(const QString& path, const control::ImageInfo& info);
    // `reason`: a sentence for the tool tip.
    void setUnreadable(const QString& path, const QString& reason);
    void retranslate();

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    struct Knowledge {
        std::optional<control::ImageInfo> info;
        QString problem;
    };
    QString text(const CatalogueEntry& entry, const Knowledge& known, int column) const;
    QString toolTip(const CatalogueEntry& entry, const Knowledge& known) const;
    void announce(const QString& path);

    const DiskNames* m_names = nullptr;
    QList<CatalogueEntry> m_entries;
    QHash<QString, Knowledge> m_known; // by path
};

} // namespace vivarium
